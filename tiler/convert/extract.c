/* extract.c - `imbrex-tiler extract` and `copy`: a part of a tileset, or all
 * of it. Packs that lie wholly in the part are linked, not rewritten. */
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
#include "tiler/convert/polygon.h"
#include "tiler/convert/recode.h"
#include "tiler/convert/rewrite.h"

struct extract {
    const struct output_options *options;
    const char *path;
    struct tileset_in in;
    struct region region;
    struct ibx_writer *writer;
    struct recode recode;
    uint64_t linked, rewritten;
    /* Zooms of what was taken. */
    bool any;
    uint8_t min_zoom, max_zoom;
};

static void note_zooms(struct extract *ex, uint64_t first_id, uint64_t last_id)
{
    uint8_t low = ibx_tile_zxy(first_id).z, high = ibx_tile_zxy(last_id).z;
    ex->min_zoom = !ex->any || low < ex->min_zoom ? low : ex->min_zoom;
    ex->max_zoom = !ex->any || high > ex->max_zoom ? high : ex->max_zoom;
    ex->any = true;
}

/* ---- packs that are cut ---------------------------------------------------
 */

/* The next run of pack `number`; IBX_NOT_FOUND behind its last. */
static enum ibx_status next_in_pack(struct ibx_walk *walk, uint64_t number,
                                    struct ibx_span *out, struct ibx_err *err)
{
    enum ibx_status st = ibx_walk_next(walk, out, err);
    return st == IBX_OK && out->pack != number ? IBX_NOT_FOUND : st;
}

/* Whether all tiles that the pack holds, or none, lie in the region: holes do
 * not matter. */
static enum ibx_status judge_tiles(struct extract *ex, uint64_t number,
                                   uint64_t first_id, enum cover *out,
                                   struct ibx_err *err)
{
    struct ibx_walk *walk;
    struct ibx_span span;
    bool all = true, none = true;
    enum ibx_status st = ibx_walk_open(ex->in.tileset, first_id, &walk, err);
    if (st != IBX_OK)
        return st;
    while ((all || none) &&
           (st = next_in_pack(walk, number, &span, err)) == IBX_OK) {
        enum cover cover =
            region_cover_run(&ex->region, span.first_id, span.count);
        all = all && cover == COVER_ALL;
        none = none && cover == COVER_NONE;
    }
    ibx_walk_close(walk);
    *out = all ? COVER_ALL : none ? COVER_NONE : COVER_SOME;
    return st == IBX_NOT_FOUND ? IBX_OK : st;
}

/* The parts of one run that lie in the region. */
static enum ibx_status take_span(struct extract *ex, struct ibx_walk *walk,
                                 const struct ibx_span *span,
                                 struct ibx_err *err)
{
    struct id_run run = {span->first_id, span->count}, part;
    enum ibx_status st = IBX_OK;
    while (st == IBX_OK && region_next(&ex->region, &run, &part)) {
        struct ibx_span piece = *span;
        piece.first_id = part.first_id;
        piece.count = part.count;
        note_zooms(ex, part.first_id, part.first_id + part.count - 1);
        st = rewrite_span(ex->writer, walk, &piece, &ex->recode, err);
        if (st != IBX_OK)
            return convert_at_tile(err, st, ex->path, part.first_id);
    }
    return st;
}

static enum ibx_status take_part(struct extract *ex, uint64_t number,
                                 uint64_t first_id, struct ibx_err *err)
{
    struct ibx_walk *walk;
    struct ibx_span span;
    enum ibx_status st = ibx_walk_open(ex->in.tileset, first_id, &walk, err);
    if (st != IBX_OK)
        return st;
    while ((st = next_in_pack(walk, number, &span, err)) == IBX_OK) {
        st = take_span(ex, walk, &span, err);
        if (st != IBX_OK)
            break;
    }
    ibx_walk_close(walk);
    ex->rewritten++;
    return st == IBX_NOT_FOUND ? IBX_OK : st;
}

