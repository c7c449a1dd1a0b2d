/* stage_cut.h - features to pieces: simplify, round, repair and cut every
 * feature at every zoom, into a sorter. */
#ifndef TILER_VECTOR_STAGE_CUT_H
#define TILER_VECTOR_STAGE_CUT_H

#include "tiler/cli/progress.h"
#include "tiler/vector/crew.h"
#include "tiler/vector/junction.h"
#include "tiler/vector/sorter.h"
#include "tiler/vector/stats.h"
#include "tiler/vector/store.h"

struct stage_cut {
    /* Given; borrowed. */
    const struct store *store;
    const struct layer_list *layers;
    unsigned bits;            /* world units */
    uint8_t minzoom, maxzoom; /* of the build */
    unsigned nthreads;        /* as many lanes the sorter has */
    struct sorter *sorter;
    struct stats *stats;       /* added to */
    struct progress *progress; /* features; may be NULL */
    const volatile sig_atomic_t *stop;
    uint64_t junction_nbytes; /* bound for the junction table */
    /* Every nth chunk only, for estimates; 0 or 1: all. */
    size_t sample;
};

/* As temp_read() and sorter_add() fail, or IBX_ERR_INTERRUPTED. */
IBX_MUST_CHECK enum ibx_status stage_cut_run(struct stage_cut *stage,
                                             struct ibx_err *err);

#endif
