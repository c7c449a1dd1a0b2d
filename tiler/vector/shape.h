/* shape.h - a feature's geometry as one zoom shows it.
 *
 * Simplified by the weights of simplify.h, rounded to the zoom's grid (4096
 * units per tile), without repeated points, spikes or rings without area, and
 * lines without points on straight lines. Everything here looks at one vertex,
 * or at one arc between junctions, so what features share stays shared. Rings
 * may touch or cross afterwards: repair.h. */
#ifndef TILER_VECTOR_SHAPE_H
#define TILER_VECTOR_SHAPE_H

#include "tiler/vector/geom.h"

struct shape_rule {
    unsigned shift;  /* a grid unit of the zoom is 2^shift base units */
    float tolerance; /* vertices of at most this weight go; base units */
    /* Nothing may vanish: what is too small is drawn as one unit. */
    bool keep_all;
    uint64_t seq; /* the feature's number, which decides for tiny polygons */
};

/* Polygons of which nothing is left are replaced: some by a square of this
 * side, the others by nothing, so that the sum of their areas stays. */
enum { SHAPE_TINY_SIDE = 2 };

/* Fills `out`; no parts are left when the feature is too small to be seen.
 * False: no memory. */
bool shape_at_zoom(const struct geom *base, const float *weights,
                   const struct shape_rule *rule, struct geom *out);

/* Removes repeated points and spikes from the ring open at the end of `rings`,
 * then ends it, or drops it when it has no area left or its area's sign is not
 * `positive`. False: no memory. */
bool shape_end_ring(struct geom *rings, bool positive, bool *kept);

/* The same, and removes points on straight lines, for what is cut and rounded
 * and will not change any more. */
bool shape_end_cut_ring(struct geom *rings, bool positive, bool *kept);

/* Ends a line without repeated points and points on straight lines, or drops it
 * when fewer than two points are left. */
bool shape_end_line(struct geom *lines);

#endif
