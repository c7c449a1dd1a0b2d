/* cache.c - which packs are open. See cache_room.c for how many may be. */
#include "pack/cache.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pack/cache_impl.h"
#include "pack/err.h"
#include "pack/guard.h"
#include "pack/path.h"

enum {
    MAX_VIEWS = 4096, /* far below vm.max_map_count, where malloc fails */
    /* How often one opening answers ENOMEM by closing another view. */
    MAX_SHRINKS = 16,
};

void ibx_cache_options_init(struct ibx_cache_options *options)
{
    *options = (struct ibx_cache_options){
        .max_mapped_nbytes = 128 << 20,
        .max_views = 32,
        .max_handles = 16,
        .max_copy_nbytes = 16 << 20,
        .max_index_nbytes = 8 << 20,
        .wait_ms = 2000,
        .prefetch_nbytes = 64 << 10,
        .verify = IBX_VERIFY_ALWAYS,
        .evict = IBX_EVICT_COLD,
    };
}

static const char *bad_option(const struct ibx_cache_options *o)
{
    uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);
    if (o->max_views < 1 || o->max_views > MAX_VIEWS)
        return "max_views must be 1 to 4096";
    if (o->max_handles < 1)
        return "max_handles must be at least 1";
    if (o->max_mapped_nbytes == 0 || o->max_copy_nbytes == 0 ||
        o->max_index_nbytes == 0)
        return "a limit in bytes must not be 0";
    if (o->prefetch_nbytes != 0 &&
        (o->prefetch_nbytes < page || o->prefetch_nbytes > (64 << 20) ||
         (o->prefetch_nbytes & (o->prefetch_nbytes - 1)) != 0))
        return "prefetch must be 0 or a power of two from a page to 64 MiB";
    if (o->verify > IBX_VERIFY_NEVER || o->evict > IBX_EVICT_NONE)
        return "verify or evict has no such value";
    return NULL;
}

static bool init_sync(struct ibx_cache *cache)
{
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0)
        return false;
    /* Deadlines must not move when somebody sets the clock. */
    bool ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(&cache->changed, &attr) == 0;
    pthread_condattr_destroy(&attr);
    if (ok && pthread_mutex_init(&cache->lock, NULL) != 0) {
        pthread_cond_destroy(&cache->changed);
        ok = false;
    }
    return ok;
}

static size_t buckets_for(uint32_t max_views)
{
    size_t n = 16;
    while (n < (size_t)max_views * 2)
        n *= 2;
    return n;
}

static struct ibx_cache *new_cache(const struct ibx_cache_options *options)
{
    struct ibx_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return NULL;
    cache->options = *options;
    cache->views.cap = options->max_views;
    cache->mapped.cap = options->max_mapped_nbytes;
    cache->index.cap = options->max_index_nbytes;
    cache->handles.cap = options->max_handles;
    cache->nbuckets = buckets_for(options->max_views);
    cache->buckets = calloc(cache->nbuckets, sizeof(struct ibx_slot *));
    atomic_store(&cache->epoch, 1); /* a view starts in 0: nothing touched */
    if (!cache->buckets || !init_sync(cache)) {
        free(cache->buckets);
        free(cache);
        return NULL;
    }
    return cache;
}

enum ibx_status ibx_cache_open(const struct ibx_cache_options *options,
                               struct ibx_cache **out, struct ibx_err *err)
{
    const char *bad = bad_option(options);
    if (bad)
        return ibx_fail(err, IBX_ERR_INVALID, NULL, "%s", bad);
    if (!ibx_guard_install())
        return ibx_fail_sys(err, NULL, "sigaction");
    struct ibx_cache *cache = new_cache(options);
    if (!cache)
        return ibx_fail_nomem(err);
    *out = cache;
    return IBX_OK;
}

static struct ibx_slot **bucket_of(struct ibx_cache *cache,
                                   struct ibx_slot_key key)
{
    uint64_t mixed = (key.pack + key.tileset * UINT64_C(0x9e3779b97f4a7c15)) *
                     UINT64_C(0xd6e8feb86659fd93);
    return &cache->buckets[(size_t)(mixed >> 32) & (cache->nbuckets - 1)];
}

static struct ibx_slot *find(struct ibx_cache *cache, struct ibx_slot_key key)
{
    struct ibx_slot *slot = *bucket_of(cache, key);
    while (slot &&
           (slot->key.pack != key.pack || slot->key.tileset != key.tileset))
        slot = slot->bucket_next;
    return slot;
}

