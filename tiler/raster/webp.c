/* webp.c - WebP tiles by libwebp. */
#include <stdlib.h>

#include <webp/encode.h>

#include "tiler/raster/lossy.h"

struct webp_encoder {
    WebPConfig config;
    WebPMemoryWriter out;
};

struct webp_encoder *webp_encoder_new(int quality)
{
    struct webp_encoder *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return NULL;
    WebPMemoryWriterInit(&e->out);
    bool ok = WebPConfigInit(&e->config) != 0;
    if (ok && quality == 100)
        ok = WebPConfigLosslessPreset(&e->config, 2) != 0;
    e->config.quality = quality == 100 ? e->config.quality : (float)quality;
    /* Colours under full transparency were made black already. */
    e->config.exact = quality == 100;
    if (!ok || !WebPValidateConfig(&e->config)) {
        webp_encoder_free(e);
        return NULL;
    }
    return e;
}

void webp_encoder_free(struct webp_encoder *encoder)
{
    if (encoder == NULL)
        return;
    WebPMemoryWriterClear(&encoder->out);
    free(encoder);
}

bool webp_encode(struct webp_encoder *encoder, const struct pixels *pixels,
                 const uint8_t **bytes, size_t *nbytes)
{
    WebPPicture picture;
    if (!WebPPictureInit(&picture))
        return false;
    picture.width = (int)pixels->size;
    picture.height = (int)pixels->size;
    picture.use_argb = encoder->config.lossless;
    encoder->out.size = 0; /* the memory is kept */
    picture.writer = WebPMemoryWrite;
    picture.custom_ptr = &encoder->out;
    int stride = (int)pixels->stride;
    bool ok = pixels->cover == COVER_FULL
                  ? WebPPictureImportRGBX(&picture, pixels->bytes, stride) != 0
                  : WebPPictureImportRGBA(&picture, pixels->bytes, stride) != 0;
    ok = ok && WebPEncode(&encoder->config, &picture);
    WebPPictureFree(&picture);
    if (!ok)
        return false;
    *bytes = encoder->out.mem;
    *nbytes = encoder->out.size;
    return true;
}
