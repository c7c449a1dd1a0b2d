#include "tiler/raster/job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tiler/cli/json.h"
#include "tiler/cli/report.h"
#include "tiler/raster/stage.h"

enum {
    BLOCK_LEVELS_256 = 2, /* 4 x 4 tiles of 256 pixels make a block */
    UNIT_MORE_LEVELS = 1, /* a unit is 2 x 2 blocks */
};

/* ---- memory ------------------------------------------------------------- */

static const uint64_t mib = 1 << 20;

/* What one thread needs at most. */
static uint64_t thread_nbytes(const struct job *job)
{
    uint64_t block = (uint64_t)SOURCE_BLOCK_PX * SOURCE_BLOCK_PX * 4;
    uint64_t sum = block + 12 * mib; /* encoders, a unit's encoded tiles */
    bool warps = false, planes = false;
    for (size_t i = 0; i < job->nsources; i++) {
        warps = warps || !job->sources[i].on_grid;
        planes = planes || !job->sources[i].is_8bit;
    }
    sum += job->nsources > 1 ? block : 0; /* a second block to lay over */
    sum += warps ? 24 * mib : 0;          /* the warper's windows */
    sum += planes ? 4 * block : 0;        /* colours and alpha as floats */
    return sum;
}

static bool plan_memory(struct job *job)
{
    /* Code, GDAL's drivers, PROJ: 40 MiB measured at start, and some room. */
    const uint64_t program = 52 * mib;
    uint64_t memory = job->options->memory_nbytes;
    uint64_t each = thread_nbytes(job);
    uint64_t least = program + each + 16 * mib;
    if (memory < least) {
        char advice[64];
        (void)snprintf(advice, sizeof(advice), "give at least %" PRIu64 "M",
                       (least + mib - 1) / mib);
        report("--memory", advice, "is too little for these inputs");
        return false;
    }
    uint64_t share = memory / 8;
    share = share > (memory - least) / 4 + 8 * mib
                ? (memory - least) / 4 + 8 * mib
                : share;
    job->gdal_cache_nbytes = share;
    job->writer_nbytes = share > 64 * mib ? 64 * mib : share;
    uint64_t fit =
        (memory - program - job->gdal_cache_nbytes - job->writer_nbytes) / each;
    uint64_t wanted = (uint64_t)job->options->threads;
    job->nthreads = (unsigned)(fit < wanted ? (fit < 1 ? 1 : fit) : wanted);
    return true;
}

/* ---- inputs ------------------------------------------------------------- */

static bool probe_all(struct job *job, const struct operands *inputs)
{
    job->sources = calloc(inputs->count, sizeof(*job->sources));
    if (job->sources == NULL) {
        report(NULL, NULL, "out of memory");
        return false;
    }
    for (size_t i = 0; i < inputs->count; i++) {
        if (!source_probe(inputs->items[i], &job->settings, &job->sources[i]))
            return false;
        job->nsources++;
    }
    return true;
}

static bool find_scale(struct job *job)
{
    struct double_range found = {0};
    if (job->settings.scale.is_set)
        return true;
    for (size_t i = 0; i < job->nsources; i++) {
        if (!source_widen_range(&job->sources[i], &found))
            return false;
    }
    if (found.is_set && found.max <= found.min)
        found.max = found.min + 1;
    job->settings.scale = found;
    if (found.is_set && job->options->common.verbose)
        report("--scale", NULL, "values from %g to %g become black to white",
               found.min, found.max);
    return true;
}

static bool find_area(struct job *job)
{
    job->area = job->sources[0].area;
    for (size_t i = 1; i < job->nsources; i++)
        job->area = area_join(&job->area, &job->sources[i].area);
    const struct bbox *box = &job->options->bbox;
    if (!box->is_set)
        return true;
    double east = box->east < box->west ? box->east + 360 : box->east;
    struct area wanted = {box->west, box->south, east, box->north};
    job->has_clip = true;
    if (area_meet(&job->area, &wanted, &job->area))
        return true;
    report("--bbox", "check the order: west, south, east, north",
           "none of the inputs reaches into it");
    return false;
}

/* ---- zooms -------------------------------------------------------------- */

