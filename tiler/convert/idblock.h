/* idblock.h - runs of tile ids as squares of tiles.
 *
 * In Hilbert order an aligned run of 4^k ids is a square of 2^k by 2^k tiles,
 * so even a run of billions is a handful of squares. Pure. */
#ifndef IBX_CONVERT_IDBLOCK_H
#define IBX_CONVERT_IDBLOCK_H

#include "pack/imbrex.h"

struct id_block {
    uint64_t first_id, count; /* count is 4^level */
    uint8_t z, level;
    uint32_t x, y; /* of the north-west tile; the side is 2^level tiles */
};

/* A run of ids that is being taken apart. */
struct id_run {
    uint64_t first_id, count;
};

/* Takes the largest square off the front of `run`, which may span zooms.
 * False when nothing is left. */
bool id_block_next(struct id_run *run, struct id_block *out);

/* The four quarters of a block with level > 0, in id order. */
void id_block_split(const struct id_block *block, struct id_block out[4]);

/* What a set of tiles covers. Zero it before use. */
struct coverage {
    uint64_t tiles;
    bool zoom_used[IBX_MAX_ZOOM + 1];
    uint32_t min_x[IBX_MAX_ZOOM + 1], max_x[IBX_MAX_ZOOM + 1];
    uint32_t min_y[IBX_MAX_ZOOM + 1], max_y[IBX_MAX_ZOOM + 1];
};

void coverage_add(struct coverage *coverage, uint64_t first_id, uint64_t count);

/* Smallest and largest zoom; false when there are no tiles. */
bool coverage_zooms(const struct coverage *coverage, uint8_t *min,
                    uint8_t *max);

/* Degrees of a tile's north-west corner; x and y may be 2^z. */
double tile_lon(uint8_t z, uint64_t x);
double tile_lat(uint8_t z, uint64_t y);

/* West, south, east and north of the tiles of the largest zoom, in degrees.
 * There must be tiles. */
void coverage_bounds(const struct coverage *coverage, double out[4]);

#endif
