#include "tiler/convert/reencode.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tiler/cli/report.h"
#include "tiler/raster/decode.h"
#include "tiler/raster/encode.h"

enum { QUALITY_DEFAULT = 80 };

void reencode_options(struct reencode *re,
                      struct option table[REENCODE_NOPTIONS])
{
    static const char *const formats[] = {"keep", "auto", "png",
                                          "jpeg", "webp", NULL};
    re->quality = QUALITY_DEFAULT;
    table[0] = option_choice(
        "reencode", &re->how, formats, "FORMAT",
        "decode pictures of other formats and encode them as png,\n"
        "jpeg, webp, or auto: JPEG where opaque, PNG where not.\n"
        "keep (default) does not");
    table[1] = option_integer("quality", &re->quality, 1, 100,
                              "of --reencode jpeg and webp, which is lossless\n"
                              "at 100 (80)");
}

void reencode_free(struct reencode *re)
{
    encoder_free(re->encoder);
    re->encoder = NULL;
}

static enum raster_format wanted(const struct reencode *re)
{
    return (enum raster_format)(re->how - 1);
}

bool is_picture(enum ibx_format format)
{
    return format == IBX_FORMAT_PNG || format == IBX_FORMAT_JPEG ||
           format == IBX_FORMAT_WEBP || format == IBX_FORMAT_AVIF;
}

/* Whether a picture of that format, with transparent pixels or without, is as
 * it should be. */
static bool as_wanted(const struct reencode *re, enum ibx_format format,
                      bool opaque)
{
    switch (wanted(re)) {
    case RASTER_PNG:
        return format == IBX_FORMAT_PNG;
    case RASTER_JPEG:
        return format == IBX_FORMAT_JPEG;
    case RASTER_WEBP:
        return format == IBX_FORMAT_WEBP;
    case RASTER_AUTO:
        break;
    }
    return format == IBX_FORMAT_JPEG || (format == IBX_FORMAT_PNG && !opaque);
}

/* Tiles of one map are of one size: the encoder is made once. */
static bool encoder_for(struct reencode *re, uint32_t px)
{
    if (re->encoder != NULL && re->encoder_px == px)
        return true;
    struct encoder_settings settings = {
        .tile_px = px, .format = wanted(re), .quality = (int)re->quality};
    encoder_free(re->encoder);
    re->encoder = encoder_new(&settings);
    re->encoder_px = px;
    return re->encoder != NULL;
}

static enum ibx_status encode(struct reencode *re, struct pixels *pixels,
                              struct bytes *bytes, struct tile_kind *kind,
                              struct ibx_err *err)
{
    struct encoded made;
    /* A wholly transparent tile was there, so it stays one. */
    if (pixels->cover == COVER_NONE)
        pixels->cover = COVER_PARTIAL;
    if (!encoder_for(re, pixels->size) ||
        !encoder_encode(re->encoder, pixels, &made))
        return convert_no_memory(err, NULL);
    *bytes = (struct bytes){made.bytes, made.nbytes};
    *kind = (struct tile_kind){made.format, IBX_ENCODING_NONE};
    re->changed++;
    re->flattened += made.flattened;
    return IBX_OK;
}

static enum ibx_status redraw(struct reencode *re, struct bytes *bytes,
                              struct tile_kind *kind, struct ibx_err *err)
{
    struct pixels pixels;
    if (kind->encoding != IBX_ENCODING_NONE)
        return convert_fail(err, IBX_ERR_UNSUPPORTED, NULL,
                            "is a compressed picture");
    const char *why =
        decode_picture(kind->format, bytes->ptr, bytes->len, &pixels);
    if (why != NULL)
        return convert_fail(err, IBX_ERR_UNSUPPORTED, NULL, "%s", why);
    enum ibx_status st = IBX_OK;
    if (!as_wanted(re, kind->format, pixels.cover == COVER_FULL))
        st = encode(re, &pixels, bytes, kind, err);
    free(pixels.bytes);
    return st;
}

enum ibx_status reencode_tile(struct reencode *re, struct bytes *bytes,
                              struct tile_kind *kind, struct ibx_err *err)
{
    enum ibx_status st = IBX_OK;
    if (re->how == 0 || bytes->len == 0)
        return IBX_OK;
    /* Under AUTO a PNG's pixels tell. */
    if (!as_wanted(re, kind->format, true))
        st = redraw(re, bytes, kind, err);
    if (st == IBX_OK)
        kinds_add(&re->kinds, *kind, bytes->len, 1);
    return st;
}

enum ibx_status reencode_allowed(const struct reencode *re,
                                 const struct meta *meta, const char *file,
                                 struct ibx_err *err)
{
    const struct meta_item *item = meta_find(meta, "encoding");
    bool lossy = re->how != 0 && wanted(re) != RASTER_PNG &&
                 !(wanted(re) == RASTER_WEBP && re->quality == 100);
    if (!lossy || item == NULL ||
        (strcmp(item->text, "terrarium") != 0 &&
         strcmp(item->text, "mapbox") != 0))
        return IBX_OK;
    return convert_fail(err, IBX_ERR_UNSUPPORTED, file,
                        "its colours are heights (%s), which a lossy format "
                        "would ruin: give png, or webp with --quality 100",
                        item->text);
}

enum ibx_status reencode_describe(const struct reencode *re, struct meta *meta,
                                  struct tile_kind *kind)
{
    if (re->how == 0 || re->kinds.total == 0)
        return IBX_OK;
    *kind = kinds_main(&re->kinds);
    const char *name = format_name(kind->format);
    struct bytes text = {(const uint8_t *)name, strlen(name)};
    return meta_find(meta, "format") == NULL
               ? IBX_OK
               : meta_set(meta, "format", META_TEXT, text);
}

bool reencode_report_loss(const struct reencode *re, const char *file)
{
    if (re->flattened == 0)
        return false;
    report(file, NULL,
           "%" PRIu64 " tiles had transparent pixels, which are white now",
           re->flattened);
    return true;
}
