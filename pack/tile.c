/* tile.c - from an address to a private, verified copy of its tile. */
#include <assert.h>
#include <string.h>

#include "pack/bytes.h"
#include "pack/err.h"
#include "pack/fileio.h"
#include "pack/tileset_impl.h"

/* True for a status that opening the pack anew might mend. */
static bool is_unreadable(enum ibx_status status)
{
    return status == IBX_ERR_CORRUPT || status == IBX_ERR_SYSTEM ||
           status == IBX_ERR_MISSING || status == IBX_ERR_UNSUPPORTED;
}

enum ibx_status ibx_tileset_pin(struct ibx_tileset *tileset, uint64_t pack,
                                uint64_t id, struct ibx_asker asker,
                                struct ibx_slot **out, struct ibx_err *err)
{
    struct ibx_slot_key key = {tileset->serial, pack, asker.reader};
    struct ibx_slot *slot = ibx_cache_try(tileset->cache, key);
    if (slot) {
        *out = slot;
        return IBX_OK;
    }
    struct ibx_pack_info info;
    enum ibx_status st =
        ibx_manifest_pack(&tileset->manifest, pack, asker.wait, &info, err);
    if (st != IBX_OK)
        return st;
    if (id > info.last_id)
        return IBX_NOT_FOUND; /* no need to open it */
    if (asker.wait == IBX_TRY)
        return IBX_AGAIN;
    return ibx_cache_load(tileset->cache, key, tileset->folder, &info, out,
                          err);
}

/* ---- file bytes, mapped or read ---------------------------------------- */

/* Bytes [off, off + nbytes) of a pack's file, and where they go. */
struct piece {
    uint64_t off;
    void *to;
    size_t nbytes;
    uint64_t ahead_nbytes; /* worth reading at once, from `off` on; or 0 */
};

static enum ibx_status corrupt(struct ibx_slot *slot, const char *why,
                               struct ibx_err *err)
{
    (void)ibx_fail(err, IBX_ERR_CORRUPT, NULL, "%s", why);
    ibx_slot_name_file(slot, err);
    return IBX_ERR_CORRUPT;
}

static enum ibx_status read_mapped(struct ibx_tileset *tileset,
                                   struct ibx_slot *slot, struct piece piece,
                                   struct ibx_err *err)
{
    if (ibx_view_read(ibx_slot_view(slot), piece.off, piece.to, piece.nbytes))
        return IBX_OK;
    ibx_cache_count(tileset->cache, IBX_EVENT_FAULT);
    return corrupt(slot, "it was cut short while in use", err);
}

static enum ibx_status read_file(struct ibx_tileset *tileset,
                                 struct ibx_slot *slot, struct piece piece,
                                 struct ibx_err *err)
{
    int fd = -1;
    enum ibx_status st =
        ibx_slot_reopen(tileset->cache, slot, IBX_BLOCK, &fd, err);
    if (st != IBX_OK)
        return st;
    st = ibx_read_at(fd, NULL, piece.off, piece.to, piece.nbytes, err);
    if (st != IBX_OK)
        ibx_slot_name_file(slot, err);
    ibx_cache_close_fd(tileset->cache, fd);
    return st;
}

/* Reads a piece of the slot's file, in memory or not; with IBX_TRY only what is
 * believed to be in memory. */
static enum ibx_status read_slot(struct ibx_tileset *tileset,
                                 struct ibx_slot *slot, struct piece piece,
                                 enum ibx_wait wait, struct ibx_err *err)
{
    struct ibx_view *view = ibx_slot_view(slot);
    if (!view->base)
        return wait == IBX_TRY ? IBX_AGAIN
                               : read_file(tileset, slot, piece, err);
    uint64_t epoch = ibx_cache_epoch(tileset->cache);
    bool touched = ibx_view_is_touched(view, piece.off, piece.nbytes, epoch);
    if (!touched && wait == IBX_TRY)
        return IBX_AGAIN;
    if (touched)
        return read_mapped(tileset, slot, piece, err);
    uint64_t ahead =
        piece.ahead_nbytes > piece.nbytes ? piece.ahead_nbytes : piece.nbytes;
    struct ibx_stretch asked = ibx_view_prefetch(view, piece.off, ahead, epoch);
    enum ibx_status st = read_mapped(tileset, slot, piece, err);
    if (st == IBX_OK)
        ibx_view_touch(view, asked, epoch);
    return st;
}

