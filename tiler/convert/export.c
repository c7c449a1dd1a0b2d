/* export.c - `imbrex-tiler export`: a tileset as somebody else's container. */
#include "tiler/convert/export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tiler/cli/report.h"
#include "tiler/cli/stop.h"
#include "tiler/command.h"
#include "tiler/convert/file.h"
#include "tiler/convert/output.h"
#include "tiler/convert/recode.h"
#include "tiler/convert/rewrite.h"

enum export_kind {
    EXPORT_DETECT,
    EXPORT_MBTILES,
    EXPORT_PMTILES,
    EXPORT_FOLDER
};

struct export_options {
    struct common_options common;
    const char *output, *temp_dir;
    bool replace, strict;
    int64_t kind, scheme, recompress;
    uint64_t memory_nbytes;
};

static bool ends_with(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && strcmp(text + n - m, suffix) == 0;
}

static enum export_kind kind_of(const struct export_options *o)
{
    if (o->kind != EXPORT_DETECT)
        return (enum export_kind)o->kind;
    if (ends_with(o->output, ".mbtiles"))
        return EXPORT_MBTILES;
    if (ends_with(o->output, ".pmtiles"))
        return EXPORT_PMTILES;
    struct stat info;
    bool folder = ends_with(o->output, "/") ||
                  (stat(o->output, &info) == 0 && S_ISDIR(info.st_mode));
    return folder ? EXPORT_FOLDER : EXPORT_DETECT;
}

/* ---- the job --------------------------------------------------------------
 */

static enum ibx_status open_job(struct export_job *job, struct ibx_err *err)
{
    job->name = name_of_path(job->folder);
    if (job->name == NULL)
        return convert_no_memory(err, NULL);
    enum ibx_status st =
        tileset_in_open(job->folder, IBX_VERIFY_NEVER, &job->facts, err);
    if (st == IBX_OK)
        st = tileset_in_open(job->folder, IBX_VERIFY_ALWAYS, &job->tiles, err);
    if (st == IBX_OK)
        st = tileset_meta(job->tiles.tileset, &job->meta, err);
    if (st == IBX_OK)
        st = tileset_tilejson(job->tiles.tileset, &job->tilejson, err);
    if (st == IBX_OK &&
        meta_raw(&job->tilejson, "vector_layers", &job->layers) &&
        !json_is(job->layers, '['))
        job->layers.len = 0;
    return st;
}

static void close_job(struct export_job *job)
{
    tileset_in_close(&job->facts);
    tileset_in_close(&job->tiles);
    meta_free(&job->meta);
    meta_free(&job->tilejson);
    free(job->name);
}

static enum ibx_status run(struct export_job *job, enum export_kind kind,
                           struct ibx_err *err)
{
    enum ibx_status st = open_job(job, err);
    if (st != IBX_OK)
        return st;
    switch (kind) {
    case EXPORT_MBTILES:
        return export_mbtiles(job, err);
    case EXPORT_PMTILES:
        return export_pmtiles(job, err);
    case EXPORT_FOLDER:
    case EXPORT_DETECT:
        break;
    }
    return export_folder(job, err);
}

/* With --recompress an archive's tiles have other lengths than the tileset's,
 * and lengths are what an archive begins with. So the tileset is rewritten
 * first, beside the output or in --temp-dir, and that is exported. */
static enum ibx_status run_recompressed(struct export_job *job,
                                        const struct export_options *o,
                                        struct ibx_err *err)
{
    struct buf name = {0};
    if (o->temp_dir != NULL)
        buf_printf(&name, "%s/.imbrex-export", o->temp_dir);
    else
        buf_put(&name, o->output, file_name_len(o->output));
    buf_printf(&name, ".partial-%ld.imbrex", (long)getpid());
    char *temporary = buf_take_text(&name);
    if (temporary == NULL)
        return convert_no_memory(err, NULL);
    const char *original = job->folder;
    enum ibx_status st = rewrite_recompressed(
        original, temporary, (enum recompress)o->recompress, err);
    if (st == IBX_OK) {
        job->folder = temporary;
        st = run(job, kind_of(o), err);
    }
    rewrite_remove(temporary);
    job->folder = original;
    free(temporary);
    return st;
}

/* ---- results --------------------------------------------------------------
 */

static bool report_losses(const struct export_job *job)
{
    if (job->empty_left_out > 0)
        report(job->folder, NULL,
               "%" PRIu64 " tiles that are present but empty were left out: "
               "PMTiles cannot hold them",
               job->empty_left_out);
    if (job->mixed > 0)
        report(job->folder, "readers may trip over them; see --recompress",
               "%" PRIu64 " tiles are of another format or compression than "
               "the container says of all",
               job->mixed);
    return job->empty_left_out > 0 || job->mixed > 0;
}

