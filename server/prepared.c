#include "server/prepared.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIGHTINGS_MAX = 255,
    SIGHTINGS_TO_REPLACE = 4,
    REQUESTS_PER_SIGHTING = 8,
    REQUESTS_PER_REPLACEMENT = 256,
    CAP_NBYTES_MIN = 64 << 10,
    TYPICAL_NBYTES = 4096, /* per answer: how many buckets there are */
    SIGHTINGS_PER_BUCKET = 8,
    LOOKED_AT = 8,      /* answers, for the one that goes */
    LARGEST_SHARE = 16, /* of the cap, for one answer */
};

struct prepared_cache {
    uint64_t cap, used;
    size_t asked;    /* since everything was halved */
    size_t replaced; /* requests since something was replaced */
    struct gauge *gauge;
    void (*drop)(void *response);
    size_t nbuckets; /* a power of two */
    struct prepared **buckets;
    uint32_t *sightings;  /* by place: part of a hash, and how often */
    struct prepared ring; /* ring.next is looked at next when one has to go */
};

static uint64_t hash_of(const struct prepared_key *key)
{
    uint64_t h = key->serial * UINT64_C(0x9e3779b97f4a7c15);
    h ^= ((uint64_t)key->at.x << 32 | key->at.y) + key->at.z;
    h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
    h += (uint64_t)key->immutable << 1 | key->same;
    h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return h ^ h >> 32;
}

static bool key_is(const struct prepared_key *a, const struct prepared_key *b)
{
    return a->serial == b->serial && a->at.z == b->at.z && a->at.x == b->at.x &&
           a->at.y == b->at.y && a->immutable == b->immutable &&
           a->same == b->same;
}

/* The pointer to the first answer with this key, or to the end of its chain. */
static struct prepared **place_of(const struct prepared_cache *cache,
                                  const struct prepared_key *key)
{
    struct prepared **at =
        &cache->buckets[hash_of(key) & (cache->nbuckets - 1)];
    while (*at != NULL && !key_is(&(*at)->key, key))
        at = &(*at)->chained;
    return at;
}

/* ---- room ---------------------------------------------------------------- */

static uint64_t cost_of(size_t nbytes)
{
    return ((uint64_t)nbytes + PREPARED_OVERHEAD_NBYTES) *
           (100 + PREPARED_HOLES_PERCENT) / 100;
}

/* Its turn to be looked at comes after all others'. */
static void ring_add(struct prepared_cache *cache, struct prepared *p)
{
    p->next = &cache->ring;
    p->prev = cache->ring.prev;
    p->prev->next = p;
    cache->ring.prev = p;
}

static void ring_remove(struct prepared *p)
{
    p->next->prev = p->prev;
    p->prev->next = p->next;
}

static void evict(struct prepared *p)
{
    struct prepared **at = place_of(p->cache, &p->key);
    assert(p->listed && *at == p);
    *at = p->chained;
    ring_remove(p);
    p->listed = false;
    if (p->response != NULL)
        p->cache->drop(p->response);
    p->response = NULL;
    prepared_release(p);
}

/* Of those whose turn it is next the one that was used least; NULL when there
 * is none. */
static struct prepared *least_used(const struct prepared_cache *cache)
{
    struct prepared *least = NULL;
    struct prepared *p = cache->ring.next;
    for (int i = 0; i < LOOKED_AT && p != &cache->ring; i++) {
        if (least == NULL || p->uses < least->uses)
            least = p;
        p = p->next; /* NOLINT(clang-analyzer-unix.Malloc): evicted ones left */
    }
    return least;
}

/* Whatever is still being sent is counted until it is freed, so evicting may
 * not help at once. */
static bool make_room(struct prepared_cache *cache, uint64_t cost)
{
    uint64_t keep = cost < cache->cap ? cache->cap - cost : 0;
    struct prepared *p;
    while (cache->used > keep && (p = least_used(cache)) != NULL)
        evict(p);
    return cache->used + cost <= cache->cap &&
           gauge_take(cache->gauge, cost, UINT64_MAX);
}

/* ---- what is wanted ------------------------------------------------------ */

/* Everything counts half from time to time, so that what was wanted yesterday
 * gives way. */
static void age(struct prepared_cache *cache)
{
    size_t n = cache->nbuckets * SIGHTINGS_PER_BUCKET;
    cache->replaced++;
    if (++cache->asked < n * REQUESTS_PER_SIGHTING)
        return;
    cache->asked = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t count = cache->sightings[i] & SIGHTINGS_MAX;
        cache->sightings[i] -= count - count / 2;
    }
    for (struct prepared *p = cache->ring.next; p != &cache->ring; p = p->next)
        p->uses /= 2;
}

/* How often this key was asked for, this time included, as far as it is known:
 * of two keys that share a place the one asked for more often keeps it. */
