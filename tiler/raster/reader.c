/* reader.c - reads a source's pixels on the grid, copied where it lies on the
 * grid already, else through GDAL's warper. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cpl_conv.h>
#include <cpl_string.h>
#include <gdal.h>
#include <gdal_alg.h>
#include <gdalwarper.h>

#include "tiler/cli/report.h"
#include "tiler/raster/extent.h"
#include "tiler/raster/palette.h"
#include "tiler/raster/source.h"
#include "tiler/raster/target.h"

/* By how much, in source pixels, the warper may interpolate a position between
 * exact ones. gdalwarp's own default is 0.125. */
static const double warp_error_px = 0.001;
/* The warper splits what needs more source pixels than fit in this. Fixed, as
 * the result may depend on it in the last bit. */
static const double warp_memory_nbytes = 32.0 * (1 << 20);

struct source_reader {
    const struct source *source;
    GDALDatasetH dataset;
    void *pixels_to_grid; /* approximate transformer; NULL when on the grid */
    void *exact;          /* the one inside it, which it owns */
    /* Bands as they are in `dataset`, which may be an expanded palette. */
    int ncolours;
    int bands[3];
    int alpha_band;
    bool is_damaged; /* GDAL has said so */
};

static bool refuse(const struct source_reader *r, const char *what)
{
    if (atomic_flag_test_and_set(r->source->settings->has_failed))
        return false;
    const char *why = CPLGetLastErrorMsg();
    report(r->source->path, "check that it is whole", "%s (%s)", what,
           why[0] != '\0' ? why : "no reason given");
    return false;
}

/* ---- opening ------------------------------------------------------------ */

static GDALDatasetH open_dataset(const struct source *source)
{
    const char *path =
        source->staged_path != NULL ? source->staged_path : source->path;
    if (source->has_palette)
        return palette_open(path, source->bands[0],
                            source->has_nodata ? source->nodata : NULL);
    char **how = NULL;
    char level[16];
    if (source->overview >= 0 && source->staged_path == NULL) {
        (void)snprintf(level, sizeof(level), "%d", source->overview);
        how = CSLSetNameValue(how, "OVERVIEW_LEVEL", level);
    }
    GDALDatasetH dataset =
        GDALOpenEx(path, GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR, NULL,
                   (const char *const *)how, NULL);
    CSLDestroy(how);
    return dataset;
}

static void set_bands(struct source_reader *r)
{
    const struct source *s = r->source;
    if (s->has_palette) {
        r->ncolours = 3;
        r->alpha_band = 4;
        for (int c = 0; c < 3; c++)
            r->bands[c] = c + 1;
        return;
    }
    r->ncolours = s->ncolours;
    r->alpha_band = s->alpha_band;
    memcpy(r->bands, s->bands, sizeof(r->bands));
}

static bool open_transformer(struct source_reader *r)
{
    r->exact = extent_transformer(r->source, r->dataset, "EPSG:3857");
    if (r->exact == NULL)
        return refuse(r, "its place on earth cannot be computed");
    r->pixels_to_grid = GDALCreateApproxTransformer(GDALGenImgProjTransform,
                                                    r->exact, warp_error_px);
    if (r->pixels_to_grid == NULL) {
        GDALDestroyGenImgProjTransformer(r->exact);
        return refuse(r, "out of memory");
    }
    GDALApproxTransformerOwnsSubtransformer(r->pixels_to_grid, TRUE);
    return true;
}

struct source_reader *source_reader_open(const struct source *source)
{
    struct source_reader *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        report(source->path, NULL, "out of memory");
        return NULL;
    }
    r->source = source;
    set_bands(r);
    CPLErrorReset();
    r->dataset = open_dataset(source);
    bool ok = r->dataset != NULL || refuse(r, "cannot be opened again");
    if (ok && !source->on_grid)
        ok = open_transformer(r);
    if (!ok) {
        source_reader_close(r);
        return NULL;
    }
    return r;
}

void source_reader_close(struct source_reader *reader)
{
    if (reader == NULL)
        return;
    if (reader->pixels_to_grid != NULL)
        GDALDestroyApproxTransformer(reader->pixels_to_grid);
    if (reader->dataset != NULL)
        GDALClose(reader->dataset);
    free(reader);
}

/* ---- pixels that are on the grid ---------------------------------------- */

/* A rectangle to copy. */
struct window {
    int source_x, source_y, width, height;
    size_t target_off; /* bytes from the first pixel of the target */
};