static void insert(struct ibx_cache *cache, struct ibx_slot *slot)
{
    struct ibx_slot **bucket = bucket_of(cache, slot->key);
    slot->bucket_next = *bucket;
    *bucket = slot;
}

static void take_out(struct ibx_cache *cache, struct ibx_slot *slot)
{
    struct ibx_slot **at = bucket_of(cache, slot->key);
    while (*at != slot)
        at = &(*at)->bucket_next;
    *at = slot->bucket_next;
}

void ibx_slot_unlink(struct ibx_cache *cache, struct ibx_slot *slot)
{
    assert(slot->state == IBX_SLOT_READY);
    take_out(cache, slot);
    ibx_recency_remove(&cache->recency, slot);
}

static void pin(struct ibx_cache *cache, struct ibx_slot *slot, uint32_t reader)
{
    atomic_fetch_add(&slot->pins, 1);
    ibx_recency_use(&cache->recency, slot, reader, ibx_room_now_s());
}

struct ibx_slot *ibx_cache_try(struct ibx_cache *cache, struct ibx_slot_key key)
{
    pthread_mutex_lock(&cache->lock);
    struct ibx_slot *slot = find(cache, key);
    if (slot && slot->state == IBX_SLOT_READY) {
        pin(cache, slot, key.reader);
        cache->counts.hits++;
    } else {
        slot = NULL;
    }
    pthread_mutex_unlock(&cache->lock);
    return slot;
}

/* ---- loading ----------------------------------------------------------- */

static void free_slot(struct ibx_slot *slot)
{
    free(slot->folder);
    free(slot);
}

/* Waits until another thread's opening has ended. When it succeeded, that
 * thread has pinned the slot for us; its failure is ours as well. */
static enum ibx_status join_loading(struct ibx_cache *cache,
                                    struct ibx_slot *slot, struct ibx_err *err)
{
    struct timespec deadline = ibx_room_deadline(cache);
    bool in_time = true;
    slot->waiters++;
    while (slot->state == IBX_SLOT_LOADING && in_time)
        in_time = ibx_room_wait(cache, &deadline);
    slot->waiters--;
    if (slot->state == IBX_SLOT_READY)
        return IBX_OK;
    if (slot->state == IBX_SLOT_LOADING) {
        cache->counts.refusals++;
        return ibx_fail(err, IBX_ERR_BUSY, NULL,
                        "the pack is still being opened");
    }
    enum ibx_status st = slot->failure.status;
    if (err)
        *err = slot->failure;
    if (slot->waiters == 0)
        free_slot(slot); /* its loader has left it to the last of us */
    return st;
}

struct loading {
    struct ibx_cache *cache;
    struct ibx_slot *slot;
    struct timespec deadline;
};

static enum ibx_status reserve_index(void *arg, size_t nbytes,
                                     struct ibx_err *err)
{
    struct loading *loading = arg;
    struct ibx_cache *cache = loading->cache;
    pthread_mutex_lock(&cache->lock);
    enum ibx_status st = ibx_room_take(
        cache, (struct ibx_room){.index = nbytes}, &loading->deadline, err);
    if (st == IBX_OK)
        loading->slot->index_nbytes = nbytes;
    pthread_mutex_unlock(&cache->lock);
    return st;
}

enum ibx_status ibx_slot_reopen(struct ibx_cache *cache, struct ibx_slot *slot,
                                enum ibx_wait wait, int *out_fd,
                                struct ibx_err *err)
{
    char name[IBX_PACK_NAME_NBYTES];
    ibx_pack_name(slot->sha256, name);
    char *path = ibx_path_join(slot->folder, name);
    if (!path)
        return ibx_fail_nomem(err);
    enum ibx_status st = ibx_cache_open_fd(cache, path, wait, out_fd, err);
    free(path);
    return st;
}

static enum ibx_status open_once(struct loading *loading,
                                 const struct ibx_pack_info *info, bool map,
                                 struct ibx_err *err)
{
    struct ibx_cache *cache = loading->cache;
    struct ibx_slot *slot = loading->slot;
    char name[IBX_PACK_NAME_NBYTES];
    ibx_pack_name(slot->sha256, name);
    char *path = ibx_path_join(slot->folder, name);
    if (!path)
        return ibx_fail_nomem(err);
    int fd = -1;
    enum ibx_status st = ibx_cache_open_fd(cache, path, IBX_BLOCK, &fd, err);
    if (st == IBX_OK) {
        struct ibx_view_plan plan = {
            .info = info,
            .block_nbytes = cache->options.prefetch_nbytes,
            .map = map,
        };
        struct ibx_view_reserve reserve = {reserve_index, loading};
        st = ibx_view_open(&slot->view, fd, path, &plan, reserve, err);
        ibx_cache_close_fd(cache, fd);
    }
    free(path);
    return st;
}

