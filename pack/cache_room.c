/* cache_room.c - how much of everything is in use, and waiting for room. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "pack/cache_impl.h"
#include "pack/err.h"

enum {
    NSEC_PER_SEC = 1000000000,
    NSEC_PER_MSEC = 1000000,
    /* Openings that must succeed before a lowered number of views rises. */
    OPENS_PER_RECOVERY = 256,
    /* How often a full descriptor table is tried again: those who fill it
     * are not ours, so nobody wakes us. */
    EMFILE_RETRY_MS = 5,
};

static struct timespec after_ms(uint32_t ms)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * NSEC_PER_MSEC;
    if (at.tv_nsec >= NSEC_PER_SEC) {
        at.tv_sec++;
        at.tv_nsec -= NSEC_PER_SEC;
    }
    return at;
}

int64_t ibx_room_now_s(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec;
}

struct timespec ibx_room_deadline(const struct ibx_cache *cache)
{
    return after_ms(cache->options.wait_ms);
}

static bool earlier(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec
                                  : a->tv_nsec < b->tv_nsec;
}

bool ibx_room_wait(struct ibx_cache *cache, const struct timespec *deadline)
{
    return pthread_cond_timedwait(&cache->changed, &cache->lock, deadline) !=
           ETIMEDOUT;
}

void ibx_room_wake(struct ibx_cache *cache)
{
    if (atomic_load(&cache->room_waiters) == 0)
        return;
    pthread_mutex_lock(&cache->lock);
    pthread_cond_broadcast(&cache->changed);
    pthread_mutex_unlock(&cache->lock);
}

static bool fits(const struct ibx_meter *meter, uint64_t want)
{
    return want == 0 ||
           (meter->now <= meter->cap && want <= meter->cap - meter->now);
}

static void take(struct ibx_meter *meter, uint64_t want)
{
    meter->now += want;
    if (meter->now > meter->high)
        meter->high = meter->now;
}

static void give(struct ibx_meter *meter, uint64_t had)
{
    assert(had <= meter->now);
    meter->now -= had;
}

/* Closes the view whose turn it is. Its room is free only once it is really
 * unmapped, so that the caps hold at every instant. */
static bool evict_one(struct ibx_cache *cache)
{
    bool spared = false;
    struct ibx_slot *victim =
        ibx_recency_victim(&cache->recency, ibx_room_now_s(), &spared);
    if (!victim)
        return false;
    ibx_slot_unlink(cache, victim);
    cache->counts.evictions++;
    cache->counts.spared += spared;
    pthread_mutex_unlock(&cache->lock);
    ibx_slot_close(cache, victim);
    pthread_mutex_lock(&cache->lock);
    return true;
}

static enum ibx_status check_possible(const struct ibx_cache *cache,
                                      struct ibx_room want, struct ibx_err *err)
{
    if (want.mapped > cache->mapped.cap)
        return ibx_fail(err, IBX_ERR_TOO_LARGE, NULL,
                        "%llu bytes to map are more than max_mapped, %llu",
                        (unsigned long long)want.mapped,
                        (unsigned long long)cache->mapped.cap);
    if (want.index > cache->index.cap)
        return ibx_fail(err, IBX_ERR_TOO_LARGE, NULL,
                        "an index of %llu bytes is more than the limit, %llu",
                        (unsigned long long)want.index,
                        (unsigned long long)cache->index.cap);
    return IBX_OK;
}

static const char *what_is_full(const struct ibx_cache *cache,
                                struct ibx_room want)
{
    if (!fits(&cache->views, want.views))
        return "every view is in use (max_views)";
    if (!fits(&cache->mapped, want.mapped))
        return "all mapped bytes are in use (max_mapped)";
    return "all memory for indexes is in use";
}

enum ibx_status ibx_room_take(struct ibx_cache *cache, struct ibx_room want,
                              const struct timespec *deadline,
                              struct ibx_err *err)
{
    enum ibx_status st = check_possible(cache, want, err);
    if (st != IBX_OK)
        return st;
    bool waited = false;
    bool in_time = true;
    while (!fits(&cache->views, want.views) ||
           !fits(&cache->mapped, want.mapped) ||
           !fits(&cache->index, want.index)) {
        /* Registered before looking for a victim: whoever unpins one after
         * the look sees us and wakes us. */
        atomic_fetch_add(&cache->room_waiters, 1);
        bool evicted = evict_one(cache);
        if (!evicted && in_time) {
            cache->counts.waits += !waited;
            waited = true;
            in_time = ibx_room_wait(cache, deadline);
        } else if (!evicted) {
            atomic_fetch_sub(&cache->room_waiters, 1);
            cache->counts.refusals++;
            return ibx_fail(err, IBX_ERR_BUSY, NULL, "%s",
                            what_is_full(cache, want));
        }
        atomic_fetch_sub(&cache->room_waiters, 1);
    }
    take(&cache->views, want.views);
    take(&cache->mapped, want.mapped);
    take(&cache->index, want.index);
    return IBX_OK;
}

void ibx_room_give(struct ibx_cache *cache, struct ibx_room had)
{
    give(&cache->views, had.views);
    give(&cache->mapped, had.mapped);
    give(&cache->index, had.index);
    pthread_cond_broadcast(&cache->changed);
}