/* The part of the target at grid column x0, row y0 that the source covers. */
static bool find_window(const struct source_reader *r, int64_t x0, int64_t y0,
                        const struct target *t, struct window *out)
{
    const struct source *s = r->source;
    int64_t width = GDALGetRasterXSize(r->dataset);
    int64_t height = GDALGetRasterYSize(r->dataset);
    int64_t left = x0 > s->grid_x ? x0 : s->grid_x;
    int64_t top = y0 > s->grid_y ? y0 : s->grid_y;
    int64_t right = x0 + t->size, bottom = y0 + t->size;
    right = right < s->grid_x + width ? right : s->grid_x + width;
    bottom = bottom < s->grid_y + height ? bottom : s->grid_y + height;
    if (left >= right || top >= bottom)
        return false;
    *out = (struct window){
        .source_x = (int)(left - s->grid_x),
        .source_y = (int)(top - s->grid_y),
        .width = (int)(right - left),
        .height = (int)(bottom - top),
        .target_off = (size_t)(top - y0) * t->line_nbytes +
                      (size_t)(left - x0) * t->pixel_nbytes,
    };
    return true;
}

static GDALDataType value_type(const struct target *t)
{
    return t->is_bytes ? GDT_Byte : GDT_Float32;
}

static bool read_band(GDALRasterBandH band, const struct window *w,
                      const struct target *t, uint8_t *first)
{
    return GDALRasterIOEx(band, GF_Read, w->source_x, w->source_y, w->width,
                          w->height, first + w->target_off, w->width, w->height,
                          value_type(t), (GSpacing)t->pixel_nbytes,
                          (GSpacing)t->line_nbytes, NULL) == CE_None;
}

static void fill_alpha(const struct window *w, const struct target *t)
{
    for (int y = 0; y < w->height; y++) {
        uint8_t *at = t->alpha + w->target_off + (size_t)y * t->line_nbytes;
        for (int x = 0; x < w->width; x++, at += t->pixel_nbytes) {
            if (t->is_bytes)
                *at = 255;
            else
                *(float *)(void *)at = 255;
        }
    }
}

/* Whether colour c at `at` means nothing. */
static bool is_nodata(const struct source *s, const struct target *t, int c,
                      const uint8_t *at)
{
    const uint8_t *value = at + (size_t)c * t->band_nbytes;
    if (t->is_bytes)
        return *value == s->nodata[c];
    float v = *(const float *)(const void *)value;
    return isnan(v) ? isnan(s->nodata[c]) : v == (float)s->nodata[c];
}

/* A pixel is nothing when all its colours are. */
static void apply_nodata(const struct source *s, const struct window *w,
                         const struct target *t)
{
    for (int y = 0; y < w->height; y++) {
        size_t off = w->target_off + (size_t)y * t->line_nbytes;
        for (int x = 0; x < w->width; x++, off += t->pixel_nbytes) {
            bool nothing = true;
            for (int c = 0; c < t->ncolours && nothing; c++)
                nothing = is_nodata(s, t, c, t->base + off);
            if (!nothing)
                continue;
            if (t->is_bytes)
                t->alpha[off] = 0;
            else
                *(float *)(void *)(t->alpha + off) = 0;
        }
    }
}

/* 16-bit alpha counts to 65535. */
static void scale_alpha(GDALRasterBandH band, const struct window *w,
                        const struct target *t)
{
    if (t->is_bytes || GDALGetRasterDataType(band) != GDT_UInt16)
        return;
    for (int y = 0; y < w->height; y++) {
        float *alpha = (float *)(void *)(t->alpha + w->target_off +
                                         (size_t)y * t->line_nbytes);
        for (int x = 0; x < w->width; x++)
            alpha[x] /= 257.0F;
    }
}

static bool read_alpha(const struct source_reader *r, const struct window *w,
                       const struct target *t)
{
    GDALRasterBandH band = NULL;
    if (r->alpha_band != 0)
        band = GDALGetRasterBand(r->dataset, r->alpha_band);
    else if (r->source->has_mask)
        band = GDALGetMaskBand(GDALGetRasterBand(r->dataset, r->bands[0]));
    if (band != NULL && !read_band(band, w, t, t->alpha))
        return false;
    if (band == NULL)
        fill_alpha(w, t);
    else
        scale_alpha(band, w, t);
    if (r->source->has_nodata && !r->source->has_palette)
        apply_nodata(r->source, w, t);
    return true;
}

static bool read_window(struct source_reader *r, const struct window *w,
                        const struct target *t)
{
    CPLErr err = GDALDatasetRasterIOEx(
        r->dataset, GF_Read, w->source_x, w->source_y, w->width, w->height,
        t->base + w->target_off, w->width, w->height, value_type(t),
        r->ncolours, r->bands, (GSpacing)t->pixel_nbytes,
        (GSpacing)t->line_nbytes, (GSpacing)t->band_nbytes, NULL);
    return err == CE_None && read_alpha(r, w, t);
}

/* ---- pixels that must be warped ----------------------------------------- */

