/* decode.h - from the bytes of a tile to pixels. */
#ifndef TILER_RASTER_DECODE_H
#define TILER_RASTER_DECODE_H

#include "pack/imbrex.h"
#include "tiler/raster/pixels.h"

/* Sides of the pictures that are decoded; a side is a multiple of 16. */
enum { DECODE_PX_MAX = 4096 };

/* Decodes a PNG, JPEG or WebP picture with equal sides into `*out`: colours,
 * whose bytes are malloc'd and the caller's to free(), with their cover.
 * Returns NULL, or, *out unchanged, why not: memory is asked for only after a
 * header has passed. Any thread. */
const char *decode_picture(enum ibx_format format, const uint8_t *bytes,
                           size_t nbytes, struct pixels *out);

#endif
