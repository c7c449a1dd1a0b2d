/* build.c - from rasters to a tileset. */
#include "tiler/build.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include <cpl_conv.h>
#include <cpl_error.h>
#include <gdal.h>

#include "pack/writer.h"
#include "tiler/cli/json.h"
#include "tiler/cli/progress.h"
#include "tiler/cli/report.h"
#include "tiler/cli/stop.h"
#include "tiler/command.h"
#include "tiler/raster/describe.h"
#include "tiler/raster/pool.h"

struct build {
    const struct build_options *options;
    struct job job;
    struct ibx_writer *writer;
    struct progress progress, publishing;
    struct tally tally;
    struct ibx_writer_result result;
};

/* ---- GDAL --------------------------------------------------------------- */

/* Errors are reported where a call fails; warnings on demand. */
static void on_gdal_message(CPLErr level, CPLErrorNum number, const char *text)
{
    (void)number;
    const bool *verbose = CPLGetErrorHandlerUserData();
    if (level == CE_Warning && *verbose)
        report("GDAL", NULL, "%s", text);
}

/* A progressive JPEG is held whole in memory while it is read. */
static void bound_jpeg_memory(uint64_t memory_nbytes)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "%" PRIu64 "M", memory_nbytes >> 21);
    /* libjpeg reads it by itself. No thread has been started yet. */
    (void)setenv("JPEGMEM", text, 0);
}

static void set_up_gdal(const bool *verbose)
{
    GDALAllRegister();
    CPLSetErrorHandlerEx(on_gdal_message, (void *)(uintptr_t)verbose);
    /* Nothing may be written beside an input. */
    CPLSetConfigOption("GDAL_PAM_ENABLED", "NO");
    /* A cut JPEG must be an error, not a grey area. */
    CPLSetConfigOption("GDAL_ERROR_ON_LIBJPEG_WARNING", "TRUE");
    /* The pool's threads are all there are. */
    CPLSetConfigOption("GDAL_NUM_THREADS", "1");
    /* Freed blocks go back to the system instead of staying in an arena. */
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

/* ---- writer ------------------------------------------------------------- */

static void on_finish(void *arg, uint64_t done, uint64_t total)
{
    progress_set(arg, done, total);
}

static bool open_writer(struct build *b)
{
    const struct build_options *o = b->options;
    struct ibx_writer_options w;
    struct ibx_err err = {0};
    char *fingerprint = job_fingerprint(&b->job);
    if (fingerprint == NULL) {
        report(NULL, NULL, "out of memory");
        return false;
    }
    ibx_writer_options_init(&w);
    w.pack_nbytes = o->pack_nbytes;
    w.memory_nbytes = b->job.writer_nbytes;
    w.temp_dir = o->temp_dir;
    w.fingerprint = fingerprint;
    w.resume = o->resume;
    w.restart = o->restart;
    w.replace = o->replace;
    w.stop = stop_install();
    w.progress = on_finish;
    w.progress_arg = &b->publishing;
    enum ibx_status status = ibx_writer_open(o->output, &w, &b->writer, &err);
    free(fingerprint);
    if (status != IBX_OK)
        report_err(&err);
    return status == IBX_OK;
}

/* SOURCE_DATE_EPOCH, or 0 where it is not set or not a number. */
static int64_t source_date(void)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");
    char *end = NULL;
    if (text == NULL || text[0] == '\0')
        return 0;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0' && value > 0 ? value : 0;
}

