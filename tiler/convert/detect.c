#include "tiler/convert/detect.h"

#include <string.h>
#include <strings.h>

static bool starts(struct bytes b, const char *magic, size_t len)
{
    return b.len >= len && memcmp(b.ptr, magic, len) == 0;
}

static bool is_webp(struct bytes b)
{
    return b.len >= 12 && starts(b, "RIFF", 4) &&
           memcmp(b.ptr + 8, "WEBP", 4) == 0;
}

static bool is_avif(struct bytes b)
{
    return b.len >= 12 && memcmp(b.ptr + 4, "ftypavi", 7) == 0 &&
           (b.ptr[11] == 'f' || b.ptr[11] == 's');
}

/* JSON tiles (GeoJSON, UTFGrid) are objects; a vector tile begins with 0x1a. */
static bool is_json(struct bytes b)
{
    size_t i = 0;
    while (i < b.len && strchr(" \t\r\n", b.ptr[i]) != NULL && b.ptr[i] != 0)
        i++;
    return i < b.len && b.ptr[i] == '{';
}

static enum ibx_format image_format(struct bytes b)
{
    if (starts(b, "\x89PNG\r\n\x1a\n", 8))
        return IBX_FORMAT_PNG;
    if (starts(b, "\xff\xd8\xff", 3))
        return IBX_FORMAT_JPEG;
    if (is_webp(b))
        return IBX_FORMAT_WEBP;
    return is_avif(b) ? IBX_FORMAT_AVIF : IBX_FORMAT_UNKNOWN;
}

static bool read_varint(struct bytes b, size_t *at, uint64_t *out)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (*at == b.len)
            return false;
        uint8_t c = b.ptr[(*at)++];
        v |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80) {
            *out = v;
            return true;
        }
    }
    return false;
}

bool looks_like_mvt(struct bytes b)
{
    size_t at = 0;
    while (at < b.len) {
        uint64_t len = 0;
        if (b.ptr[at++] != (3 << 3 | 2)) /* layers, length-delimited */
            return false;
        if (!read_varint(b, &at, &len) || len > b.len - at)
            return false;
        at += (size_t)len;
    }
    return b.len > 0;
}

static bool is_vector(enum ibx_format format)
{
    return format == IBX_FORMAT_MVT || format == IBX_FORMAT_MLT ||
           format == IBX_FORMAT_JSON;
}

static enum ibx_encoding signature(struct bytes b)
{
    if (starts(b, "\x1f\x8b\x08", 3))
        return IBX_ENCODING_GZIP;
    return starts(b, "\x28\xb5\x2f\xfd", 4) ? IBX_ENCODING_ZSTD
                                            : IBX_ENCODING_NONE;
}

struct tile_kind detect_kind(struct bytes bytes, struct tile_kind declared)
{
    if (bytes.len == 0)
        return declared;
    enum ibx_format image = image_format(bytes);
    if (image != IBX_FORMAT_UNKNOWN)
        return (struct tile_kind){image, IBX_ENCODING_NONE};
    /* Only vector tiles are compressed as a whole. */
    enum ibx_format vector =
        is_vector(declared.format) ? declared.format : IBX_FORMAT_MVT;
    enum ibx_encoding packed = signature(bytes);
    if (packed != IBX_ENCODING_NONE)
        return (struct tile_kind){vector, packed};
    if (is_json(bytes))
        return (struct tile_kind){IBX_FORMAT_JSON, IBX_ENCODING_NONE};
    if (declared.format != IBX_FORMAT_MLT && looks_like_mvt(bytes))
        return (struct tile_kind){IBX_FORMAT_MVT, IBX_ENCODING_NONE};
    if (declared.encoding == IBX_ENCODING_BROTLI)
        return (struct tile_kind){vector, IBX_ENCODING_BROTLI};
    if (declared.format == IBX_FORMAT_MLT)
        return (struct tile_kind){IBX_FORMAT_MLT, IBX_ENCODING_NONE};
    return (struct tile_kind){IBX_FORMAT_UNKNOWN, IBX_ENCODING_NONE};
}

static uint32_t get_u16be(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

/* The width in the first start-of-frame segment. */
static uint32_t jpeg_width(struct bytes b)
{
    size_t at = 2;
    while (at + 9 <= b.len && b.ptr[at] == 0xff) {
        uint8_t marker = b.ptr[at + 1];
        bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 &&
                     marker != 0xc8 && marker != 0xcc;
        if (frame)
            return get_u16be(b.ptr + at + 7);
        at += marker == 0xff ? 1 : 2 + get_u16be(b.ptr + at + 2);
    }
    return 0;
}

static uint32_t webp_width(struct bytes b)
{
    if (b.len < 30)
        return 0;
    if (memcmp(b.ptr + 12, "VP8X", 4) == 0)
        return 1 + (get_u32le(b.ptr + 24) & 0xffffff);
    if (memcmp(b.ptr + 12, "VP8L", 4) == 0)
        return 1 + (get_u32le(b.ptr + 21) & 0x3fff);
    return get_u32le(b.ptr + 26) & 0x3fff;
}

uint32_t image_width_px(struct bytes b)
{
    switch (image_format(b)) {
    case IBX_FORMAT_PNG:
        return b.len < 24 ? 0
                          : get_u16be(b.ptr + 16) << 16 | get_u16be(b.ptr + 18);
    case IBX_FORMAT_JPEG:
        return jpeg_width(b);
    case IBX_FORMAT_WEBP:
        return webp_width(b);
    default:
        return 0;
    }
}

const char *format_name(enum ibx_format format)
{
    static const char *const names[] = {
        [IBX_FORMAT_PNG] = "png",   [IBX_FORMAT_JPEG] = "jpg",
        [IBX_FORMAT_WEBP] = "webp", [IBX_FORMAT_MVT] = "pbf",
        [IBX_FORMAT_AVIF] = "avif", [IBX_FORMAT_MLT] = "mlt",
        [IBX_FORMAT_JSON] = "json",
    };
    return format <= IBX_FORMAT_JSON ? names[format] : NULL;
}

enum ibx_format format_from_name(const char *name)
{
    static const struct {
        const char *name;
        enum ibx_format format;
    } known[] = {
        {"png", IBX_FORMAT_PNG},
        {"png8", IBX_FORMAT_PNG},
        {"png24", IBX_FORMAT_PNG},
        {"png32", IBX_FORMAT_PNG},
        {"png256", IBX_FORMAT_PNG},
        {"image/png", IBX_FORMAT_PNG},
        {"jpg", IBX_FORMAT_JPEG},
        {"jpeg", IBX_FORMAT_JPEG},
        {"image/jpeg", IBX_FORMAT_JPEG},
        {"webp", IBX_FORMAT_WEBP},
        {"image/webp", IBX_FORMAT_WEBP},
        {"pbf", IBX_FORMAT_MVT},
        {"mvt", IBX_FORMAT_MVT},
        {"application/x-protobuf", IBX_FORMAT_MVT},
        {"application/vnd.mapbox-vector-tile", IBX_FORMAT_MVT},
        {"avif", IBX_FORMAT_AVIF},
        {"image/avif", IBX_FORMAT_AVIF},
        {"mlt", IBX_FORMAT_MLT},
        {"json", IBX_FORMAT_JSON},
        {"geojson", IBX_FORMAT_JSON},
        {"application/vnd.maplibre-vector-tile", IBX_FORMAT_MLT},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcasecmp(name, known[i].name) == 0)
            return known[i].format;
    return IBX_FORMAT_UNKNOWN;
}