bool ibx_room_shrink(struct ibx_cache *cache)
{
    cache->counts.shrinks++;
    cache->opens_since_shrink = 0;
    if (cache->views.cap > 1)
        cache->views.cap--;
    return evict_one(cache);
}

void ibx_room_recover(struct ibx_cache *cache)
{
    if (cache->views.cap == cache->options.max_views ||
        ++cache->opens_since_shrink < OPENS_PER_RECOVERY)
        return;
    cache->opens_since_shrink = 0;
    cache->views.cap++;
}

/* ---- descriptors ------------------------------------------------------- */

/* With the lock held. */
static enum ibx_status wait_for_handle(struct ibx_cache *cache,
                                       const struct timespec *deadline,
                                       struct ibx_err *err)
{
    bool in_time = true;
    cache->counts.waits++;
    while (!fits(&cache->handles, 1) && in_time)
        in_time = ibx_room_wait(cache, deadline);
    if (fits(&cache->handles, 1))
        return IBX_OK;
    cache->counts.refusals++;
    return ibx_fail(err, IBX_ERR_BUSY, NULL,
                    "every file handle is in use (max_handles)");
}

static enum ibx_status take_handle(struct ibx_cache *cache,
                                   const struct timespec *deadline,
                                   enum ibx_wait wait, struct ibx_err *err)
{
    enum ibx_status st = IBX_OK;
    pthread_mutex_lock(&cache->lock);
    if (!fits(&cache->handles, 1))
        st =
            wait == IBX_TRY ? IBX_AGAIN : wait_for_handle(cache, deadline, err);
    if (st == IBX_OK)
        take(&cache->handles, 1);
    pthread_mutex_unlock(&cache->lock);
    return st;
}

static void give_handle(struct ibx_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    give(&cache->handles, 1);
    pthread_cond_broadcast(&cache->changed);
    pthread_mutex_unlock(&cache->lock);
}

/* The process or the machine has no descriptor left, though our cap allows
 * one. */
static bool is_table_full(void)
{
    return errno == EMFILE || errno == ENFILE;
}

/* Waits a little for somebody else's descriptors to be closed. */
static bool wait_for_descriptors(struct ibx_cache *cache,
                                 const struct timespec *deadline)
{
    struct timespec until = after_ms(EMFILE_RETRY_MS);
    if (!earlier(&until, deadline))
        return false;
    pthread_mutex_lock(&cache->lock);
    cache->counts.shrinks++;
    while (ibx_room_wait(cache, &until))
        continue;
    pthread_mutex_unlock(&cache->lock);
    return true;
}

/* A table that stays full is a limit reached, not a file gone bad. */
static enum ibx_status open_failed(struct ibx_cache *cache, const char *path,
                                   struct ibx_err *err)
{
    bool full = is_table_full();
    enum ibx_status st = ibx_fail_sys(err, path, "open");
    if (!full)
        return st;
    if (err)
        err->status = IBX_ERR_BUSY;
    pthread_mutex_lock(&cache->lock);
    cache->counts.refusals++;
    pthread_mutex_unlock(&cache->lock);
    return IBX_ERR_BUSY;
}

enum ibx_status ibx_cache_open_fd(struct ibx_cache *cache, const char *path,
                                  enum ibx_wait wait, int *out_fd,
                                  struct ibx_err *err)
{
    struct timespec deadline = ibx_room_deadline(cache);
    enum ibx_status st = take_handle(cache, &deadline, wait, err);
    if (st != IBX_OK)
        return st;
    int fd = -1;
    do {
        /* NONBLOCK: a FIFO in a pack's place must not hang the caller; it
         * means nothing for regular files, and others are refused later. */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    } while (fd < 0 &&
             (errno == EINTR || (is_table_full() && wait == IBX_BLOCK &&
                                 wait_for_descriptors(cache, &deadline))));
    if (fd < 0) {
        st = open_failed(cache, path, err);
        give_handle(cache);
        return st;
    }
    *out_fd = fd;
    return IBX_OK;
}

void ibx_cache_close_fd(struct ibx_cache *cache, int fd)
{
    (void)close(fd);
    give_handle(cache);
}

/* ---- maps that are no view's ------------------------------------------- */

enum ibx_status ibx_cache_charge_map(struct ibx_cache *cache, uint64_t nbytes,
                                     struct ibx_err *err)
{
    struct timespec deadline = ibx_room_deadline(cache);
    pthread_mutex_lock(&cache->lock);
    enum ibx_status st = ibx_room_take(
        cache, (struct ibx_room){.mapped = nbytes}, &deadline, err);
    if (st == IBX_OK)
        cache->charged_nbytes += nbytes;
    pthread_mutex_unlock(&cache->lock);
    return st;
}

void ibx_cache_discharge_map(struct ibx_cache *cache, uint64_t nbytes)
{
    pthread_mutex_lock(&cache->lock);
    ibx_room_give(cache, (struct ibx_room){.mapped = nbytes});
    cache->charged_nbytes -= nbytes;
    pthread_mutex_unlock(&cache->lock);
}
