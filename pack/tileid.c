/* tileid.c - tile addresses as PMTiles v3 ids (docs/format.md section 1):
 * zoom by zoom, and along a Hilbert curve inside each zoom. */
#include <assert.h>

#include "pack/imbrex.h"

uint64_t ibx_zoom_first_id(uint8_t z)
{
    assert(z <= IBX_MAX_ZOOM + 1);
    /* 1 + 4 + ... + 4^(z-1) */
    return ((UINT64_C(1) << (2 * z)) - 1) / 3;
}

bool ibx_zxy_valid(struct ibx_zxy at)
{
    return at.z <= IBX_MAX_ZOOM && at.x >> at.z == 0 && at.y >> at.z == 0;
}

/* Turns a quadrant of `side` so that the curve enters and leaves it where the
 * parent's curve does. */
static void hilbert_turn(uint32_t side, uint32_t *x, uint32_t *y, uint32_t rx,
                         uint32_t ry)
{
    if (ry != 0)
        return;
    if (rx != 0) {
        *x = side - 1 - *x;
        *y = side - 1 - *y;
    }
    uint32_t old_x = *x;
    *x = *y;
    *y = old_x;
}

uint64_t ibx_tile_id(struct ibx_zxy at)
{
    assert(ibx_zxy_valid(at));
    uint64_t id = ibx_zoom_first_id(at.z);
    uint32_t x = at.x;
    uint32_t y = at.y;
    for (int level = at.z - 1; level >= 0; level--) {
        uint32_t side = UINT32_C(1) << level;
        uint32_t rx = (x >> level) & 1;
        uint32_t ry = (y >> level) & 1;
        id += (uint64_t)((3 * rx) ^ ry) << (2 * level);
        x &= side - 1;
        y &= side - 1;
        hilbert_turn(side, &x, &y, rx, ry);
    }
    return id;
}

uint8_t ibx_id_zoom(uint64_t id)
{
    assert(id < ibx_zoom_first_id(IBX_MAX_ZOOM + 1));
    /* From (4^z - 1) / 3 <= id: 4^z <= 3 id + 1, so z is half its logarithm. */
    return (uint8_t)((63 - __builtin_clzll(3 * id + 1)) / 2);
}

struct ibx_zxy ibx_tile_zxy(uint64_t id)
{
    assert(id < ibx_zoom_first_id(IBX_MAX_ZOOM + 1));
    struct ibx_zxy at = {.z = ibx_id_zoom(id)};
    uint64_t rest = id - ibx_zoom_first_id(at.z);
    for (uint8_t level = 0; level < at.z; level++) {
        uint32_t side = UINT32_C(1) << level;
        uint32_t rx = 1 & (uint32_t)(rest >> 1);
        uint32_t ry = 1 & ((uint32_t)rest ^ rx);
        hilbert_turn(side, &at.x, &at.y, rx, ry);
        at.x += rx << level;
        at.y += ry << level;
        rest >>= 2;
    }
    return at;
}
