/* build.c - from vector inputs to a tileset. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "pack/writer.h"
#include "tiler/build.h"
#include "tiler/cli/fingerprint.h"
#include "tiler/cli/report.h"
#include "tiler/cli/stop.h"
#include "tiler/command.h"
#include "tiler/vector/config.h"
#include "tiler/vector/footprint.h"
#include "tiler/vector/osm_read.h"
#include "tiler/vector/preflight.h"
#include "tiler/vector/project.h"
#include "tiler/vector/stage_cut.h"
#include "tiler/vector/stage_encode.h"
#include "tiler/vector/summary.h"
#include "tiler/vector/zoom_guess.h"

enum {
    GZIP_LEVEL = 6,
    OSM_MAX_ZOOM = 14,
    FINGERPRINT_NBYTES = 60 << 10,
};

struct build {
    const struct build_options *options;
    const struct vector_options *vector;
    const struct operands *inputs;
    const volatile sig_atomic_t *stop;
    struct temp_space space;
    const char *output_dir; /* that the tileset will be in */
    struct rule_list rules;
    struct intake intake;
    struct sorter *sorter;
    struct ibx_writer *writer;
    struct stats stats;
    uint8_t minzoom, maxzoom;
    bool has_osm;
    bool is_cut; /* into pieces, sorted */
    struct bytes fingerprint;
    struct ibx_writer_result result;
};

/* ---- memory ------------------------------------------------------------- */

/* Shares of --memory. GDAL, the programs and the tiles in the making have the
 * rest; a share is a bound, not an allocation. Sorted runs go to the page cache
 * and come back from it, so a larger share makes nothing faster. */
static uint64_t sorter_memory(const struct build *build)
{
    return build->options->memory_nbytes / 32;
}

static uint64_t junction_memory(const struct build *build)
{
    return build->options->memory_nbytes / 8;
}

static uint64_t writer_memory(const struct build *build)
{
    uint64_t share = build->options->memory_nbytes / 8;
    return share < (8 << 20) ? 8 << 20 : share;
}

/* ---- reading ------------------------------------------------------------ */

/* The part of the world that --bbox asks for, in one box or, across the
 * antimeridian, in two. */
static void set_boxes(struct build *build)
{
    const struct bbox *b = &build->options->bbox;
    struct intake *intake = &build->intake;
    if (!b->is_set)
        return;
    struct geom_point nw = project_lonlat(b->west, b->north, intake->bits);
    struct geom_point se = project_lonlat(b->east, b->south, intake->bits);
    int64_t world = INT64_C(1) << intake->bits;
    struct geom_box box = {nw.x, nw.y, se.x, se.y};
    if (b->west > b->east)
        box.max_x += world;
    intake->boxes[0] = box;
    intake->nboxes = 1;
    /* Features that were cut at the antimeridian lie a world further west. */
    if (box.max_x > world) {
        intake->boxes[0].max_x = world;
        intake->boxes[1] =
            (struct geom_box){0, box.min_y, box.max_x - world, box.max_y};
        intake->nboxes = 2;
    }
}

/* Whoever says what layers there are to be gets OGR's own. */
static bool uses_osm_schema(const struct build *build)
{
    return build->rules.count == 1 && build->vector->layer == NULL &&
           build->vector->where == NULL && build->vector->sort == NULL &&
           build->vector->feature_id == NULL;
}

static enum ibx_status read_inputs(struct build *build, struct ibx_err *err)
{
    const struct zoom_range *zooms = &build->options->zooms;
    struct intake *intake = &build->intake;
    intake->bits = PROJECT_BITS;
    intake->minzoom = zooms->is_auto ? 0 : zooms->min;
    intake->maxzoom = zooms->is_auto ? PROJECT_MAX_ZOOM : zooms->max;
    set_boxes(build);
    enum ibx_status status = intake_open(intake, &build->space, err);
    /* GDAL has looked at all its drivers, and goes on with one or two. */
    footprint_rest_libraries();
    struct progress progress;
    progress_init(&progress, "reading", "features",
                  build->options->common.quiet);
    for (size_t i = 0; i < build->inputs->count && status == IBX_OK; i++) {
        const struct ogr_source source = {
            .path = build->inputs->items[i],
            .rules = &build->rules,
            .progress = &progress,
            .stop = build->stop,
        };
        bool by_schema = uses_osm_schema(build) && osm_is_osm(source.path);
        status = by_schema ? osm_read(intake, &source, err)
                           : ogr_read(intake, &source, err);
        build->has_osm = build->has_osm || by_schema;
    }
    progress_end(&progress);
    /* GDAL is done: its memory is not to stand beside the next stages'. */
    footprint_trim();
    footprint_rest_libraries();
    return status == IBX_OK ? intake_seal(intake, err) : status;
}

