/* simple.h - whether polygons are valid beyond doubt, by exact arithmetic. */
#ifndef TILER_VECTOR_SIMPLE_H
#define TILER_VECTOR_SIMPLE_H

#include "tiler/vector/geom.h"

/* Memory for the test, one per thread; begin with all zero. */
struct simple_work {
    struct simple_edge *edges;
    size_t *active;
    size_t cap;
    struct simple_poly *polys;
    size_t polys_cap;
};

void simple_work_free(struct simple_work *work);

enum simple_answer { SIMPLE_YES, SIMPLE_UNSURE, SIMPLE_NOMEM };

/* SIMPLE_YES when no two edges meet but for neighbours in a ring, every hole
 * lies inside its outer ring and in no other hole, and no polygon lies inside
 * another. Valid polygons whose rings touch in a point are UNSURE. */
enum simple_answer simple_polygons(struct simple_work *work,
                                   const struct geom *geom);

#endif
