/* palette.h - pictures with a table of colours. */
#ifndef TILER_RASTER_PALETTE_H
#define TILER_RASTER_PALETTE_H

/* Opens `path` as four bands, red, green, blue and alpha, that look `band` up
 * in its colour table. The colour numbered *nodata (where not NULL) becomes
 * transparent. A GDALDatasetH, or NULL, with GDAL's last error set, when that
 * fails. */
void *palette_open(const char *path, int band, const double *nodata);

#endif
