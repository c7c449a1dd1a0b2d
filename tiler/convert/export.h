/* export.h - a tileset written as somebody else's container.
 *
 * Each writer gets the same description of a job and leaves either the whole
 * output under its name or nothing. */
#ifndef IBX_CONVERT_EXPORT_H
#define IBX_CONVERT_EXPORT_H

#include "tiler/cli/progress.h"
#include "tiler/convert/export_plan.h"
#include "tiler/convert/source.h"

struct export_job {
    const char *folder; /* the tileset, for messages */
    const char *output;
    struct tileset_in facts; /* opened without verifying: for plans */
    struct tileset_in tiles; /* opened with verifying: for bytes */
    struct meta meta;
    char *name;           /* the title where metadata has none */
    struct meta tilejson; /* of the manifest, for its vector_layers */
    struct json_slice layers;
    bool replace;
    enum source_scheme scheme; /* folders */
    uint64_t memory_nbytes;
    const char *temp_dir; /* NULL: beside the output */
    struct progress *progress;
    /* Results. */
    uint64_t tiles_written, contents, output_nbytes;
    uint64_t empty_left_out; /* present-but-empty tiles that had no place */
    uint64_t mixed;          /* tiles of another kind than the archive says */
};

/* Each fails as reading and writing do; IBX_ERR_EXISTS when the output is
 * there and not to be replaced; IBX_ERR_INTERRUPTED after a signal. */
IBX_MUST_CHECK enum ibx_status export_pmtiles(struct export_job *job,
                                              struct ibx_err *err);
IBX_MUST_CHECK enum ibx_status export_mbtiles(struct export_job *job,
                                              struct ibx_err *err);
IBX_MUST_CHECK enum ibx_status export_folder(struct export_job *job,
                                             struct ibx_err *err);

/* ---- for the writers ------------------------------------------------------
 */

/* Makes the plan of a job, with progress. */
IBX_MUST_CHECK enum ibx_status export_job_plan(struct export_job *job,
                                               bool share,
                                               struct export_plan *out,
                                               struct ibx_err *err);

/* Tiles in the order of a plan. */
struct plan_walk {
    struct plan_reader reader;
    struct ibx_walk *walk;
    struct ibx_tile tile; /* of the current run, once it was asked for */
};

IBX_MUST_CHECK enum ibx_status plan_walk_open(const struct export_job *job,
                                              const struct export_plan *plan,
                                              struct plan_walk *out,
                                              struct ibx_err *err);

/* The next run; IBX_NOT_FOUND at the end. */
IBX_MUST_CHECK enum ibx_status plan_walk_next(struct plan_walk *walk,
                                              struct plan_run *out,
                                              struct ibx_err *err);

/* The verified bytes of the run, borrowed until the next call. Fails with
 * IBX_ERR_CORRUPT when they are not as long as was planned. */
IBX_MUST_CHECK enum ibx_status plan_walk_bytes(struct plan_walk *walk,
                                               const struct plan_run *run,
                                               struct bytes *out,
                                               struct ibx_err *err);
void plan_walk_close(struct plan_walk *walk);

#endif
