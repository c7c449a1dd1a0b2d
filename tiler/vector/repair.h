/* repair.h - polygons that are valid, and stay so on the grid.
 *
 * Most polygons are seen to be valid by an exact integer test (simple.h); the
 * rings of others are taken apart on the grid (resolve.h); what is too tangled
 * for that is given to GEOS, whose result is rounded back to the grid. */
#ifndef TILER_VECTOR_REPAIR_H
#define TILER_VECTOR_REPAIR_H

#include "tiler/vector/geom.h"

/* One per thread. */
struct repair;

struct repair *repair_new(void); /* NULL: no memory */
void repair_free(struct repair *repair);

enum repair_status {
    REPAIR_FINE, /* it was valid; maybe its rings come in another order */
    REPAIR_DONE, /* it was not and now is; maybe nothing is left */
    REPAIR_NOMEM,
    REPAIR_FAILED /* GEOS could not: the geometry is emptied */
};

/* Makes `geom`, polygons on a unit grid, valid. */
enum repair_status repair_polygons(struct repair *repair, struct geom *geom);

/* The same for polygons that were valid before they were rounded: area that
 * was turned inside out by it is dropped, because a neighbour has it. */
enum repair_status repair_rounded(struct repair *repair, struct geom *geom);

/* Calls back for every crossing of edges, as resolve_crossings() says. False:
 * no memory, or the callback said so. */
bool repair_crossings(struct repair *repair, const struct geom *geom,
                      bool (*on_crossing)(void *arg,
                                          const struct geom_point edge[2],
                                          struct geom_point at),
                      void *arg);

/* Replaces `geom` by the union of its polygons, valid and on the grid. */
enum repair_status repair_union(struct repair *repair, struct geom *geom);

/* Cuts to a box by GEOS, for what clip.h refuses. */
enum repair_status repair_clip(struct repair *repair, struct geom *geom,
                               struct geom_box box);

#endif
