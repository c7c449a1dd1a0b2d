#include "tiler/raster/extent.h"

#include <math.h>
#include <stdlib.h>

#include <cpl_string.h>
#include <gdal_alg.h>

#include "tiler/cli/report.h"

enum {
    EDGE_SAMPLES = 1024, /* along each edge */
    INNER_SAMPLES = 33,  /* along both axes of the inside */
    NSAMPLES = 4 * (EDGE_SAMPLES + 1) + INNER_SAMPLES * INNER_SAMPLES,
};

struct samples {
    double x[NSAMPLES], y[NSAMPLES], z[NSAMPLES];
    int ok[NSAMPLES];
    int count; /* after samples_compact(): degrees, all good */
};

void *extent_transformer(const struct source *source, void *dataset,
                         const char *crs)
{
    char **how = CSLSetNameValue(NULL, "DST_SRS", crs);
    how = CSLSetNameValue(how, "SRC_SRS", source->crs);
    CPLErrorReset();
    void *transformer = GDALCreateGenImgProjTransformer2(dataset, NULL, how);
    CSLDestroy(how);
    return transformer;
}

static void add(struct samples *s, double x, double y)
{
    s->x[s->count] = x;
    s->y[s->count] = y;
    s->z[s->count] = 0;
    s->count++;
}

static void samples_init(struct samples *s, double width, double height)
{
    s->count = 0;
    for (int i = 0; i <= EDGE_SAMPLES; i++) {
        double at = (double)i / EDGE_SAMPLES;
        add(s, at * width, 0);
        add(s, at * width, height);
        add(s, 0, at * height);
        add(s, width, at * height);
    }
    for (int i = 0; i < INNER_SAMPLES * INNER_SAMPLES; i++) {
        int column = i % INNER_SAMPLES, row = i / INNER_SAMPLES;
        add(s, width * (column + 0.5) / INNER_SAMPLES,
            height * (row + 0.5) / INNER_SAMPLES);
    }
}

static bool is_place(double lon, double lat)
{
    return isfinite(lon) && isfinite(lat) && fabs(lat) <= 90.0 + 1e-6;
}

/* Drops what could not be transformed. */
static void samples_compact(struct samples *s)
{
    int kept = 0;
    for (int i = 0; i < s->count; i++) {
        if (!s->ok[i] || !is_place(s->x[i], s->y[i]))
            continue;
        s->x[kept] = s->x[i];
        s->y[kept++] = s->y[i];
    }
    s->count = kept;
}

/* ---- area --------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double wrap_lon(double lon)
{
    double wrapped = fmod(lon + 180.0, 360.0);
    return wrapped < 0 ? wrapped + 180.0 : wrapped - 180.0;
}

/* The longitudes around the widest gap between samples: right also across the
 * antimeridian. Without a gap of a degree it is the whole way round. */
static void find_longitudes(struct samples *s, struct area *area)
{
    for (int i = 0; i < s->count; i++)
        s->x[i] = wrap_lon(s->x[i]);
    qsort(s->x, (size_t)s->count, sizeof(s->x[0]), compare_doubles);
    int before = s->count - 1;
    double widest = s->x[0] + 360.0 - s->x[s->count - 1];
    for (int i = 0; i + 1 < s->count; i++) {
        if (s->x[i + 1] - s->x[i] > widest) {
            widest = s->x[i + 1] - s->x[i];
            before = i;
        }
    }
    area->west = widest < 1 ? -180 : s->x[(before + 1) % s->count];
    area->east = widest < 1 ? 180 : area->west + 360.0 - widest;
}

static void find_latitudes(const struct samples *s, struct area *area)
{
    area->south = 90;
    area->north = -90;
    for (int i = 0; i < s->count; i++) {
        area->south = fmin(area->south, s->y[i]);
        area->north = fmax(area->north, s->y[i]);
    }
}

/* A pole inside the picture touches no edge. */
static void add_pole(const struct source *source, void *to_degrees, double lat,
                     struct area *area)
{
    double x = 0, y = lat, z = 0;
    int ok = 0;
    if (!GDALGenImgProjTransform(to_degrees, TRUE, 1, &x, &y, &z, &ok) || !ok)
        return;
    if (x < 0 || y < 0 || x > source->width_px || y > source->height_px)
        return;
    area->west = -180;
    area->east = 180;
    area->south = fmin(area->south, lat);
    area->north = fmax(area->north, lat);
}

