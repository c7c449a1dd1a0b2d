/* export_plan.h - which tiles of a tileset have equal contents, anywhere.
 *
 * Packs share blobs only inside themselves; archives share them everywhere. A
 * plan walks a tileset once without reading tiles, sorts the hashes, and then
 * knows for every run whether its content is written for the first time, and
 * where it went before. Memory is bounded; what does not fit lies in unnamed
 * temporary files. Equal hashes are only believed until the bytes are at hand:
 * the writer of an archive compares them. */
#ifndef IBX_CONVERT_EXPORT_PLAN_H
#define IBX_CONVERT_EXPORT_PLAN_H

#include "tiler/convert/tileset_in.h"

/* What to do with the content of a run. */
enum plan_action {
    PLAN_WRITE,  /* it comes for the first time */
    PLAN_REPEAT, /* its pack had it before: surely the same */
    PLAN_EQUAL,  /* another pack had one with this hash: compare */
    PLAN_EMPTY,  /* present, without bytes */
};

/* One run of tiles, as ibx_walk_next() gives them, in the same order. */
struct plan_run {
    uint64_t first_id, count;
    uint64_t off;     /* of its content among all contents, one after another */
    uint64_t content; /* its number among all contents, from 0 */
    uint32_t nbytes;
    uint32_t action; /* enum plan_action */
};

struct plan_options {
    uint64_t memory_nbytes; /* at least 8 MiB */
    const char *temp_dir;   /* NULL: beside the output */
    const char *output;     /* its path */
    bool share; /* false: only inside packs, and nothing to compare */
    void (*progress)(void *arg, uint64_t tiles);
    void *progress_arg;
};

struct export_plan {
    int fd; /* plan_runs, one after the other */
    uint64_t nruns;
    /* Of everything there is. */
    struct coverage coverage;
    struct kinds kinds;
    uint64_t contents, contents_nbytes;
};

/* `tileset` should not verify: see tileset_in_open(). IBX_ERR_INTERRUPTED
 * after a signal; otherwise as reading and writing fail. */
IBX_MUST_CHECK enum ibx_status export_plan_make(
    struct ibx_tileset *tileset, const struct plan_options *options,
    struct export_plan *out, struct ibx_err *err);

void export_plan_free(struct export_plan *plan);

/* Runs one after the other. */
struct plan_reader {
    const struct export_plan *plan;
    uint64_t next;
    struct plan_run *runs; /* a part of them */
    size_t at, count;
};

IBX_MUST_CHECK enum ibx_status plan_reader_open(const struct export_plan *plan,
                                                struct plan_reader *out,
                                                struct ibx_err *err);

/* IBX_NOT_FOUND behind the last. */
IBX_MUST_CHECK enum ibx_status plan_reader_next(struct plan_reader *reader,
                                                struct plan_run *out,
                                                struct ibx_err *err);
void plan_reader_close(struct plan_reader *reader);

#endif
