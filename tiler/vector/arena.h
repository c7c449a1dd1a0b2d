/* arena.h - memory that is given back all at once. */
#ifndef TILER_VECTOR_ARENA_H
#define TILER_VECTOR_ARENA_H

#include <stddef.h>

#include "tiler/vector/geom.h"

/* Begin with all zero. Not thread-safe. */
struct arena {
    struct arena_block *blocks;
};

void arena_free(struct arena *arena);

/* Forgets everything allocated; keeps one block for what comes next. */
void arena_reset(struct arena *arena);

/* n bytes, aligned for anything, until the next reset; NULL: no memory. */
void *arena_alloc(struct arena *arena, size_t n);

/* A copy that takes no more room than it needs; NULL: no memory. It is not to
 * be grown or freed. */
const struct geom *arena_keep(struct arena *arena, const struct geom *geom);

#endif
