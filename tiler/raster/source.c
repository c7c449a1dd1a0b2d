/* source.c - finds out what an input picture is and where it lies. */
#include "tiler/raster/source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cpl_conv.h>
#include <gdal.h>
#include <gdal_alg.h>
#include <ogr_srs_api.h>

#include "tiler/cli/report.h"
#include "tiler/raster/extent.h"
#include "tiler/raster/stage.h"

static bool refuse(const struct source *s, const char *what, const char *advice)
{
    const char *why = CPLGetLastErrorMsg();
    if (why[0] != '\0')
        report(s->path, advice, "%s (%s)", what, why);
    else
        report(s->path, advice, "%s", what);
    return false;
}

static bool plainly_refuse(const struct source *s, const char *what,
                           const char *advice)
{
    CPLErrorReset();
    return refuse(s, what, advice);
}

/* ---- bands -------------------------------------------------------------- */

static int band_with(GDALDatasetH dataset, GDALColorInterp wanted)
{
    int count = GDALGetRasterCount(dataset);
    for (int i = 1; i <= count; i++) {
        if (GDALGetRasterColorInterpretation(GDALGetRasterBand(dataset, i)) ==
            wanted)
            return i;
    }
    return 0;
}

static void find_colours(struct source *s, GDALDatasetH dataset)
{
    int count = GDALGetRasterCount(dataset);
    int colour_count = count - (s->alpha_band != 0);
    s->ncolours =
        s->settings->kind == PIXEL_COLOUR && colour_count >= 3 ? 3 : 1;
    const GDALColorInterp wanted[3] = {GCI_RedBand, GCI_GreenBand,
                                       GCI_BlueBand};
    bool named = s->ncolours == 3;
    for (int c = 0; c < s->ncolours; c++) {
        s->bands[c] = band_with(dataset, wanted[c]);
        named = named && s->bands[c] != 0;
    }
    /* Otherwise the first ones that are not alpha, in their order. */
    for (int c = 0, band = 1; c < s->ncolours && !named; band++) {
        if (band != s->alpha_band)
            s->bands[c++] = band;
    }
}

static void find_nodata(struct source *s, GDALDatasetH dataset)
{
    if (s->settings->has_nodata) {
        s->has_nodata = true;
        for (int c = 0; c < s->ncolours; c++)
            s->nodata[c] = s->settings->nodata;
        return;
    }
    if (s->alpha_band != 0)
        return;
    s->has_nodata = true;
    for (int c = 0; c < s->ncolours; c++) {
        int has = 0;
        s->nodata[c] = GDALGetRasterNoDataValue(
            GDALGetRasterBand(dataset, s->bands[c]), &has);
        s->has_nodata = s->has_nodata && has;
    }
}

static bool find_bands(struct source *s, GDALDatasetH dataset)
{
    s->alpha_band = band_with(dataset, GCI_AlphaBand);
    if (GDALGetRasterCount(dataset) - (s->alpha_band != 0) < 1)
        return plainly_refuse(s, "holds no picture", "give another input");
    find_colours(s, dataset);
    GDALRasterBandH first = GDALGetRasterBand(dataset, s->bands[0]);
    s->has_palette = s->settings->kind == PIXEL_COLOUR &&
                     GDALGetRasterColorTable(first) != NULL;
    s->is_8bit = s->settings->kind == PIXEL_COLOUR;
    for (int c = 0; c < s->ncolours; c++) {
        GDALDataType type =
            GDALGetRasterDataType(GDALGetRasterBand(dataset, s->bands[c]));
        s->is_8bit = s->is_8bit && type == GDT_Byte;
        if (GDALDataTypeIsComplex(type))
            return plainly_refuse(s, "holds complex numbers",
                                  "give a picture of real ones");
    }
    s->is_8bit = s->is_8bit || s->has_palette;
    find_nodata(s, dataset);
    s->has_mask = s->alpha_band == 0 && !s->has_nodata && !s->has_palette &&
                  (GDALGetMaskFlags(first) & GMF_PER_DATASET) != 0;
    return true;
}

/* ---- position ----------------------------------------------------------- */

