/* edit.c - `imbrex-tiler edit`: other metadata for the same tiles. A new
 * generation with the same packs is published; no pack is read or written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pack/verify.h"
#include "tiler/cli/report.h"
#include "tiler/command.h"
#include "tiler/convert/meta_edit.h"
#include "tiler/convert/output.h"

struct edit_options {
    struct output_options output;
    struct string_list set, unset;
};

static struct bytes bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

/* KEY=VALUE, or KEY:=JSON. What was JSON stays so where the value is. */
static enum ibx_status apply_set(struct meta *meta, const char *argument,
                                 struct ibx_err *err)
{
    const char *equals = strchr(argument, '=');
    bool raw = equals > argument && equals[-1] == ':';
    char *name = strndup(argument, (size_t)(equals - argument) - raw);
    const char *value = equals + 1;
    enum ibx_status st = IBX_ERR_NOMEM;
    if (raw && !json_valid(value, strlen(value), NULL))
        st = convert_fail(err, IBX_ERR_INVALID, argument,
                          "the value is not JSON");
    else if (name != NULL)
        st = meta_set(meta, name, raw ? META_RAW : META_TEXT, bytes_of(value));
    free(name);
    return st == IBX_ERR_NOMEM ? convert_no_memory(err, NULL) : st;
}

/* Values that a PMTiles header holds, too. */
static void refresh_header(struct meta *meta)
{
    struct meta_place p;
    struct pmtiles_header header = meta->header;
    bool had = meta->has_header;
    meta->has_header = false;
    meta_place(meta, &p);
    meta->has_header = had;
    if (!had)
        return;
    if (p.has_bounds) {
        struct box box = {p.west, p.south, p.east, p.north};
        /* No item is made where there is none, so this cannot fail. */
        if (meta_find(meta, "bounds") != NULL &&
            meta_set_bounds(meta, &box) != IBX_OK)
            meta->header = header;
    }
    if (p.has_center) {
        meta->header.center_lon_e7 = (int32_t)(p.lon * 1e7);
        meta->header.center_lat_e7 = (int32_t)(p.lat * 1e7);
        if (p.center_zoom >= 0)
            meta->header.center_zoom = (uint8_t)p.center_zoom;
    }
}

static enum ibx_status apply(const struct edit_options *o, struct meta *meta,
                             struct ibx_err *err)
{
    enum ibx_status st = IBX_OK;
    for (size_t i = 0; i < o->unset.count; i++)
        if (!meta_unset(meta, o->unset.items[i]))
            return convert_fail(err, IBX_ERR_INVALID, o->unset.items[i],
                                "there is no such metadata");
    for (size_t i = 0; i < o->set.count && st == IBX_OK; i++)
        st = apply_set(meta, o->set.items[i], err);
    if (st == IBX_OK)
        st = meta_check(meta, err);
    if (st == IBX_OK && o->set.count > 0)
        refresh_header(meta);
    return st;
}

static enum ibx_status link_all(struct ibx_tileset *tileset,
                                struct ibx_writer *writer, struct ibx_err *err)
{
    uint64_t npacks = ibx_tileset_info(tileset)->npacks;
    enum ibx_status st = IBX_OK;
    for (uint64_t i = 0; i < npacks && st == IBX_OK; i++)
        st = ibx_writer_link_pack(writer, tileset, i, err);
    return st;
}

static enum ibx_status publish(const struct edit_options *o,
                               struct ibx_tileset *tileset,
                               struct ibx_writer *writer, struct meta *meta,
                               struct ibx_err *err)
{
    const struct ibx_tileset_info *info = ibx_tileset_info(tileset);
    struct ibx_writer_result result;
    struct meta_tiles tiles;
    struct meta tilejson = {0};
    const struct region everywhere = {.zooms.is_auto = true};
    char *name = name_of_path(o->output.path), *report_text = NULL;
    size_t nbytes;
    enum ibx_status st = tileset_tilejson(tileset, &tilejson, err);
    if (st == IBX_OK)
        st = meta_tiles_of_part(meta, &tilejson, &everywhere, info, &tiles);
    tiles.any = info->tile_count > 0;
    tiles.min_zoom = info->min_zoom;
    tiles.max_zoom = info->max_zoom;
    tiles.fallback_name = name;
    (void)meta_raw(&tilejson, "vector_layers", &tiles.layers);
    if (st == IBX_OK)
        st = ibx_tileset_text(tileset, IBX_TEXT_REPORT, &report_text, &nbytes,
                              err);
    if (st == IBX_OK) {
        struct output_texts texts = {meta, &tiles, report_text, info->tile_px};
        st = output_publish(&o->output, writer, &texts, &result, err);
    }
    if (st == IBX_OK)
        output_print_result(&o->output, &result, "");
    meta_free(&tilejson);
    free(report_text);
    free(name);
    return st;
}

static enum ibx_status run(const struct edit_options *o, struct ibx_err *err)
{
    struct tileset_in in;
    struct meta meta = {0};
    struct ibx_writer *writer = NULL;
    enum ibx_status st =
        tileset_in_open(o->output.path, IBX_VERIFY_ALWAYS, &in, err);
    if (st != IBX_OK)
        return st;
    st = tileset_meta(in.tileset, &meta, err);
    if (st == IBX_OK)
        st = apply(o, &meta, err);
    if (st == IBX_OK)
        st = output_open(&o->output, ibx_tileset_pack_nbytes_cap(in.tileset),
                         &writer, err);
    if (st == IBX_OK)
        st = link_all(in.tileset, writer, err);
    if (st == IBX_OK)
        st = publish(o, in.tileset, writer, &meta, err);
    ibx_writer_close(writer, IBX_WRITER_DISCARD);
    meta_free(&meta);
    tileset_in_close(&in);
    return st;
}

static bool sets_are_pairs(const struct string_list *set)
{
    for (size_t i = 0; i < set->count; i++) {
        const char *equals = strchr(set->items[i], '=');
        if (equals != NULL && equals != set->items[i])
            continue;
        report(set->items[i], "give KEY=VALUE, or KEY:=JSON", "is no metadata");
        return false;
    }
    return true;
}

int command_edit(int argc, char **argv)
{
    struct edit_options o = {0};
    struct operands operands = {0};
    struct ibx_err err = {0};
    output_options_init(&o.output);
    const struct option options[] = {
        option_strings("set", &o.set, "KEY=VALUE",
                       "set metadata; KEY:=JSON for what is not text. May be\n"
                       "given more than once"),
        option_strings("unset", &o.unset, "KEY", "remove metadata"),
        option_string("name", &o.output.name, "TEXT", "the title people see"),
        option_string("attribution", &o.output.attribution, "TEXT",
                      "the credit maps show"),
        option_string("description", &o.output.description, "TEXT",
                      "what it is"),
    };
    const struct option_group group = {"Options", options,
                                       sizeof(options) / sizeof(options[0])};
    const struct command_line line = {
        .usage = "edit [options] TILESET.imbrex",
        .about = "Publishes a new generation of a tileset with the same packs "
                 "and other\nmetadata.",
        .groups = &group,
        .ngroups = 1,
        .min_operands = 1,
        .max_operands = 1,
    };
    enum options_outcome outcome =
        options_parse(&line, argc, argv, &o.output.common, &operands);
    int code = options_exit_code(outcome);
    if (outcome == OPTIONS_RUN) {
        o.output.path = operands.items[0];
        o.output.replace = true;
        code = sets_are_pairs(&o.set) ? exit_code_of(run(&o, &err), &err)
                                      : EXIT_USAGE;
    }
    string_list_fini(&o.set);
    string_list_fini(&o.unset);
    return code;
}
