/* Reading while the system refuses: the nth call fails, for every n until
 * nothing fails any more. Never a crash, a leak or another tile; afterwards the
 * same cache reads everything. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fault/fault.h"
#include "tests/pack/support.h"

/* Three packs: two mapped, and an oversize one that is read. */
static const struct sample tiles[] = {
    {0, 1, 1, 30000}, {1, 1, 2, 30000},   {2, 1, 3, 30000},
    {3, 1, 4, 30000}, {21, 1, 6, 100000},
};

enum { NTILES = sizeof tiles / sizeof tiles[0], ABSENT_ID = 4000 };

static char *folder;

static void setup(void)
{
    folder = test_dir_new();
    (void)test_build(folder, tiles, NTILES, IBX_PACK_NBYTES_MIN);
}

static void teardown(void)
{
    test_dir_remove(folder);
}

/* What an error may be called, given the call that failed. */
static bool is_right_status(enum ibx_status st)
{
    if (st == IBX_OK)
        return true;
    if (fault_errno() == ENOMEM)
        return st == IBX_ERR_NOMEM;
    if (fault_errno() == EMFILE)
        return st == IBX_ERR_BUSY || st == IBX_ERR_SYSTEM;
    return st == IBX_ERR_SYSTEM;
}

static void check_status(enum ibx_status st, const char *what)
{
    ck_assert_msg(is_right_status(st), "%s after %s failed with %d: %s", what,
                  fault_function(), fault_errno(), ibx_status_text(st));
}

static void read_text(struct ibx_tileset *tileset)
{
    char *text = NULL;
    size_t nbytes = 0;
    check_status(
        ibx_tileset_text(tileset, IBX_TEXT_TILEJSON, &text, &nbytes, NULL),
        "text");
    fault_free(text);
}

static void read_tiles(struct ibx_tileset *tileset)
{
    for (size_t i = 0; i < NTILES; i++) {
        struct ibx_tile_facts facts;
        struct ibx_zxy at = ibx_tile_zxy(tiles[i].first_id);
        check_status(test_get(tileset, tiles[i].first_id, &tiles[i], IBX_BLOCK),
                     "get");
        enum ibx_status st =
            ibx_tile_stat(tileset, at, IBX_BLOCK, &facts, NULL);
        check_status(st, "stat");
        if (st == IBX_OK)
            ck_assert_uint_eq(facts.nbytes, tiles[i].nbytes);
    }
    enum ibx_status st = test_get(tileset, ABSENT_ID, NULL, IBX_BLOCK);
    ck_assert(st == IBX_NOT_FOUND || (st != IBX_OK && is_right_status(st)));
}

static void walk(struct ibx_tileset *tileset)
{
    struct ibx_walk *steps = NULL;
    struct ibx_span span;
    enum ibx_status st = ibx_walk_open(tileset, 0, &steps, NULL);
    check_status(st, "walk_open");
    for (size_t i = 0; st == IBX_OK; i++) {
        st = ibx_walk_next(steps, &span, NULL);
        if (st == IBX_NOT_FOUND)
            ck_assert_uint_eq(i, NTILES);
        else
            check_status(st, "walk_next");
        struct ibx_tile tile = {0};
        if (st == IBX_OK)
            check_status(ibx_walk_tile(steps, &tile, NULL), "walk_tile");
        ibx_tile_release(&tile);
    }
    ibx_walk_close(steps);
}

/* One life of a cache with one view, so that packs are opened again and
 * again. False when opening failed. */
static bool read_all(void)
{
    struct ibx_cache_options options = test_cache_options();
    struct ibx_cache *cache = NULL;
    struct ibx_tileset *tileset = NULL;
    options.max_views = 1;
    options.evict = IBX_EVICT_DONTNEED;
    options.wait_ms = 1;
    enum ibx_status st = ibx_cache_open(&options, &cache, NULL);
    check_status(st, "cache_open");
    if (st == IBX_OK) {
        st = ibx_tileset_open(cache, folder, NULL, &tileset, NULL);
        check_status(st, "tileset_open");
    }
    if (st == IBX_OK) {
        read_text(tileset);
        read_tiles(tileset);
        walk(tileset);
    }
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
    return st == IBX_OK;
}

