/* cache_impl.h - what cache.c (which packs are open), cache_room.c (how much of
 * everything is in use) and copy.c (tiles in flight) share. */
#ifndef IBX_PACK_CACHE_IMPL_H
#define IBX_PACK_CACHE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "pack/cache.h"
#include "pack/recency.h"

enum { IBX_SLOT_DYING = 1 << 30 };

enum ibx_slot_state { IBX_SLOT_LOADING, IBX_SLOT_READY, IBX_SLOT_FAILED };

struct ibx_slot {
    struct ibx_view view; /* valid while READY */
    struct ibx_slot_key key;
    char *folder; /* our copy: a slot may be closed after its tileset */
    uint8_t sha256[IBX_SHA256_NBYTES];
    /* Charged; given back when the slot is closed. */
    uint64_t mapped_nbytes, index_nbytes;
    /* How many use it, and IBX_SLOT_DYING once it is out of the table; then
     * the last unpin closes it. Rises only under the cache's lock, so that 0
     * seen there is final. One word, so that an unpin learns both at once and
     * need not look at a slot that may be gone. */
    atomic_uint pins;
    /* Guarded by the cache's lock. */
    enum ibx_slot_state state;
    unsigned waiters; /* threads that wait for the loading to end */
    struct ibx_slot *bucket_next;
    struct ibx_standing standing; /* while READY */
    struct ibx_err failure;       /* while FAILED */
};

/* A quantity in use, under a cap. Guarded by the cache's lock. */
struct ibx_meter {
    uint64_t now, high, cap;
};

struct ibx_cache {
    struct ibx_cache_options options;
    pthread_mutex_t lock; /* guards all below but the atomics */
    pthread_cond_t changed;
    struct ibx_meter views, mapped, index, handles;
    uint64_t opens_since_shrink;
    struct ibx_slot **buckets; /* nbuckets of them, a power of two */
    size_t nbuckets;
    struct ibx_recency recency; /* READY slots */
    uint64_t charged_nbytes;    /* of what is mapped: manifests, not packs */
    uint64_t next_serial;
    struct ibx_cache_stats counts; /* only the counters are kept here */
    /* Threads waiting on `changed` for room: lets an unpin or a freed copy
     * skip the lock when nobody waits. */
    atomic_uint room_waiters;
    _Atomic uint64_t copy_now, copy_high, spare_nbytes;
    _Atomic(struct ibx_copy_head *) spare; /* a copy kept for the next tile */
    _Atomic uint64_t epoch;
    _Atomic uint64_t ncorrupt, nfaults;
};

/* Now, for pack/recency.h; may lag by some milliseconds. */
int64_t ibx_room_now_s(void);

/* The latest moment a wait that starts now may last to. */
struct timespec ibx_room_deadline(const struct ibx_cache *cache);

/* Frees the copy that is kept for the next tile, with or without the lock held.
 * Wakes nobody. */
void ibx_copy_drop_spare(struct ibx_cache *cache);

/* All below: call with the lock held; it may be dropped and taken again. */

/* Waits for anything to change. False when `deadline` has passed. */
bool ibx_room_wait(struct ibx_cache *cache, const struct timespec *deadline);

struct ibx_room {
    uint64_t views, mapped, index;
};

/* Takes room for all of `want` or nothing, closing old views for it. */
IBX_MUST_CHECK enum ibx_status ibx_room_take(struct ibx_cache *cache,
                                             struct ibx_room want,
                                             const struct timespec *deadline,
                                             struct ibx_err *err);
void ibx_room_give(struct ibx_cache *cache, struct ibx_room had);

/* Answers an ENOMEM: lowers the effective number of views and closes one.
 * False when there is none to close. */
bool ibx_room_shrink(struct ibx_cache *cache);

/* Notes a successful opening; after a while of them one view is granted back.
 */
void ibx_room_recover(struct ibx_cache *cache);

/* Wakes waiters when there are any. Call without the lock. */
void ibx_room_wake(struct ibx_cache *cache);

/* Takes a READY slot out of the table and the list. */
void ibx_slot_unlink(struct ibx_cache *cache, struct ibx_slot *slot);

/* Closes an unlinked slot and frees it. Call without the lock. */
void ibx_slot_close(struct ibx_cache *cache, struct ibx_slot *slot);

#endif
