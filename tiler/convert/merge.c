/* merge.c - `imbrex-tiler merge`: several tilesets as one. Packs whose ids no
 * other input has are linked; only where inputs meet are tiles looked at. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pack/verify.h"
#include "tiler/cli/progress.h"
#include "tiler/cli/report.h"
#include "tiler/command.h"
#include "tiler/convert/meta_edit.h"
#include "tiler/convert/output.h"
#include "tiler/convert/settle.h"
#include "tiler/convert/spans.h"

struct merge_options {
    struct output_options output;
    int64_t conflict;
    bool conflict_given, layers;
};

/* A pack of one of the inputs. */
struct part {
    struct ibx_pack_info info;
    uint64_t number;
    size_t input;
};

struct merge {
    const struct merge_options *options;
    char **paths;
    struct tileset_in inputs[SPANS_MAX];
    size_t count;
    struct part *parts;
    size_t nparts;
    struct ibx_writer *writer;
    struct spans spans;
    struct settle settle;
    uint64_t linked, met; /* packs */
    bool any;
    uint8_t min_zoom, max_zoom;
};

/* ---- tiles where inputs meet ----------------------------------------------
 */

static enum ibx_status get_tile(void *arg, size_t input, struct ibx_tile *out,
                                struct ibx_err *err)
{
    const struct merge *m = arg;
    return ibx_walk_tile(m->spans.inputs[input].walk, out, err);
}

/* Names the tile and the input in a failure to settle. */
static enum ibx_status at_tile(const struct merge *m, enum ibx_status st,
                               struct ibx_err *err)
{
    struct ibx_zxy at = ibx_tile_zxy(m->spans.first_id);
    const char *path = m->paths[m->settle.at_input];
    if (st == IBX_ERR_CONFLICT)
        return convert_fail(err, st, path,
                            "tile %u/%u/%u differs from that of %.120s", at.z,
                            at.x, at.y, m->paths[m->settle.other_input]);
    return convert_at_tile(err, st, path, m->spans.first_id);
}

static enum ibx_status put_piece(struct merge *m, struct ibx_err *err)
{
    struct bytes bytes;
    struct tile_kind kind;
    enum ibx_status st =
        settle(&m->settle, m->spans.holders, &bytes, &kind, err);
    if (st != IBX_OK)
        return at_tile(m, st, err);
    struct ibx_writer_tile tile = {
        .first_id = m->spans.first_id,
        .count = m->spans.piece,
        .bytes = bytes.ptr,
        .nbytes = bytes.len,
        .format = kind.format,
        .encoding = kind.encoding,
    };
    return ibx_writer_add(m->writer, &tile, err);
}

static enum ibx_status merge_tiles(struct merge *m, uint64_t first_id,
                                   uint64_t last_id, struct ibx_err *err)
{
    enum ibx_status st = spans_open(&m->spans, first_id, last_id + 1, err);
    while (st == IBX_OK && (st = spans_next(&m->spans, err)) == IBX_OK)
        st = put_piece(m, err);
    spans_close(&m->spans);
    return st == IBX_NOT_FOUND ? IBX_OK : st;
}

/* ---- packs -----------------------------------------------------------------
 */

static int by_first_id(const void *a, const void *b)
{
    const struct part *left = a, *right = b;
    if (left->info.first_id != right->info.first_id)
        return left->info.first_id < right->info.first_id ? -1 : 1;
    return (left->input > right->input) - (left->input < right->input);
}

static enum ibx_status list_parts(struct merge *m, struct ibx_err *err)
{
    uint64_t total = 0;
    for (size_t i = 0; i < m->count; i++)
        total += ibx_tileset_info(m->inputs[i].tileset)->npacks;
    m->parts = calloc((size_t)total + 1, sizeof(*m->parts));
    if (m->parts == NULL)
        return convert_no_memory(err, NULL);
    for (size_t i = 0; i < m->count; i++) {
        uint64_t npacks = ibx_tileset_info(m->inputs[i].tileset)->npacks;
        for (uint64_t n = 0; n < npacks; n++) {
            struct part *part = &m->parts[m->nparts++];
            part->input = i;
            part->number = n;
            enum ibx_status st =
                ibx_pack_info(m->inputs[i].tileset, n, &part->info, err);
            if (st != IBX_OK)
                return st;
        }
    }
    qsort(m->parts, m->nparts, sizeof(*m->parts), by_first_id);
    return IBX_OK;
}

/* The parts from `from` on that overlap each other, directly or through
 * others; *last_id is where they end. */