static void choose_zooms(struct build *build)
{
    const struct zoom_range *zooms = &build->options->zooms;
    build->minzoom = zooms->is_auto ? 0 : zooms->min;
    build->maxzoom = zooms->is_auto
                         ? zoom_guess(&build->intake.store, build->intake.bits)
                         : zooms->max;
    /* The schema shows nothing new beyond. */
    if (zooms->is_auto && build->has_osm)
        build->maxzoom = OSM_MAX_ZOOM;
}

/* ---- the stages --------------------------------------------------------- */

static struct stage_cut cutting(struct build *build)
{
    return (struct stage_cut){
        .store = &build->intake.store,
        .layers = &build->intake.layers,
        .bits = build->intake.bits,
        .minzoom = build->minzoom,
        .maxzoom = build->maxzoom,
        .nthreads = (unsigned)build->options->threads,
        .sorter = build->sorter,
        .stats = &build->stats,
        .stop = build->stop,
        .junction_nbytes = junction_memory(build),
    };
}

/* Refuses what cannot fit the disks before it fills them. */
static enum ibx_status look_ahead(struct build *build, struct ibx_err *err)
{
    const struct stage_cut stage = cutting(build);
    struct preflight preflight = {
        .stage = &stage,
        .space = &build->space,
        .output_dir = build->output_dir,
        .spool_is_temp = build->options->temp_dir != NULL,
        .sorter_nbytes = sorter_memory(build),
    };
    ibx_writer_kept(build->writer, &preflight.kept);
    return preflight_run(&preflight, err);
}

static enum ibx_status cut(struct build *build, struct ibx_err *err)
{
    struct progress progress;
    progress_init(&progress, "cutting", "features",
                  build->options->common.quiet);
    progress_set(&progress, 0, build->intake.store.nfeatures);
    struct stage_cut stage = cutting(build);
    stage.progress = &progress;
    enum ibx_status status = stage_cut_run(&stage, err);
    progress_end(&progress);
    return status;
}

static enum ibx_status encode(struct build *build, struct ibx_err *err)
{
    enum ibx_status status = sorter_merge(build->sorter, err);
    if (status != IBX_OK)
        return status;
    build->is_cut = true;
    const struct tile_settings settings = {
        .layers = &build->intake.layers,
        .attrs = build->intake.attrs,
        .max_nbytes = build->vector->max_tile_nbytes,
        .max_nfeatures = (uint64_t)build->vector->max_tile_features,
        .gzip_level = GZIP_LEVEL,
    };
    struct progress progress;
    progress_init(&progress, "encoding", "pieces",
                  build->options->common.quiet);
    progress_set(&progress, 0, sorter_count(build->sorter));
    struct stage_encode stage = {
        .sorter = build->sorter,
        .settings = &settings,
        .writer = build->writer,
        .nthreads = (unsigned)build->options->threads,
        .stats = &build->stats,
        .progress = &progress,
        .stop = build->stop,
    };
    status = stage_encode_run(&stage, err);
    progress_end(&progress);
    return status;
}

static uint64_t hash_inputs(const struct build *build)
{
    uint64_t hash = build->options->inputs_hash;
    const char *config = build->vector->config;
    return config == NULL ? hash : fingerprint_input(hash, config);
}

static void put_line(struct bytes *to, const char *what, const char *word)
{
    bytes_put(to, what, strlen(what));
    bytes_put(to, word, strlen(word));
    bytes_put_u8(to, '\n');
}

