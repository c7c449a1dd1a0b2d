/* metatile.h - mod_tile's metatiles: a square of tiles in one file.
 *
 * Layout (mod_tile, src/metatile.h): "META" or "METZ", then little-endian
 * int32 count, x, y, z of its north-west tile, then `count` pairs of int32
 * offset and size, column by column. Pure: bytes in, tiles out. */
#ifndef IBX_CONVERT_METATILE_H
#define IBX_CONVERT_METATILE_H

#include "tiler/convert/buf.h"

struct metatile {
    struct bytes file; /* borrowed */
    struct ibx_zxy corner;
    uint32_t side; /* tiles per side: 1, 2, 4, 8 or 16 */
    bool packed;   /* METZ: tiles are compressed one by one */
};

/* IBX_ERR_CORRUPT with the field that is wrong; err->file stays empty. */
IBX_MUST_CHECK enum ibx_status metatile_open(struct bytes file,
                                             struct metatile *out,
                                             struct ibx_err *err);

/* The tile at place `index`, 0 .. side * side - 1. IBX_NOT_FOUND: the place
 * is empty. IBX_ERR_CORRUPT: it lies outside the file or the world. */
IBX_MUST_CHECK enum ibx_status metatile_get(const struct metatile *metatile,
                                            uint32_t index, struct ibx_zxy *at,
                                            struct bytes *out,
                                            struct ibx_err *err);

#endif