static void find_zooms(struct job *job)
{
    double finest = job->sources[0].pixel_m;
    for (size_t i = 1; i < job->nsources; i++)
        finest =
            job->sources[i].pixel_m < finest ? job->sources[i].pixel_m : finest;
    const struct zoom_range *wanted = &job->options->zooms;
    job->grid.tile_px = job->encoder.tile_px;
    job->grid.zoom = grid_zoom_for(finest, job->grid.tile_px);
    job->min_zoom = area_one_tile_zoom(&job->area, job->grid.zoom);
    if (!wanted->is_auto) {
        job->grid.zoom = wanted->max;
        job->min_zoom = wanted->min;
    }
}

static uint8_t zoom_above(uint8_t zoom, unsigned levels)
{
    return zoom > levels ? (uint8_t)(zoom - levels) : 0;
}

static void find_levels(struct job *job)
{
    unsigned block_levels =
        job->grid.tile_px == 256 ? BLOCK_LEVELS_256 : BLOCK_LEVELS_256 - 1;
    job->block_zoom = zoom_above(job->grid.zoom, block_levels);
    job->unit_zoom = zoom_above(job->block_zoom, UNIT_MORE_LEVELS);
    job->block_px = job->grid.tile_px << (job->grid.zoom - job->block_zoom);
}

static void place_all(struct job *job)
{
    for (size_t i = 0; i < job->nsources; i++)
        source_place(&job->sources[i], job->grid);
    const struct bbox *box = &job->options->bbox;
    if (!job->has_clip)
        return;
    double east = box->east < box->west ? box->east + 360 : box->east;
    struct area wanted = {box->west, box->south, east, box->north};
    job->clip = grid_footprint(job->grid, &wanted, 0);
}

/* ---- all together ------------------------------------------------------- */

static void take_options(struct job *job, const struct build_options *options)
{
    const struct raster_options *o = &options->raster;
    job->options = options;
    atomic_flag_clear(&job->has_failed);
    job->settings = (struct source_settings){
        .crs = o->crs,
        .has_nodata = o->has_nodata,
        .nodata = o->nodata,
        .kind = o->encoding == RASTER_PICTURE ? PIXEL_COLOUR : PIXEL_HEIGHT,
        .resampling = (enum raster_resampling)o->resampling,
        .scale = o->scale,
        .has_failed = &job->has_failed,
    };
    bool classes =
        o->resampling == RESAMPLE_NEAREST || o->resampling == RESAMPLE_MODE;
    job->shrink = classes ? SHRINK_MODE : SHRINK_AVERAGE;
    job->encoder = (struct encoder_settings){
        .tile_px = o->tile_size == 0 ? 256 : 512,
        .format = (enum raster_format)o->format,
        .encoding = (enum raster_encoding)o->encoding,
        .quality = (int)o->quality,
    };
    /* Heights do not survive JPEG. */
    if (job->settings.kind == PIXEL_HEIGHT && o->format == RASTER_AUTO)
        job->encoder.format = RASTER_PNG;
}

bool job_init(struct job *job, const struct build_options *options,
              const struct operands *inputs)
{
    *job = (struct job){0};
    take_options(job, options);
    bool ok = probe_all(job, inputs) && find_area(job);
    if (ok) {
        find_zooms(job);
        find_levels(job);
        place_all(job);
        ok = find_scale(job) && plan_memory(job);
    }
    if (!ok)
        job_fini(job);
    return ok;
}

bool job_stage(struct job *job, const char *folder)
{
    for (size_t i = 0; i < job->nsources; i++) {
        struct source *s = &job->sources[i];
        if (!stage_is_needed(s, job->gdal_cache_nbytes / job->nthreads))
            continue;
        if (job->options->common.verbose)
            report(s->path, NULL, "is unpacked first");
        if (!stage_source(s, folder))
            return false;
    }
    return true;
}

void job_fini(struct job *job)
{
    for (size_t i = 0; i < job->nsources; i++)
        source_fini(&job->sources[i]);
    free(job->sources);
    *job = (struct job){0};
}

/* ---- which tiles -------------------------------------------------------- */