/* ---- blobs ------------------------------------------------------------- */

static uint64_t blob_off(const struct ibx_view *view, int64_t entry)
{
    return view->header.data_off + ibx_place_off(view->index[entry].place);
}

/* The bytes are there and are not the tile's. */
static enum ibx_status damaged(struct ibx_tileset *tileset,
                               struct ibx_slot *slot, const char *why,
                               struct ibx_err *err)
{
    ibx_cache_count(tileset->cache, IBX_EVENT_CORRUPT);
    return corrupt(slot, why, err);
}

enum ibx_status ibx_blob_read_header(struct ibx_tileset *tileset,
                                     struct ibx_blob_at at, enum ibx_wait wait,
                                     struct ibx_blob_header *out,
                                     struct ibx_err *err)
{
    const struct ibx_view *view = ibx_slot_view(at.slot);
    uint64_t off = blob_off(view, at.entry);
    uint8_t bytes[IBX_BLOB_HEADER_NBYTES];
    struct piece head = {off, bytes, sizeof bytes,
                         ibx_view_reach(view, at.entry)};
    enum ibx_status st = read_slot(tileset, at.slot, head, wait, err);
    if (st != IBX_OK)
        return st;
    struct ibx_blob_header header = ibx_blob_header_decode(bytes);
    if (!ibx_span_fits(off + sizeof bytes, header.nbytes, view->file_nbytes))
        return damaged(tileset, at.slot, "a tile runs over the end of its pack",
                       err);
    const char *why = ibx_blob_header_check(&header);
    if (why)
        return damaged(tileset, at.slot, why, err);
    *out = header;
    return IBX_OK;
}

static bool must_verify(struct ibx_tileset *tileset, struct ibx_blob_at at)
{
    enum ibx_verify verify = ibx_cache_verify(tileset->cache);
    if (verify == IBX_VERIFY_ALWAYS)
        return true;
    return verify == IBX_VERIFY_FIRST &&
           !ibx_view_is_verified(ibx_slot_view(at.slot), at.entry);
}

/* `blob` is a whole copied blob: its header may have changed since it was
 * read for its length, so nothing but the copy is believed. */
static enum ibx_status verify_copy(struct ibx_tileset *tileset,
                                   struct ibx_blob_at at, const uint8_t *blob,
                                   const struct ibx_blob_header *expected,
                                   struct ibx_err *err)
{
    struct ibx_blob_header header = ibx_blob_header_decode(blob);
    if (header.nbytes != expected->nbytes || header.hash != expected->hash ||
        header.flags != expected->flags)
        return damaged(tileset, at.slot, "a tile changed while it was read",
                       err);
    if (!must_verify(tileset, at))
        return IBX_OK;
    if (ibx_blob_hash(blob, header.nbytes) != header.hash)
        return damaged(tileset, at.slot, "a tile's checksum does not match",
                       err);
    ibx_view_set_verified(ibx_slot_view(at.slot), at.entry);
    return IBX_OK;
}

