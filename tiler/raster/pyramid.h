/* pyramid.h - each tile from its four children.
 *
 * A recursion over the quadtree: memory is one tile per level, whatever the
 * size of the picture. Below, pixels come from a painter (or from elsewhere);
 * above, every tile is given to an emitter as soon as it is complete. */
#ifndef TILER_RASTER_PYRAMID_H
#define TILER_RASTER_PYRAMID_H

#include "tiler/raster/emit.h"
#include "tiler/raster/job.h"

struct pyramid;

/* Brings the pixels of tile `at`, one of `leaf_zoom`, which stay valid until
 * the next call. False, reported, when that fails. */
typedef bool pyramid_leaf(void *arg, struct ibx_zxy at, struct pixels *out);

struct pyramid_settings {
    const struct job *job;
    uint8_t top_zoom, leaf_zoom;
    pyramid_leaf *leaf;
    void *leaf_arg;
    struct emitted *emitted;
    bool emits_leaves; /* leaves are tiles to be stored too */
};

/* Reserves the levels top_zoom..leaf_zoom. NULL, reported, when out of memory.
 */
struct pyramid *pyramid_new(const struct pyramid_settings *settings);
void pyramid_free(struct pyramid *pyramid);

/* Makes tile `at` (of top_zoom) and all below, and emits those of the job's
 * zooms. *out is its pixels, valid until the next call. False, reported, when
 * a step fails or a stop is requested. */
bool pyramid_make(struct pyramid *pyramid, struct ibx_zxy at,
                  struct pixels *out);

#endif