bool job_touches(const struct job *job, struct ibx_zxy at)
{
    struct grid_rect rect = grid_tile_rect(job->grid, at);
    if (job->has_clip && !footprint_touches(&job->clip, &rect))
        return false;
    for (size_t i = 0; i < job->nsources; i++) {
        if (footprint_touches(&job->sources[i].footprint, &rect))
            return true;
    }
    return false;
}

/* Tiles of `size` grid pixels that the footprint touches. */
static uint64_t count_tiles(const struct footprint *f, int64_t size)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < f->count; i++) {
        const struct grid_rect *r = &f->rects[i];
        sum += (uint64_t)((r->x1 - 1) / size - r->x0 / size + 1) *
               (uint64_t)((r->y1 - 1) / size - r->y0 / size + 1);
    }
    return sum;
}

uint64_t job_estimate_tiles(const struct job *job)
{
    struct footprint whole = grid_footprint(job->grid, &job->area, 0);
    uint64_t sum = 0;
    for (int z = job->min_zoom; z <= job->grid.zoom; z++) {
        int64_t size = (int64_t)job->grid.tile_px << (job->grid.zoom - z);
        uint64_t most = count_tiles(&whole, size);
        uint64_t parts = 0;
        for (size_t i = 0; i < job->nsources; i++)
            parts += count_tiles(&job->sources[i].footprint, size);
        sum += parts < most ? parts : most;
    }
    return sum;
}

/* Levels of the largest subtree that begins at the walk's place. */
static unsigned levels_here(const struct job_walk *walk)
{
    unsigned most = walk->zoom;
    if (walk->next == 0)
        return most;
    unsigned up = (unsigned)__builtin_ctzll(walk->next) / 2;
    return up < most ? up : most;
}

/* Goes into the subtrees that begin at the walk's place, the largest first,
 * and passes by the first that the job does not touch. True at a tile. */
static bool step(struct job_walk *walk, struct ibx_zxy *out)
{
    for (unsigned up = levels_here(walk);; up--) {
        uint8_t zoom = (uint8_t)(walk->zoom - up);
        *out = ibx_tile_zxy(ibx_zoom_first_id(zoom) + (walk->next >> (2 * up)));
        bool touched = job_touches(walk->job, *out);
        if (touched && up > 0)
            continue;
        walk->next += 1ULL << (2 * up);
        return touched;
    }
}

bool job_walk_next(struct job_walk *walk, struct ibx_zxy *out)
{
    uint64_t end = 1ULL << (2 * walk->zoom);
    while (walk->next < end) {
        if (step(walk, out))
            return true;
    }
    return false;
}

/* ---- fingerprint -------------------------------------------------------- */

char *job_fingerprint(const struct job *job)
{
    const struct raster_options *o = &job->options->raster;
    const struct bbox *b = &job->options->bbox;
    struct json j = {0};
    json_object(&j, NULL);
    json_text(&j, "raster", IBX_VERSION);
    json_integer(&j, "inputs", job->nsources);
    json_integer(&j, "hash", job->options->inputs_hash);
    json_integer(&j, "tile_px", job->grid.tile_px);
    json_integer(&j, "min", job->min_zoom);
    json_integer(&j, "max", job->grid.zoom);
    json_integer(&j, "format", (uint64_t)job->encoder.format);
    json_integer(&j, "quality", (uint64_t)o->quality);
    json_integer(&j, "encoding", (uint64_t)o->encoding);
    json_integer(&j, "resampling", (uint64_t)o->resampling);
    json_text(&j, "crs", o->crs != NULL ? o->crs : "");
    json_boolean(&j, "nodata", o->has_nodata);
    json_number(&j, "value", o->has_nodata ? o->nodata : 0);
    json_number(&j, "low", job->settings.scale.min);
    json_number(&j, "high", job->settings.scale.max);
    json_array(&j, "bbox");
    json_boolean(&j, NULL, b->is_set);
    json_number(&j, NULL, b->west);
    json_number(&j, NULL, b->south);
    json_number(&j, NULL, b->east);
    json_number(&j, NULL, b->north);
    json_end(&j, ']');
    json_end(&j, '}');
    return json_take(&j, NULL);
}