static void check_nothing_held(struct fault_held before)
{
    struct fault_held after = fault_held();
    ck_assert_msg(after.blocks == before.blocks, "%s failed: %ld blocks leak",
                  fault_function(), after.blocks - before.blocks);
    ck_assert_msg(after.maps == before.maps, "%s failed: %ld maps leak",
                  fault_function(), after.maps - before.maps);
    ck_assert_msg(after.descriptors == before.descriptors,
                  "%s failed: %ld descriptors leak", fault_function(),
                  after.descriptors - before.descriptors);
}

static const struct {
    enum fault_action action;
    unsigned variant;
} modes[] = {
    {FAULT_ONCE, 0}, {FAULT_ONCE, 1}, {FAULT_STICKY, 0}, {FAULT_STICKY, 1}};

START_TEST(every_call_of_a_whole_life_fails_in_turn)
{
    bool fired = true;
    for (unsigned n = 1; fired; n++) {
        struct fault_held before = fault_held();
        fault_arm(modes[_i].action, n, modes[_i].variant);
        bool opened = read_all();
        fired = fault_disarm();
        check_nothing_held(before);
        ck_assert(fired || opened);
        ck_assert_uint_lt(n, 10000);
    }
}
END_TEST

/* The tileset stays open over the failures, and is whole after each. */
START_TEST(a_cache_recovers_from_every_failure)
{
    struct ibx_cache_options options = test_cache_options();
    options.max_views = 1;
    options.wait_ms = 1;
    struct ibx_cache *cache = test_cache(&options);
    struct ibx_tileset *tileset = test_open(cache, folder);
    bool fired = true;
    for (unsigned n = 1; fired; n++) {
        ibx_cache_distrust(cache);
        fault_arm(modes[_i].action, n, modes[_i].variant);
        read_tiles(tileset);
        fired = fault_disarm();
        for (size_t i = 0; i < NTILES; i++)
            ck_status(
                test_get(tileset, tiles[i].first_id, &tiles[i], IBX_BLOCK),
                IBX_OK);
        ck_status(test_get(tileset, ABSENT_ID, NULL, IBX_BLOCK), IBX_NOT_FOUND);
        ck_assert_uint_lt(n, 10000);
    }
    struct ibx_cache_stats stats;
    ibx_cache_stats(cache, &stats);
    ck_assert_uint_eq(stats.handles, 0);
    ck_assert_uint_eq(stats.copy_nbytes, 0);
    ck_assert_uint_le(stats.views, 1);
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
}
END_TEST

/* Opens a second pack beside the first while call `n` fails. True when that
 * call was mmap. */
static bool mmap_fails(struct ibx_cache *cache, unsigned n)
{
    struct ibx_tileset *tileset = test_open(cache, folder);
    ck_status(test_get(tileset, 0, &tiles[0], IBX_BLOCK), IBX_OK);
    fault_arm(FAULT_ONCE, n, 0);
    enum ibx_status st = test_get(tileset, 3, &tiles[3], IBX_BLOCK);
    ck_assert(fault_disarm());
    bool hit = strcmp(fault_function(), "mmap") == 0;
    if (hit)
        ck_status(st, IBX_OK);
    ibx_tileset_release(tileset);
    return hit;
}

/* A full address space is answered by closing other views. */
START_TEST(enomem_from_mmap_evicts_and_lowers_the_effective_views)
{
    struct ibx_cache_options options = test_cache_options();
    struct ibx_cache *cache = test_cache(&options);
    struct ibx_cache_stats stats;
    for (unsigned n = 1; !mmap_fails(cache, n); n++)
        ck_assert_uint_lt(n, 100);
    ibx_cache_stats(cache, &stats);
    ck_assert_uint_ge(stats.shrinks, 1);
    ck_assert_uint_ge(stats.evictions, 1);
    ck_assert_uint_lt(stats.effective_views, options.max_views);
    ibx_cache_close(cache);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("read");
    TCase *tcase = tcase_create("read");
    int nmodes = sizeof modes / sizeof modes[0];
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, every_call_of_a_whole_life_fails_in_turn, 0,
                        nmodes);
    tcase_add_loop_test(tcase, a_cache_recovers_from_every_failure, 0, nmodes);
    tcase_add_test(tcase,
                   enomem_from_mmap_evicts_and_lowers_the_effective_views);
    suite_add_tcase(suite, tcase);
    return test_main(suite);
}
