/* cache_stats.c - counters, options and epochs: small questions to a cache. */
#include "pack/cache_impl.h"

void ibx_cache_stats(struct ibx_cache *cache, struct ibx_cache_stats *out)
{
    pthread_mutex_lock(&cache->lock);
    *out = cache->counts;
    out->views = cache->views.now;
    out->views_high = cache->views.high;
    out->mapped_nbytes = cache->mapped.now;
    out->mapped_nbytes_high = cache->mapped.high;
    out->handles = cache->handles.now;
    out->handles_high = cache->handles.high;
    out->index_nbytes = cache->index.now;
    out->index_nbytes_high = cache->index.high;
    out->effective_views = cache->views.cap;
    pthread_mutex_unlock(&cache->lock);
    /* The two may disagree for a moment. */
    uint64_t spare = atomic_load(&cache->spare_nbytes);
    uint64_t now = atomic_load(&cache->copy_now);
    out->copy_nbytes = now > spare ? now - spare : 0;
    out->copy_nbytes_high = atomic_load(&cache->copy_high);
    out->corrupt += atomic_load(&cache->ncorrupt);
    out->faults += atomic_load(&cache->nfaults);
}

void ibx_cache_distrust(struct ibx_cache *cache)
{
    atomic_fetch_add(&cache->epoch, 1);
}

uint64_t ibx_cache_epoch(struct ibx_cache *cache)
{
    return atomic_load_explicit(&cache->epoch, memory_order_relaxed);
}

uint64_t ibx_cache_new_serial(struct ibx_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    uint64_t serial = cache->next_serial++;
    pthread_mutex_unlock(&cache->lock);
    return serial;
}

enum ibx_verify ibx_cache_verify(const struct ibx_cache *cache)
{
    return cache->options.verify;
}

void ibx_cache_count(struct ibx_cache *cache, enum ibx_event event)
{
    atomic_fetch_add(
        event == IBX_EVENT_FAULT ? &cache->nfaults : &cache->ncorrupt, 1);
}
