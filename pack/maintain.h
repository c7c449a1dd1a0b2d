/* maintain.h - keep tilesets healthy: remove what nothing names any more.
 * Part of the writer's library. */
#ifndef IBX_PACK_MAINTAIN_H
#define IBX_PACK_MAINTAIN_H

#include "pack/imbrex.h"

struct ibx_gc_result {
    uint64_t generations_kept, generations_removed;
    uint64_t packs_kept, packs_removed;
    uint64_t nbytes_removed;
};

/* Removes all generations but the one in CURRENT and the keep - 1 newest
 * others (keep >= 1), and every pack that no manifest left names. With
 * `dry_run` only counts. Memory: 32 bytes per pack kept. Manifests go first
 * and the folder is synced in between, so a kill at any moment leaves a
 * tileset whose CURRENT is whole. Readers that have an old generation open
 * keep the packs they have mapped.
 * ERR_BUSY (a writer has the folder), ERR_MISSING, ERR_CORRUPT (a manifest
 * that is to be kept cannot be read; nothing was removed), ERR_SYSTEM, NOMEM,
 * ERR_INVALID. */
IBX_MUST_CHECK enum ibx_status ibx_gc(const char *folder, unsigned keep,
                                      bool dry_run, struct ibx_gc_result *out,
                                      struct ibx_err *err);

/* Removes packs that no manifest names, best effort, for a writer that holds
 * the folder's lock and gives up. Removes nothing when a manifest cannot be
 * read. */
void ibx_discard_unnamed(const char *folder);

/* Length of the packs that ibx_discard_unnamed() would remove. */
uint64_t ibx_unnamed_nbytes(const char *folder);

#endif