static void print_result(const struct export_job *job)
{
    struct buf out = {0};
    buf_puts(&out, "{\"output\":");
    json_put_string(&out, job->output, strlen(job->output));
    buf_printf(&out,
               ",\"tiles\":%" PRIu64 ",\"contents\":%" PRIu64
               ",\"bytes\":%" PRIu64 ",\"empty_left_out\":%" PRIu64
               ",\"mixed\":%" PRIu64 "}",
               job->tiles_written, job->contents, job->output_nbytes,
               job->empty_left_out, job->mixed);
    char *text = buf_take_text(&out);
    if (text != NULL)
        puts(text);
    free(text);
}

/* ---- the command ----------------------------------------------------------
 */

enum { NOPTIONS = 8 };

static enum options_outcome parse(struct export_options *o, int argc,
                                  char **argv, struct operands *inputs)
{
    static const char *const kinds[] = {"auto", "mbtiles", "pmtiles", "folder",
                                        NULL};
    static const char *const schemes[] = {"xyz", "tms", NULL};
    const struct option options[NOPTIONS] = {
        option_letter('o', option_string("output", &o->output, "OUT",
                                         "OUT.mbtiles, OUT.pmtiles or DIR/")),
        option_choice("to", &o->kind, kinds, "KIND",
                      "auto (by the output's name, default), mbtiles,\n"
                      "pmtiles or folder"),
        option_flag("replace", &o->replace, "the output file may be there"),
        option_flag("strict", &o->strict,
                    "exit 1 when the container could not hold everything"),
        option_choice("scheme", &o->scheme, schemes, "xyz|tms",
                      "how rows of a folder count: from the north (xyz,\n"
                      "default) or the south (tms)"),
        recompress_option(&o->recompress),
        option_size("memory", &o->memory_nbytes, 8 << 20, OPTION_NO_MAX,
                    "for finding equal tiles (64M)"),
        option_string("temp-dir", &o->temp_dir, "DIR",
                      "for unfinished work (default: beside the output)"),
    };
    const struct option_group group = {"Options", options, NOPTIONS};
    const struct command_line line = {
        .usage = "export -o OUT [options] IN.imbrex",
        .about = "Writes a tileset as MBTiles, as PMTiles or as a folder "
                 "z/x/y, tile by tile\nand without a change.",
        .groups = &group,
        .ngroups = 1,
        .min_operands = 1,
        .max_operands = 1,
    };
    return options_parse(&line, argc, argv, &o->common, inputs);
}

static bool options_agree(const struct export_options *o)
{
    if (o->output == NULL) {
        report("export", "give -o OUT.mbtiles, OUT.pmtiles or DIR/",
               "the output is missing");
        return false;
    }
    if (kind_of(o) == EXPORT_DETECT) {
        report(o->output, "end it in .mbtiles, .pmtiles or /, or give --to",
               "its kind cannot be told from its name");
        return false;
    }
    return true;
}

static int refuse_output(const struct export_options *o,
                         const struct ibx_err *err)
{
    report(err->file,
           kind_of(o) == EXPORT_FOLDER ? "give another -o"
                                       : "give --replace, or another -o",
           "%s", err->what);
    return EXIT_FAILED;
}

int command_export(int argc, char **argv)
{
    struct export_options options = {.memory_nbytes = 64 << 20};
    struct operands inputs = {0};
    struct progress progress;
    struct ibx_err err = {0};
    enum options_outcome outcome = parse(&options, argc, argv, &inputs);
    if (outcome != OPTIONS_RUN)
        return options_exit_code(outcome);
    if (!options_agree(&options))
        return EXIT_USAGE;
    (void)stop_install();
    progress_init(&progress, "exporting", "tiles", options.common.quiet);
    struct export_job job = {
        .folder = inputs.items[0],
        .output = options.output,
        .replace = options.replace,
        .scheme = (enum source_scheme)options.scheme,
        .memory_nbytes = options.memory_nbytes,
        .temp_dir = options.temp_dir,
        .progress = &progress,
    };
    enum ibx_status st = options.recompress == RECOMPRESS_KEEP
                             ? run(&job, kind_of(&options), &err)
                             : run_recompressed(&job, &options, &err);
    progress_end(&progress);
    bool lost = st == IBX_OK && report_losses(&job);
    if (st == IBX_OK && options.common.json)
        print_result(&job);
    close_job(&job);
    if (lost && options.strict)
        return EXIT_FAILED;
    return st == IBX_ERR_EXISTS ? refuse_output(&options, &err)
                                : exit_code_of(st, &err);
}
