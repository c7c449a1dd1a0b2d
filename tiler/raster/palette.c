#include "tiler/raster/palette.h"

#include <stdint.h>
#include <stdio.h>

#include <gdal_utils.h>

/* A virtual data set made from `from` by gdal_translate's rules. */
static GDALDatasetH translate(GDALDatasetH from, const char *const *arguments)
{
    GDALTranslateOptions *options =
        GDALTranslateOptionsNew((char **)(uintptr_t)arguments, NULL);
    if (options == NULL)
        return NULL;
    int bad_usage = 0;
    GDALDatasetH made = GDALTranslate("", from, options, &bad_usage);
    GDALTranslateOptionsFree(options);
    return made;
}

/* The one band, without its nodata value: that goes into the colours. */
static GDALDatasetH one_band(GDALDatasetH dataset, int band)
{
    char number[16];
    (void)snprintf(number, sizeof(number), "%d", band);
    const char *const arguments[] = {"-of",       "VRT",  "-b", number,
                                     "-a_nodata", "none", NULL};
    return translate(dataset, arguments);
}

static GDALDatasetH expand(GDALDatasetH dataset)
{
    const char *const arguments[] = {"-of", "VRT", "-expand", "rgba", NULL};
    return translate(dataset, arguments);
}

static void hide_colour(GDALDatasetH dataset, double number)
{
    GDALRasterBandH band = GDALGetRasterBand(dataset, 1);
    GDALColorTableH table = GDALCloneColorTable(GDALGetRasterColorTable(band));
    if (table == NULL)
        return;
    if (number >= 0 && number < GDALGetColorEntryCount(table)) {
        const GDALColorEntry clear = {0, 0, 0, 0};
        GDALSetColorEntry(table, (int)number, &clear);
        (void)GDALSetRasterColorTable(band, table);
    }
    GDALDestroyColorTable(table);
}

void *palette_open(const char *path, int band, const double *nodata)
{
    GDALDatasetH file = GDALOpenEx(path, GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR,
                                   NULL, NULL, NULL);
    if (file == NULL)
        return NULL;
    GDALDatasetH indexed = one_band(file, band);
    /* Each virtual data set keeps what it is made from open. */
    GDALReleaseDataset(file);
    if (indexed == NULL)
        return NULL;
    if (nodata != NULL)
        hide_colour(indexed, *nodata);
    GDALDatasetH colours = expand(indexed);
    GDALReleaseDataset(indexed);
    return colours;
}
