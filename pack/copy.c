/* copy.c - memory for private copies of tiles, counted against max_copy.
 *
 * The last copy given back is kept for the next tile: asking the heap for
 * kilobytes with every tile costs a request a thirtieth of its time, and makes
 * the heap tidy up what smaller blocks would use again at once. */
#include <stdlib.h>

#include "pack/cache_impl.h"
#include "pack/err.h"

/* Under AddressSanitizer none is kept, so that a use after the release and a
 * step over the end are found. */
#ifdef __SANITIZE_ADDRESS__
#define IS_WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_WATCHED 1
#endif
#endif
#ifndef IS_WATCHED
#define IS_WATCHED 0
#endif

enum {
    SPARE_NBYTES_MIN = 4 << 10,
    SPARE_NBYTES_MAX = IS_WATCHED ? 0 : 64 << 10,
    SPARE_TIMES_MAX = 4, /* as large as what is needed */
};

/* Stands before the bytes handed out. */
struct ibx_copy_head {
    _Alignas(16) struct ibx_cache *cache;
    size_t charged_nbytes;
};

/* ---- counting ------------------------------------------------------------ */

static bool take_room(struct ibx_cache *cache, uint64_t nbytes)
{
    uint64_t now = atomic_load(&cache->copy_now);
    do {
        if (nbytes > cache->options.max_copy_nbytes - now)
            return false;
    } while (
        !atomic_compare_exchange_weak(&cache->copy_now, &now, now + nbytes));
    uint64_t high =
        atomic_load_explicit(&cache->copy_high, memory_order_relaxed);
    while (high < now + nbytes && !atomic_compare_exchange_weak(
                                      &cache->copy_high, &high, now + nbytes))
        continue;
    return true;
}

static void give_up(struct ibx_copy_head *head)
{
    if (!head)
        return;
    struct ibx_cache *cache = head->cache;
    size_t charged = head->charged_nbytes;
    free(head);
    atomic_fetch_sub(&cache->copy_now, charged);
}

static enum ibx_status wait_for_room(struct ibx_cache *cache, uint64_t nbytes,
                                     struct ibx_err *err)
{
    struct timespec deadline = ibx_room_deadline(cache);
    bool in_time = true;
    bool taken = false;
    pthread_mutex_lock(&cache->lock);
    cache->counts.waits++;
    atomic_fetch_add(&cache->room_waiters, 1);
    for (;;) {
        /* Whoever puts one there from now on sees that somebody waits. */
        ibx_copy_drop_spare(cache);
        taken = take_room(cache, nbytes);
        if (taken || !in_time)
            break;
        in_time = ibx_room_wait(cache, &deadline);
    }
    atomic_fetch_sub(&cache->room_waiters, 1);
    cache->counts.refusals += !taken;
    pthread_mutex_unlock(&cache->lock);
    return taken ? IBX_OK
                 : ibx_fail(err, IBX_ERR_BUSY, NULL,
                            "all memory for tiles in flight is in use");
}

/* ---- the spare one ------------------------------------------------------- */

/* It stays counted in copy_now; spare_nbytes is there for statistics alone. */
static struct ibx_copy_head *swap_spare(struct ibx_cache *cache,
                                        struct ibx_copy_head *head)
{
    if (head)
        atomic_fetch_add(&cache->spare_nbytes, head->charged_nbytes);
    struct ibx_copy_head *old = atomic_exchange(&cache->spare, head);
    if (old)
        atomic_fetch_sub(&cache->spare_nbytes, old->charged_nbytes);
    return old;
}

void ibx_copy_drop_spare(struct ibx_cache *cache)
{
    give_up(swap_spare(cache, NULL));
}

/* Small ones are powers of two, so that one has room for the next tile; not
 * where that would be much of what there is. */
static size_t rounded(const struct ibx_cache *cache, size_t nbytes)
{
    size_t room = SPARE_NBYTES_MIN;
    if (nbytes > SPARE_NBYTES_MAX)
        return nbytes;
    while (room < nbytes)
        room *= 2;
    return room <= cache->options.max_copy_nbytes / 64 ? room : nbytes;
}

/* The spare one, when it has room, but not so much that a small tile would be
 * counted like a large one while it is sent. */
static struct ibx_copy_head *take_spare(struct ibx_cache *cache, size_t nbytes)
{
    if (nbytes > SPARE_NBYTES_MAX)
        return NULL;
    struct ibx_copy_head *head = swap_spare(cache, NULL);
    if (!head)
        return NULL;
    if (head->charged_nbytes >= nbytes &&
        head->charged_nbytes <= rounded(cache, nbytes) * SPARE_TIMES_MAX)
        return head;
    give_up(head);
    ibx_room_wake(cache);
    return NULL;
}

/* ---- the interface ------------------------------------------------------- */

/* Takes room for `nbytes` or, where there is enough, for a little more. */
static enum ibx_status take_some_room(struct ibx_cache *cache,
                                      enum ibx_wait wait, size_t *nbytes,
                                      struct ibx_err *err)
{
    size_t more = rounded(cache, *nbytes);
    if (take_room(cache, more)) {
        *nbytes = more;
        return IBX_OK;
    }
    ibx_copy_drop_spare(cache); /* a large tile may need its room */
    bool taken = take_room(cache, *nbytes);
    ibx_room_wake(cache);
    if (taken)
        return IBX_OK;
    return wait == IBX_TRY ? IBX_AGAIN : wait_for_room(cache, *nbytes, err);
}

enum ibx_status ibx_cache_new_copy(struct ibx_cache *cache, size_t nbytes,
                                   enum ibx_wait wait, void **out,
                                   struct ibx_err *err)
{
    size_t charged = nbytes + sizeof(struct ibx_copy_head);
    if (charged > cache->options.max_copy_nbytes)
        return ibx_fail(err, IBX_ERR_TOO_LARGE, NULL,
                        "a tile of %zu bytes is more than max_copy, %llu",
                        nbytes,
                        (unsigned long long)cache->options.max_copy_nbytes);
    struct ibx_copy_head *head = take_spare(cache, charged);
    if (!head) {
        enum ibx_status st = take_some_room(cache, wait, &charged, err);
        if (st != IBX_OK)
            return st;
        head = malloc(charged);
        if (!head) {
            atomic_fetch_sub(&cache->copy_now, charged);
            ibx_room_wake(cache);
            return ibx_fail_nomem(err);
        }
        *head = (struct ibx_copy_head){cache, charged};
    }
    *out = head + 1;
    return IBX_OK;
}

void ibx_cache_free_copy(void *copy)
{
    struct ibx_copy_head *head = (struct ibx_copy_head *)copy - 1;
    struct ibx_cache *cache = head->cache;
    if (head->charged_nbytes <= SPARE_NBYTES_MAX)
        head = swap_spare(cache, head);
    give_up(head);
    ibx_room_wake(cache);
}
