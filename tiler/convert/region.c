#include "tiler/convert/region.h"

static struct box box_of(const struct id_block *b)
{
    uint64_t side = (uint64_t)1 << b->level;
    return (struct box){tile_lon(b->z, b->x), tile_lat(b->z, b->y + side),
                        tile_lon(b->z, b->x + side), tile_lat(b->z, b->y)};
}

/* A tile that only touches the box is not in it. */
static bool overlaps(const struct box *a, const struct box *b)
{
    return a->west < b->east && a->east > b->west && a->south < b->north &&
           a->north > b->south;
}

static bool holds(const struct box *outer, const struct box *inner)
{
    return outer->west <= inner->west && outer->east >= inner->east &&
           outer->south <= inner->south && outer->north >= inner->north;
}

static enum cover cover_of(const struct box *region, const struct box *box)
{
    if (!overlaps(region, box))
        return COVER_NONE;
    return holds(region, box) ? COVER_ALL : COVER_SOME;
}

static enum cover bbox_cover(const struct bbox *b, const struct box *box)
{
    struct box whole = {b->west, b->south, b->east, b->north};
    if (b->west < b->east)
        return cover_of(&whole, box);
    /* Across the antimeridian: a part on either side of it. */
    struct box east = {b->west, b->south, 180, b->north};
    struct box west = {-180, b->south, b->east, b->north};
    enum cover one = cover_of(&east, box), other = cover_of(&west, box);
    return one > other ? one : other;
}

enum cover region_cover(const struct region *region,
                        const struct id_block *block)
{
    struct box box = box_of(block);
    enum cover cover = COVER_ALL;
    if (!region->zooms.is_auto &&
        (block->z < region->zooms.min || block->z > region->zooms.max))
        return COVER_NONE;
    if (region->bbox.is_set)
        cover = bbox_cover(&region->bbox, &box);
    if (cover != COVER_NONE && region->shape != NULL) {
        enum cover shape = region->shape(region->shape_arg, &box);
        cover = shape < cover ? shape : cover;
    }
    if (cover == COVER_SOME && block->level == 0)
        return COVER_ALL;
    return cover;
}

enum cover region_cover_run(const struct region *region, uint64_t first_id,
                            uint64_t count)
{
    struct id_run run = {first_id, count};
    struct id_block block;
    bool all = true, none = true;
    while ((all || none) && id_block_next(&run, &block)) {
        enum cover cover = region_cover(region, &block);
        all = all && cover == COVER_ALL;
        none = none && cover == COVER_NONE;
    }
    return all ? COVER_ALL : none ? COVER_NONE : COVER_SOME;
}

/* The first part of `block` that lies in the region. */
static bool find_in_block(const struct region *region,
                          const struct id_block *block, struct id_run *out)
{
    struct id_block at = *block, quarters[4];
    uint64_t end = block->first_id + block->count;
    while (at.first_id < end) {
        enum cover cover = region_cover(region, &at);
        if (cover == COVER_ALL) {
            *out = (struct id_run){at.first_id, at.count};
            return true;
        }
        if (cover == COVER_SOME) {
            id_block_split(&at, quarters);
            at = quarters[0];
            continue;
        }
        /* Nothing here: on to the largest block behind it. */
        struct id_run rest = {at.first_id + at.count,
                              end - at.first_id - at.count};
        if (!id_block_next(&rest, &at))
            return false;
    }
    return false;
}

bool region_next(const struct region *region, struct id_run *run,
                 struct id_run *out)
{
    struct id_block block;
    struct id_run at = *run;
    while (id_block_next(&at, &block)) {
        if (!find_in_block(region, &block, out))
            continue;
        uint64_t end = run->first_id + run->count;
        uint64_t next = out->first_id + out->count;
        *run = (struct id_run){next, end - next};
        return true;
    }
    run->count = 0;
    return false;
}

bool region_box(const struct region *region, struct box *out)
{
    bool crosses = region->bbox.is_set && region->bbox.west > region->bbox.east;
    if (region->shape != NULL)
        *out = region->shape_box;
    if (region->bbox.is_set && !crosses) {
        struct box b = {region->bbox.west, region->bbox.south,
                        region->bbox.east, region->bbox.north};
        if (region->shape == NULL)
            *out = b;
        out->west = out->west > b.west ? out->west : b.west;
        out->south = out->south > b.south ? out->south : b.south;
        out->east = out->east < b.east ? out->east : b.east;
        out->north = out->north < b.north ? out->north : b.north;
    }
    return region->shape != NULL || (region->bbox.is_set && !crosses);
}