/* Everything that decides on the bytes. */
static bool make_fingerprint(struct build *build)
{
    const struct build_options *o = build->options;
    const struct vector_options *v = build->vector;
    struct bytes *to = &build->fingerprint;
    char text[512];
    int n = snprintf(text, sizeof text,
                     "vector 1 zoom %u-%u bytes %" PRIu64 " features %" PRId64
                     " policy %d buffer %" PRId64 " simplify %.17g lines %d "
                     "box %d %.17g,%.17g,%.17g,%.17g pack %" PRIu64
                     " inputs %zu %016" PRIx64 "\n",
                     build->minzoom, build->maxzoom, v->max_tile_nbytes,
                     v->max_tile_features, (int)v->policy, v->buffer,
                     v->simplification, v->keep_lines, o->bbox.is_set,
                     o->bbox.west, o->bbox.south, o->bbox.east, o->bbox.north,
                     o->pack_nbytes, build->inputs->count, hash_inputs(build));
    bytes_put(to, text, n < 0 ? 0 : (size_t)n);
    const char *const words[] = {v->config, v->layer, v->where, v->feature_id,
                                 v->sort};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        put_line(to, "", words[i] == NULL ? "" : words[i]);
    for (size_t i = 0; i < v->include.count; i++)
        put_line(to, "include ", v->include.items[i]);
    for (size_t i = 0; i < v->exclude.count; i++)
        put_line(to, "exclude ", v->exclude.items[i]);
    if (to->len > FINGERPRINT_NBYTES)
        to->len = FINGERPRINT_NBYTES;
    bytes_put_u8(to, 0);
    return !to->failed;
}

static enum ibx_status open_writer(struct build *build, struct ibx_err *err)
{
    const struct build_options *o = build->options;
    struct ibx_writer_options options;
    if (!make_fingerprint(build))
        return err_nomem(err);
    ibx_writer_options_init(&options);
    options.pack_nbytes = o->pack_nbytes;
    options.memory_nbytes = writer_memory(build);
    options.temp_dir = o->temp_dir;
    options.fingerprint = (const char *)build->fingerprint.ptr;
    options.resume = o->resume;
    options.restart = o->restart;
    options.replace = o->replace;
    options.stop = build->stop;
    return ibx_writer_open(o->output, &options, &build->writer, err);
}

/* ---- publishing --------------------------------------------------------- */

static int64_t source_date_epoch(void)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");
    return text == NULL ? 0 : strtoll(text, NULL, 10);
}

static struct summary summarise(const struct build *build)
{
    return (struct summary){
        .name = build->options->name,
        .description = build->options->description,
        .attribution = build->options->attribution,
        .layers = &build->intake.layers,
        .stats = &build->stats,
        .box = build->intake.store.box,
        .bits = build->intake.bits,
        .minzoom = build->minzoom,
        .maxzoom = build->maxzoom,
        .max_tile_nbytes = build->vector->max_tile_nbytes,
        .max_tile_features = (uint64_t)build->vector->max_tile_features,
    };
}

static enum ibx_status write_report(const char *path, const char *text,
                                    struct ibx_err *err)
{
    FILE *file = fopen(path, "w");
    bool ok = file != NULL && fputs(text, file) >= 0 && fputc('\n', file) >= 0;
    int saved = errno;
    if (file != NULL && fclose(file) != 0 && ok) {
        saved = errno;
        ok = false;
    }
    if (ok)
        return IBX_OK;
    errno = saved;
    err_system(err, "cannot write the report");
    snprintf(err->file, sizeof err->file, "%s", path);
    return IBX_ERR_SYSTEM;
}