static GDALResampleAlg warp_method(enum raster_resampling resampling)
{
    switch (resampling) {
    case RESAMPLE_NEAREST:
        return GRA_NearestNeighbour;
    case RESAMPLE_BILINEAR:
        return GRA_Bilinear;
    case RESAMPLE_CUBIC:
        return GRA_Cubic;
    case RESAMPLE_CUBICSPLINE:
        return GRA_CubicSpline;
    case RESAMPLE_LANCZOS:
        return GRA_Lanczos;
    case RESAMPLE_AVERAGE:
        return GRA_Average;
    case RESAMPLE_MODE:
        return GRA_Mode;
    }
    return GRA_Bilinear;
}

/* Adds a band of `dataset` that is memory of ours. */
static bool add_band(GDALDatasetH dataset, const struct target *t,
                     uint8_t *first)
{
    char pointer[40] = "", pixel[24], line[24];
    int n = CPLPrintPointer(pointer, first, (int)sizeof(pointer) - 1);
    pointer[n] = '\0';
    (void)snprintf(pixel, sizeof(pixel), "%zu", t->pixel_nbytes);
    (void)snprintf(line, sizeof(line), "%zu", t->line_nbytes);
    char **how = CSLSetNameValue(NULL, "DATAPOINTER", pointer);
    how = CSLSetNameValue(how, "PIXELOFFSET", pixel);
    how = CSLSetNameValue(how, "LINEOFFSET", line);
    CPLErr err = GDALAddBand(dataset, value_type(t), how);
    CSLDestroy(how);
    return err == CE_None;
}

static GDALDatasetH target_dataset(const struct target *t)
{
    GDALDatasetH dataset =
        GDALCreate(GDALGetDriverByName("MEM"), "", (int)t->size, (int)t->size,
                   0, GDT_Byte, NULL);
    bool ok = dataset != NULL;
    for (int c = 0; c < t->ncolours && ok; c++)
        ok = add_band(dataset, t, t->base + (size_t)c * t->band_nbytes);
    if (ok && add_band(dataset, t, t->alpha))
        return dataset;
    if (dataset != NULL)
        GDALClose(dataset);
    return NULL;
}

static bool set_warp_bands(GDALWarpOptions *o, const struct source_reader *r)
{
    const struct source *s = r->source;
    size_t n = (size_t)r->ncolours;
    o->nBandCount = r->ncolours;
    o->panSrcBands = CPLCalloc(n, sizeof(int));
    o->panDstBands = CPLCalloc(n, sizeof(int));
    for (int c = 0; c < r->ncolours; c++) {
        o->panSrcBands[c] = r->bands[c];
        o->panDstBands[c] = c + 1;
    }
    o->nSrcAlphaBand = r->alpha_band;
    o->nDstAlphaBand = r->ncolours + 1;
    if (!s->has_nodata || s->has_palette)
        return true;
    o->padfSrcNoDataReal = CPLCalloc(n, sizeof(double));
    memcpy(o->padfSrcNoDataReal, s->nodata, n * sizeof(double));
    return true;
}

static GDALWarpOptions *warp_options(const struct source_reader *r,
                                     const struct target *t, GDALDatasetH to)
{
    GDALWarpOptions *o = GDALCreateWarpOptions();
    o->hSrcDS = r->dataset;
    o->hDstDS = to;
    o->eResampleAlg = warp_method(r->source->settings->resampling);
    o->eWorkingDataType = value_type(t);
    o->dfWarpMemoryLimit = warp_memory_nbytes;
    o->pfnTransformer = GDALApproxTransform;
    o->pTransformerArg = r->pixels_to_grid;
    /* A pixel is nothing when all its colours are, as on the grid. */
    o->papszWarpOptions =
        CSLSetNameValue(o->papszWarpOptions, "UNIFIED_SRC_NODATA", "YES");
    o->papszWarpOptions =
        CSLSetNameValue(o->papszWarpOptions, "DST_ALPHA_MAX", "255");
    set_warp_bands(o, r);
    return o;
}

/* Grid pixels per source pixel, at the block's place nearest to its middle that
 * is on the source's side of the earth; 0 when none is. */
static double find_scale(const struct source_reader *r, uint32_t size)
{
    /* From the middle outwards. */
    static const double places[] = {0.5, 0.25, 0.75, 0, 1};
    enum { N = sizeof(places) / sizeof(places[0]) };
    for (int i = 0; i < N * N; i++) {
        double x0 = places[i % N] * size, y0 = places[i / N] * size;
        double x[3] = {x0, x0 + 1, x0}, y[3] = {y0, y0, y0 + 1}, z[3] = {0};
        int ok[3] = {0};
        (void)GDALGenImgProjTransform(r->exact, TRUE, 3, x, y, z, ok);
        double area =
            (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]);
        if (ok[0] && ok[1] && ok[2] && isfinite(area) && area != 0)
            return 1 / sqrt(fabs(area));
    }
    return 0;
}