static bool sampled_area(struct source *source, void *to_degrees)
{
    struct samples *s = malloc(sizeof(*s));
    if (s == NULL)
        return false;
    samples_init(s, source->width_px, source->height_px);
    (void)GDALGenImgProjTransform(to_degrees, FALSE, s->count, s->x, s->y, s->z,
                                  s->ok);
    samples_compact(s);
    bool found = s->count >= 4;
    if (found) {
        find_latitudes(s, &source->area);
        find_longitudes(s, &source->area);
        add_pole(source, to_degrees, 90, &source->area);
        add_pole(source, to_degrees, -90, &source->area);
    }
    free(s);
    return found;
}

/* Edges that are lines of longitude and latitude. */
static void set_area(struct source *source, double west, double east,
                     double south, double north)
{
    /* Files give world edges with few decimals. */
    double width = east - west > 360.0 - 1e-6 ? 360.0 : east - west;
    double start = width == 360.0 ? -180.0 : wrap_lon(west);
    source->area = (struct area){start, fmin(south, north), start + width,
                                 fmax(south, north)};
}

static bool find_area(struct source *source, void *to_degrees,
                      bool plain_degrees)
{
    const double *gt = source->geotransform;
    double right = gt[0] + gt[1] * source->width_px;
    double bottom = gt[3] + gt[5] * source->height_px;
    if (plain_degrees)
        set_area(source, gt[0], right, bottom, gt[3]);
    else if (source->is_mercator)
        set_area(source, grid_lon(gt[0]), grid_lon(right), grid_lat(bottom),
                 grid_lat(gt[3]));
    else if (!sampled_area(source, to_degrees))
        return false;
    struct area *area = &source->area;
    /* Half a millimetre beyond is a matter of decimals. */
    source->cut_by_mercator =
        area->north > GRID_MAX_LAT + 5e-9 || area->south < -GRID_MAX_LAT - 5e-9;
    area->north = fmin(area->north, GRID_MAX_LAT);
    area->south = fmax(area->south, -GRID_MAX_LAT);
    return area->south < area->north && area->west < area->east;
}

/* ---- pixel size --------------------------------------------------------- */

/* Mercator metres between two places, the short way round. */
static void way_m(const double lon[2], const double lat[2], double out[2])
{
    double turn = remainder(lon[1] - lon[0], 360.0);
    out[0] = grid_x_m(turn);
    out[1] = grid_y_m(lat[1]) - grid_y_m(lat[0]);
}

/* The width, in mercator metres, of the square that is as large as the pixel
 * at x, y; 0 where that is not on the grid. */
static double pixel_at_m(void *to_degrees, double x, double y)
{
    double lon[3] = {x, x + 1, x}, lat[3] = {y, y, y + 1}, z[3] = {0};
    int ok[3] = {0};
    (void)GDALGenImgProjTransform(to_degrees, FALSE, 3, lon, lat, z, ok);
    for (int i = 0; i < 3; i++) {
        if (!ok[i] || !is_place(lon[i], lat[i]) || fabs(lat[i]) > GRID_MAX_LAT)
            return 0;
    }
    double right[2], down[2];
    way_m((double[2]){lon[0], lon[1]}, (double[2]){lat[0], lat[1]}, right);
    way_m((double[2]){lon[0], lon[2]}, (double[2]){lat[0], lat[2]}, down);
    return sqrt(fabs(right[0] * down[1] - right[1] * down[0]));
}

static bool find_pixel_size(struct source *source, void *to_degrees)
{
    enum { N = 17 };
    double finest = INFINITY;
    for (int i = 0; i < N * N; i++) {
        int column = i % N, row = i / N;
        double x = (source->width_px - 1.0) * column / (N - 1.0);
        double y = (source->height_px - 1.0) * row / (N - 1.0);
        double size = pixel_at_m(to_degrees, x, y);
        if (size > 0 && size < finest)
            finest = size;
    }
    source->pixel_m = finest;
    return isfinite(finest);
}

bool extent_find(struct source *source, void *dataset, bool plain_degrees)
{
    void *to_degrees = extent_transformer(source, dataset, "EPSG:4326");
    if (to_degrees == NULL) {
        report(source->path, "check its coordinate system",
               "its place on earth cannot be computed (%s)",
               CPLGetLastErrorMsg());
        return false;
    }
    bool ok = find_area(source, to_degrees, plain_degrees) &&
              find_pixel_size(source, to_degrees);
    GDALDestroyGenImgProjTransformer(to_degrees);
    if (!ok)
        report(source->path, "check its position and coordinate system",
               "lies nowhere between 85.05 degrees south and north");
    return ok;
}
