#include "tiler/vector/preflight.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum {
    SAMPLE_CHUNKS = 16,
    /* Times the sorter's, so that a sample rarely goes to the disk itself; the
     * memory of later stages is not in use yet. */
    SAMPLE_MEMORY = 4,
    /* Pieces of a zoom rarely take more than so many times the features. */
    AMPLE = 16,
    /* A compressed tile has about half the bytes of its pieces, or less. */
    PIECES_PER_TILE_BYTE = 2,
};

/* Bytes free for us in a folder; all there are when the system does not say. */
static uint64_t free_in(const char *dir)
{
    struct statvfs info;
    if (statvfs(dir, &info) != 0)
        return UINT64_MAX;
    return (uint64_t)info.f_bavail * info.f_frsize;
}

static bool same_disk(const char *a, const char *b)
{
    struct stat left, right;
    return stat(a, &left) == 0 && stat(b, &right) == 0 &&
           left.st_dev == right.st_dev;
}

/* What is left of --temp-limit. */
static uint64_t left_of_limit(const struct temp_space *space)
{
    uint64_t used = space->nbytes;
    if (space->max_nbytes == 0)
        return UINT64_MAX;
    return used < space->max_nbytes ? space->max_nbytes - used : 0;
}

/* What is still to be written of it. */
static uint64_t rest_of(uint64_t all, uint64_t there)
{
    return all > there ? all - there : 0;
}

static bool is_ample(const struct preflight *p)
{
    uint64_t nzooms = (uint64_t)p->stage->maxzoom - p->stage->minzoom + 1;
    uint64_t bound = p->stage->store->file.nbytes * nzooms * AMPLE;
    return bound <= free_in(p->space->dir) && bound <= free_in(p->output_dir) &&
           bound <= left_of_limit(p->space);
}

/* Bytes of all pieces. */
struct estimate {
    uint64_t on_disk, in_memory;
};

/* From the pieces of every nth chunk of features. */
static enum ibx_status estimate_pieces(const struct preflight *p,
                                       struct estimate *out,
                                       struct ibx_err *err)
{
    struct temp_space space = {.dir = p->space->dir};
    struct stats stats = {0};
    struct stage_cut sample = *p->stage;
    size_t nchunks = sample.store->nchunks;
    sample.sample = nchunks / SAMPLE_CHUNKS + 1;
    sample.stats = &stats;
    sample.progress = NULL;
    sample.sorter = NULL;
    enum ibx_status status =
        sorter_open(sample.nthreads, SAMPLE_MEMORY * p->sorter_nbytes, &space,
                    &sample.sorter, err);
    if (status == IBX_OK && !stats_init(&stats, sample.layers->count))
        status = err_nomem(err);
    if (status == IBX_OK)
        status = stage_cut_run(&sample, err);
    if (status == IBX_OK) {
        size_t taken = (nchunks + sample.sample - 1) / sample.sample;
        double all = taken == 0 ? 0 : (double)nchunks / (double)taken;
        const struct sorter *pieces = sample.sorter;
        out->on_disk = (uint64_t)((double)sorter_nbytes(pieces) * all);
        out->in_memory = (uint64_t)((double)sorter_memory_nbytes(pieces) * all);
    }
    stats_fini(&stats);
    sorter_close(sample.sorter);
    return status;
}

static enum ibx_status refuse(const char *where, uint64_t need, uint64_t have,
                              const char *what, struct ibx_err *err)
{
    char text[160];
    snprintf(text, sizeof text,
             "the build needs about %" PRIu64 " MB %s and has %" PRIu64 " MB",
             (need >> 20) + 1, what, have >> 20);
    return err_say(err, IBX_ERR_TOO_LARGE, where, text);
}

enum ibx_status preflight_run(const struct preflight *p, struct ibx_err *err)
{
    struct estimate pieces = {0};
    if (is_ample(p))
        return IBX_OK;
    enum ibx_status status = estimate_pieces(p, &pieces, err);
    if (status != IBX_OK)
        return status;
    uint64_t runs = pieces.in_memory > p->sorter_nbytes ? pieces.on_disk : 0;
    uint64_t tiles = pieces.on_disk / PIECES_PER_TILE_BYTE;
    uint64_t spool = rest_of(tiles, p->kept.spool_nbytes);
    uint64_t temp = runs + (p->spool_is_temp ? spool : 0);
    uint64_t output =
        rest_of(tiles, p->kept.pack_nbytes) + (p->spool_is_temp ? 0 : spool);
    if (runs > left_of_limit(p->space))
        return refuse(p->space->dir, runs, left_of_limit(p->space),
                      "of temporary files by --temp-limit", err);
    if (same_disk(p->space->dir, p->output_dir)) {
        output += temp;
        temp = 0;
    }
    if (temp > free_in(p->space->dir))
        return refuse(p->space->dir, temp, free_in(p->space->dir),
                      "of disk for temporary files", err);
    if (output > free_in(p->output_dir))
        return refuse(p->output_dir, output, free_in(p->output_dir), "of disk",
                      err);
    return IBX_OK;
}
