/* target.h - where GDAL puts the values of a block, and how they become pixels.
 */
#ifndef TILER_RASTER_TARGET_H
#define TILER_RASTER_TARGET_H

#include "tiler/cli/options.h"
#include "tiler/raster/pixels.h"

/* Colours, then alpha (0 to 255). Either bytes that are the pixels themselves,
 * or planes of floats that are converted when all are there. */
struct target {
    uint8_t *base; /* the first value of the first colour */
    bool is_bytes;
    size_t pixel_nbytes, line_nbytes, band_nbytes; /* from one to the next */
    uint32_t size;
    int ncolours;   /* 1 or 3 */
    uint8_t *alpha; /* the first alpha value */
};

/* Makes a target for the pixels `out`, which must be clear: their own bytes, or
 * zeroed planes. False when out of memory. target_fini() it. */
bool target_init(struct target *target, struct pixels *out, int ncolours,
                 bool is_bytes);

/* Makes the values into pixels of out's kind; those that do not show become
 * black, or heights unknown. Colours in planes are scaled so that scale->min
 * becomes 0 and scale->max 255. Their cover is not touched. */
void target_finish(const struct target *target,
                   const struct double_range *scale, struct pixels *out);

void target_fini(struct target *target);

#endif