enum ibx_status ibx_blob_copy(struct ibx_tileset *tileset,
                              struct ibx_blob_at at, enum ibx_wait wait,
                              struct ibx_tile *out, struct ibx_err *err)
{
    struct ibx_blob_header header = {0};
    enum ibx_status st = ibx_blob_read_header(tileset, at, wait, &header, err);
    if (st != IBX_OK)
        return st;
    size_t nbytes = (size_t)IBX_BLOB_HEADER_NBYTES + header.nbytes;
    void *copy = NULL;
    st = ibx_cache_new_copy(tileset->cache, nbytes, wait, &copy, err);
    if (st != IBX_OK)
        return st;
    struct piece whole = {blob_off(ibx_slot_view(at.slot), at.entry), copy,
                          nbytes, 0};
    st = read_slot(tileset, at.slot, whole, wait, err);
    if (st == IBX_OK)
        st = verify_copy(tileset, at, copy, &header, err);
    if (st != IBX_OK) {
        ibx_cache_free_copy(copy);
        return st;
    }
    *out = (struct ibx_tile){
        .bytes = (const uint8_t *)copy + IBX_BLOB_HEADER_NBYTES,
        .facts = ibx_blob_facts(&header),
        .owner = copy,
    };
    return IBX_OK;
}

void ibx_tile_release(struct ibx_tile *tile)
{
    if (tile->owner)
        ibx_cache_free_copy(tile->owner);
    *tile = (struct ibx_tile){0};
}

static enum ibx_status stat_blob(struct ibx_tileset *tileset,
                                 struct ibx_blob_at at, enum ibx_wait wait,
                                 struct ibx_tile_facts *out,
                                 struct ibx_err *err)
{
    if (ibx_cache_verify(tileset->cache) == IBX_VERIFY_NEVER ||
        ibx_view_is_verified(ibx_slot_view(at.slot), at.entry)) {
        struct ibx_blob_header header;
        enum ibx_status st =
            ibx_blob_read_header(tileset, at, wait, &header, err);
        if (st == IBX_OK)
            *out = ibx_blob_facts(&header);
        return st;
    }
    struct ibx_tile tile = {0};
    enum ibx_status st = ibx_blob_copy(tileset, at, wait, &tile, err);
    if (st == IBX_OK)
        *out = tile.facts;
    ibx_tile_release(&tile);
    return st;
}

/* ---- by address -------------------------------------------------------- */

/* What a request wants of the tile: exactly one is given. */
struct wanted {
    struct ibx_tile *tile;
    struct ibx_tile_facts *facts;
};

static enum ibx_status fetch(struct ibx_tileset *tileset, struct ibx_blob_at at,
                             enum ibx_wait wait, struct wanted wanted,
                             struct ibx_err *err)
{
    assert((wanted.tile == NULL) != (wanted.facts == NULL));
    return wanted.tile ? ibx_blob_copy(tileset, at, wait, wanted.tile, err)
                       : stat_blob(tileset, at, wait, wanted.facts, err);
}

/* One attempt at a tile of pack number `pack`. */
static enum ibx_status get_from(struct ibx_tileset *tileset, uint64_t pack,
                                uint64_t id, struct ibx_asker asker,
                                struct wanted wanted, struct ibx_err *err)
{
    struct ibx_blob_at at = {0};
    enum ibx_status st =
        ibx_tileset_pin(tileset, pack, id, asker, &at.slot, err);
    if (st != IBX_OK)
        return st;
    at.entry = ibx_view_find(ibx_slot_view(at.slot), id);
    if (at.entry < 0)
        st = IBX_NOT_FOUND;
    else
        st = fetch(tileset, at, asker.wait, wanted, err);
    if (!is_unreadable(st)) {
        ibx_slot_unpin(tileset->cache, at.slot);
        return st;
    }
    /* A thread that must not block leaves the second attempt to one that may.
     */
    ibx_slot_quarantine(tileset->cache, at.slot);
    return asker.wait == IBX_TRY ? IBX_AGAIN : st;
}

/* Two attempts, the second with the pack opened anew by its name. */
static enum ibx_status get_twice(struct ibx_tileset *tileset, uint64_t pack,
                                 uint64_t id, struct ibx_asker asker,
                                 struct wanted wanted, struct ibx_err *err)
{
    enum ibx_status st = get_from(tileset, pack, id, asker, wanted, err);
    if (is_unreadable(st))
        st = get_from(tileset, pack, id, asker, wanted, err);
    return st;
}

