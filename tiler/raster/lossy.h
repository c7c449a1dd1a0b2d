/* lossy.h - JPEG and WebP tiles from colours. One thread at a time per
 * encoder; *bytes is the encoder's, until its next call; false and NULL mean
 * that memory is short. */
#ifndef TILER_RASTER_LOSSY_H
#define TILER_RASTER_LOSSY_H

#include "tiler/raster/pixels.h"

struct jpeg_encoder;

/* Chroma is halved below quality 90. */
struct jpeg_encoder *jpeg_encoder_new(int quality);
void jpeg_encoder_free(struct jpeg_encoder *encoder);

/* Alpha is ignored. A grey picture is stored as one. */
bool jpeg_encode(struct jpeg_encoder *encoder, const struct pixels *pixels,
                 const uint8_t **bytes, size_t *nbytes);

struct webp_encoder;

/* Lossless at quality 100. */
struct webp_encoder *webp_encoder_new(int quality);
void webp_encoder_free(struct webp_encoder *encoder);

bool webp_encode(struct webp_encoder *encoder, const struct pixels *pixels,
                 const uint8_t **bytes, size_t *nbytes);

#endif
