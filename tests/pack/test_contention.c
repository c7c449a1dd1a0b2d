/* Many threads, few views: nothing is torn, lost or overshot. Meant for the
 * thread sanitizer as much as for its own asserts, which run on the main
 * thread: Check's do not work on others. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pack/support.h"

enum {
    NTHREADS = 8,
    NTILES = 1024, /* zoom 5 */
    FIRST_ID = 341,
    READS_PER_THREAD = 800,
    NTILESETS = 2,
};

static char *folders[NTILESETS];
static struct sample samples[NTILES];

static void setup(void)
{
    for (uint32_t i = 0; i < NTILES; i++)
        samples[i] = (struct sample){FIRST_ID + i, 1, i, 500 + i % 1500};
    for (int i = 0; i < NTILESETS; i++) {
        folders[i] = test_dir_new();
        (void)test_build(folders[i], samples, NTILES, IBX_PACK_NBYTES_MIN);
    }
}

static void teardown(void)
{
    for (int i = 0; i < NTILESETS; i++)
        test_dir_remove(folders[i]);
}

struct shared {
    struct ibx_cache *cache;
    struct ibx_tileset *tilesets[NTILESETS];
    struct ibx_cache_options options;
    bool damage; /* tiles may be unreadable */
    atomic_uint served, unreadable, wrong, unexpected, overshot;
    atomic_uint readers; /* still at work */
};

static bool is_sample(const struct sample *sample, const struct ibx_tile *tile)
{
    uint8_t bytes[2048];
    sample_bytes(sample, bytes);
    return tile->facts.nbytes == sample->nbytes &&
           memcmp(bytes, tile->bytes, sample->nbytes) == 0;
}

static void note(struct shared *shared, enum ibx_status st,
                 const struct sample *sample, const struct ibx_tile *tile)
{
    if (st == IBX_OK)
        atomic_fetch_add(
            is_sample(sample, tile) ? &shared->served : &shared->wrong, 1);
    else if (st == IBX_ERR_CORRUPT && shared->damage)
        atomic_fetch_add(&shared->unreadable, 1);
    else if (st != IBX_ERR_BUSY && st != IBX_AGAIN)
        atomic_fetch_add(&shared->unexpected, 1);
}

static bool overshoots(const struct ibx_cache_stats *s,
                       const struct ibx_cache_options *o)
{
    return s->views_high > o->max_views ||
           s->mapped_nbytes_high > o->max_mapped_nbytes ||
           s->handles_high > o->max_handles ||
           s->copy_nbytes_high > o->max_copy_nbytes ||
           s->index_nbytes_high > o->max_index_nbytes;
}

struct reader {
    struct shared *shared;
    uint64_t seed;
};

static void *read_tiles(void *arg)
{
    const struct reader *reader = arg;
    struct shared *shared = reader->shared;
    struct rng rng = {reader->seed};
    for (int i = 0; i < READS_PER_THREAD; i++) {
        struct ibx_tileset *tileset =
            shared->tilesets[rng_below(&rng, NTILESETS)];
        const struct sample *sample = &samples[rng_below(&rng, NTILES)];
        enum ibx_wait wait = rng_below(&rng, 4) == 0 ? IBX_TRY : IBX_BLOCK;
        struct ibx_tile tile = {0};
        enum ibx_status st = ibx_tile_get(
            tileset, ibx_tile_zxy(sample->first_id), wait, &tile, NULL);
        note(shared, st, sample, &tile);
        ibx_tile_release(&tile);
    }
    atomic_fetch_sub(&shared->readers, 1);
    return NULL;
}

static void *distrust(void *arg)
{
    struct shared *shared = arg;
    struct ibx_cache_stats stats;
    while (atomic_load(&shared->readers) > 0) {
        ibx_cache_distrust(shared->cache);
        ibx_cache_stats(shared->cache, &stats);
        if (overshoots(&stats, &shared->options))
            atomic_fetch_add(&shared->overshot, 1);
    }
    return NULL;
}

/* Other tilesets of the same cache come and go. */
static void *reopen(void *arg)
{
    struct shared *shared = arg;
    for (uint64_t n = 0; atomic_load(&shared->readers) > 0; n++) {
        const struct sample *sample = &samples[n * 37 % NTILES];
        struct ibx_tileset *tileset = NULL;
        enum ibx_status st = ibx_tileset_open(
            shared->cache, folders[n % NTILESETS], NULL, &tileset, NULL);
        if (st != IBX_OK) {
            note(shared, st, NULL, NULL);
            continue;
        }
        struct ibx_tile tile = {0};
        struct ibx_zxy at = ibx_tile_zxy(sample->first_id);
        st = ibx_tile_get(tileset, at, IBX_BLOCK, &tile, NULL);
        note(shared, st, sample, &tile);
        ibx_tile_release(&tile);
        ibx_tileset_release(tileset);
    }
    return NULL;
}

struct saboteur {
    struct shared *shared;
    char **paths; /* of packs */
    size_t npaths;
};

/* Cuts packs short or flips a bit in them, then mends them by rename. */
static void *sabotage(void *arg)
{
    const struct saboteur *saboteur = arg;
    struct rng rng = {4711};
    while (atomic_load(&saboteur->shared->readers) > 0) {
        const char *path = saboteur->paths[rng_below(&rng, saboteur->npaths)];
        size_t nbytes = 0;
        uint8_t *bytes = test_read(path, &nbytes);
        size_t at = (size_t)rng_below(&rng, nbytes);
        bytes[at] ^= 1;
        if (rng_below(&rng, 2) == 0)
            test_write(path, bytes, nbytes);
        else
            test_truncate(path, at);
        bytes[at] ^= 1;
        sched_yield();
        test_replace(path, bytes, nbytes);
        free(bytes);
    }
    return NULL;
}

