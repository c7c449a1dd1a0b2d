/* mvt_merge.h - two vector tiles as one, layer by layer. */
#ifndef IBX_CONVERT_MVT_MERGE_H
#define IBX_CONVERT_MVT_MERGE_H

#include "tiler/convert/mvt_join.h"

/* Of a layer that both tiles have, by its name, with other contents. */
enum mvt_common {
    MVT_COMMON_LAST,  /* that of tiles[1] stays */
    MVT_COMMON_FIRST, /* that of tiles[0] stays */
    MVT_COMMON_BOTH,  /* one layer with the features of both: mvt_join() */
};

/* Appends to `out` the layers of both plain vector tiles: those of tiles[0],
 * joined where it is asked for, then those that tiles[1] alone has. *differ
 * tells whether there was a layer of one name with different contents.
 * Fails as mvt_join() does, and with IBX_ERR_UNSUPPORTED when a tile has two
 * layers of one name or more than 10,000. */
IBX_MUST_CHECK enum ibx_status mvt_merge(struct mvt_join *join,
                                         const struct bytes tiles[2],
                                         enum mvt_common common,
                                         struct buf *out, bool *differ,
                                         struct ibx_err *err);

#endif
