/* mvt_join.h - two layers of one name as one. */
#ifndef IBX_CONVERT_MVT_JOIN_H
#define IBX_CONVERT_MVT_JOIN_H

#include "tiler/convert/intern.h"

/* What joining needs beside its result; kept from one tile to the next. Zero
 * it before use. */
struct mvt_join {
    struct intern keys, values, seen;   /* of the result */
    struct buf features, layer;         /* the result's */
    struct buf feature, tags, geometry; /* of the feature at hand */
};

void mvt_join_free(struct mvt_join *join);

/* Appends to `out` a layer, as a field of a tile, with the features of
 * layers[0] and behind them those of layers[1] that layers[0] has not: equal
 * are features with the same id, attributes, type and geometry. The extent is
 * the larger one, of which the other must be a part without remainder, so
 * that coordinates stay exact; the version is the lower one. Keys and values
 * are numbered anew.
 * IBX_ERR_CORRUPT      a layer is none, or a tag names what is not there
 * IBX_ERR_UNSUPPORTED  the extents do not fit, or a layer has fields that
 *                      version 2.1 of the specification does not know
 * IBX_ERR_NOMEM        On failure `out` holds a useless part. */
IBX_MUST_CHECK enum ibx_status mvt_join(struct mvt_join *join,
                                        const struct bytes layers[2],
                                        struct buf *out, struct ibx_err *err);

#endif
