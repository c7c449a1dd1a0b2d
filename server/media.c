#include "server/media.h"

#include <stddef.h>

static const struct {
    struct span extension;
    const char *type;
    enum ibx_format format;
    bool vector;
} media[] = {
    /* The first row of a format is how we write it; others are read too. */
    {SPAN_CONSTANT("png"), "image/png", IBX_FORMAT_PNG, false},
    {SPAN_CONSTANT("jpg"), "image/jpeg", IBX_FORMAT_JPEG, false},
    {SPAN_CONSTANT("jpeg"), "image/jpeg", IBX_FORMAT_JPEG, false},
    {SPAN_CONSTANT("webp"), "image/webp", IBX_FORMAT_WEBP, false},
    {SPAN_CONSTANT("mvt"), "application/vnd.mapbox-vector-tile", IBX_FORMAT_MVT,
     true},
    {SPAN_CONSTANT("pbf"), "application/vnd.mapbox-vector-tile", IBX_FORMAT_MVT,
     true},
    {SPAN_CONSTANT("avif"), "image/avif", IBX_FORMAT_AVIF, false},
    {SPAN_CONSTANT("mlt"), "application/vnd.maplibre-tile", IBX_FORMAT_MLT,
     true},
    {SPAN_CONSTANT("json"), "application/json", IBX_FORMAT_JSON, true},
};

enum { NMEDIA = sizeof(media) / sizeof(media[0]) };

const char *media_type(enum ibx_format format)
{
    for (size_t i = 0; i < NMEDIA; i++) {
        if (media[i].format == format)
            return media[i].type;
    }
    return "application/octet-stream";
}

const char *media_extension(enum ibx_format format)
{
    for (size_t i = 0; i < NMEDIA; i++) {
        if (media[i].format == format)
            return media[i].extension.ptr;
    }
    return "";
}

enum ibx_format media_format(struct span extension)
{
    for (size_t i = 0; i < NMEDIA; i++) {
        if (span_equal(extension, media[i].extension))
            return media[i].format;
    }
    return IBX_FORMAT_UNKNOWN;
}

const char *media_encoding(enum ibx_encoding encoding)
{
    switch (encoding) {
    case IBX_ENCODING_GZIP:
        return "gzip";
    case IBX_ENCODING_BROTLI:
        return "br";
    case IBX_ENCODING_ZSTD:
        return "zstd";
    case IBX_ENCODING_NONE:
        break;
    }
    return NULL;
}

bool media_is_vector(enum ibx_format format)
{
    for (size_t i = 0; i < NMEDIA; i++) {
        if (media[i].format == format)
            return media[i].vector;
    }
    return false;
}

bool media_all_vector(uint32_t format_bits)
{
    uint32_t vector_bits = 0;
    for (size_t i = 0; i < NMEDIA; i++) {
        if (media[i].vector)
            vector_bits |= 1u << media[i].format;
    }
    return format_bits != 0 && (format_bits & ~vector_bits) == 0;
}

enum ibx_format media_only(uint32_t format_bits)
{
    for (uint32_t f = 0; f < 32; f++) {
        if (format_bits == (1u << f))
            return (enum ibx_format)f;
    }
    return IBX_FORMAT_UNKNOWN;
}
