/* recsort.h - sorts any number of small records in bounded memory.
 *
 * Records with equal keys keep the order in which they were added. */
#ifndef IBX_CONVERT_RECSORT_H
#define IBX_CONVERT_RECSORT_H

#include "tiler/convert/buf.h"

struct rec {
    uint64_t key, value;
};

struct recsort;

/* Uses at most about `memory_nbytes` (1 MiB at least) and, when that is not
 * enough, an unnamed file in `temp_dir`, or with NULL beside `beside`. */
IBX_MUST_CHECK enum ibx_status recsort_open(uint64_t memory_nbytes,
                                            const char *temp_dir,
                                            const char *beside,
                                            struct recsort **out,
                                            struct ibx_err *err);

/* IBX_ERR_SYSTEM, IBX_ERR_NOMEM. */
IBX_MUST_CHECK enum ibx_status recsort_add(struct recsort *sort, struct rec rec,
                                           struct ibx_err *err);

/* Ends the adding. */
IBX_MUST_CHECK enum ibx_status recsort_sort(struct recsort *sort,
                                            struct ibx_err *err);

/* The next record in order; IBX_NOT_FOUND at the end. */
IBX_MUST_CHECK enum ibx_status recsort_next(struct recsort *sort,
                                            struct rec *out,
                                            struct ibx_err *err);

/* NULL is allowed. */
void recsort_close(struct recsort *sort);

#endif