static size_t cluster_end(const struct merge *m, size_t from, uint64_t *last_id)
{
    size_t to = from + 1;
    *last_id = m->parts[from].info.last_id;
    for (; to < m->nparts && m->parts[to].info.first_id <= *last_id; to++)
        if (m->parts[to].info.last_id > *last_id)
            *last_id = m->parts[to].info.last_id;
    return to;
}

static bool all_the_same(const struct merge *m, size_t from, size_t to)
{
    for (size_t i = from + 1; i < to; i++)
        if (memcmp(m->parts[i].info.sha256, m->parts[from].info.sha256,
                   IBX_SHA256_NBYTES) != 0)
            return false;
    return true;
}

static void note_zooms(struct merge *m, uint64_t first_id, uint64_t last_id)
{
    uint8_t low = ibx_tile_zxy(first_id).z, high = ibx_tile_zxy(last_id).z;
    m->min_zoom = !m->any || low < m->min_zoom ? low : m->min_zoom;
    m->max_zoom = !m->any || high > m->max_zoom ? high : m->max_zoom;
    m->any = true;
}

static enum ibx_status merge_cluster(struct merge *m, size_t from, size_t to,
                                     uint64_t last_id, struct ibx_err *err)
{
    const struct part *part = &m->parts[from];
    note_zooms(m, part->info.first_id, last_id);
    if (all_the_same(m, from, to)) {
        m->linked++;
        return ibx_writer_link_pack(m->writer, m->inputs[part->input].tileset,
                                    part->number, err);
    }
    m->met += to - from;
    return merge_tiles(m, part->info.first_id, last_id, err);
}

static enum ibx_status merge_parts(struct merge *m, struct ibx_err *err)
{
    struct progress progress;
    uint64_t last_id;
    enum ibx_status st = list_parts(m, err);
    progress_init(&progress, "merging", "packs",
                  m->options->output.common.quiet);
    for (size_t at = 0, to; at < m->nparts && st == IBX_OK; at = to) {
        to = cluster_end(m, at, &last_id);
        st = merge_cluster(m, at, to, last_id, err);
        progress_set(&progress, to, m->nparts);
    }
    progress_end(&progress);
    return st;
}

/* ---- metadata ---------------------------------------------------------------
 */

static void widen(struct box *box, bool *any, const struct meta_place *p)
{
    if (!p->has_bounds)
        return;
    struct box b = {p->west, p->south, p->east, p->north};
    if (!*any)
        *box = b;
    box->west = b.west < box->west ? b.west : box->west;
    box->south = b.south < box->south ? b.south : box->south;
    box->east = b.east > box->east ? b.east : box->east;
    box->north = b.north > box->north ? b.north : box->north;
    *any = true;
}

/* The winner's metadata, with everybody's vector layers and bounds. */
static enum ibx_status merge_meta(struct merge *m, struct meta *out,
                                  struct meta_tiles *tiles, struct ibx_err *err)
{
    size_t winner = m->settle.conflict == CONFLICT_FIRST ? 0 : m->count - 1;
    struct box box = {-180, -85.0511287798066, 180, 85.0511287798066};
    uint32_t formats = 0;
    bool any = false;
    enum ibx_status st = tileset_meta(m->inputs[winner].tileset, out, err);
    for (size_t i = 0; i < m->count && st == IBX_OK; i++) {
        struct meta other = {0}, tilejson = {0};
        struct meta_place place;
        formats |= ibx_tileset_info(m->inputs[i].tileset)->format_bits;
        st = tileset_meta(m->inputs[i].tileset, &other, err);
        if (st == IBX_OK)
            st = tileset_tilejson(m->inputs[i].tileset, &tilejson, err);
        meta_place(&other, &place);
        if (!place.has_bounds)
            meta_place(&tilejson, &place);
        widen(&box, &any, &place);
        if (st == IBX_OK)
            st = meta_add_layers(out, &tilejson);
        meta_free(&other);
        meta_free(&tilejson);
    }
    *tiles = (struct meta_tiles){.any = m->any,
                                 .min_zoom = m->min_zoom,
                                 .max_zoom = m->max_zoom,
                                 .west = box.west,
                                 .south = box.south,
                                 .east = box.east,
                                 .north = box.north,
                                 .kind = kind_of_formats(formats)};
    if (st == IBX_OK && any)
        st = meta_set_bounds(out, &box);
    return st == IBX_OK ? meta_set_zooms(out, tiles, false) : st;
}

