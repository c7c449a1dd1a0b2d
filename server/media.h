/* media.h - tile formats as HTTP and URLs name them. */
#ifndef IBX_SERVER_MEDIA_H
#define IBX_SERVER_MEDIA_H

#include <stdbool.h>

#include "pack/imbrex.h"
#include "server/text.h"

/* "image/png"; "application/octet-stream" for a format without a type. */
const char *media_type(enum ibx_format format);

/* "png", "jpg", "mvt"; "" for a format without an extension. */
const char *media_extension(enum ibx_format format);

/* The format that an extension (without its dot) names, case-sensitive;
 * IBX_FORMAT_UNKNOWN for one that no tile can have. */
enum ibx_format media_format(struct span extension);

/* "gzip", "br", "zstd"; NULL for none. */
const char *media_encoding(enum ibx_encoding encoding);

/* True for formats that a client draws itself (MVT, MLT, JSON). */
bool media_is_vector(enum ibx_format format);

/* True when every format in `format_bits` is a vector format, and one is. */
bool media_all_vector(uint32_t format_bits);

/* The only format in `format_bits`, or IBX_FORMAT_UNKNOWN when there are
 * several or none. */
enum ibx_format media_only(uint32_t format_bits);

#endif