static void start(pthread_t *thread, void *(*work)(void *), void *arg)
{
    ck_assert_int_eq(pthread_create(thread, NULL, work, arg), 0);
}

/* Runs readers beside a thread that distrusts, one that opens tilesets, and
 * the saboteur if one is given. */
static void run(struct shared *shared, struct saboteur *saboteur)
{
    pthread_t threads[NTHREADS + 3];
    struct reader readers[NTHREADS];
    int n = 0;
    atomic_store(&shared->readers, NTHREADS);
    for (; n < NTHREADS; n++) {
        readers[n] = (struct reader){shared, (uint64_t)n + 1};
        start(&threads[n], read_tiles, &readers[n]);
    }
    start(&threads[n++], distrust, shared);
    start(&threads[n++], reopen, shared);
    if (saboteur)
        start(&threads[n++], sabotage, saboteur);
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

static void open_shared(struct shared *shared)
{
    shared->cache = test_cache(&shared->options);
    for (int i = 0; i < NTILESETS; i++)
        shared->tilesets[i] = test_open(shared->cache, folders[i]);
}

static void check_and_close(struct shared *shared)
{
    struct ibx_cache_stats stats;
    ibx_cache_stats(shared->cache, &stats);
    ck_assert_uint_eq(atomic_load(&shared->wrong), 0);
    ck_assert_uint_eq(atomic_load(&shared->unexpected), 0);
    ck_assert_uint_eq(atomic_load(&shared->overshot), 0);
    ck_assert(!overshoots(&stats, &shared->options));
    ck_assert_uint_gt(atomic_load(&shared->served), 0);
    for (int i = 0; i < NTILESETS; i++)
        ibx_tileset_release(shared->tilesets[i]);
    ibx_cache_stats(shared->cache, &stats);
    ck_assert_uint_eq(stats.views, 0);
    ck_assert_uint_eq(stats.mapped_nbytes, 0);
    ck_assert_uint_eq(stats.handles, 0);
    ck_assert_uint_eq(stats.copy_nbytes, 0);
    ck_assert_uint_eq(stats.index_nbytes, 0);
    ibx_cache_close(shared->cache);
}

static const struct {
    const char *label;
    uint32_t max_views, max_handles;
    uint64_t max_mapped_nbytes, max_copy_nbytes, max_index_nbytes;
    enum ibx_evict evict;
} caps[] = {
    {"two views", 2, 4, 1 << 20, 1 << 20, 1 << 20, IBX_EVICT_COLD},
    {"one view", 1, 4, 1 << 20, 1 << 20, 1 << 20, IBX_EVICT_NONE},
    {"one handle", 3, 1, 1 << 20, 1 << 20, 1 << 20, IBX_EVICT_DONTNEED},
    {"room for one tile", 4, 4, 1 << 20, 2100, 1 << 20, IBX_EVICT_COLD},
    {"few mapped bytes", 32, 4, 260 << 10, 1 << 20, 1 << 20, IBX_EVICT_COLD},
    {"few index bytes", 32, 4, 1 << 20, 1 << 20, 3000, IBX_EVICT_DONTNEED},
    {"plenty", 256, 16, 64 << 20, 1 << 20, 1 << 20, IBX_EVICT_COLD},
};

static struct shared shared_with(int row)
{
    struct shared shared = {.options = test_cache_options()};
    shared.options.max_views = caps[row].max_views;
    shared.options.max_handles = caps[row].max_handles;
    shared.options.max_mapped_nbytes = caps[row].max_mapped_nbytes;
    shared.options.max_copy_nbytes = caps[row].max_copy_nbytes;
    shared.options.max_index_nbytes = caps[row].max_index_nbytes;
    shared.options.evict = caps[row].evict;
    return shared;
}

START_TEST(caps_hold_and_tiles_are_right)
{
    struct shared shared = shared_with(_i);
    open_shared(&shared);
    run(&shared, NULL);
    check_and_close(&shared);
}
END_TEST

START_TEST(damage_gives_errors_and_never_wrong_bytes)
{
    struct shared shared = shared_with(_i);
    shared.damage = true;
    open_shared(&shared);
    struct saboteur saboteur = {.shared = &shared};
    saboteur.npaths = (size_t)ibx_tileset_info(shared.tilesets[0])->npacks / 2;
    saboteur.paths = calloc(saboteur.npaths, sizeof *saboteur.paths);
    ck_assert_ptr_nonnull(saboteur.paths);
    for (size_t i = 0; i < saboteur.npaths; i++)
        saboteur.paths[i] = test_pack_path(shared.tilesets[0], i);
    run(&shared, &saboteur);
    check_and_close(&shared);
    for (size_t i = 0; i < saboteur.npaths; i++)
        free(saboteur.paths[i]);
    free(saboteur.paths);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("contention");
    TCase *tcase = tcase_create("contention");
    int ncaps = sizeof caps / sizeof caps[0];
    tcase_set_timeout(tcase, 120);
    tcase_add_unchecked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, caps_hold_and_tiles_are_right, 0, ncaps);
    tcase_add_loop_test(tcase, damage_gives_errors_and_never_wrong_bytes, 0,
                        ncaps);
    suite_add_tcase(suite, tcase);
    return test_main(suite);
}
