/* store.h - all features of a build, in input order, in a temporary file.
 * Written by one thread; read back in chunks by any number. */
#ifndef TILER_VECTOR_STORE_H
#define TILER_VECTOR_STORE_H

#include "tiler/vector/record.h"
#include "tiler/vector/temp.h"

struct store_chunk {
    uint64_t offset, nbytes, nfeatures;
};

struct store {
    struct temp_file file;
    struct bytes open; /* the chunk being filled */
    uint64_t open_nfeatures;
    struct store_chunk *chunks;
    size_t nchunks, chunks_cap;
    uint64_t nfeatures, nvertices;
    uint64_t nsegments;    /* of lines and polygons */
    double log_length_sum; /* of log2 of segment lengths, for --zoom auto */
    uint64_t npoint_features;
    struct geom_box box;
};

IBX_MUST_CHECK enum ibx_status store_open(struct store *store,
                                          struct temp_space *space,
                                          struct ibx_err *err);
void store_close(struct store *store);

/* Appends a feature; its number becomes head->seq. */
IBX_MUST_CHECK enum ibx_status store_add(struct store *store,
                                         struct feature_head *head,
                                         const struct geom *geom,
                                         struct ibx_err *err);

/* Ends writing. */
IBX_MUST_CHECK enum ibx_status store_seal(struct store *store,
                                          struct ibx_err *err);

/* Replaces *to by chunk `number`: records for feature_get(). Any thread. */
IBX_MUST_CHECK enum ibx_status store_read(const struct store *store,
                                          size_t number, struct bytes *to,
                                          struct ibx_err *err);

#endif
