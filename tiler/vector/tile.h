/* tile.h - makes one vector tile from the pieces that fall into it.
 *
 * Lines with equal attributes are merged; features come in the order of their
 * layer, then of their sort key, then of the input; the tile is gzip. When it
 * exceeds a limit the layers' policies say what gives way, and it is counted.
 * The result depends on the pieces alone. */
#ifndef TILER_VECTOR_TILE_H
#define TILER_VECTOR_TILE_H

#include "tiler/vector/attrs.h"
#include "tiler/vector/record.h"
#include "tiler/vector/stats.h"

/* What all tiles of a build share. Borrowed. */
struct tile_settings {
    const struct layer_list *layers;
    const struct attrs *attrs;
    uint64_t max_nbytes;    /* compressed; 0: no limit */
    uint64_t max_nfeatures; /* 0: no limit */
    int gzip_level;         /* 1..12 */
};

/* A piece as it was put by piece_put(). */
struct tile_record {
    uint64_t seq;
    const uint8_t *ptr;
    size_t len;
};

/* A piece that a limit took away from a feature that has others: the feature
 * is lost at this zoom when all of them are gone. */
struct tile_drop {
    uint64_t seq;
    uint32_t layer, npieces;
    uint8_t zoom;
};

struct tile_drops {
    struct tile_drop *items;
    size_t count, cap;
};

/* One per thread. */
struct tile_maker;

struct tile_maker *tile_maker_new(const struct tile_settings *settings);
void tile_maker_free(struct tile_maker *maker);

enum tile_status {
    TILE_OK,
    TILE_EMPTY, /* everything was dropped: no tile */
    TILE_NOMEM,
    TILE_CORRUPT,  /* a record is damaged */
    TILE_TOO_LARGE /* over a limit, and a layer's policy is `error` */
};

struct tile_job {
    uint8_t zoom;
    uint64_t count;                    /* tiles alike, for the statistics */
    const struct tile_record *records; /* sorted by seq */
    size_t nrecords;
    struct stats *stats;      /* added to */
    struct tile_drops *drops; /* added to */
};

/* On TILE_OK *out is the gzip, valid until the next call. */
enum tile_status tile_make(struct tile_maker *maker, const struct tile_job *job,
                           const struct bytes **out);

/* Frees what a large tile has grown; the tile made last stays. */
void tile_maker_shrink(struct tile_maker *maker);

#endif