static void give_index_back(struct ibx_cache *cache, struct ibx_slot *slot)
{
    ibx_room_give(cache, (struct ibx_room){.index = slot->index_nbytes});
    slot->index_nbytes = 0;
}

/* Opens, answering a full address space or heap by closing other views. */
static enum ibx_status open_pack(struct loading *loading,
                                 const struct ibx_pack_info *info, bool map,
                                 struct ibx_err *err)
{
    struct ibx_cache *cache = loading->cache;
    for (int shrinks = 0;; shrinks++) {
        enum ibx_status st = open_once(loading, info, map, err);
        if (st == IBX_OK)
            return IBX_OK;
        pthread_mutex_lock(&cache->lock);
        give_index_back(cache, loading->slot);
        bool again = st == IBX_ERR_NOMEM && shrinks < MAX_SHRINKS &&
                     ibx_room_shrink(cache);
        pthread_mutex_unlock(&cache->lock);
        if (!again)
            return st;
    }
}

/* Puts an empty slot into the table, so that others wait for us. */
static struct ibx_slot *new_slot(struct ibx_cache *cache,
                                 struct ibx_slot_key key, const char *folder,
                                 const struct ibx_pack_info *info)
{
    struct ibx_slot *slot = calloc(1, sizeof *slot);
    if (!slot)
        return NULL;
    slot->folder = strdup(folder);
    if (!slot->folder) {
        free(slot);
        return NULL;
    }
    slot->key = key;
    memcpy(slot->sha256, info->sha256, sizeof slot->sha256);
    slot->state = IBX_SLOT_LOADING;
    insert(cache, slot);
    return slot;
}

static void loading_failed(struct ibx_cache *cache, struct ibx_slot *slot,
                           struct ibx_room had, const struct ibx_err *failure)
{
    if (failure->status == IBX_ERR_CORRUPT ||
        failure->status == IBX_ERR_UNSUPPORTED)
        cache->counts.corrupt++;
    ibx_room_give(cache, had); /* wakes those who joined us, too */
    take_out(cache, slot);
    slot->state = IBX_SLOT_FAILED;
    slot->failure = *failure;
    if (slot->waiters == 0)
        free_slot(slot);
}

static void loading_succeeded(struct ibx_cache *cache, struct ibx_slot *slot,
                              struct ibx_room had)
{
    slot->mapped_nbytes = had.mapped;
    slot->state = IBX_SLOT_READY;
    /* Pinned here for those who joined us, too: by the time they wake it could
     * be evicted or thrown away again. */
    atomic_fetch_add(&slot->pins, 1 + slot->waiters);
    ibx_recency_add(&cache->recency, slot, slot->key.reader, ibx_room_now_s());
    cache->counts.opens++;
    ibx_room_recover(cache);
    pthread_cond_broadcast(&cache->changed);
}

/* A pack that would take more than half of what manifests leave is read in
 * pieces: mapping it would evict everybody else's. */
static bool is_mappable(const struct ibx_cache *cache,
                        const struct ibx_pack_info *info)
{
    return (info->flags & IBX_PACK_OVERSIZE) == 0 &&
           info->file_nbytes <=
               (cache->options.max_mapped_nbytes - cache->charged_nbytes) / 2;
}

/* Called with the lock held, returns with it held. */
static enum ibx_status load(struct ibx_cache *cache, struct ibx_slot *slot,
                            const struct ibx_pack_info *info,
                            struct ibx_err *err)
{
    struct ibx_err failure = {.status = IBX_ERR_NOMEM};
    struct loading loading = {cache, slot, ibx_room_deadline(cache)};
    bool map = is_mappable(cache, info);
    struct ibx_room room = {.views = 1, .mapped = map ? info->file_nbytes : 0};
    enum ibx_status st =
        ibx_room_take(cache, room, &loading.deadline, &failure);
    if (st == IBX_OK) {
        pthread_mutex_unlock(&cache->lock);
        st = open_pack(&loading, info, map, &failure);
        pthread_mutex_lock(&cache->lock);
    } else {
        room = (struct ibx_room){0};
    }
    if (st == IBX_OK) {
        loading_succeeded(cache, slot, room);
        return IBX_OK;
    }
    if (err)
        *err = failure;
    loading_failed(cache, slot, room, &failure);
    return st;
}