static bool looks_geographic(const double gt[6], int width, int height)
{
    double east = gt[0] + gt[1] * width + gt[2] * height;
    double south = gt[3] + gt[4] * width + gt[5] * height;
    return fabs(gt[0]) <= 360.5 && fabs(east) <= 360.5 && fabs(gt[3]) <= 90.5 &&
           fabs(south) <= 90.5;
}

/* The system of coordinates: the file's, else the one given, else degrees
 * when the numbers can be degrees. A new reference, or NULL. */
static OGRSpatialReferenceH find_crs(struct source *s, GDALDatasetH dataset,
                                     bool has_geotransform)
{
    OGRSpatialReferenceH own = GDALGetSpatialRef(dataset);
    if (own == NULL && GDALGetGCPCount(dataset) > 0)
        own = GDALGetGCPSpatialRef(dataset);
    if (own != NULL)
        return OSRClone(own);
    const char *name = s->settings->crs;
    if (name == NULL && has_geotransform &&
        looks_geographic(s->geotransform, s->width_px, s->height_px))
        name = "EPSG:4326";
    if (name == NULL) {
        (void)plainly_refuse(s, "does not say in which coordinate system it is",
                             "give --crs, for instance --crs EPSG:3857");
        return NULL;
    }
    OGRSpatialReferenceH given = OSRNewSpatialReference(NULL);
    CPLErrorReset();
    if (given != NULL && OSRSetFromUserInput(given, name) == OGRERR_NONE) {
        OSRSetAxisMappingStrategy(given, OAMS_TRADITIONAL_GIS_ORDER);
        return given;
    }
    OSRDestroySpatialReference(given);
    report("--crs", "give for instance EPSG:3857", "\"%s\" is not known", name);
    return NULL;
}

static bool is_web_mercator(OGRSpatialReferenceH crs)
{
    OGRSpatialReferenceH web = OSRNewSpatialReference(NULL);
    const char *const how[] = {"IGNORE_DATA_AXIS_TO_SRS_AXIS_MAPPING=YES",
                               "CRITERION=EQUIVALENT", NULL};
    bool same = web != NULL && OSRImportFromEPSG(web, 3857) == OGRERR_NONE &&
                OSRIsSameEx(crs, web, how);
    OSRDestroySpatialReference(web);
    return same;
}

static bool find_position(struct source *s, GDALDatasetH dataset)
{
    bool has_geotransform =
        GDALGetGeoTransform(dataset, s->geotransform) == CE_None;
    if (!has_geotransform && GDALGetGCPCount(dataset) == 0 &&
        GDALGetMetadata(dataset, "RPC") == NULL &&
        GDALGetMetadata(dataset, "GEOLOCATION") == NULL)
        return plainly_refuse(s, "does not say where on earth it lies",
                              "give it a world file or control points");
    OGRSpatialReferenceH crs = find_crs(s, dataset, has_geotransform);
    if (crs == NULL)
        return false;
    const double *gt = s->geotransform;
    s->is_mercator = has_geotransform && gt[2] == 0 && gt[4] == 0 &&
                     gt[1] > 0 && gt[5] < 0 && is_web_mercator(crs);
    bool plain_degrees = has_geotransform && gt[2] == 0 && gt[4] == 0 &&
                         gt[1] > 0 && OSRIsGeographic(crs) &&
                         fabs(OSRGetPrimeMeridian(crs, NULL)) < 1e-9;
    char *wkt = NULL;
    if (OSRExportToWkt(crs, &wkt) == OGRERR_NONE)
        s->crs = strdup(wkt);
    CPLFree(wkt);
    OSRDestroySpatialReference(crs);
    if (s->crs == NULL)
        return refuse(s, "its coordinate system cannot be used",
                      "give it another one");
    return extent_find(s, dataset, plain_degrees);
}

bool source_probe(const char *path, const struct source_settings *settings,
                  struct source *out)
{
    struct source s = {.path = path, .settings = settings, .overview = -1};
    CPLErrorReset();
    GDALDatasetH dataset = GDALOpenEx(
        path, GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR, NULL, NULL, NULL);
    if (dataset == NULL)
        return refuse(&s, "cannot be opened",
                      "check that it is whole and of a kind GDAL reads");
    s.width_px = GDALGetRasterXSize(dataset);
    s.height_px = GDALGetRasterYSize(dataset);
    bool ok = find_bands(&s, dataset) && find_position(&s, dataset);
    GDALClose(dataset);
    if (!ok) {
        source_fini(&s);
        return false;
    }
    *out = s;
    return true;
}