enum ibx_status ibx_tileset_copy(struct ibx_tileset *tileset, uint64_t pack,
                                 uint64_t id, struct ibx_tile *out,
                                 struct ibx_err *err)
{
    const struct ibx_asker walker = {IBX_BLOCK, IBX_READER_WALK};
    return get_twice(tileset, pack, id, walker, (struct wanted){.tile = out},
                     err);
}

enum { NO_PACK = -1 };

/* `id` was not found in pack number `pack`, or NO_PACK. A pack's own index is
 * a checked copy; the manifest's pages, which led there, are not. */
static enum ibx_status confirm_absent(struct ibx_tileset *tileset, int64_t pack,
                                      uint64_t id, enum ibx_wait wait,
                                      struct ibx_err *err)
{
    uint64_t owner = 0;
    enum ibx_status st =
        ibx_manifest_confirm(&tileset->manifest, id, wait, &owner, err);
    if (st != IBX_OK || (pack >= 0 && owner == (uint64_t)pack))
        return st == IBX_OK ? IBX_NOT_FOUND : st;
    /* The pages have changed under us, and are well now. */
    return wait == IBX_TRY
               ? IBX_AGAIN
               : ibx_fail(err, IBX_ERR_CORRUPT, tileset->manifest.path,
                          "it changed while it was read");
}

static enum ibx_status get(struct ibx_tileset *tileset, struct ibx_zxy where,
                           struct ibx_asker asker, struct wanted wanted,
                           struct ibx_err *err)
{
    if (!ibx_zxy_valid(where))
        return IBX_NOT_FOUND;
    uint64_t id = ibx_tile_id(where);
    uint64_t pack = 0;
    int64_t asked = NO_PACK;
    enum ibx_status st =
        ibx_manifest_find(&tileset->manifest, id, asker.wait, &pack, err);
    if (st == IBX_OK) {
        asked = (int64_t)pack;
        st = get_twice(tileset, pack, id, asker, wanted, err);
    }
    return st == IBX_NOT_FOUND
               ? confirm_absent(tileset, asked, id, asker.wait, err)
               : st;
}

enum ibx_status ibx_tile_get_for(struct ibx_tileset *tileset, struct ibx_zxy at,
                                 struct ibx_asker asker, struct ibx_tile *out,
                                 struct ibx_err *err)
{
    return get(tileset, at, asker, (struct wanted){.tile = out}, err);
}

enum ibx_status ibx_tile_stat_for(struct ibx_tileset *tileset,
                                  struct ibx_zxy at, struct ibx_asker asker,
                                  struct ibx_tile_facts *out,
                                  struct ibx_err *err)
{
    return get(tileset, at, asker, (struct wanted){.facts = out}, err);
}

enum ibx_status ibx_tile_get(struct ibx_tileset *tileset, struct ibx_zxy at,
                             enum ibx_wait wait, struct ibx_tile *out,
                             struct ibx_err *err)
{
    return ibx_tile_get_for(tileset, at, (struct ibx_asker){wait, 0}, out, err);
}

enum ibx_status ibx_tile_stat(struct ibx_tileset *tileset, struct ibx_zxy at,
                              enum ibx_wait wait, struct ibx_tile_facts *out,
                              struct ibx_err *err)
{
    return ibx_tile_stat_for(tileset, at, (struct ibx_asker){wait, 0}, out,
                             err);
}

bool ibx_tile_is_resident(struct ibx_tileset *tileset, struct ibx_zxy at)
{
    struct ibx_tile tile = {0};
    enum ibx_status st = ibx_tile_get(tileset, at, IBX_TRY, &tile, NULL);
    ibx_tile_release(&tile);
    return st != IBX_AGAIN;
}