enum ibx_status ibx_cache_load(struct ibx_cache *cache, struct ibx_slot_key key,
                               const char *folder,
                               const struct ibx_pack_info *info,
                               struct ibx_slot **out, struct ibx_err *err)
{
    enum ibx_status st = IBX_OK;
    pthread_mutex_lock(&cache->lock);
    struct ibx_slot *slot = find(cache, key);
    if (!slot) {
        cache->counts.misses++;
        slot = new_slot(cache, key, folder, info);
        st = slot ? load(cache, slot, info, err) : ibx_fail_nomem(err);
    } else if (slot->state == IBX_SLOT_LOADING) {
        cache->counts.misses++;
        st = join_loading(cache, slot, err);
    } else {
        cache->counts.hits++;
        pin(cache, slot, key.reader);
    }
    pthread_mutex_unlock(&cache->lock);
    if (st == IBX_OK)
        *out = slot;
    return st;
}

struct ibx_view *ibx_slot_view(struct ibx_slot *slot)
{
    return &slot->view;
}

void ibx_slot_name_file(const struct ibx_slot *slot, struct ibx_err *err)
{
    if (!err)
        return;
    char name[IBX_PACK_NAME_NBYTES];
    size_t room = sizeof err->file - sizeof name - 1;
    size_t len = strlen(slot->folder);
    ibx_pack_name(slot->sha256, name);
    (void)snprintf(err->file, sizeof err->file, "%s/%s",
                   slot->folder + (len > room ? len - room : 0), name);
}

/* ---- letting go -------------------------------------------------------- */

void ibx_slot_unpin(struct ibx_cache *cache, struct ibx_slot *slot)
{
    unsigned before = atomic_fetch_sub(&slot->pins, 1);
    if (before == (IBX_SLOT_DYING | 1u))
        ibx_slot_close(cache, slot);
    else if (before == 1)
        ibx_room_wake(cache);
}

void ibx_slot_quarantine(struct ibx_cache *cache, struct ibx_slot *slot)
{
    pthread_mutex_lock(&cache->lock);
    if ((atomic_load(&slot->pins) & IBX_SLOT_DYING) == 0) {
        ibx_slot_unlink(cache, slot);
        cache->counts.quarantines++;
        atomic_fetch_or(&slot->pins, IBX_SLOT_DYING);
    }
    pthread_mutex_unlock(&cache->lock);
    ibx_slot_unpin(cache, slot);
}

static void advise_dontneed(struct ibx_cache *cache, struct ibx_slot *slot)
{
    int fd = -1;
    /* Advice only, so it does not wait: we may be evicting for somebody who
     * holds the last handle. */
    if (ibx_slot_reopen(cache, slot, IBX_TRY, &fd, NULL) != IBX_OK)
        return;
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    ibx_cache_close_fd(cache, fd);
}

void ibx_slot_close(struct ibx_cache *cache, struct ibx_slot *slot)
{
    ibx_view_close(&slot->view, cache->options.evict == IBX_EVICT_COLD);
    if (cache->options.evict == IBX_EVICT_DONTNEED)
        advise_dontneed(cache, slot);
    pthread_mutex_lock(&cache->lock);
    ibx_room_give(cache, (struct ibx_room){.views = 1,
                                           .mapped = slot->mapped_nbytes,
                                           .index = slot->index_nbytes});
    pthread_mutex_unlock(&cache->lock);
    free_slot(slot);
}

static struct ibx_slot *any_of(struct ibx_cache *cache, uint64_t tileset)
{
    struct ibx_slot *slot = cache->recency.oldest;
    while (slot && slot->key.tileset != tileset)
        slot = slot->standing.newer;
    return slot;
}

void ibx_cache_purge(struct ibx_cache *cache, uint64_t tileset)
{
    pthread_mutex_lock(&cache->lock);
    struct ibx_slot *slot = NULL;
    while ((slot = any_of(cache, tileset)) != NULL) {
        assert(atomic_load(&slot->pins) == 0);
        ibx_slot_unlink(cache, slot);
        pthread_mutex_unlock(&cache->lock);
        ibx_slot_close(cache, slot);
        pthread_mutex_lock(&cache->lock);
    }
    pthread_mutex_unlock(&cache->lock);
}

void ibx_cache_close(struct ibx_cache *cache)
{
    if (!cache)
        return;
    assert(!cache->recency.oldest);
    ibx_copy_drop_spare(cache);
    assert(atomic_load(&cache->copy_now) == 0);
    pthread_cond_destroy(&cache->changed);
    pthread_mutex_destroy(&cache->lock);
    free(cache->buckets);
    free(cache);
}
