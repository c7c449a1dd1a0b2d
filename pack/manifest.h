/* manifest.h - the mapped manifest of one generation: which pack holds an id,
 * what each pack is, and the texts. Pages are checked when first touched.
 * Never changes after opening, but for the bitmap of checked pages. */
#ifndef IBX_PACK_MANIFEST_H
#define IBX_PACK_MANIFEST_H

#include <stdatomic.h>

#include "pack/format.h"

struct ibx_manifest {
    struct ibx_cache *cache;
    char *path;
    struct ibx_manifest_header header;
    const uint8_t *base;
    int64_t modified_s;
    /* One bit per page found intact in `epoch`. */
    _Atomic uint64_t *checked;
    size_t checked_nwords;
    _Atomic uint64_t epoch;
};

/* Maps `path` (copied), charging the cache, and checks its header. On failure
 * nothing is held. ERR_MISSING, _CORRUPT, _UNSUPPORTED, _BUSY, _TOO_LARGE,
 * _NOMEM, _SYSTEM. Close it also after a failure is not needed. */
IBX_MUST_CHECK enum ibx_status ibx_manifest_open(struct ibx_manifest *manifest,
                                                 struct ibx_cache *cache,
                                                 const char *path,
                                                 struct ibx_err *err);
void ibx_manifest_close(struct ibx_manifest *manifest);

/* The number of the last pack whose first id is not behind `id`; NOT_FOUND
 * when there is none. AGAIN only with IBX_TRY; ERR_CORRUPT for a bad page. */
IBX_MUST_CHECK enum ibx_status ibx_manifest_find(struct ibx_manifest *manifest,
                                                 uint64_t id,
                                                 enum ibx_wait wait,
                                                 uint64_t *out_pack,
                                                 struct ibx_err *err);

/* What the manifest says of pack `number` < npacks. */
IBX_MUST_CHECK enum ibx_status ibx_manifest_pack(struct ibx_manifest *manifest,
                                                 uint64_t number,
                                                 enum ibx_wait wait,
                                                 struct ibx_pack_info *out,
                                                 struct ibx_err *err);

/* Makes sure before a tile is said to be absent: a page that was overwritten
 * since it was checked must not turn a tile into none. Looks for `id` again in
 * copies of the pages it needs, each compared with its checksum now. NOT_FOUND:
 * no pack's range holds `id`, for certain; OK: pack *out_pack's does;
 * ERR_CORRUPT; AGAIN only with IBX_TRY. */
IBX_MUST_CHECK enum ibx_status ibx_manifest_confirm(
    struct ibx_manifest *manifest, uint64_t id, enum ibx_wait wait,
    uint64_t *out_pack, struct ibx_err *err);

/* Copies a whole text. */
IBX_MUST_CHECK enum ibx_status ibx_manifest_text(struct ibx_manifest *manifest,
                                                 enum ibx_text which, char *to,
                                                 struct ibx_err *err);

#endif