static enum ibx_status publish(struct build *build, struct ibx_err *err)
{
    struct summary summary = summarise(build);
    char *tilejson = summary_tilejson(&summary);
    char *text = summary_report(&summary);
    enum ibx_status status = IBX_OK;
    if (tilejson == NULL || text == NULL)
        status = err_nomem(err);
    const struct ibx_writer_meta meta = {
        .tilejson = tilejson,
        .report = text,
        .tile_px = 512,
        .source_date_epoch = source_date_epoch(),
    };
    if (status == IBX_OK)
        status = ibx_writer_finish(build->writer, &meta, &build->result, err);
    if (status == IBX_OK && build->vector->report != NULL)
        status = write_report(build->vector->report, text, err);
    if (status == IBX_OK && build->options->common.json)
        printf("%s\n", text);
    free(tilejson);
    free(text);
    return status;
}

/* ---- all together ------------------------------------------------------- */

/* The command line's rule first: the file's rules go before it by name. */
static enum ibx_status make_rules(struct build *build, struct ibx_err *err)
{
    struct layer_rule *rule = rule_list_add(&build->rules);
    if (rule == NULL || !vector_options_rule(build->vector, rule))
        return err_nomem(err);
    const char *config = build->vector->config;
    struct layer_rule defaults = *rule;
    char what[CONFIG_WHAT_NBYTES];
    if (config == NULL || config_load(config, &defaults, &build->rules, what))
        return IBX_OK;
    return err_say(err, IBX_ERR_INVALID, config, what);
}

/* Adds what reading counted to the whole. */
static enum ibx_status begin_stats(struct build *build, struct ibx_err *err)
{
    struct intake *intake = &build->intake;
    if (!stats_init(&build->stats, intake->layers.count))
        return err_nomem(err);
    for (size_t i = 0; i < intake->layers.count; i++)
        build->stats.layers[i] = intake->counts[i];
    return IBX_OK;
}

static enum ibx_status run(struct build *build, struct ibx_err *err)
{
    enum ibx_status status = make_rules(build, err);
    if (status == IBX_OK)
        status = read_inputs(build, err);
    if (status == IBX_OK)
        status = begin_stats(build, err);
    if (status != IBX_OK)
        return status;
    footprint_trim(); /* of what ordering the features took */
    choose_zooms(build);
    if (!build->vector->dry_run)
        status = open_writer(build, err);
    if (status == IBX_OK && !build->vector->dry_run)
        status = look_ahead(build, err);
    if (status == IBX_OK)
        status =
            sorter_open((unsigned)build->options->threads, sorter_memory(build),
                        &build->space, &build->sorter, err);
    if (status == IBX_OK)
        status = cut(build, err);
    footprint_trim();
    if (status == IBX_OK)
        status = encode(build, err);
    if (status != IBX_OK || build->vector->dry_run)
        return status;
    return publish(build, err);
}