/* ---- all packs ------------------------------------------------------------
 */

static enum ibx_status take_pack(struct extract *ex, uint64_t number,
                                 struct ibx_err *err)
{
    struct ibx_pack_info info;
    enum ibx_status st = ibx_pack_info(ex->in.tileset, number, &info, err);
    if (st != IBX_OK)
        return st;
    enum cover cover = region_cover_run(&ex->region, info.first_id,
                                        info.last_id - info.first_id + 1);
    if (cover == COVER_SOME)
        st = judge_tiles(ex, number, info.first_id, &cover, err);
    if (st != IBX_OK || cover == COVER_NONE)
        return st;
    /* Other tiles, or tiles packed otherwise: it must be written anew. */
    if (cover == COVER_SOME || recode_changes(&ex->recode))
        return take_part(ex, number, info.first_id, err);
    note_zooms(ex, info.first_id, info.last_id);
    ex->linked++;
    return ibx_writer_link_pack(ex->writer, ex->in.tileset, number, err);
}

static enum ibx_status take_packs(struct extract *ex, struct ibx_err *err)
{
    uint64_t npacks = ibx_tileset_info(ex->in.tileset)->npacks;
    struct progress progress;
    enum ibx_status st = IBX_OK;
    progress_init(&progress, "extracting", "packs", ex->options->common.quiet);
    for (uint64_t i = 0; i < npacks && st == IBX_OK; i++) {
        st = take_pack(ex, i, err);
        progress_set(&progress, i + 1, npacks);
    }
    progress_end(&progress);
    return st;
}

/* ---- publishing -----------------------------------------------------------
 */

static enum ibx_status publish(struct extract *ex, struct ibx_err *err)
{
    struct meta meta = {0}, tilejson = {0};
    struct meta_tiles tiles;
    struct ibx_writer_result result;
    char more[96];
    char *name = name_of_path(ex->options->path);
    const struct ibx_tileset_info *info = ibx_tileset_info(ex->in.tileset);
    enum ibx_status st = tileset_meta(ex->in.tileset, &meta, err);
    if (st == IBX_OK)
        st = tileset_tilejson(ex->in.tileset, &tilejson, err);
    if (st == IBX_OK)
        st = meta_tiles_of_part(&meta, &tilejson, &ex->region, info, &tiles);
    if (st == IBX_OK) {
        tiles.any = ex->any;
        tiles.min_zoom = ex->min_zoom;
        tiles.max_zoom = ex->max_zoom;
        tiles.fallback_name = name;
        st = reencode_describe(&ex->recode.reencode, &meta, &tiles.kind);
    }
    if (st == IBX_OK) {
        (void)meta_raw(&tilejson, "vector_layers", &tiles.layers);
        st = meta_set_zooms(&meta, &tiles, !ex->region.zooms.is_auto);
    }
    if (st == IBX_OK) {
        struct output_texts texts = {&meta, &tiles, NULL, info->tile_px};
        st = output_publish(ex->options, ex->writer, &texts, &result, err);
    }
    (void)snprintf(more, sizeof(more),
                   ",\"packs_linked\":%" PRIu64 ",\"packs_cut\":%" PRIu64,
                   ex->linked, ex->rewritten);
    if (st == IBX_OK)
        output_print_result(ex->options, &result, more);
    meta_free(&meta);
    meta_free(&tilejson);
    free(name);
    return st;
}

static enum ibx_status check_reencode(struct extract *ex, struct ibx_err *err)
{
    struct meta meta = {0};
    enum ibx_status st = tileset_meta(ex->in.tileset, &meta, err);
    if (st == IBX_OK)
        st = reencode_allowed(&ex->recode.reencode, &meta, ex->path, err);
    meta_free(&meta);
    return st;
}

