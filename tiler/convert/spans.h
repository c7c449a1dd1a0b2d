/* spans.h - several tilesets walked together, run by run.
 *
 * At each step all of them agree: over the piece of ids that is at hand, each
 * has either one tile for all of it or none at all. */
#ifndef IBX_CONVERT_SPANS_H
#define IBX_CONVERT_SPANS_H

#include "tiler/convert/tileset_in.h"

enum { SPANS_MAX = 64 };

struct span_input {
    struct ibx_tileset *tileset;
    struct ibx_walk *walk;
    struct ibx_span span; /* what is left of the run the walk is at */
    bool ended;
};

struct spans {
    struct span_input inputs[SPANS_MAX];
    size_t count;
    uint64_t end_id; /* ids from here on are not looked at */
    /* The piece at hand, and the inputs that have a tile there. */
    uint64_t first_id, piece;
    uint64_t holders; /* bit per input */
};

/* Starts all inputs, whose `tileset` is set, at `from_id`. On failure close
 * it all the same. */
IBX_MUST_CHECK enum ibx_status spans_open(struct spans *spans, uint64_t from_id,
                                          uint64_t end_id, struct ibx_err *err);

/* The next piece; IBX_NOT_FOUND at the end. */
IBX_MUST_CHECK enum ibx_status spans_next(struct spans *spans,
                                          struct ibx_err *err);

/* Starts input `i` anew at `from_id`, as when a pack is known already. */
IBX_MUST_CHECK enum ibx_status spans_seek(struct spans *spans, size_t i,
                                          uint64_t from_id,
                                          struct ibx_err *err);

void spans_close(struct spans *spans);

#endif
