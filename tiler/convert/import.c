/* import.c - `imbrex-tiler import`: any container of tiles to a tileset. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tiler/cli/progress.h"
#include "tiler/cli/report.h"
#include "tiler/command.h"
#include "tiler/convert/mvt_layers.h"
#include "tiler/convert/output.h"
#include "tiler/convert/recode.h"
#include "tiler/convert/source.h"

struct import_options {
    struct output_options output;
    int64_t kind, scheme, recompress;
    struct reencode reencode; /* as parsed */
    bool drop_grids, lenient;
};

struct import {
    const struct import_options *options;
    const char *path;
    struct source *source;
    struct ibx_writer *writer;
    struct recode recode;
    struct coverage coverage;
    struct kinds found, kinds; /* as they came, as they are now */
    uint32_t tile_px;
    uint64_t warnings;
    struct mvt_layers *layers; /* NULL: the metadata list them */
};

/* ---- tiles ------------------------------------------------------------- */

static enum ibx_status add_tile(struct import *im,
                                const struct source_tile *tile,
                                struct ibx_err *err)
{
    struct bytes bytes = tile->bytes;
    struct tile_kind kind = detect_kind(bytes, tile->declared);
    kinds_add(&im->found, kind, bytes.len, tile->count);
    enum ibx_status st = recode_tile(&im->recode, &bytes, &kind, err);
    if (st != IBX_OK)
        return convert_at_tile(err, st, im->path, tile->first_id);
    if (im->tile_px == 0)
        im->tile_px = image_width_px(bytes);
    if (im->layers != NULL && kind.format == IBX_FORMAT_MVT) {
        uint8_t z = ibx_tile_zxy(tile->first_id).z;
        st = mvt_layers_add(im->layers, bytes, kind.encoding, z);
        if (st != IBX_OK)
            return convert_no_memory(err, im->path);
    }
    kinds_add(&im->kinds, kind, bytes.len, tile->count);
    coverage_add(&im->coverage, tile->first_id, tile->count);
    struct ibx_writer_tile out = {
        .first_id = tile->first_id,
        .count = tile->count,
        .bytes = bytes.ptr,
        .nbytes = bytes.len,
        .format = kind.format,
        .encoding = kind.encoding,
    };
    st = ibx_writer_add(im->writer, &out, err);
    return st == IBX_ERR_INVALID
               ? convert_at_tile(err, st, im->path, tile->first_id)
               : st;
}

static enum ibx_status copy_tiles(struct import *im, struct ibx_err *err)
{
    struct source_tile tile;
    struct progress progress;
    enum ibx_status st;
    progress_init(&progress, "importing", "tiles",
                  im->options->output.common.quiet);
    while ((st = im->source->ops->next(im->source, &tile, err)) == IBX_OK) {
        st = add_tile(im, &tile, err);
        if (st != IBX_OK)
            break;
        if (im->coverage.tiles % 1024 == 0)
            progress_set(&progress, im->coverage.tiles,
                         im->source->tiles_expected);
    }
    progress_end(&progress);
    if (st != IBX_NOT_FOUND)
        return st;
    return im->source->ops->check == NULL
               ? IBX_OK
               : im->source->ops->check(im->source, err);
}

/* ---- claims ------------------------------------------------------------ */

static void warn(struct import *im, const char *what)
{
    report(im->path, NULL, "%s", what);
    im->warnings++;
}

/* What the container says against what the tiles are. A format that not one
 * tile has is a lie; one that some have is loose talk. */
static enum ibx_status check_format(struct import *im, struct ibx_err *err)
{
    enum ibx_format said = im->source->declared.format;
    enum ibx_format is = kinds_main(&im->found).format;
    if (said == IBX_FORMAT_UNKNOWN || im->found.total == 0)
        return IBX_OK;
    uint64_t matching = kinds_of_format(&im->found, said);
    char what[160];
    if (matching == im->found.total)
        return IBX_OK;
    if (matching > 0) {
        (void)snprintf(
            what, sizeof(what),
            "the metadata say %s, %" PRIu64 " of %" PRIu64 " tiles are not",
            format_name(said), im->found.total - matching, im->found.total);
        warn(im, what);
        return IBX_OK;
    }
    (void)snprintf(
        what, sizeof(what), "the metadata say format %s, but the tiles are %s",
        format_name(said),
        is == IBX_FORMAT_UNKNOWN ? "of no known format" : format_name(is));
    if (!im->options->lenient)
        return convert_fail(err, IBX_ERR_CORRUPT, im->path,
                            "%s: give --lenient to import them as what they "
                            "are",
                            what);
    warn(im, what);
    return IBX_OK;
}

