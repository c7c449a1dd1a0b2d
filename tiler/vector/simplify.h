/* simplify.h - how much each vertex matters, once for all zooms.
 *
 * simplify_weigh() gives every vertex a weight: Douglas-Peucker with a
 * tolerance t keeps exactly the vertices whose weight is above t. Lines and
 * rings are cut at junctions; each arc between two is weighed in a direction
 * that does not depend on the feature it was met in, so features that share
 * an arc give its vertices the same weights, to the bit. */
#ifndef TILER_VECTOR_SIMPLIFY_H
#define TILER_VECTOR_SIMPLIFY_H

#include "tiler/vector/junction.h"

/* The weight of a vertex that always stays. */
#define SIMPLIFY_ALWAYS 3.0e38F

/* Memory for weighing, one per thread; begin with all zero. */
struct simplify_work {
    struct geom_point *arc;
    float *weights;
    size_t *stack;
    size_t arc_cap, stack_cap;
};

void simplify_work_free(struct simplify_work *work);

/* Fills weights[0 .. geom->npoints), in grid units; points of point geometries
 * always stay. False: no memory. `junctions` may be NULL: none. */
bool simplify_weigh(struct simplify_work *work, const struct geom *geom,
                    const struct junctions *junctions, float *weights);

#endif
