/* resolve.h - rings that rounding has pushed together, taken apart again.
 *
 * Rounding and simplifying valid polygons makes rings touch, run along each
 * other or cross by a little. Here every meeting becomes a vertex, edges with
 * the same on both sides go, and what is left is traced into rings anew. Where
 * rings only touched, no vertex moves: what was shared stays shared. Area
 * counts as covered where rings go around it, in their sum, the right way
 * round. */
#ifndef TILER_VECTOR_RESOLVE_H
#define TILER_VECTOR_RESOLVE_H

#include "tiler/vector/geom.h"

/* Memory, one per thread; begin with all zero. */
struct resolve_work {
    struct resolve_edge *edges, *spare;
    size_t nedges, edges_cap, spare_cap;
    struct resolve_split *splits;
    size_t nsplits, splits_cap;
    size_t *active, *path;
    size_t active_cap;
    struct geom rings;
    /* Of resolve_crossings(). */
    bool (*on_crossing)(void *arg, const struct geom_point edge[2],
                        struct geom_point at);
    void *arg;
};

void resolve_work_free(struct resolve_work *work);

enum resolve_status {
    RESOLVE_OK,
    RESOLVE_UNSURE, /* too tangled; `out` is unspecified */
    RESOLVE_NOMEM
};

/* What counts as covered. */
enum resolve_how {
    RESOLVE_POSITIVE, /* what rings go around the right way, in their sum */
    RESOLVE_NONZERO   /* also what they go around the wrong way */
};

/* Fills `out`, which is reset, with valid polygons. */
enum resolve_status resolve_polygons(struct resolve_work *work,
                                     const struct geom *in,
                                     enum resolve_how how, struct geom *out);

/* Calls back, for every two edges of `in` that cross, once for each of them,
 * with the rounded point of crossing, unless that is the edge's end. A false
 * from the callback ends it. RESOLVE_OK or RESOLVE_NOMEM, also when the
 * callback said false. */
enum resolve_status resolve_crossings(
    struct resolve_work *work, const struct geom *in,
    bool (*on_crossing)(void *arg, const struct geom_point edge[2],
                        struct geom_point at),
    void *arg);

#endif
