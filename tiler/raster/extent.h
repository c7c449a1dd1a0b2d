/* extent.h - what area of the earth an opened picture covers. `dataset` is a
 * GDALDatasetH. */
#ifndef TILER_RASTER_EXTENT_H
#define TILER_RASTER_EXTENT_H

#include "tiler/raster/source.h"

/* Sets area, cut_by_mercator and pixel_m of `source`, whose crs, size and
 * geotransform are known. `plain_degrees`: an unrotated grid of degrees, whose
 * area is exact. False, reported, when it lies nowhere on the grid. */
bool extent_find(struct source *source, void *dataset, bool plain_degrees);

/* A transformer from the picture's pixels to `crs`, for the calling thread,
 * or NULL. To be given to GDALDestroyGenImgProjTransformer(). */
void *extent_transformer(const struct source *source, void *dataset,
                         const char *crs);

#endif