static bool publish(struct build *b)
{
    struct ibx_err err = {0};
    char *tilejson = describe_tilejson(&b->job, &b->tally);
    char *text = describe_report(&b->job, &b->tally);
    const struct ibx_writer_meta meta = {
        .tilejson = tilejson,
        .report = text,
        .tile_px = (uint16_t)b->job.grid.tile_px,
        .source_date_epoch = source_date(),
    };
    enum ibx_status status = IBX_ERR_NOMEM;
    progress_init(&b->publishing, "publishing", "tiles",
                  b->options->common.quiet);
    if (tilejson != NULL && text != NULL)
        status = ibx_writer_finish(b->writer, &meta, &b->result, &err);
    else
        report(NULL, NULL, "out of memory");
    progress_end(&b->publishing);
    free(tilejson);
    free(text);
    if (status != IBX_OK && status != IBX_ERR_INTERRUPTED)
        report_err(&err);
    return status == IBX_OK;
}

/* ---- result ------------------------------------------------------------- */

static bool print_json(const struct build *b)
{
    char *text = describe_report(&b->job, &b->tally);
    struct json j = {0};
    json_object(&j, NULL);
    json_text(&j, "output", b->options->output);
    json_text(&j, "generation", b->result.generation);
    json_integer(&j, "packs", b->result.npacks);
    json_integer(&j, "pack_bytes", b->result.pack_nbytes);
    json_raw(&j, "report", text != NULL ? text : "null");
    json_end(&j, '}');
    free(text);
    char *line = json_take(&j, NULL);
    if (line == NULL)
        report(NULL, NULL, "out of memory");
    else
        puts(line);
    bool ok = line != NULL;
    free(line);
    return ok;
}

static int conclude(const struct build *b)
{
    struct tally_zoom all = tally_total(&b->tally);
    if (b->options->common.json && !print_json(b))
        return EXIT_FAILED;
    if (!b->options->common.json && !b->options->common.quiet)
        printf("%s: %" PRIu64 " tiles, zooms %u to %u, %" PRIu64
               " packs, %.1f MB\n",
               b->options->output, all.tiles, b->job.min_zoom, b->job.grid.zoom,
               b->result.npacks, (double)b->result.pack_nbytes / 1e6);
    if (all.flattened > 0)
        report(b->options->output, "give --format auto, png or webp",
               "%" PRIu64 " tiles lost their transparency, as JPEG has none",
               all.flattened);
    return all.flattened > 0 && b->options->strict ? EXIT_FAILED : EXIT_DONE;
}

static int give_up(struct build *b)
{
    bool interrupted = stop_requested();
    ibx_writer_close(b->writer,
                     interrupted ? IBX_WRITER_KEEP : IBX_WRITER_DISCARD);
    if (!interrupted)
        return EXIT_FAILED;
    report(b->options->output,
           "give --resume to go on, --restart to begin anew", "interrupted");
    return EXIT_INTERRUPTED;
}

/* ---- build -------------------------------------------------------------- */

static bool make_tiles(struct build *b)
{
    const struct build_options *o = b->options;
    if (!job_stage(&b->job, o->temp_dir != NULL ? o->temp_dir : o->output))
        return false;
    struct progress *p = &b->progress;
    progress_init(p, "building", "tiles", b->options->common.quiet);
    progress_set(p, 0, job_estimate_tiles(&b->job));
    bool ok = pool_make_units(&b->job, b->writer, p, &b->tally) &&
              pool_make_upper(&b->job, b->writer, p, &b->tally);
    progress_end(p);
    return ok;
}

static int build(struct build *b)
{
    if (!open_writer(b))
        return EXIT_FAILED;
    if (!make_tiles(b) || !publish(b))
        return give_up(b);
    ibx_writer_close(b->writer, IBX_WRITER_DISCARD);
    return conclude(b);
}

int build_raster(const struct build_options *options,
                 const struct operands *inputs)
{
    struct build b = {.options = options};
    set_up_gdal(&options->common.verbose);
    bound_jpeg_memory(options->memory_nbytes);
    if (!job_init(&b.job, options, inputs))
        return EXIT_FAILED;
    GDALSetCacheMax64((GIntBig)b.job.gdal_cache_nbytes);
    if (options->common.verbose)
        report("--threads", NULL, "%u", b.job.nthreads);
    int code = build(&b);
    job_fini(&b.job);
    return code;
}
