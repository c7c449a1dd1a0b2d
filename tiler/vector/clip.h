/* clip.h - cut geometry to a box, one straight side after another.
 *
 * Points on a side are inside. Crossing points are rounded to the grid in a
 * way that does not depend on an edge's direction, so neighbours that share
 * an edge get the same point. Polygons are cut properly: a ring that leaves
 * and enters again becomes several rings, never one with a bridge along the
 * side; cut holes join the outer ring. Input polygons must be valid. */
#ifndef TILER_VECTOR_CLIP_H
#define TILER_VECTOR_CLIP_H

#include "tiler/vector/geom.h"

enum clip_side {
    CLIP_X_MIN, /* keep x >= at */
    CLIP_X_MAX, /* keep x <= at */
    CLIP_Y_MIN,
    CLIP_Y_MAX
};

enum clip_status {
    CLIP_OK,
    CLIP_NOMEM,
    /* The polygon crosses the side in an order that no valid polygon has;
     * `out` is without that polygon and the caller should repair it. */
    CLIP_INVALID
};

/* Memory for a cut in progress, one per thread; begin with all zero. */
struct clip_work {
    struct clip_chain *chains;
    size_t nchains, chains_cap;
    struct clip_end *ends;
    size_t ends_cap;
    struct geom scrap; /* the chains' points */
    struct geom rings; /* rings of the polygon being cut, order lost */
    struct geom swap;  /* between two sides */
};

void clip_work_free(struct clip_work *work);

/* Puts the part of `in` on the kept side into `out`, which is reset. */
enum clip_status clip_half(struct clip_work *work, const struct geom *in,
                           enum clip_side side, int64_t at, struct geom *out);

/* All four sides. */
enum clip_status clip_box(struct clip_work *work, const struct geom *in,
                          struct geom_box box, struct geom *out);

/* Sorts rings given in any order into polygons: `rings` holds rings of one
 * polygon's cut, positive ones outer, negative ones holes; appends them to
 * `out` with each hole behind the outer ring around it. */
bool clip_nest_rings(const struct geom *rings, struct geom *out);

/* True when the geometry is one ring of exactly the box's four corners. */
bool clip_is_whole_box(const struct geom *geom, struct geom_box box);

#endif