static enum ibx_status publish(struct merge *m, struct ibx_err *err)
{
    struct meta meta = {0};
    struct meta_tiles tiles;
    struct ibx_writer_result result;
    char more[96];
    char *name = name_of_path(m->options->output.path);
    enum ibx_status st = merge_meta(m, &meta, &tiles, err);
    tiles.fallback_name = name;
    if (st == IBX_OK) {
        struct output_texts texts = {
            &meta, &tiles, NULL,
            ibx_tileset_info(m->inputs[m->count - 1].tileset)->tile_px};
        st = output_publish(&m->options->output, m->writer, &texts, &result,
                            err);
    }
    (void)snprintf(more, sizeof(more),
                   ",\"packs_linked\":%" PRIu64 ",\"packs_met\":%" PRIu64,
                   m->linked, m->met);
    if (st == IBX_OK)
        output_print_result(&m->options->output, &result, more);
    meta_free(&meta);
    free(name);
    return st;
}

/* ---- the command ------------------------------------------------------------
 */

static enum ibx_status run(struct merge *m, struct ibx_err *err)
{
    uint64_t pack_nbytes = 0;
    enum ibx_status st = IBX_OK;
    for (size_t i = 0; i < m->count && st == IBX_OK; i++) {
        st =
            tileset_in_open(m->paths[i], IBX_VERIFY_ALWAYS, &m->inputs[i], err);
        m->spans.inputs[i].tileset = m->inputs[i].tileset;
        if (st != IBX_OK)
            break;
        uint64_t cap = ibx_tileset_pack_nbytes_cap(m->inputs[i].tileset);
        pack_nbytes = cap > pack_nbytes ? cap : pack_nbytes;
    }
    m->spans.count = m->count;
    if (st == IBX_OK)
        st = output_open(&m->options->output, pack_nbytes, &m->writer, err);
    if (st == IBX_OK)
        st = merge_parts(m, err);
    if (st == IBX_OK)
        st = publish(m, err);
    ibx_writer_close(m->writer, IBX_WRITER_DISCARD);
    for (size_t i = 0; i < m->count; i++)
        tileset_in_close(&m->inputs[i]);
    settle_free(&m->settle);
    free(m->parts);
    return st;
}

static enum options_outcome parse(struct merge_options *o, int argc,
                                  char **argv, struct operands *inputs)
{
    static const char *const choices[] = {"last", "first", "error", "both",
                                          NULL};
    struct option shared[OUTPUT_NOPTIONS];
    output_options_table(&o->output, shared);
    const struct option own[] = {
        option_noting(
            &o->conflict_given,
            option_choice("conflict", &o->conflict, choices, "WHO",
                          "whose tile counts where inputs differ: last\n"
                          "(default), first, or error")),
        option_flag("layers", &o->layers,
                    "make one vector tile of the layers of all inputs;\n"
                    "--conflict is then about layers of one name: both\n"
                    "(default) makes one layer of their features"),
    };
    const struct option_group groups[] = {
        {"Options", shared, OUTPUT_NOPTIONS},
        {"Tiles", own, sizeof(own) / sizeof(own[0])},
    };
    const struct command_line line = {
        .usage = "merge -o OUT.imbrex [options] IN.imbrex IN.imbrex ...",
        .about = "Makes one tileset of several. Packs that meet no other are "
                 "linked, not\nrewritten.",
        .groups = groups,
        .ngroups = sizeof(groups) / sizeof(groups[0]),
        .min_operands = 1,
        .max_operands = SPANS_MAX,
    };
    return options_parse(&line, argc, argv, &o->output.common, inputs);
}

int command_merge(int argc, char **argv)
{
    struct merge_options options = {0};
    struct operands inputs = {0};
    struct ibx_err err = {0};
    output_options_init(&options.output);
    enum options_outcome outcome = parse(&options, argc, argv, &inputs);
    if (outcome != OPTIONS_RUN)
        return options_exit_code(outcome);
    if (!output_options_check(&options.output, "merge"))
        return EXIT_USAGE;
    if (options.layers && !options.conflict_given)
        options.conflict = CONFLICT_BOTH;
    if (options.conflict == CONFLICT_BOTH && !options.layers) {
        report("--conflict both", "give --layers", "is about layers");
        return EXIT_USAGE;
    }
    struct merge *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return exit_code_of(convert_no_memory(&err, NULL), &err);
    m->options = &options;
    m->paths = inputs.items;
    m->count = inputs.count;
    m->settle = (struct settle){
        .conflict = (enum conflict)options.conflict,
        .layers = options.layers,
        .get = get_tile,
        .arg = m,
    };
    enum ibx_status st = run(m, &err);
    free(m);
    return exit_code_of(st, &err);
}
