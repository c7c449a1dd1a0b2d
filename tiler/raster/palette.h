/* palette.h - pictures with a table of colours. Uses GDAL. */
#ifndef TILER_RASTER_PALETTE_H
#define TILER_RASTER_PALETTE_H

#include <gdal.h>

/* Opens `path` as four bands, red, green, blue and alpha, that look `band` up
 * in its colour table. The colour numbered *nodata (where not NULL) becomes
 * transparent. NULL, with GDAL's last error set, when that fails. */
GDALDatasetH palette_open(const char *path, int band, const double *nodata);

#endif
