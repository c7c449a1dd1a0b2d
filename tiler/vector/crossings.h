/* crossings.h - where borders cross once a zoom has rounded them.
 *
 * A polygon whose ring crosses itself is mended by a vertex at the rounded
 * crossing point, which bends both edges by up to half a unit. Neighbours that
 * have one of the edges must bend it alike, or a sliver opens: so all
 * crossings of all features are noted first, and every feature then takes
 * those that lie on its edges. */
#ifndef TILER_VECTOR_CROSSINGS_H
#define TILER_VECTOR_CROSSINGS_H

#include "tiler/vector/geom.h"

struct crossings;

struct crossings *crossings_new(void); /* NULL: no memory */
void crossings_free(struct crossings *crossings);

/* Notes that edge a-b (either way round) gets a vertex `at` at `zoom`. Any
 * thread. False: no memory. */
bool crossings_add(struct crossings *crossings, uint8_t zoom,
                   const struct geom_point edge[2], struct geom_point at);

/* Nothing is added any more. */
void crossings_seal(struct crossings *crossings);

/* Puts the noted vertices into the rings of `geom`, shown at `zoom`; `spare`
 * is scratch. Any thread. False: no memory. */
bool crossings_apply(const struct crossings *crossings, uint8_t zoom,
                     struct geom *geom, struct geom *spare);

#endif
