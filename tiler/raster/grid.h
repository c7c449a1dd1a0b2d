/* grid.h - the pixel grid of web mercator (EPSG:3857) and what lies on it.
 *
 * At a zoom the world is tile_px * 2^zoom pixels wide and high; x counts from
 * 180 degrees west to the east, y from the north. No I/O, no state. */
#ifndef TILER_RASTER_GRID_H
#define TILER_RASTER_GRID_H

#include <stdbool.h>
#include <stdint.h>

#include "pack/imbrex.h"

/* Half the world's width in metres: pi times 6378137. */
#define GRID_HALF_M 20037508.342789244
/* Where the square world ends, in degrees. */
#define GRID_MAX_LAT 85.0511287798066

struct grid {
    uint32_t tile_px; /* 256 or 512 */
    uint8_t zoom;
};

/* Whole pixels: x0 <= x < x1, y0 <= y < y1. */
struct grid_rect {
    int64_t x0, y0, x1, y1;
};

/* An area of the earth in degrees. West is in -180..180; east is more than
 * west, by up to 360, so an area across the antimeridian has east > 180. */
struct area {
    double west, south, east, north;
};

/* What an area covers of the grid: one rectangle, or two when it crosses the
 * antimeridian. */
struct footprint {
    struct grid_rect rects[2];
    unsigned count; /* 0..2 */
};

/* The world's width and height in pixels. */
int64_t grid_world_px(struct grid grid);

/* Metres of web mercator from pixel to pixel. */
double grid_pixel_m(struct grid grid);

/* Web mercator metres. Latitudes beyond the square world are cut. */
double grid_x_m(double lon);
double grid_y_m(double lat);

/* Degrees. */
double grid_lon(double x_m);
double grid_lat(double y_m);

/* Every pixel that `area` touches, and `margin_px` more on all sides. */
struct footprint grid_footprint(struct grid grid, const struct area *area,
                                int64_t margin_px);

bool footprint_touches(const struct footprint *footprint,
                       const struct grid_rect *rect);

/* The pixels of tile `at` on the grid; at.z <= grid.zoom. */
struct grid_rect grid_tile_rect(struct grid grid, struct ibx_zxy at);

/* The smallest area that holds both, choosing the shorter way round. */
struct area area_join(const struct area *a, const struct area *b);

/* The part of `a` in `b`; false, *out unchanged, when there is none. Where
 * both ends of `a` reach into `b` the whole width of `a` is taken. */
bool area_meet(const struct area *a, const struct area *b, struct area *out);

/* The deepest zoom, up to `max`, where one tile holds the whole area. */
uint8_t area_one_tile_zoom(const struct area *area, uint8_t max);

/* The zoom for inputs whose finest pixel is `pixel_m` mercator metres wide:
 * the next deeper one, unless the one above comes within a quarter of it. */
uint8_t grid_zoom_for(double pixel_m, uint32_t tile_px);

#endif
