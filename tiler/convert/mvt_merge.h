/* mvt_merge.h - two vector tiles as one, layer by layer. */
#ifndef IBX_CONVERT_MVT_MERGE_H
#define IBX_CONVERT_MVT_MERGE_H

#include "tiler/convert/buf.h"

/* Appends to `out` the layers of `first` and `second`, both plain vector
 * tiles. Of a layer that both have, by its name, only one stays: that of
 * `second`, or with `keep_first` that of `first`. *both tells whether there
 * was such a layer with different contents. IBX_ERR_CORRUPT, IBX_ERR_NOMEM. */
IBX_MUST_CHECK enum ibx_status mvt_merge(const struct bytes tiles[2],
                                         bool keep_first, struct buf *out,
                                         bool *both, struct ibx_err *err);

#endif