/* What a build would make, and what making it took: all of it but writing. */
static void say_estimate(const struct build *build)
{
    struct rusage usage = {0};
    uint64_t tiles = 0, nbytes = 0;
    (void)getrusage(RUSAGE_SELF, &usage);
    for (int z = 0; z < STATS_NZOOMS; z++) {
        tiles += build->stats.zooms[z].tiles;
        nbytes += build->stats.zooms[z].nbytes;
    }
    double seconds =
        (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
        (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    if (build->options->common.json) {
        printf("{\"minzoom\":%u,\"maxzoom\":%u,\"features\":%" PRIu64
               ",\"tiles\":%" PRIu64 ",\"tile_bytes\":%" PRIu64
               ",\"temp_bytes\":%" PRIu64 ",\"memory_bytes\":%" PRIu64
               ",\"cpu_seconds\":%.1f}\n",
               build->minzoom, build->maxzoom, build->intake.store.nfeatures,
               tiles, nbytes, (uint64_t)build->space.nbytes,
               (uint64_t)usage.ru_maxrss * 1024, seconds);
        return;
    }
    printf("zoom %u-%u, %" PRIu64 " features, %" PRIu64 " tiles, %" PRIu64
           " bytes; took %" PRIu64 " bytes of temporary files, %ld MB of "
           "memory, %.1f s of processor time\n",
           build->minzoom, build->maxzoom, build->intake.store.nfeatures, tiles,
           nbytes, (uint64_t)build->space.nbytes, usage.ru_maxrss / 1024,
           seconds);
}

static void say_result(const struct build *build)
{
    const struct ibx_writer_result *r = &build->result;
    struct summary summary = summarise(build);
    char loss[512];
    summary_loss(&summary, loss, sizeof loss);
    if (loss[0] != '\0')
        report(build->options->output, "see the report", "left out: %s", loss);
    rule_report_unmet(&build->rules, build->vector->config);
    const struct common_options *common = &build->options->common;
    if (!common->quiet && !common->json)
        summary_print(&summary, common->verbose, stdout);
    if (build->vector->dry_run)
        say_estimate(build);
    else if (!build->options->common.quiet && !build->options->common.json)
        printf("%s: %" PRIu64 " features, zoom %u-%u, %" PRIu64
               " tiles in %" PRIu64 " packs, %" PRIu64 " bytes\n",
               build->options->output, build->intake.store.nfeatures,
               build->minzoom, build->maxzoom, r->tile_count, r->npacks,
               r->pack_nbytes);
}

/* Whether what a failed build has finished helps another run: not when a tile
 * broke a limit, since other limits make other tiles. */
static bool is_worth_keeping(const struct build *build, enum ibx_status status)
{
    struct ibx_writer_kept kept;
    if (status == IBX_ERR_TOO_LARGE && build->is_cut)
        return false;
    ibx_writer_kept(build->writer, &kept);
    return kept.nunits > 0;
}

static int give_up(struct build *build, enum ibx_status status,
                   const struct ibx_err *err)
{
    bool stopped = status == IBX_ERR_INTERRUPTED;
    bool keep =
        stopped || (build->writer != NULL && is_worth_keeping(build, status));
    ibx_writer_close(build->writer,
                     keep ? IBX_WRITER_KEEP : IBX_WRITER_DISCARD);
    if (!stopped)
        report_err(err);
    if (keep)
        report(build->options->output,
               "use --resume to go on, --restart to begin anew",
               stopped ? "interrupted" : "the tiles made so far are kept");
    return stopped ? EXIT_INTERRUPTED : EXIT_FAILED;
}

static int finish(struct build *build, enum ibx_status status,
                  const struct ibx_err *err)
{
    if (status != IBX_OK)
        return give_up(build, status, err);
    ibx_writer_close(build->writer, IBX_WRITER_KEEP);
    say_result(build);
    return build->options->strict && stats_has_loss(&build->stats) ? EXIT_FAILED
                                                                   : EXIT_DONE;
}

static bool zooms_fit(const struct build_options *options)
{
    if (options->zooms.is_auto || options->zooms.max <= PROJECT_MAX_ZOOM)
        return true;
    report("--zoom", "give at most 24", "is too deep for vector tiles");
    return false;
}

/* Temporary files have no name and go where the tileset goes: the tileset's
 * own folder is not there yet when the first of them is written. */
static void set_space(struct build *build, char beside[PATH_MAX])
{
    const char *output = build->options->output;
    size_t n = strlen(output);
    while (n > 1 && output[n - 1] == '/')
        n--;
    while (n > 0 && output[n - 1] != '/')
        n--;
    snprintf(beside, PATH_MAX, "%.*s", (int)n, output);
    build->output_dir = n > 0 ? beside : ".";
    build->space.dir = build->options->temp_dir;
    if (build->space.dir == NULL)
        build->space.dir = build->output_dir;
    build->space.max_nbytes = build->vector->temp_limit_nbytes;
}

int build_vector(const struct build_options *options,
                 const struct operands *inputs)
{
    if (!zooms_fit(options) || !vector_options_check(&options->vector))
        return EXIT_USAGE;
    struct build build = {
        .options = options,
        .vector = &options->vector,
        .inputs = inputs,
        .stop = stop_install(),
    };
    footprint_keep_small();
    struct ibx_err err = {.status = IBX_OK};
    char beside[PATH_MAX];
    set_space(&build, beside);
    enum ibx_status status = run(&build, &err);
    int code = finish(&build, status, &err);
    sorter_close(build.sorter);
    intake_close(&build.intake);
    stats_fini(&build.stats);
    rule_list_free(&build.rules);
    bytes_free(&build.fingerprint);
    return code;
}
