/* tileset_in.h - a tileset opened by a command of the tiler. */
#ifndef IBX_CONVERT_TILESET_IN_H
#define IBX_CONVERT_TILESET_IN_H

#include "tiler/convert/idblock.h"
#include "tiler/convert/kinds.h"
#include "tiler/convert/meta_text.h"

/* A cache and a tileset in it. */
struct tileset_in {
    struct ibx_cache *cache;
    struct ibx_tileset *tileset;
};

/* Opens the generation in force of `folder`. With IBX_VERIFY_NEVER facts of
 * tiles cost no look at their bytes: use it where bytes are read again, with
 * IBX_VERIFY_ALWAYS, before anything is made of them.
 * Fails as ibx_cache_open() and ibx_tileset_open() do. */
IBX_MUST_CHECK enum ibx_status tileset_in_open(const char *folder,
                                               enum ibx_verify verify,
                                               struct tileset_in *out,
                                               struct ibx_err *err);

/* A zeroed one is allowed. */
void tileset_in_close(struct tileset_in *in);

/* The metadata of a tileset: its source section, or, where there is none that
 * is known, its TileJSON. `out` is empty before; free it in any case. */
IBX_MUST_CHECK enum ibx_status tileset_meta(struct ibx_tileset *tileset,
                                            struct meta *out,
                                            struct ibx_err *err);

/* The members of the manifest's TileJSON. Free `out` in any case. */
IBX_MUST_CHECK enum ibx_status tileset_tilejson(struct ibx_tileset *tileset,
                                                struct meta *out,
                                                struct ibx_err *err);

/* The title for a tileset at `path` that has none: its name without folders
 * and without its last extension. free() it; NULL when memory ran out. */
char *name_of_path(const char *path);

/* Puts together what metadata is completed with. `name` is borrowed. */
void meta_tiles_from(const struct coverage *coverage, const struct kinds *kinds,
                     const char *name, struct meta_tiles *out);

/* SOURCE_DATE_EPOCH of the environment, or 0. */
int64_t source_date_epoch(void);

#endif