static void check_encoding(struct import *im)
{
    enum ibx_encoding said = im->source->declared.encoding;
    char what[160];
    if (!im->source->encoding_declared ||
        im->options->recompress != RECOMPRESS_KEEP)
        return;
    uint64_t matching = kinds_of_encoding(&im->kinds, said);
    if (matching == im->kinds.total)
        return;
    (void)snprintf(what, sizeof(what),
                   "the header says tile compression %d, %" PRIu64
                   " of %" PRIu64 " tiles are compressed otherwise",
                   (int)said + 1, im->kinds.total - matching, im->kinds.total);
    warn(im, what);
}

static void check_rest(struct import *im)
{
    char what[240];
    uint64_t unknown = kinds_of_format(&im->kinds, IBX_FORMAT_UNKNOWN);
    if (unknown > 0) {
        (void)snprintf(what, sizeof(what),
                       "%" PRIu64 " tiles are of no known format and are "
                       "kept as they are",
                       unknown);
        warn(im, what);
    }
    im->warnings += reencode_report_loss(&im->recode.reencode, im->path);
    if (im->source->skipped > 0)
        report(im->path, NULL,
               "%" PRIu64 " files are no tiles and were left out%s%s",
               im->source->skipped,
               im->source->skipped_first[0] != 0 ? ", such as " : "",
               im->source->skipped_first);
}

static enum ibx_status check_metadata(struct import *im, struct ibx_err *err)
{
    struct ibx_err inner;
    enum ibx_status st = meta_check(&im->source->meta, &inner);
    if (st == IBX_OK)
        return st;
    if (!im->options->lenient)
        return convert_fail(err, st, im->path,
                            "%s: give --lenient to go on without it",
                            inner.what);
    warn(im, inner.what);
    return IBX_OK;
}

/* ---- publishing -------------------------------------------------------- */

static void put_formats(const struct kinds *kinds, struct buf *out)
{
    const char *comma = "";
    buf_puts(out, ",\"formats\":{");
    for (int f = 0; f < NFORMATS; f++) {
        uint64_t count = kinds_of_format(kinds, (enum ibx_format)f);
        const char *name = format_name((enum ibx_format)f);
        if (count == 0)
            continue;
        buf_printf(out, "%s\"%s\":%" PRIu64, comma,
                   name == NULL ? "unknown" : name, count);
        comma = ",";
    }
    buf_puts(out, "}");
}

static enum ibx_status publish(struct import *im, struct ibx_err *err)
{
    struct ibx_writer_result result = {0};
    struct meta_tiles tiles;
    struct buf more = {0}, text = {0}, layers = {0};
    char *name = name_of_path(im->options->output.path);
    meta_tiles_from(&im->coverage, &im->kinds, name, &tiles);
    enum ibx_status st =
        reencode_describe(&im->recode.reencode, &im->source->meta, &tiles.kind);
    if (im->layers != NULL)
        mvt_layers_put(im->layers, &layers);
    tiles.layers = (struct json_slice){(const char *)layers.ptr, layers.len};
    buf_printf(&more, ",\"empty\":%" PRIu64 ",\"warnings\":%" PRIu64,
               im->kinds.empty, im->warnings);
    put_formats(&im->kinds, &more);
    char *members = buf_take_text(&more);
    buf_printf(&text, "{\"command\":\"import\"%s}",
               members == NULL ? "" : members);
    char *report_text = buf_take_text(&text);
    if (st != IBX_OK || name == NULL || members == NULL ||
        report_text == NULL || layers.failed) {
        st = convert_no_memory(err, im->path);
    } else {
        uint32_t px =
            im->tile_px == 256 || im->tile_px == 512 ? im->tile_px : 0;
        struct output_texts texts = {&im->source->meta, &tiles, report_text,
                                     (uint16_t)px};
        st = output_publish(&im->options->output, im->writer, &texts, &result,
                            err);
    }
    if (st == IBX_OK)
        output_print_result(&im->options->output, &result, members);
    /* The writer knows the tile, we know the file it came from. */
    if (st == IBX_ERR_CONFLICT) {
        struct ibx_err inner = *err;
        (void)convert_fail(err, st, im->path, "%s", inner.what);
    }
    buf_free(&layers);
    free(report_text);
    free(members);
    free(name);
    return st;
}