static enum ibx_status run(struct extract *ex, struct ibx_err *err)
{
    enum ibx_status st =
        tileset_in_open(ex->path, IBX_VERIFY_ALWAYS, &ex->in, err);
    if (st == IBX_OK)
        st = check_reencode(ex, err);
    if (st == IBX_OK)
        st = output_open(ex->options,
                         ibx_tileset_pack_nbytes_cap(ex->in.tileset),
                         &ex->writer, err);
    if (st == IBX_OK)
        st = take_packs(ex, err);
    if (st == IBX_OK)
        st = publish(ex, err);
    ibx_writer_close(ex->writer, IBX_WRITER_DISCARD);
    tileset_in_close(&ex->in);
    recode_free(&ex->recode);
    return st;
}

/* ---- the commands ------------------------------------------------------- */

struct extract_options {
    struct output_options output;
    struct region region;
    const char *polygon;
    int64_t recompress;
    struct reencode reencode; /* as parsed */
};

enum { NREGION = 3, NOWN = NREGION + 1 + REENCODE_NOPTIONS };

/* `copy` has no region. */
static enum options_outcome parse(struct extract_options *o, bool copy,
                                  int argc, char **argv,
                                  struct operands *inputs)
{
    struct option shared[OUTPUT_NOPTIONS];
    output_options_table(&o->output, shared);
    struct option own[NOWN] = {
        option_bbox("bbox", &o->region.bbox,
                    "tiles that overlap this box, in degrees"),
        option_string("polygon", &o->polygon, "FILE",
                      "tiles that overlap the polygons in FILE, which may be\n"
                      "anything OGR reads"),
        option_zooms("zoom", &o->region.zooms, "tiles of these zooms"),
        recompress_option(&o->recompress),
    };
    reencode_options(&o->reencode, own + NREGION + 1);
    const struct option_group groups[] = {
        {"Options", shared, OUTPUT_NOPTIONS},
        {"Tiles", copy ? own + NREGION : own, copy ? NOWN - NREGION : NOWN},
    };
    const struct command_line line = {
        .usage = copy ? "copy -o OUT.imbrex [options] IN.imbrex"
                      : "extract -o OUT.imbrex [options] IN.imbrex",
        .about = copy ? "Copies a tileset. Packs are linked where the file "
                        "system allows."
                      : "Makes a tileset of a part of another one. Packs that "
                        "lie wholly in the part\nare linked, not rewritten.",
        .groups = groups,
        .ngroups = sizeof(groups) / sizeof(groups[0]),
        .min_operands = 1,
        .max_operands = 1,
    };
    return options_parse(&line, argc, argv, &o->output.common, inputs);
}

static int extract_or_copy(bool copy, int argc, char **argv)
{
    struct extract_options options = {.region.zooms.is_auto = true};
    struct operands inputs = {0};
    struct ibx_err err = {0};
    struct polygon *polygon = NULL;
    output_options_init(&options.output);
    enum options_outcome outcome = parse(&options, copy, argc, argv, &inputs);
    if (outcome != OPTIONS_RUN)
        return options_exit_code(outcome);
    if (!output_options_check(&options.output, argv[0]))
        return EXIT_USAGE;
    enum ibx_status st = IBX_OK;
    if (options.polygon != NULL)
        st = polygon_read(options.polygon, &polygon, &err);
    if (polygon != NULL)
        polygon_to_region(polygon, &options.region);
    struct extract ex = {.options = &options.output,
                         .path = inputs.items[0],
                         .region = options.region};
    ex.recode.recompress = (enum recompress)options.recompress;
    ex.recode.reencode = options.reencode;
    if (st == IBX_OK)
        st = run(&ex, &err);
    polygon_free(polygon);
    if (st == IBX_OK && reencode_report_loss(&ex.recode.reencode, ex.path) &&
        options.output.strict)
        return EXIT_FAILED;
    return exit_code_of(st, &err);
}

int command_extract(int argc, char **argv)
{
    return extract_or_copy(false, argc, argv);
}

int command_copy(int argc, char **argv)
{
    return extract_or_copy(true, argc, argv);
}
