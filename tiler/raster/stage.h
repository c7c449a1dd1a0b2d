/* stage.h - copies inputs that can only be read from top to bottom.
 *
 * The pyramid reads squares all over a picture. A compressed one in rows (PNG,
 * JPEG, a TIFF in strips) would be unpacked from the start for each of them,
 * unless what is unpacked stays in GDAL's cache. Where it does not fit, the
 * picture is unpacked once into a tiled file that has no name: it is gone with
 * the process, however that ends. */
#ifndef TILER_RASTER_STAGE_H
#define TILER_RASTER_STAGE_H

#include "tiler/raster/job.h"

/* Whether the driver of the picture, a GDALDatasetH, must begin anew to go
 * back. */
bool stage_is_one_way(void *dataset);

/* Whether `source` should be copied, given the cache that a thread may count
 * on. */
bool stage_is_needed(const struct source *source, uint64_t cache_nbytes);

/* Copies the source into a file in `folder` and has it read from there. False,
 * reported unless a stop was requested, when that fails; the source is then as
 * it was. */
bool stage_source(struct source *source, const char *folder);

#endif
