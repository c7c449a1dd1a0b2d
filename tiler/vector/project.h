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

/* Makes the n longitudes continuous across the antimeridian. A ring's last
 * point repeats its first; one that goes around a pole is left alone. Between
 * 180 east and 180 west, exactly, a line's step is taken to go around the
 * world when it is level; a ring's when the ring would have no width or not
 * close otherwise, as a box around the world does. */
void project_unwrap(double *lon, const double *lat, size_t n, bool ring);

/* A ring around a pole, as project_unwrap() leaves it, has one more step across
 * the antimeridian one way than the other. This closes it by way of the pole
 * that it is nearer to, so that it holds the pole's surroundings. The ring has
 * n points, the last repeats the first, and room for PROJECT_POLE_POINTS more.
 * Returns how many points it has then; n when it is no such ring. */
enum { PROJECT_POLE_POINTS = 4 };
size_t project_close_pole(double *lon, double *lat, size_t n);

/* False for what is no place on earth: not finite, or longitudes beyond 540,
 * latitudes beyond 90 (and a rounding error). */
bool project_is_place(double lon, double lat);

#endif