static enum ibx_status run(struct import *im, struct ibx_err *err)
{
    struct json_slice layers;
    enum ibx_status st = check_metadata(im, err);
    if (!meta_raw(&im->source->meta, "vector_layers", &layers))
        im->layers = mvt_layers_new();
    if (st == IBX_OK)
        st = reencode_allowed(&im->recode.reencode, &im->source->meta, im->path,
                              err);
    if (st == IBX_OK)
        st = output_open(&im->options->output, 0, &im->writer, err);
    if (st != IBX_OK)
        return st;
    st = copy_tiles(im, err);
    if (st == IBX_OK)
        st = check_format(im, err);
    if (st == IBX_OK) {
        check_encoding(im);
        check_rest(im);
        st = publish(im, err);
    }
    ibx_writer_close(im->writer, IBX_WRITER_DISCARD);
    return st;
}

/* ---- the command ------------------------------------------------------- */

enum { NOWN = 5 + REENCODE_NOPTIONS };

static enum options_outcome parse(struct import_options *o, int argc,
                                  char **argv, struct operands *inputs)
{
    static const char *const kinds[] = {
        "auto", "mbtiles", "pmtiles", "folder", "metatile", "bundle", NULL};
    static const char *const schemes[] = {"xyz", "tms", NULL};
    struct option shared[OUTPUT_NOPTIONS];
    output_options_table(&o->output, shared);
    struct option own[NOWN] = {
        option_choice("from", &o->kind, kinds, "KIND",
                      "auto (default), mbtiles, pmtiles, folder, metatile\n"
                      "or bundle"),
        option_choice("scheme", &o->scheme, schemes, "xyz|tms",
                      "how rows of a folder count: from the north (xyz,\n"
                      "default) or the south (tms)"),
        option_flag("drop-grids", &o->drop_grids,
                    "import an MBTiles file without its UTFGrids"),
        option_flag("lenient", &o->lenient,
                    "go on where metadata contradict the tiles or make no\n"
                    "sense; it is reported"),
        recompress_option(&o->recompress),
    };
    reencode_options(&o->reencode, own + NOWN - REENCODE_NOPTIONS);
    const struct option_group groups[] = {
        {"Options", shared, OUTPUT_NOPTIONS},
        {"Input", own, NOWN},
    };
    const struct command_line line = {
        .usage = "import -o OUT.imbrex [options] IN",
        .about = "Makes a tileset of an MBTiles or PMTiles file, a folder "
                 "z/x/y, a mod_tile\ncache or an Esri compact cache, tile by "
                 "tile and without a change.",
        .groups = groups,
        .ngroups = sizeof(groups) / sizeof(groups[0]),
        .min_operands = 1,
        .max_operands = 1,
    };
    return options_parse(&line, argc, argv, &o->output.common, inputs);
}

int command_import(int argc, char **argv)
{
    struct import_options options = {0};
    struct operands inputs = {0};
    struct ibx_err err = {0};
    output_options_init(&options.output);
    enum options_outcome outcome = parse(&options, argc, argv, &inputs);
    if (outcome != OPTIONS_RUN)
        return options_exit_code(outcome);
    if (!output_options_check(&options.output, "import"))
        return EXIT_USAGE;
    struct source_options how = {
        .kind = (enum source_kind)options.kind,
        .scheme = (enum source_scheme)options.scheme,
        .drop_grids = options.drop_grids,
    };
    struct import im = {.options = &options, .path = inputs.items[0]};
    im.recode.recompress = (enum recompress)options.recompress;
    im.recode.reencode = options.reencode;
    enum ibx_status st = source_open(im.path, &how, &im.source, &err);
    if (st == IBX_OK)
        st = run(&im, &err);
    source_close(im.source);
    mvt_layers_free(im.layers);
    recode_free(&im.recode);
    if (st == IBX_OK && options.output.strict && im.warnings > 0)
        return EXIT_FAILED;
    return exit_code_of(st, &err);
}
