/* sort.h - records in id order, whatever their number: in memory while they
 * fit, otherwise as sorted runs in a temporary file, merged while reading.
 * One thread at a time. */
#ifndef IBX_PACK_WRITER_SORT_H
#define IBX_PACK_WRITER_SORT_H

#include "pack/imbrex.h"
#include "pack/writer/record.h"

struct ibx_sort;

/* Keeps to about `memory_nbytes`. The runs' file is made at `path` (copied)
 * when it is first needed and unlinked at once. */
IBX_MUST_CHECK enum ibx_status ibx_sort_open(const char *path,
                                             uint64_t memory_nbytes,
                                             struct ibx_sort **out,
                                             struct ibx_err *err);
void ibx_sort_close(struct ibx_sort *sort);

IBX_MUST_CHECK enum ibx_status ibx_sort_add(struct ibx_sort *sort,
                                            const struct ibx_record *record,
                                            struct ibx_err *err);

/* Ends adding; ibx_sort_next() then gives every record by first id, ties by
 * hash and place in the spool, and NOT_FOUND behind the last. May be called
 * again to start over. */
IBX_MUST_CHECK enum ibx_status ibx_sort_rewind(struct ibx_sort *sort,
                                               struct ibx_err *err);
IBX_MUST_CHECK enum ibx_status ibx_sort_next(struct ibx_sort *sort,
                                             struct ibx_record *out,
                                             struct ibx_err *err);

uint64_t ibx_sort_count(const struct ibx_sort *sort);

#endif
