/* junction.h - which vertices must stay when shared borders are simplified.
 *
 * A vertex is a junction when its occurrences, in all features, do not all
 * have the same two neighbours: where three borders meet, where a line ends,
 * where roads cross. Between junctions, geometry that is shared is shared
 * whole, so simplifying it by a rule that sees nothing else keeps it shared.
 *
 * A bit per slot of a hash table holds this; finding the bits out takes a
 * word per slot, in as many passes as memory asks for. Vertices that fall
 * into one slot with different neighbours make each other junctions, which
 * costs a little simplification and never a gap. The bits depend on the set
 * of vertices alone, not on order, threads, passes or memory. */
#ifndef TILER_VECTOR_JUNCTION_H
#define TILER_VECTOR_JUNCTION_H

#include "tiler/vector/geom.h"

struct junctions;

/* Vertices on the antimeridian, where x is 0 or `world`, are junctions too:
 * geometry that was cut there has to meet again.
 *
 * For about `nvertices` in all; the words of a pass take at most `max_nbytes`
 * (at least 64 KiB). NULL: no memory. */
struct junctions *junctions_new(int64_t world, uint64_t nvertices,
                                uint64_t max_nbytes);

void junctions_free(struct junctions *junctions);

/* The work: for each pass, begin it, note all vertices, end it. */
unsigned junctions_npasses(const struct junctions *junctions);
void junctions_begin(struct junctions *junctions, unsigned pass);
void junctions_end(struct junctions *junctions);

/* Notes every vertex of a line or polygon geometry. Any number of threads at
 * once. */
void junctions_note(struct junctions *junctions, const struct geom *geom);

/* Whether `at` is a junction, or is not known to be none. After all passes.
 * Any thread. */
bool junctions_has(const struct junctions *junctions, struct geom_point at);

#endif
