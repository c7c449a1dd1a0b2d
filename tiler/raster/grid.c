#include "tiler/raster/grid.h"

#include <math.h>

static const double earth_radius_m = 6378137.0;
static const double degree = 3.14159265358979323846 / 180.0;

int64_t grid_world_px(struct grid grid)
{
    return (int64_t)grid.tile_px << grid.zoom;
}

double grid_pixel_m(struct grid grid)
{
    return 2.0 * GRID_HALF_M / (double)grid_world_px(grid);
}

double grid_x_m(double lon)
{
    return lon / 180.0 * GRID_HALF_M;
}

double grid_y_m(double lat)
{
    if (lat >= GRID_MAX_LAT)
        return GRID_HALF_M;
    if (lat <= -GRID_MAX_LAT)
        return -GRID_HALF_M;
    return earth_radius_m * atanh(sin(lat * degree));
}

double grid_lon(double x_m)
{
    return x_m / GRID_HALF_M * 180.0;
}

double grid_lat(double y_m)
{
    return atan(sinh(y_m / earth_radius_m)) / degree;
}

/* ---- footprints --------------------------------------------------------- */

static int64_t clamp(int64_t value, int64_t min, int64_t max)
{
    return value < min ? min : value > max ? max : value;
}

/* An edge that lies on a pixel's edge does not touch the next pixel, though
 * rounding (files often give three decimals) may put it a hair beyond. */
static const double edge_px = 1e-3;

static int64_t first_px(double at)
{
    return (int64_t)floor(at + edge_px);
}

static int64_t end_px(double at)
{
    return (int64_t)ceil(at - edge_px);
}

/* Columns x0..x1, at most once round, cut at the antimeridian. */
static void add_columns(struct footprint *f, struct grid_rect r, int64_t world)
{
    if (r.x1 - r.x0 >= world) {
        r.x0 = 0;
        r.x1 = world;
    } else if (r.x0 < 0) {
        r.x0 += world;
        r.x1 += world;
    }
    if (r.x0 >= world) {
        r.x0 -= world;
        r.x1 -= world;
    }
    if (r.x1 > world) {
        f->rects[f->count++] = (struct grid_rect){0, r.y0, r.x1 - world, r.y1};
        r.x1 = world;
    }
    f->rects[f->count++] = r;
}

struct footprint grid_footprint(struct grid grid, const struct area *area,
                                int64_t margin_px)
{
    struct footprint f = {.count = 0};
    int64_t world = grid_world_px(grid);
    double px = grid_pixel_m(grid);
    struct grid_rect r = {
        .x0 = first_px((grid_x_m(area->west) + GRID_HALF_M) / px) - margin_px,
        .x1 = end_px((grid_x_m(area->east) + GRID_HALF_M) / px) + margin_px,
        .y0 = first_px((GRID_HALF_M - grid_y_m(area->north)) / px) - margin_px,
        .y1 = end_px((GRID_HALF_M - grid_y_m(area->south)) / px) + margin_px,
    };
    r.y0 = clamp(r.y0, 0, world);
    r.y1 = clamp(r.y1, 0, world);
    if (r.y0 < r.y1 && r.x0 < r.x1)
        add_columns(&f, r, world);
    return f;
}

bool footprint_touches(const struct footprint *footprint,
                       const struct grid_rect *rect)
{
    for (unsigned i = 0; i < footprint->count; i++) {
        const struct grid_rect *own = &footprint->rects[i];
        if (own->x0 < rect->x1 && rect->x0 < own->x1 && own->y0 < rect->y1 &&
            rect->y0 < own->y1)
            return true;
    }
    return false;
}

struct grid_rect grid_tile_rect(struct grid grid, struct ibx_zxy at)
{
    int64_t size = (int64_t)grid.tile_px << (grid.zoom - at.z);
    return (struct grid_rect){
        .x0 = (int64_t)at.x * size,
        .y0 = (int64_t)at.y * size,
        .x1 = ((int64_t)at.x + 1) * size,
        .y1 = ((int64_t)at.y + 1) * size,
    };
}

/* ---- areas -------------------------------------------------------------- */

static double wrap_lon(double lon)
{
    double wrapped = fmod(lon + 180.0, 360.0);
    return wrapped < 0 ? wrapped + 180.0 : wrapped - 180.0;
}

/* Degrees from `from` eastwards to `to`, 0 up to 360. */
static double eastwards(double from, double to)
{
    double way = fmod(to - from, 360.0);
    return way < 0 ? way + 360.0 : way;
}

/* The width that starts at a's west and holds both. */
static double width_from(const struct area *a, const struct area *b)
{
    double own = a->east - a->west;
    double other = eastwards(a->west, b->west) + (b->east - b->west);
    return other > own ? other : own;
}

struct area area_join(const struct area *a, const struct area *b)
{
    double from_a = width_from(a, b);
    double from_b = width_from(b, a);
    bool a_first = from_a <= from_b;
    double width = a_first ? from_a : from_b;
    struct area both = {
        .west = a_first ? a->west : b->west,
        .south = fmin(a->south, b->south),
        .north = fmax(a->north, b->north),
    };
    if (width >= 360.0) {
        both.west = -180.0;
        width = 360.0;
    }
    both.east = both.west + width;
    return both;
}

bool area_meet(const struct area *a, const struct area *b, struct area *out)
{
    /* Seen from a's west, `b` begins at `start` and again one turn before. */
    double width = a->east - a->west;
    double start = eastwards(a->west, b->west);
    double end = fmin(width, start + (b->east - b->west));
    double earlier_end = fmin(width, start - 360.0 + (b->east - b->west));
    double south = fmax(a->south, b->south);
    double north = fmin(a->north, b->north);
    if (south >= north || (start >= end && earlier_end <= 0))
        return false;
    double from = start;
    double to = end;
    if (width >= 360.0) {
        to = start + (b->east - b->west); /* all of b, also across the edge */
    } else if (earlier_end > 0) {
        from = 0;
        to = start < end ? width : earlier_end;
    }
    double west = wrap_lon(a->west + from);
    *out = (struct area){west, south, west + (to - from), north};
    return true;
}

uint8_t area_one_tile_zoom(const struct area *area, uint8_t max)
{
    uint8_t best = 0;
    for (uint8_t z = 1; z <= max; z++) {
        struct grid grid = {.tile_px = 256, .zoom = z};
        struct footprint f = grid_footprint(grid, area, 0);
        const struct grid_rect *r = &f.rects[0];
        if (f.count != 1 || r->x0 / 256 != (r->x1 - 1) / 256 ||
            r->y0 / 256 != (r->y1 - 1) / 256)
            break;
        best = z;
    }
    return best;
}

uint8_t grid_zoom_for(double pixel_m, uint32_t tile_px)
{
    struct grid whole = {.tile_px = tile_px, .zoom = 0};
    double exact = log2(grid_pixel_m(whole) / pixel_m);
    double zoom = ceil(exact - 0.3);
    return zoom <= 0 ? 0 : zoom >= IBX_MAX_ZOOM ? IBX_MAX_ZOOM : (uint8_t)zoom;
}
