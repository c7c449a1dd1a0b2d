/* preflight.h - whether a build fits the disks, before it begins to fill them.
 *
 * What a build needs is estimated by cutting a sample of the features, unless
 * the disks have so much room that it does not matter. */
#ifndef TILER_VECTOR_PREFLIGHT_H
#define TILER_VECTOR_PREFLIGHT_H

#include "pack/writer.h"
#include "tiler/vector/stage_cut.h"

struct preflight {
    const struct stage_cut *stage; /* of the build; its sorter is not used */
    const struct temp_space *space;
    const char *output_dir;      /* there; the tileset will be in it */
    bool spool_is_temp;          /* unfinished tiles go to space->dir */
    uint64_t sorter_nbytes;      /* pieces that need no disk */
    struct ibx_writer_kept kept; /* by an interrupted build that goes on */
};

/* IBX_ERR_TOO_LARGE says what is needed and what there is; else as
 * stage_cut_run() fails. */
IBX_MUST_CHECK enum ibx_status preflight_run(const struct preflight *preflight,
                                             struct ibx_err *err);

#endif
