/* kinds.h - a count of what tiles are, to compare with what was claimed. */
#ifndef IBX_CONVERT_KINDS_H
#define IBX_CONVERT_KINDS_H

#include "tiler/convert/detect.h"

enum { NFORMATS = IBX_FORMAT_JSON + 1, NENCODINGS = IBX_ENCODING_ZSTD + 1 };

/* Zero it before use. Tiles without bytes are only counted as such. */
struct kinds {
    uint64_t counts[NFORMATS][NENCODINGS];
    uint64_t total; /* with bytes */
    uint64_t empty;
};

void kinds_add(struct kinds *kinds, struct tile_kind kind, size_t nbytes,
               uint64_t count);

uint64_t kinds_of_format(const struct kinds *kinds, enum ibx_format format);
uint64_t kinds_of_encoding(const struct kinds *kinds,
                           enum ibx_encoding encoding);

/* The most frequent kind; UNKNOWN and NONE when there are no tiles. */
struct tile_kind kinds_main(const struct kinds *kinds);

#endif
