/* settle.h - which tile counts where several inputs of a merge have one. */
#ifndef IBX_CONVERT_SETTLE_H
#define IBX_CONVERT_SETTLE_H

#include "tiler/convert/detect.h"
#include "tiler/convert/mvt_merge.h"

/* What counts where inputs differ: tiles, or, with `layers`, the layers of one
 * name of vector tiles. */
enum conflict { CONFLICT_LAST, CONFLICT_FIRST, CONFLICT_ERROR, CONFLICT_BOTH };

struct settle {
    /* Given. Inputs are numbered as they follow one another. */
    enum conflict conflict; /* BOTH only with `layers` */
    bool layers;
    enum ibx_status (*get)(void *arg, size_t input, struct ibx_tile *out,
                           struct ibx_err *err);
    void *arg;
    /* After a failure: the input whose tile it is about, and the one that it
     * was compared with. */
    size_t at_input, other_input;
    /* Its own; zeroed before use. */
    struct mvt_join join;
    struct buf sum, plain[2], merged;
};

void settle_free(struct settle *settle);

/* The tile of the inputs in the bits of `holders`, of which there is at least
 * one. Only those are read whose bytes matter. *bytes are valid until the next
 * call. With `layers`, tiles that are no vector tiles are settled as without,
 * for the last one; a sum is gzip unless the later tile was plain.
 * IBX_ERR_CONFLICT  inputs differ, under CONFLICT_ERROR
 * Else fails as unpack(), mvt_merge() and `get` do; err->file is then empty
 * unless `get` filled it. */
IBX_MUST_CHECK enum ibx_status settle(struct settle *settle, uint64_t holders,
                                      struct bytes *bytes,
                                      struct tile_kind *kind,
                                      struct ibx_err *err);

#endif