void source_fini(struct source *source)
{
    free(source->crs);
    source->crs = NULL;
    if (source->staged_path != NULL)
        (void)close(source->staged_fd);
    free(source->staged_path);
    source->staged_path = NULL;
}

/* ---- range of values ---------------------------------------------------- */

static void widen(struct double_range *range, double min, double max)
{
    range->min = range->is_set ? fmin(range->min, min) : min;
    range->max = range->is_set ? fmax(range->max, max) : max;
    range->is_set = true;
}

bool source_widen_range(const struct source *source, struct double_range *range)
{
    if (source->is_8bit || source->settings->kind != PIXEL_COLOUR)
        return true;
    GDALDatasetH dataset =
        GDALOpenEx(source->path, GDAL_OF_RASTER, NULL, NULL, NULL);
    if (dataset == NULL)
        return refuse(source, "cannot be opened", "check that it is whole");
    bool ok = true;
    for (int c = 0; c < source->ncolours && ok; c++) {
        GDALRasterBandH band = GDALGetRasterBand(dataset, source->bands[c]);
        double found[2];
        if (source->settings->has_nodata)
            (void)GDALSetRasterNoDataValue(band, source->settings->nodata);
        ok = GDALComputeRasterMinMax(band, FALSE, found) == CE_None;
        if (ok)
            widen(range, found[0], found[1]);
    }
    GDALClose(dataset);
    return ok || refuse(source, "cannot be read to find its range of values",
                        "give --scale MIN:MAX");
}

/* ---- placing ------------------------------------------------------------ */

/* Where the source's edge lies in grid pixels; false when between two. */
static bool whole_px(double px, int64_t *out)
{
    double whole = nearbyint(px);
    *out = (int64_t)whole;
    return fabs(px - whole) < 0.01;
}

static void find_on_grid(struct source *s, double shrunk_by)
{
    double px = grid_pixel_m(s->grid);
    double wide = s->geotransform[1] * shrunk_by;
    double high = -s->geotransform[5] * shrunk_by;
    /* Over the whole width the grids may part by a hundredth of a pixel. */
    s->on_grid = s->is_mercator &&
                 fabs(wide / px - 1) * s->width_px < 0.01 * shrunk_by &&
                 fabs(high / px - 1) * s->height_px < 0.01 * shrunk_by;
    s->on_grid =
        s->on_grid &&
        whole_px((s->geotransform[0] + GRID_HALF_M) / px, &s->grid_x) &&
        whole_px((GRID_HALF_M - s->geotransform[3]) / px, &s->grid_y);
}

/* The smallest overview that is still as fine as the grid. Returns by how much
 * it is smaller than the picture. What a JPEG offers as overviews is not used:
 * a copy of it has none, and copied or not the tiles must be the same. */
static double find_overview(struct source *s)
{
    double best = 1;
    double room = grid_pixel_m(s->grid) / s->pixel_m * 1.01;
    GDALDatasetH dataset = NULL;
    if (room >= 2 && !s->has_palette)
        dataset = GDALOpenEx(s->path, GDAL_OF_RASTER, NULL, NULL, NULL);
    if (dataset == NULL)
        return best;
    GDALRasterBandH band = GDALGetRasterBand(dataset, s->bands[0]);
    int count = stage_is_one_way(dataset) ? 0 : GDALGetOverviewCount(band);
    for (int i = 0; i < count; i++) {
        GDALRasterBandH overview = GDALGetOverview(band, i);
        double factor = (double)s->width_px / GDALGetRasterBandXSize(overview);
        if (factor <= room && factor > best) {
            best = factor;
            s->overview = i;
        }
    }
    GDALClose(dataset);
    return best;
}

void source_place(struct source *source, struct grid grid)
{
    source->grid = grid;
    double shrunk_by = find_overview(source);
    find_on_grid(source, shrunk_by);
    /* Interpolation reaches a little beyond the edge. */
    source->footprint =
        grid_footprint(grid, &source->area, source->on_grid ? 0 : 4);
}
