/* encode.h - from pixels to the bytes of a tile. */
#ifndef TILER_RASTER_ENCODE_H
#define TILER_RASTER_ENCODE_H

#include "pack/imbrex.h"
#include "tiler/raster/options.h"
#include "tiler/raster/pixels.h"

struct encoder_settings {
    uint32_t tile_px;
    enum raster_format format;
    enum raster_encoding encoding; /* of pixels that are heights */
    int quality;                   /* 1..100 */
};

/* A tile's bytes. They are the encoder's, until its next call. */
struct encoded {
    const uint8_t *bytes;
    size_t nbytes;
    enum ibx_format format;
    bool flattened; /* transparency was drawn on white: JPEG has none */
};

struct encoder;

/* Reserves all that encoding needs. NULL when out of memory. One thread at a
 * time may use it. */
struct encoder *encoder_new(const struct encoder_settings *settings);
void encoder_free(struct encoder *encoder);

/* Encodes a tile of tile_px whose cover is not COVER_NONE. The same pixels
 * give the same bytes. False, *out unchanged, when a codec gives up (out of
 * memory). */
bool encoder_encode(struct encoder *encoder, const struct pixels *pixels,
                    struct encoded *out);

#endif
