/* cache.h - the process's open views under hard caps. Which goes first says
 * pack/recency.h. The tileset asks it for packs; nobody else does.
 *
 * A slot handed out is pinned: it stays open until ibx_slot_unpin(), which
 * should follow within microseconds. No lock is held over open, mmap, munmap
 * or a read. */
#ifndef IBX_PACK_CACHE_H
#define IBX_PACK_CACHE_H

#include "pack/view.h"

struct ibx_slot;

/* Which pack of which open tileset, and who asks. */
struct ibx_slot_key {
    uint64_t tileset; /* from ibx_cache_new_serial() */
    uint64_t pack;
    uint32_t reader; /* as struct ibx_asker has it; no part of the name */
};

/* A number that no other tileset of this cache has. */
uint64_t ibx_cache_new_serial(struct ibx_cache *cache);

/* The pinned slot when the pack is open now, else NULL. Never blocks. */
struct ibx_slot *ibx_cache_try(struct ibx_cache *cache,
                               struct ibx_slot_key key);

/* Opens the pack if it is not open, evicting others; callers that want the
 * same pack share one opening.
 * ERR_BUSY, ERR_TOO_LARGE, or what ibx_view_open() returns. */
IBX_MUST_CHECK enum ibx_status ibx_cache_load(struct ibx_cache *cache,
                                              struct ibx_slot_key key,
                                              const char *folder,
                                              const struct ibx_pack_info *info,
                                              struct ibx_slot **out,
                                              struct ibx_err *err);

struct ibx_view *ibx_slot_view(struct ibx_slot *slot);

/* Fills in err->file, if there is an err. */
void ibx_slot_name_file(const struct ibx_slot *slot, struct ibx_err *err);

void ibx_slot_unpin(struct ibx_cache *cache, struct ibx_slot *slot);

/* Takes a slot out of the cache because it gave wrong bytes or faulted, so
 * that the next caller opens the pack anew by its name; unpins it. */
void ibx_slot_quarantine(struct ibx_cache *cache, struct ibx_slot *slot);

/* Opens a slot's pack again, for packs that are read and not mapped. The
 * descriptor counts against max_handles: close it with ibx_cache_close_fd(). */
IBX_MUST_CHECK enum ibx_status ibx_slot_reopen(struct ibx_cache *cache,
                                               struct ibx_slot *slot,
                                               enum ibx_wait wait, int *out_fd,
                                               struct ibx_err *err);

/* Closes every slot of a tileset; none may be pinned. */
void ibx_cache_purge(struct ibx_cache *cache, uint64_t tileset);

/* ---- what tilesets and tiles charge directly --------------------------- */

/* open(2), read-only, under max_handles. ERR_BUSY when there is no handle for
 * wait_ms, of ours or of the process's; with IBX_TRY AGAIN instead of waiting
 * for one of ours. */
IBX_MUST_CHECK enum ibx_status ibx_cache_open_fd(struct ibx_cache *cache,
                                                 const char *path,
                                                 enum ibx_wait wait,
                                                 int *out_fd,
                                                 struct ibx_err *err);
void ibx_cache_close_fd(struct ibx_cache *cache, int fd);

/* Charges mapped bytes that are no view's (a manifest's), evicting views. */
IBX_MUST_CHECK enum ibx_status ibx_cache_charge_map(struct ibx_cache *cache,
                                                    uint64_t nbytes,
                                                    struct ibx_err *err);
void ibx_cache_discharge_map(struct ibx_cache *cache, uint64_t nbytes);

/* A buffer counted against max_copy_nbytes. ERR_TOO_LARGE, ERR_BUSY, NOMEM;
 * AGAIN instead of waiting when `wait` is IBX_TRY. */
IBX_MUST_CHECK enum ibx_status ibx_cache_new_copy(struct ibx_cache *cache,
                                                  size_t nbytes,
                                                  enum ibx_wait wait,
                                                  void **out,
                                                  struct ibx_err *err);
void ibx_cache_free_copy(void *copy);

enum ibx_verify ibx_cache_verify(const struct ibx_cache *cache);

/* The epoch that touched-block bitmaps must carry to be believed. */
uint64_t ibx_cache_epoch(struct ibx_cache *cache);

enum ibx_event { IBX_EVENT_CORRUPT, IBX_EVENT_FAULT };
void ibx_cache_count(struct ibx_cache *cache, enum ibx_event event);

#endif
