/* join.h - lines with equal attributes become one feature with longer lines.
 */
#ifndef TILER_VECTOR_JOIN_H
#define TILER_VECTOR_JOIN_H

#include "tiler/vector/geom.h"

/* Joins lines end to begin where exactly one line of `lines` ends and exactly
 * one begins, keeping their direction. Order follows the first line of each
 * joined one. False: no memory, with `lines` unchanged. */
bool join_lines(const struct geom *lines, struct geom *out);

#endif
