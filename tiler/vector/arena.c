#include "tiler/vector/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *next;
    size_t used, cap;
    max_align_t bytes[];
};

enum { BLOCK_NBYTES = 256 << 10 };

static void free_all_but(struct arena *arena, size_t nkept)
{
    size_t n = 0;
    for (const struct arena_block *b = arena->blocks; b != NULL; b = b->next)
        n++;
    while (n > nkept) {
        struct arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
        n--;
    }
}

void arena_free(struct arena *arena)
{
    free_all_but(arena, 0);
}

void arena_reset(struct arena *arena)
{
    free_all_but(arena, 1);
    if (arena->blocks != NULL)
        arena->blocks->used = 0;
}

void *arena_alloc(struct arena *arena, size_t n)
{
    n = (n + sizeof(max_align_t) - 1) / sizeof(max_align_t) *
        sizeof(max_align_t);
    struct arena_block *block = arena->blocks;
    if (block == NULL || n > block->cap - block->used) {
        size_t cap = n > BLOCK_NBYTES ? n : BLOCK_NBYTES;
        block = malloc(sizeof *block + cap);
        if (block == NULL)
            return NULL;
        block->next = arena->blocks;
        block->used = 0;
        block->cap = cap;
        arena->blocks = block;
    }
    void *at = (uint8_t *)block->bytes + block->used;
    block->used += n;
    return at;
}

const struct geom *arena_keep(struct arena *arena, const struct geom *geom)
{
    size_t points_nbytes = geom->npoints * sizeof *geom->points;
    size_t parts_nbytes = geom->nparts * sizeof *geom->parts;
    struct geom *kept =
        arena_alloc(arena, sizeof *kept + points_nbytes + parts_nbytes);
    if (kept == NULL)
        return NULL;
    *kept = (struct geom){
        .kind = geom->kind,
        .points = (struct geom_point *)(kept + 1),
        .npoints = geom->npoints,
        .nparts = geom->nparts,
    };
    kept->parts = (struct geom_part *)(kept->points + geom->npoints);
    if (geom->npoints > 0)
        memcpy(kept->points, geom->points, points_nbytes);
    if (geom->nparts > 0)
        memcpy(kept->parts, geom->parts, parts_nbytes);
    return kept;
}
