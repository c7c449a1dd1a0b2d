/* stats.h - what a build counts, per layer and zoom, and per layer in input.
 *
 * A feature that a zoom should show is either in at least one tile of it or
 * counted under a reason. "Pieces" are a feature's shares of single tiles. */
#ifndef TILER_VECTOR_STATS_H
#define TILER_VECTOR_STATS_H

#include "tiler/vector/bytes.h"
#include "tiler/vector/layer.h"

enum { STATS_NZOOMS = 31 };

/* X(name, JSON key) */
#define STAT_ZOOM_LIST(X)                                                      \
    X(STAT_IN, "features_in")                                                  \
    X(STAT_OUT, "features_out")                                                \
    X(STAT_TOO_SMALL, "too_small")                                             \
    X(STAT_NOT_REPAIRED, "not_repairable")                                     \
    X(STAT_LOST_LIMIT, "lost_to_limits")                                       \
    X(STAT_REPAIRED, "repaired")                                               \
    X(STAT_PIECES, "pieces")                                                   \
    X(STAT_DROPPED_BYTES, "pieces_dropped_tile_bytes")                         \
    X(STAT_DROPPED_COUNT, "pieces_dropped_tile_features")                      \
    X(STAT_COALESCED, "pieces_coalesced")                                      \
    X(STAT_SIMPLIFIED, "tiles_simplified_more")                                \
    X(STAT_MERGED, "lines_merged")

enum stat_zoom {
#define STAT_ENUM(name, key) name,
    STAT_ZOOM_LIST(STAT_ENUM)
#undef STAT_ENUM
        STAT_NZOOM
};

/* "read" is features; the others are geometries, of which a collection of
 * mixed kinds has several. */
#define STAT_INPUT_LIST(X)                                                     \
    X(READ_FEATURES, "read")                                                   \
    X(READ_TAKEN, "taken")                                                     \
    X(READ_NO_GEOMETRY, "without_geometry")                                    \
    X(READ_EMPTY, "empty_geometry")                                            \
    X(READ_BAD_COORDS, "bad_coordinates")                                      \
    X(READ_OUTSIDE, "outside_the_map")                                         \
    X(READ_BAD_KIND, "unknown_geometry")                                       \
    X(READ_REPAIRED, "repaired")                                               \
    X(READ_NOT_REPAIRED, "not_repairable")                                     \
    X(READ_OUTSIDE_BOX, "outside_the_box")                                     \
    X(READ_NO_ZOOM, "outside_the_zooms")                                       \
    X(READ_BAD_TEXT, "texts_repaired")                                         \
    X(READ_BAD_VALUE, "values_left_out")                                       \
    X(READ_BAD_ID, "ids_left_out")

enum stat_input {
#define STAT_ENUM(name, key) name,
    STAT_INPUT_LIST(STAT_ENUM)
#undef STAT_ENUM
        STAT_NINPUT
};

struct stats_layer {
    uint64_t input[STAT_NINPUT];
    uint64_t zoom[STATS_NZOOMS][STAT_NZOOM];
};

struct stats_zoom {
    uint64_t tiles, nbytes, largest_nbytes, over_limit;
};

/* One per thread, added up at the end; counting is plain addition, so the sum
 * does not depend on who counted what. */
struct stats {
    struct stats_layer *layers;
    size_t nlayers;
    struct stats_zoom zooms[STATS_NZOOMS];
};

/* False: no memory. */
bool stats_init(struct stats *stats, size_t nlayers);
void stats_fini(struct stats *stats);
void stats_clear(struct stats *stats);
void stats_add(struct stats *to, const struct stats *from);

/* As bytes, for a unit of work that a resumed build skips; only what is not 0
 * is written. stats_get() adds to `stats`; false when the bytes are damaged. */
void stats_put(struct bytes *to, const struct stats *stats);
bool stats_get(struct cursor *from, struct stats *stats);

/* Whether data is missing from the tileset altogether: features that could not
 * be drawn, or pieces dropped to meet a limit, or input left out. */
bool stats_has_loss(const struct stats *stats);

#endif
