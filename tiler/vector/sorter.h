/* sorter.h - sorts records by (id, seq, part) in bounded memory.
 *
 * Each thread adds to a lane of its own; a full lane sorts what it holds and
 * writes a run to its temporary file. Afterwards one merge gives everything
 * back in order. The order is total and is the same for any number of lanes,
 * as long as no two records have equal keys. */
#ifndef TILER_VECTOR_SORTER_H
#define TILER_VECTOR_SORTER_H

#include "tiler/vector/temp.h"

struct sorter_key {
    uint64_t id, seq;
    uint32_t part;
};

struct sorter;

enum { SORTER_MIN_NBYTES = 1 << 20, SORTER_MAX_LANES = 256 };

/* `nlanes` 1..256; memory for all lanes together, at least 1 MiB each.
 * ERR_NOMEM. The temp space is borrowed. */
IBX_MUST_CHECK enum ibx_status sorter_open(unsigned nlanes,
                                           uint64_t memory_nbytes,
                                           struct temp_space *space,
                                           struct sorter **out,
                                           struct ibx_err *err);

void sorter_close(struct sorter *sorter);

/* Copies a record in. One thread at a time per lane; in a lane, records with
 * equal ids must come in the order of (seq, part). ERR_NOMEM, ERR_SYSTEM,
 * ERR_TOO_LARGE (temp space, or a record over 1 GiB). */
IBX_MUST_CHECK enum ibx_status sorter_add(struct sorter *sorter, unsigned lane,
                                          struct sorter_key key,
                                          const uint8_t *ptr, size_t len,
                                          struct ibx_err *err);

/* Sorts what the lane still holds in memory. May run in parallel for different
 * lanes, before sorter_merge(). */
IBX_MUST_CHECK enum ibx_status sorter_end_lane(struct sorter *sorter,
                                               unsigned lane,
                                               struct ibx_err *err);

/* Prepares the merge; every lane must have ended. ERR_NOMEM, ERR_SYSTEM. */
IBX_MUST_CHECK enum ibx_status sorter_merge(struct sorter *sorter,
                                            struct ibx_err *err);

struct sorter_record {
    struct sorter_key key;
    const uint8_t *ptr; /* valid until the next call */
    size_t len;
};

/* The next record; IBX_NOT_FOUND at the end. ERR_SYSTEM, ERR_CORRUPT,
 * ERR_NOMEM. */
IBX_MUST_CHECK enum ibx_status sorter_next(struct sorter *sorter,
                                           struct sorter_record *out,
                                           struct ibx_err *err);

/* Of all that was added, for estimates and progress: records, the bytes that
 * they take on disk, and those that they take in memory. */
uint64_t sorter_count(const struct sorter *sorter);
uint64_t sorter_nbytes(const struct sorter *sorter);
uint64_t sorter_memory_nbytes(const struct sorter *sorter);

#endif
