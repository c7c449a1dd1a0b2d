#include "tiler/convert/idblock.h"

#include <math.h>

bool id_block_next(struct id_run *run, struct id_block *out)
{
    if (run->count == 0)
        return false;
    struct ibx_zxy at = ibx_tile_zxy(run->first_id);
    uint64_t in_zoom = run->first_id - ibx_zoom_first_id(at.z);
    uint8_t level = 0;
    uint64_t size = 1;
    while (level < at.z && in_zoom % (size * 4) == 0 &&
           size * 4 <= run->count) {
        size *= 4;
        level++;
    }
    uint32_t mask = ~(uint32_t)(((uint64_t)1 << level) - 1);
    *out = (struct id_block){.first_id = run->first_id,
                             .count = size,
                             .z = at.z,
                             .level = level,
                             .x = at.x & mask,
                             .y = at.y & mask};
    run->first_id += size;
    run->count -= size;
    return true;
}

void id_block_split(const struct id_block *block, struct id_block out[4])
{
    struct id_run run = {block->first_id, block->count / 4};
    for (int i = 0; i < 4; i++) {
        (void)id_block_next(&run, &out[i]);
        run.count = block->count / 4;
    }
}

static void widen(struct coverage *c, const struct id_block *b)
{
    uint32_t last = (uint32_t)(((uint64_t)1 << b->level) - 1);
    bool fresh = !c->zoom_used[b->z];
    c->zoom_used[b->z] = true;
    if (fresh || b->x < c->min_x[b->z])
        c->min_x[b->z] = b->x;
    if (fresh || b->y < c->min_y[b->z])
        c->min_y[b->z] = b->y;
    if (fresh || b->x + last > c->max_x[b->z])
        c->max_x[b->z] = b->x + last;
    if (fresh || b->y + last > c->max_y[b->z])
        c->max_y[b->z] = b->y + last;
}

void coverage_add(struct coverage *coverage, uint64_t first_id, uint64_t count)
{
    struct id_run run = {first_id, count};
    struct id_block block;
    coverage->tiles += count;
    while (id_block_next(&run, &block))
        widen(coverage, &block);
}

bool coverage_zooms(const struct coverage *coverage, uint8_t *min, uint8_t *max)
{
    bool any = false;
    for (unsigned z = 0; z <= IBX_MAX_ZOOM; z++) {
        if (!coverage->zoom_used[z])
            continue;
        if (!any)
            *min = (uint8_t)z;
        *max = (uint8_t)z;
        any = true;
    }
    return any;
}

double tile_lon(uint8_t z, uint64_t x)
{
    return (double)x / (double)((uint64_t)1 << z) * 360 - 180;
}

double tile_lat(uint8_t z, uint64_t y)
{
    double n = M_PI * (1 - 2 * (double)y / (double)((uint64_t)1 << z));
    return atan(sinh(n)) * 180 / M_PI;
}

void coverage_bounds(const struct coverage *coverage, double out[4])
{
    uint8_t min = 0, z = 0;
    (void)coverage_zooms(coverage, &min, &z);
    out[0] = tile_lon(z, coverage->min_x[z]);
    out[1] = tile_lat(z, (uint64_t)coverage->max_y[z] + 1);
    out[2] = tile_lon(z, (uint64_t)coverage->max_x[z] + 1);
    out[3] = tile_lat(z, coverage->min_y[z]);
}
