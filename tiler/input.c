#include "tiler/input.h"

#include <cpl_error.h>
#include <gdal.h>

#include "tiler/cli/report.h"

static enum input_kind kind_of(GDALDatasetH dataset, const char *path)
{
    if (GDALGetRasterCount(dataset) > 0)
        return INPUT_RASTER;
    if (GDALDatasetGetLayerCount(dataset) > 0)
        return INPUT_VECTOR;
    char **inner = GDALGetMetadata(dataset, "SUBDATASETS");
    if (inner != NULL)
        report(path, "give one of those that gdalinfo lists",
               "holds several data sets");
    else
        report(path, "give another input", "holds no raster and no layer");
    return INPUT_UNREADABLE;
}

enum input_kind input_kind(const char *path)
{
    GDALAllRegister();
    CPLErrorReset();
    CPLPushErrorHandler(CPLQuietErrorHandler);
    GDALDatasetH dataset =
        GDALOpenEx(path,
                   GDAL_OF_RASTER | GDAL_OF_VECTOR | GDAL_OF_READONLY |
                       GDAL_OF_VERBOSE_ERROR,
                   NULL, NULL, NULL);
    CPLPopErrorHandler();
    if (dataset == NULL) {
        const char *why = CPLGetLastErrorMsg();
        report(path, "check that it is whole and of a kind GDAL reads",
               "cannot be opened (%s)", why[0] != '\0' ? why : "no reason");
        return INPUT_UNREADABLE;
    }
    enum input_kind kind = kind_of(dataset, path);
    GDALClose(dataset);
    return kind;
}
