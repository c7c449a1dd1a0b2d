/* stage_encode.h - sorted pieces to tiles, into the writer. */
#ifndef TILER_VECTOR_STAGE_ENCODE_H
#define TILER_VECTOR_STAGE_ENCODE_H

#include "pack/writer.h"
#include "tiler/cli/progress.h"
#include "tiler/vector/crew.h"
#include "tiler/vector/sorter.h"
#include "tiler/vector/tile.h"

struct stage_encode {
    /* Given; borrowed. */
    struct sorter *sorter; /* merging */
    const struct tile_settings *settings;
    struct ibx_writer *writer; /* NULL: count only */
    unsigned nthreads;
    struct stats *stats;       /* added to */
    struct progress *progress; /* pieces; may be NULL */
    const volatile sig_atomic_t *stop;
};

/* Makes all tiles, a few hundred at a time: each such batch is a unit of the
 * writer, keyed by its first tile and the same in every run, so a resumed
 * build skips it. As the sorter and the writer fail, or
 * IBX_ERR_INTERRUPTED, or IBX_ERR_TOO_LARGE (policy `error`). */
IBX_MUST_CHECK enum ibx_status stage_encode_run(struct stage_encode *stage,
                                                struct ibx_err *err);

#endif
