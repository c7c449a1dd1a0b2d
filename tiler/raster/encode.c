#include "tiler/raster/encode.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "tiler/raster/lossy.h"
#include "tiler/raster/png.h"

struct encoder {
    struct encoder_settings settings;
    uint8_t *drawn; /* a tile that had to be changed before */
    struct png_encoder *png;
    struct jpeg_encoder *jpeg;
    struct webp_encoder *webp;
};

struct encoder *encoder_new(const struct encoder_settings *settings)
{
    struct encoder *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return NULL;
    e->settings = *settings;
    enum raster_format format = settings->format;
    bool wants_png = format == RASTER_AUTO || format == RASTER_PNG;
    bool wants_jpeg = format == RASTER_AUTO || format == RASTER_JPEG;
    bool ok = true;
    e->drawn = malloc((size_t)settings->tile_px * settings->tile_px * 4);
    ok = e->drawn != NULL;
    if (ok && wants_png)
        ok = (e->png = png_encoder_new(settings->tile_px)) != NULL;
    if (ok && wants_jpeg)
        ok = (e->jpeg = jpeg_encoder_new(settings->quality)) != NULL;
    if (ok && format == RASTER_WEBP)
        ok = (e->webp = webp_encoder_new(settings->quality)) != NULL;
    if (!ok) {
        encoder_free(e);
        return NULL;
    }
    return e;
}

void encoder_free(struct encoder *encoder)
{
    if (encoder == NULL)
        return;
    free(encoder->drawn);
    png_encoder_free(encoder->png);
    jpeg_encoder_free(encoder->jpeg);
    webp_encoder_free(encoder->webp);
    free(encoder);
}

/* ---- heights ------------------------------------------------------------ */

/* The height as a whole number of steps above the lowest one, in 24 bits.
 * terrarium: steps of 1/256 m from -32768 m; mapbox: 0.1 m from -10000 m. */
static uint32_t height_steps(enum raster_encoding encoding, float height)
{
    double lowest = encoding == RASTER_TERRARIUM ? -32768.0 : -10000.0;
    double per_m = encoding == RASTER_TERRARIUM ? 256.0 : 10.0;
    double steps = nearbyint(((double)height - lowest) * per_m);
    return steps <= 0 ? 0 : steps >= 0xffffff ? 0xffffff : (uint32_t)steps;
}

/* Where nothing is known the height is 0 and opaque: a transparent pixel would
 * reach a reader of heights as black, the lowest height of all. */
static struct pixels draw_heights(struct encoder *e, const struct pixels *from)
{
    uint32_t size = from->size;
    for (uint32_t y = 0; y < size; y++) {
        const float *heights =
            (const float *)(const void *)(from->bytes + y * from->stride);
        uint8_t *row = e->drawn + (size_t)y * size * 4;
        for (uint32_t x = 0; x < size; x++) {
            float height = isnan(heights[x]) ? 0 : heights[x];
            uint32_t steps = height_steps(e->settings.encoding, height);
            row[x * 4] = (uint8_t)(steps >> 16);
            row[x * 4 + 1] = (uint8_t)(steps >> 8);
            row[x * 4 + 2] = (uint8_t)steps;
            row[x * 4 + 3] = 255;
        }
    }
    return (struct pixels){.bytes = e->drawn,
                           .stride = (size_t)size * 4,
                           .size = size,
                           .kind = PIXEL_COLOUR,
                           .cover = COVER_FULL};
}

/* ---- transparency that a format cannot hold ------------------------------ */

static struct pixels draw_on_white(struct encoder *e, const struct pixels *from)
{
    uint32_t size = from->size;
    for (uint32_t y = 0; y < size; y++) {
        const uint8_t *in = from->bytes + y * from->stride;
        uint8_t *row = e->drawn + (size_t)y * size * 4;
        for (uint32_t x = 0; x < size * 4; x++) {
            unsigned alpha = in[x | 3];
            row[x] =
                (uint8_t)((in[x] * alpha + 255 * (255 - alpha) + 127) / 255);
            row[x] = (x & 3) == 3 ? 255 : row[x];
        }
    }
    struct pixels drawn = *from;
    drawn.bytes = e->drawn;
    drawn.stride = (size_t)size * 4;
    drawn.cover = COVER_FULL;
    return drawn;
}

/* ---- encoding ----------------------------------------------------------- */

static enum ibx_format choose_format(const struct encoder *e,
                                     const struct pixels *pixels)
{
    switch (e->settings.format) {
    case RASTER_PNG:
        return IBX_FORMAT_PNG;
    case RASTER_JPEG:
        return IBX_FORMAT_JPEG;
    case RASTER_WEBP:
        return IBX_FORMAT_WEBP;
    case RASTER_AUTO:
        break;
    }
    return pixels->cover == COVER_FULL ? IBX_FORMAT_JPEG : IBX_FORMAT_PNG;
}

static bool run_codec(struct encoder *e, const struct pixels *pixels,
                      struct encoded *out)
{
    if (out->format == IBX_FORMAT_PNG)
        return png_encode(e->png, pixels, &out->bytes, &out->nbytes);
    if (out->format == IBX_FORMAT_WEBP)
        return webp_encode(e->webp, pixels, &out->bytes, &out->nbytes);
    return jpeg_encode(e->jpeg, pixels, &out->bytes, &out->nbytes);
}

bool encoder_encode(struct encoder *encoder, const struct pixels *pixels,
                    struct encoded *out)
{
    assert(pixels->cover != COVER_NONE);
    assert(pixels->size == encoder->settings.tile_px);
    struct pixels drawn = *pixels;
    if (pixels->kind == PIXEL_HEIGHT)
        drawn = draw_heights(encoder, pixels);
    struct encoded made = {.format = choose_format(encoder, &drawn)};
    if (made.format == IBX_FORMAT_JPEG && drawn.cover != COVER_FULL) {
        drawn = draw_on_white(encoder, &drawn);
        made.flattened = true;
    }
    if (!run_codec(encoder, &drawn, &made))
        return false;
    *out = made;
    return true;
}