/* How much wider the kernel must be to leave no pixel out. The warper would
 * guess it from the shapes of both windows, wrongly where they are turned, and
 * differently from block to block. */
static void set_scale(GDALWarpOptions *o, double scale)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "%.6f", scale > 0.95 ? 1 : scale);
    o->papszWarpOptions = CSLSetNameValue(o->papszWarpOptions, "XSCALE", text);
    o->papszWarpOptions = CSLSetNameValue(o->papszWarpOptions, "YSCALE", text);
}

static bool warp_to(struct source_reader *r, const struct target *t,
                    double scale)
{
    GDALDatasetH to = target_dataset(t);
    if (to == NULL)
        return false;
    GDALWarpOptions *options = warp_options(r, t, to);
    set_scale(options, scale);
    GDALWarpOperationH operation = GDALCreateWarpOperation(options);
    bool ok = operation != NULL &&
              GDALChunkAndWarpImage(operation, 0, 0, (int)t->size,
                                    (int)t->size) == CE_None;
    if (operation != NULL)
        GDALDestroyWarpOperation(operation);
    GDALDestroyWarpOptions(options);
    GDALClose(to);
    return ok;
}

static bool warp_block(struct source_reader *r, int64_t x0, int64_t y0,
                       const struct target *t)
{
    double px = grid_pixel_m(r->source->grid);
    const double gt[6] = {(double)x0 * px - GRID_HALF_M, px, 0,
                          GRID_HALF_M - (double)y0 * px, 0,  -px};
    GDALSetGenImgProjTransformerDstGeoTransform(r->exact, gt);
    CPLPushErrorHandler(CPLQuietErrorHandler);
    double scale = find_scale(r, t->size);
    CPLPopErrorHandler();
    /* The warper calls it a failure when no place of a block is on the source's
     * side of the earth; for us there is just nothing there. */
    return scale == 0 || warp_to(r, t, scale);
}

/* ---- reading ------------------------------------------------------------ */

/* Copies or warps what lies at x0, y0. */
static bool fetch(struct source_reader *r, int64_t x0, int64_t y0,
                  const struct target *t)
{
    if (!r->source->on_grid)
        return warp_block(r, x0, y0, t);
    struct window window;
    return !find_window(r, x0, y0, t, &window) || read_window(r, &window, t);
}

/* A source in web mercator may go on beyond the antimeridian: what it holds
 * there belongs to the other side of the world. Other systems wrap by
 * themselves. */
static bool fetch_around(struct source_reader *r, int64_t x0, int64_t y0,
                         const struct target *t)
{
    const struct source *s = r->source;
    int64_t world = grid_world_px(s->grid);
    double px = grid_pixel_m(s->grid);
    if (!s->is_mercator)
        return fetch(r, x0, y0, t);
    double left = (s->geotransform[0] + GRID_HALF_M) / px - 4;
    double right = left + s->geotransform[1] * s->width_px / px + 8;
    for (int64_t x = x0 - world; x <= x0 + world; x += world) {
        bool touches = (double)(x + t->size) > left && (double)x < right;
        if (touches && !fetch(r, x, y0, t))
            return false;
    }
    return true;
}

/* libtiff drops an index of tiles that does not fit the picture and goes on as
 * if all of it were empty; for us that is a damaged file. */
static void on_message(CPLErr level, CPLErrorNum number, const char *text)
{
    struct source_reader *r = CPLGetErrorHandlerUserData();
    (void)number;
    if (level == CE_Warning && strstr(text, "ignored") != NULL &&
        (strstr(text, "Offsets") != NULL || strstr(text, "ByteCounts") != NULL))
        r->is_damaged = true;
}

/* fetch_around(), but a message about damage is a failure too. */
static bool fetch_checked(struct source_reader *r, int64_t x0, int64_t y0,
                          const struct target *t)
{
    CPLErrorReset();
    CPLPushErrorHandlerEx(on_message, r);
    bool ok = fetch_around(r, x0, y0, t);
    CPLPopErrorHandler();
    if (ok && !r->is_damaged)
        return true;
    return refuse(r, r->is_damaged ? "its index of tiles is damaged"
                                   : "cannot be read");
}

bool source_read(struct source_reader *reader, int64_t x0, int64_t y0,
                 struct pixels *out)
{
    const struct source *s = reader->source;
    struct target target;
    assert(out->size <= SOURCE_BLOCK_PX);
    pixels_clear(out);
    if (!target_init(&target, out, reader->ncolours, s->is_8bit)) {
        report(s->path, "give fewer --threads", "out of memory");
        return false;
    }
    bool ok = fetch_checked(reader, x0, y0, &target);
    if (ok)
        target_finish(&target, &s->settings->scale, out);
    target_fini(&target);
    out->cover = pixels_find_cover(out);
    return ok;
}
