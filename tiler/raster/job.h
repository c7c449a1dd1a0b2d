/* job.h - all that is decided before the first pixel of a build is read. After
 * job_init() it never changes, so threads share it. */
#ifndef TILER_RASTER_JOB_H
#define TILER_RASTER_JOB_H

#include "tiler/build.h"
#include "tiler/raster/encode.h"
#include "tiler/raster/source.h"

struct job {
    const struct build_options *options; /* borrowed */
    struct source_settings settings;
    atomic_flag has_failed; /* of a reader */
    struct source *sources; /* the later over the earlier */
    size_t nsources;
    struct area area; /* what all inputs cover, within --bbox */
    bool has_clip;
    struct footprint clip; /* of --bbox */
    struct grid grid;      /* grid.zoom is the deepest */
    uint8_t min_zoom;
    uint8_t block_zoom; /* a tile there is read at once: block_px wide */
    uint8_t unit_zoom;  /* a tile there, with all below, is one unit of work */
    uint32_t block_px;
    enum shrink shrink;
    struct encoder_settings encoder;
    /* What --memory is spent on. */
    unsigned nthreads;
    uint64_t gdal_cache_nbytes, writer_nbytes;
};

/* Looks at all inputs and decides. False, reported, when that is impossible.
 * On success job_fini() it. */
bool job_init(struct job *job, const struct build_options *options,
              const struct operands *inputs);
void job_fini(struct job *job);

/* Copies the inputs that need it (stage.h) into files in `folder`. False,
 * reported unless a stop was requested, when that fails. */
bool job_stage(struct job *job, const char *folder);

/* Whether tile `at`, of any zoom up to the deepest, may hold something. */
bool job_touches(const struct job *job, struct ibx_zxy at);

/* About how many tiles job_touches() holds for, of all zooms. */
uint64_t job_estimate_tiles(const struct job *job);

/* A text that is equal only for builds whose pixels are: options, and the
 * inputs' names, sizes and times. free() it. NULL when out of memory. */
char *job_fingerprint(const struct job *job);

/* Walks the tiles of one zoom that job_touches(), in tile id order, in constant
 * memory however many there are. */
struct job_walk {
    const struct job *job;
    uint8_t zoom;
    uint64_t next; /* index on the zoom's Hilbert curve */
};

bool job_walk_next(struct job_walk *walk, struct ibx_zxy *out);

#endif
