/* png.h - lossless tiles. */
#ifndef TILER_RASTER_PNG_H
#define TILER_RASTER_PNG_H

#include "tiler/raster/pixels.h"

struct png_encoder;

/* For pictures of `size` pixels square. NULL when out of memory. */
struct png_encoder *png_encoder_new(uint32_t size);
void png_encoder_free(struct png_encoder *encoder);

/* Encodes colours. Pictures of up to 256 colours get an exact palette (or are
 * grey), opaque ones have no alpha channel. *bytes is the encoder's, until its
 * next call. False when out of memory. */
bool png_encode(struct png_encoder *encoder, const struct pixels *pixels,
                const uint8_t **bytes, size_t *nbytes);

#endif
