/* tileset_impl.h - what tileset.c (opening), tile.c (getting tiles) and
 * walk.c share. */
#ifndef IBX_PACK_TILESET_IMPL_H
#define IBX_PACK_TILESET_IMPL_H

#include <stdatomic.h>

#include "pack/cache.h"
#include "pack/manifest.h"
#include "pack/recency.h"

struct ibx_tileset {
    atomic_uint holds;
    struct ibx_cache *cache;
    uint64_t serial; /* its name in the cache */
    char *folder;
    struct ibx_manifest manifest;
    struct ibx_tileset_info info;
};

/* A blob found in a pinned slot. */
struct ibx_blob_at {
    struct ibx_slot *slot;
    int64_t entry;
};

/* Copies and verifies a blob. ERR_CORRUPT and a cut file are counted; the
 * caller quarantines. AGAIN only with IBX_TRY. */
IBX_MUST_CHECK enum ibx_status ibx_blob_copy(struct ibx_tileset *tileset,
                                             struct ibx_blob_at at,
                                             enum ibx_wait wait,
                                             struct ibx_tile *out,
                                             struct ibx_err *err);

/* Reads a blob's header alone. */
IBX_MUST_CHECK enum ibx_status ibx_blob_read_header(struct ibx_tileset *tileset,
                                                    struct ibx_blob_at at,
                                                    enum ibx_wait wait,
                                                    struct ibx_blob_header *out,
                                                    struct ibx_err *err);

/* Pins the pack with this number, opening it if the asker waits. NOT_FOUND when
 * it ends before `id`. */
IBX_MUST_CHECK enum ibx_status ibx_tileset_pin(struct ibx_tileset *tileset,
                                               uint64_t pack, uint64_t id,
                                               struct ibx_asker asker,
                                               struct ibx_slot **out,
                                               struct ibx_err *err);

/* Copies the tile `id` of a pack for a walk, as ibx_tile_get(IBX_BLOCK) does.
 */
IBX_MUST_CHECK enum ibx_status ibx_tileset_copy(struct ibx_tileset *tileset,
                                                uint64_t pack, uint64_t id,
                                                struct ibx_tile *out,
                                                struct ibx_err *err);

#endif
