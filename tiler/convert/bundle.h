/* bundle.h - Esri's compact cache version 2: 128 x 128 tiles in one file.
 *
 * Layout (github.com/Esri/raster-tiles-compactcache, "CompactCacheV2"): a
 * header of 64 bytes, an index of 16384 little-endian 64-bit numbers row by
 * row - the low 40 bits are the tile's offset, the high 24 its size - and the
 * tiles. Pure: bytes and text in, values out. */
#ifndef IBX_CONVERT_BUNDLE_H
#define IBX_CONVERT_BUNDLE_H

#include "tiler/convert/buf.h"

enum {
    BUNDLE_SIDE = 128,
    BUNDLE_NPLACES = BUNDLE_SIDE * BUNDLE_SIDE,
    BUNDLE_HEADER_NBYTES = 64,
    BUNDLE_INDEX_NBYTES = BUNDLE_NPLACES * 8,
};

/* Checks the header. IBX_ERR_CORRUPT, IBX_ERR_UNSUPPORTED. */
IBX_MUST_CHECK enum ibx_status bundle_check(struct bytes header,
                                            uint64_t file_nbytes,
                                            struct ibx_err *err);

/* Where a tile lies in its bundle. */
struct bundle_tile {
    uint64_t off;
    uint32_t nbytes;
};

/* Where tile `place` lies. IBX_NOT_FOUND: there is none. IBX_ERR_CORRUPT: it
 * would lie outside the file. `index` holds BUNDLE_INDEX_NBYTES. */
IBX_MUST_CHECK enum ibx_status bundle_place(const uint8_t *index,
                                            uint32_t place,
                                            uint64_t file_nbytes,
                                            struct bundle_tile *out,
                                            struct ibx_err *err);

/* "L05/R0080C0100.bundle" at the end of `path`: level 5 and the row and column
 * of its north-west tile. False for any other name. */
bool bundle_parse_path(const char *path, uint32_t *level, uint32_t *row,
                       uint32_t *column);

enum { BUNDLE_LEVELS_MAX = 64 };

/* Which zoom each level of a cache is. */
struct bundle_levels {
    int8_t zooms[BUNDLE_LEVELS_MAX]; /* -1: no such level */
    uint32_t tile_px;
};

/* Levels without a description: level n is zoom n of 256 pixels. */
void bundle_levels_plain(struct bundle_levels *out);

/* Reads a cache's conf.xml. IBX_ERR_UNSUPPORTED
 * where the cache is not in web mercator with the usual origin and scales. */
IBX_MUST_CHECK enum ibx_status bundle_levels_read(const char *xml,
                                                  struct bundle_levels *out,
                                                  struct ibx_err *err);

#endif
