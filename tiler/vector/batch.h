/* batch.h - groups a sorted stream of pieces by tile, a batch at a time.
 *
 * Pieces that cover many tiles are held until their interval ends. Tiles that
 * nothing but the same covers fall into are one run, however many. Where
 * batches begin and end depends on the stream alone. */
#ifndef TILER_VECTOR_BATCH_H
#define TILER_VECTOR_BATCH_H

#include "tiler/vector/sorter.h"
#include "tiler/vector/tile.h"

/* A tile, or a run of tiles alike. */
struct batch_tile {
    uint64_t first_id, count;
    size_t first_record, nrecords;
};

/* Self-contained; begin with all zero. */
struct batch {
    struct batch_tile *tiles;
    size_t ntiles, tiles_cap;
    struct tile_record *records; /* ptr set once the batch is complete */
    size_t *offsets;             /* of the records in bytes */
    size_t nrecords, records_cap;
    struct bytes bytes;
    uint64_t npieces; /* taken from the stream for it */
};

void batch_free(struct batch *batch);

/* The stream; begin with .sorter set and all else zero. */
struct batch_source {
    struct sorter *sorter;
    bool begun, ended;
    struct sorter_record pending;
    uint64_t pending_count; /* tiles it covers */
    uint64_t at;            /* the next tile to come, while covers last */
    struct cover *covers;
    size_t ncovers, covers_cap;
};

void batch_source_free(struct batch_source *source);

/* Replaces the batch by the next; IBX_NOT_FOUND at the end. */
IBX_MUST_CHECK enum ibx_status batch_next(struct batch_source *source,
                                          struct batch *batch,
                                          struct ibx_err *err);

#endif
