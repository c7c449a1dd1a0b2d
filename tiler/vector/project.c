#include "tiler/vector/project.h"

#include <math.h>

static const double PI = 3.14159265358979323846;
static const double MAX_LAT = 89.99;
/* Half the width of the EPSG:3857 square. */
static const double HALF_METRES = 20037508.342789244;

static struct geom_point to_units(double x, double y, unsigned bits)
{
    double world = ldexp(1.0, (int)bits);
    return (struct geom_point){llround(x * world), llround(y * world)};
}

struct geom_point project_lonlat(double lon, double lat, unsigned bits)
{
    if (lat > MAX_LAT)
        lat = MAX_LAT;
    if (lat < -MAX_LAT)
        lat = -MAX_LAT;
    double s = sin(lat * PI / 180);
    double y = 0.5 - log((1 + s) / (1 - s)) / (4 * PI);
    return to_units(lon / 360 + 0.5, y, bits);
}

struct geom_point project_metres(double x, double y, unsigned bits)
{
    return to_units(0.5 + x / (2 * HALF_METRES), 0.5 - y / (2 * HALF_METRES),
                    bits);
}

double project_lon(double x, unsigned bits)
{
    return ldexp(x, -(int)bits) * 360 - 180;
}

double project_lat(double y, unsigned bits)
{
    double north = PI * (1 - 2 * ldexp(y, -(int)bits));
    return atan(sinh(north)) * 180 / PI;
}

/* What a step of exactly 360 degrees is: a change of notation, from 180 east
 * to 180 west, or an edge along a parallel, all around the world. */
enum whole_step { WHOLE_IS_NONE, WHOLE_IS_EDGE, WHOLE_IS_EDGE_IF_LEVEL };

struct walk {
    double limit; /* farther than this, the short way is meant */
    enum whole_step whole;
};

/* What the step to point i adds to the longitudes from there on. */
static double turn_at(const struct walk *walk, const double *lon,
                      const double *lat, size_t i)
{
    double step = lon[i] - lon[i - 1];
    if (fabs(step) <= walk->limit)
        return 0;
    if (fabs(step) >= 360 && walk->whole == WHOLE_IS_EDGE)
        return 0;
    if (fabs(step) >= 360 && walk->whole == WHOLE_IS_EDGE_IF_LEVEL &&
        lat[i] == lat[i - 1])
        return 0;
    return step > 0 ? -360 : 360;
}

struct course {
    double turn; /* the sum of all turns */
    double min, max;
    bool uneven; /* a step of 360 degrees changes the latitude */
};

/* Walks along; `to` (or NULL) gets the longitudes made continuous. */
static struct course follow(const struct walk *walk, const double *lon,
                            const double *lat, size_t n, double *to)
{
    struct course course = {0, lon[0], lon[0], false};
    double last = lon[0];
    for (size_t i = 0; i < n; i++) {
        if (i > 0) {
            const double pair[2] = {last, lon[i]};
            course.turn += turn_at(walk, pair, lat + i - 1, 1);
            if (fabs(lon[i] - last) >= 360 && lat[i] != lat[i - 1])
                course.uneven = true;
        }
        last = lon[i];
        double here = last + course.turn;
        course.min = fmin(course.min, here);
        course.max = fmax(course.max, here);
        if (to != NULL)
            to[i] = here;
    }
    return course;
}

static void unwrap_ring(double *lon, const double *lat, size_t n)
{
    struct walk walk = {PROJECT_RING_STEP, WHOLE_IS_NONE};
    struct course course = follow(&walk, lon, lat, n, NULL);
    double width = course.max - course.min;
    bool sliver = width == 0 && course.uneven;
    if (course.turn != 0 || width >= 360 || (width == 0 && !sliver)) {
        walk.whole = WHOLE_IS_EDGE;
        course = follow(&walk, lon, lat, n, NULL);
    }
    if (course.turn == 0)
        follow(&walk, lon, lat, n, lon);
}

void project_unwrap(double *lon, const double *lat, size_t n, bool ring)
{
    const struct walk line = {PROJECT_LINE_STEP, WHOLE_IS_EDGE_IF_LEVEL};
    if (n == 0)
        return;
    if (ring)
        unwrap_ring(lon, lat, n);
    else
        follow(&line, lon, lat, n, lon);
}

static void reverse(double *v, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        double swap = v[i];
        v[i] = v[n - 1 - i];
        v[n - 1 - i] = swap;
    }
}

/* Moves the n values so that number `first` comes first. */
static void rotate(double *v, size_t n, size_t first)
{
    reverse(v, first);
    reverse(v + first, n - first);
    reverse(v, n);
}

/* Latitude at which a step across the antimeridian meets it. */
static double crossing_lat(const double lon[2], const double lat[2])
{
    double before = 180 - fabs(lon[0]), after = 180 - fabs(lon[1]);
    double way = before + after;
    return way > 0 ? lat[0] + (lat[1] - lat[0]) * before / way : lat[1];
}

size_t project_close_pole(double *lon, double *lat, size_t n)
{
    const struct walk walk = {PROJECT_RING_STEP, WHOLE_IS_EDGE};
    size_t step = 1;
    if (n < 4 || fabs(follow(&walk, lon, lat, n, NULL).turn) != 360)
        return n;
    while (turn_at(&walk, lon, lat, step) == 0)
        step++;
    double across = crossing_lat(lon + step - 1, lat + step - 1);
    size_t m = n - 1; /* without the repeated point */
    rotate(lon, m, step % m);
    rotate(lat, m, step % m);
    double begin = lon[0] > 0 ? 180 : -180, mean = 0;
    double end = follow(&walk, lon, lat, m, lon).turn - begin;
    for (size_t i = 0; i < m; i++)
        mean += lat[i] / (double)m;
    double pole = mean < 0 ? -90 : 90;
    const double more[PROJECT_POLE_POINTS + 1][2] = {{end, across},
                                                     {end, pole},
                                                     {begin, pole},
                                                     {begin, across},
                                                     {lon[0], lat[0]}};
    for (size_t i = 0; i <= PROJECT_POLE_POINTS; i++) {
        lon[m + i] = more[i][0];
        lat[m + i] = more[i][1];
    }
    return n + PROJECT_POLE_POINTS;
}

bool project_is_place(double lon, double lat)
{
    return isfinite(lon) && isfinite(lat) && fabs(lon) <= 540 &&
           fabs(lat) <= 90.000001;
}
