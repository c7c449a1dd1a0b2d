/* project.h - longitudes and latitudes to world units.
 *
 * The world is a square of 2^bits units; (0, 0) is its north-west corner at
 * 180 W, 85.0511 N. Coordinates past 180 degrees keep counting, so a feature
 * across the antimeridian is in one piece and reaches out of the square. */
#ifndef TILER_VECTOR_PROJECT_H
#define TILER_VECTOR_PROJECT_H

#include "tiler/vector/geom.h"

/* World bits of a build: tile units of zoom 24. At the zooms maps end with a
 * tile unit is a thousand of these and more, so rounding twice is as good as
 * rounding once. */
enum { PROJECT_BITS = 36, PROJECT_MAX_ZOOM = 24 };

/* Web Mercator; latitudes beyond 89.99 count as 89.99. */
struct geom_point project_lonlat(double lon, double lat, unsigned bits);

/* From EPSG:3857 metres. */
struct geom_point project_metres(double x, double y, unsigned bits);

double project_lon(double x, unsigned bits);
double project_lat(double y, unsigned bits);

/* How far a step in longitude may go before it is taken to go the short way
 * around: any line does so beyond half the world; a ring only where it steps
 * from one side of the antimeridian to the other, because boxes around whole
 * continents are drawn with long edges. */
enum { PROJECT_LINE_STEP = 180, PROJECT_RING_STEP = 340 };

/* Makes the n longitudes (every `stride`-th double of lon) continuous across
 * the antimeridian. A ring's last point repeats its first; one that goes
 * around a pole is left alone. */
void project_unwrap(double *lon, size_t n, size_t stride, bool ring);

/* False for what is no place on earth: not finite, or longitudes beyond 540,
 * latitudes beyond 90 (and a rounding error). */
bool project_is_place(double lon, double lat);

#endif
