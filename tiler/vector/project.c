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

void project_unwrap(double *lon, size_t n, size_t stride, bool ring)
{
    double limit = ring ? PROJECT_RING_STEP : PROJECT_LINE_STEP;
    double turn = 0;
    bool steps = false;
    for (size_t pass = 0; pass < 2; pass++) {
        double last = n > 0 ? lon[0] : 0;
        turn = 0;
        for (size_t i = 1; i < n; i++) {
            double here = lon[i * stride], step = here - last;
            last = here;
            /* A step of the whole way is an edge along the map's border. */
            if (fabs(step) > limit && fabs(step) < 360)
                turn += step > 0 ? -360 : 360;
            if (turn != 0)
                steps = true;
            if (pass == 1)
                lon[i * stride] = here + turn;
        }
        if (!steps || (ring && turn != 0))
            return;
    }
}

bool project_is_place(double lon, double lat)
{
    return isfinite(lon) && isfinite(lat) && fabs(lon) <= 540 &&
           fabs(lat) <= 90.000001;
}
