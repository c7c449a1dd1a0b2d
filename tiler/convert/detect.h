/* detect.h - what a tile is, told by its bytes. */
#ifndef IBX_CONVERT_DETECT_H
#define IBX_CONVERT_DETECT_H

#include "tiler/convert/buf.h"

struct tile_kind {
    enum ibx_format format;
    enum ibx_encoding encoding;
};

/* What `bytes` are. `declared` is what the container says; it decides only
 * where bytes cannot: brotli has no signature, MVT and MLT are told apart by
 * nothing, and what is inside a compressed tile is not looked at. A tile of
 * no bytes is what was declared. Never fails: the worst answer is
 * IBX_FORMAT_UNKNOWN with IBX_ENCODING_NONE. */
struct tile_kind detect_kind(struct bytes bytes, struct tile_kind declared);

/* True when the bytes walk as protobuf fields of a vector tile, that is,
 * layers only (field 3). A cheap look at the outer frame. */
bool looks_like_mvt(struct bytes bytes);

/* Width in pixels of a PNG, JPEG or WebP, 0 where its header tells none. */
uint32_t image_width_px(struct bytes bytes);

/* Names as containers write them: "png", "jpg", "webp", "pbf", "avif", "mlt",
 * "json"; NULL for IBX_FORMAT_UNKNOWN. */
const char *format_name(enum ibx_format format);

/* The format that a container's word or a file's extension names, without
 * regard to case: "jpeg", "image/png", "mvt", "pbf" ... UNKNOWN for others. */
enum ibx_format format_from_name(const char *name);

#endif
