/* Any bytes as rings on a small grid, put right, cut to a box and into tiles:
 * what comes out lies where it may and is valid. */
#include <stdlib.h>

#include "tiler/vector/cut.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_NBYTES = 512, ZOOM = 2, RING_ENDS = 0xff, GRID = 64 };

/* Ends the open ring, wound as outer rings are, or drops it. */
static bool end_ring(struct geom *geom, size_t start)
{
    size_t n = geom->npoints - start;
    double area2 = n < 3 ? 0 : geom_ring_area2(geom->points + start, n);
    if (area2 == 0) {
        geom_drop_open(geom);
        return true;
    }
    if (area2 < 0)
        geom_reverse(geom->points + start, n);
    return geom_end_part(geom, true);
}

/* Pairs of bytes are points; RING_ENDS ends a ring. */
static bool read_rings(const uint8_t *data, size_t size, struct geom *geom)
{
    geom_reset(geom, GEOM_POLYGON);
    for (size_t i = 0; i + 1 < size; i += 2) {
        size_t start = geom_part_start(geom, geom->nparts);
        if (data[i] == RING_ENDS) {
            if (!end_ring(geom, start))
                return false;
            continue;
        }
        struct geom_point p = {data[i] * GRID, data[i + 1] * GRID};
        if (!geom_add_point(geom, p))
            return false;
    }
    geom_drop_open(geom);
    return true;
}

static void check_inside(const struct geom *geom, struct geom_box box)
{
    for (size_t i = 0; i < geom->npoints; i++) {
        struct geom_point p = geom->points[i];
        if (p.x < box.min_x || p.x > box.max_x || p.y < box.min_y ||
            p.y > box.max_y)
            abort();
    }
    size_t start = 0;
    for (size_t i = 0; i < geom->nparts; i++) {
        size_t n = geom->parts[i].end - start;
        double area2 = geom_ring_area2(geom->points + start, n);
        if (n < 3 || (area2 > 0) != geom->parts[i].outer)
            abort();
        start = geom->parts[i].end;
    }
}

struct tiles {
    struct repair *repair;
    struct geom copy;
    double area;
};

static bool check_piece(void *arg, const struct cut_piece *piece)
{
    struct tiles *tiles = arg;
    check_inside(piece->geom,
                 (struct geom_box){0, 0, TILE_EXTENT, TILE_EXTENT});
    geom_reset(&tiles->copy, GEOM_POLYGON);
    if (!geom_add_parts(&tiles->copy, piece->geom, 0, piece->geom->nparts))
        return false;
    enum repair_status status = repair_polygons(tiles->repair, &tiles->copy);
    if (status != REPAIR_FINE && status != REPAIR_NOMEM)
        abort();
    tiles->area += geom_area(piece->geom) * (double)piece->count;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct geom_box box = {3000, 4000, 9000, 11000};
    if (size > MAX_NBYTES)
        return 0;
    struct clip_work work = {0};
    struct geom geom = {0}, out = {0};
    struct tiles tiles = {.repair = repair_new()};
    struct cut *cut = cut_new(tiles.repair);
    const struct cut_job job = {ZOOM, 0, check_piece, &tiles};
    uint64_t nrepaired = 0;
    if (cut != NULL && read_rings(data, size, &geom) &&
        repair_polygons(tiles.repair, &geom) != REPAIR_NOMEM) {
        if (clip_box(&work, &geom, box, &out) == CLIP_OK)
            check_inside(&out, box);
        if (cut_feature(cut, &geom, &job, &nrepaired) != CUT_NOMEM) {
            /* Edges are bent by half a unit where they are cut. */
            double length = 2e4 * (double)geom.npoints + 1e3;
            if (tiles.area > geom_area(&geom) + length ||
                tiles.area < geom_area(&geom) - length)
                abort();
        }
    }
    clip_work_free(&work);
    geom_free(&geom);
    geom_free(&out);
    geom_free(&tiles.copy);
    cut_free(cut);
    repair_free(tiles.repair);
    return 0;
}