static unsigned sight(struct prepared_cache *cache,
                      const struct prepared_key *key)
{
    uint64_t hash = hash_of(key);
    uint32_t mark = (uint32_t)(hash >> 32) & ~(uint32_t)SIGHTINGS_MAX;
    uint32_t *at =
        &cache->sightings[hash & (cache->nbuckets * SIGHTINGS_PER_BUCKET - 1)];
    unsigned count = *at & SIGHTINGS_MAX;
    if (count > 0 && *at - count != mark) {
        --*at;
        return 0;
    }
    count += count < SIGHTINGS_MAX;
    *at = mark | count;
    return count;
}

/* ---- the interface ------------------------------------------------------- */

/* Buckets and sightings are part of what is counted. */
static bool tables_new(struct prepared_cache *cache)
{
    size_t n = 16;
    while (n * TYPICAL_NBYTES < cache->cap)
        n *= 2;
    cache->nbuckets = n;
    cache->buckets = calloc(n, sizeof(*cache->buckets));
    cache->sightings =
        calloc(n * SIGHTINGS_PER_BUCKET, sizeof(*cache->sightings));
    cache->used = sizeof(*cache) + n * sizeof(*cache->buckets) +
                  n * SIGHTINGS_PER_BUCKET * sizeof(*cache->sightings);
    return cache->buckets != NULL && cache->sightings != NULL;
}

struct prepared_cache *prepared_open(uint64_t cap, struct gauge *gauge,
                                     void (*drop)(void *response))
{
    struct prepared_cache *cache =
        cap < CAP_NBYTES_MIN ? NULL : calloc(1, sizeof(*cache));
    if (cache == NULL)
        return NULL;
    cache->cap = cap;
    cache->gauge = gauge;
    cache->drop = drop;
    cache->ring.next = cache->ring.prev = &cache->ring;
    if (tables_new(cache) && gauge_take(gauge, cache->used, UINT64_MAX))
        return cache;
    free(cache->buckets);
    free(cache->sightings);
    free(cache);
    return NULL;
}

void prepared_close(struct prepared_cache *cache)
{
    if (cache == NULL)
        return;
    struct prepared *next;
    for (struct prepared *p = cache->ring.next; p != &cache->ring; p = next) {
        next = p->next;
        evict(p);
    }
    gauge_give(cache->gauge, cache->used);
    free(cache->buckets);
    free(cache->sightings);
    free(cache);
}

struct prepared *prepared_find(struct prepared_cache *cache,
                               const struct prepared_key *key)
{
    struct prepared *p = *place_of(cache, key);
    if (p == NULL || p->response == NULL)
        return NULL;
    age(cache);
    if (p->uses < SIGHTINGS_MAX)
        p->uses++;
    return prepared_hold(p);
}

bool prepared_is_wanted(struct prepared_cache *cache,
                        const struct prepared_key *key, size_t nbytes)
{
    if (cost_of(nbytes) > cache->cap / LARGEST_SHARE)
        return false;
    age(cache);
    unsigned seen = sight(cache, key);
    if (seen < 2)
        return false;
    struct prepared *next = cache->ring.next;
    if (cache->used + cost_of(nbytes) <= cache->cap || next == &cache->ring)
        return true;
    /* By far, and seldom: making an answer and taking another one apart costs
     * more than some hits bring, and tiles asked for equally often would push
     * each other out for ever. */
    if (cache->replaced < REQUESTS_PER_REPLACEMENT ||
        seen < SIGHTINGS_TO_REPLACE)
        return false;
    if (seen > 2U * next->uses) {
        cache->replaced = 0;
        return true;
    }
    ring_remove(next); /* the next tile is compared with another one */
    ring_add(cache, next);
    return false;
}

struct prepared *prepared_add(struct prepared_cache *cache,
                              const struct prepared_key *key,
                              const struct ibx_tile *tile)
{
    struct prepared *same = *place_of(cache, key);
    if (same != NULL)
        evict(same);
    size_t nbytes = key->same ? 0 : tile->facts.nbytes;
    if (!make_room(cache, cost_of(nbytes)))
        return NULL;
    struct prepared *p = calloc(1, sizeof(*p) + nbytes);
    if (p == NULL) {
        gauge_give(cache->gauge, cost_of(nbytes));
        return NULL;
    }
    cache->used += cost_of(nbytes);
    p->cache = cache;
    p->key = *key;
    p->facts = tile->facts;
    p->nbytes = nbytes;
    if (nbytes > 0)
        memcpy(p->bytes, tile->bytes, nbytes);
    p->holds = 1;                   /* the table's */
    p->uses = SIGHTINGS_TO_REPLACE; /* it was wanted: a start */
    p->listed = true;
    *place_of(cache, key) = p;
    ring_add(cache, p);
    return prepared_hold(p);
}

struct prepared *prepared_hold(struct prepared *p)
{
    p->holds++;
    return p;
}

void prepared_release(struct prepared *p)
{
    if (p == NULL)
        return;
    assert(p->holds > 0);
    if (--p->holds > 0)
        return;
    assert(!p->listed);
    p->cache->used -= cost_of(p->nbytes);
    gauge_give(p->cache->gauge, cost_of(p->nbytes));
    free(p);
}
