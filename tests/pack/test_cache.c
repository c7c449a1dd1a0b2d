/* The cache of views on one thread: what is opened when, what a cap does when
 * it is reached, and what IBX_TRY may answer. */
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pack/tileset_impl.h"
#include "tests/pack/support.h"

enum { NTILES = 64, TILE_NBYTES = 20000, FIRST_ID = 21 };

static char *folder;
static struct sample tiles[NTILES];
static struct ibx_cache_options options;
static struct ibx_cache *cache;
static struct ibx_tileset *tileset;

static void setup(void)
{
    folder = test_dir_new();
    for (uint32_t i = 0; i < NTILES; i++)
        tiles[i] = (struct sample){FIRST_ID + i, 1, i + 1, TILE_NBYTES};
    (void)test_build(folder, tiles, NTILES, IBX_PACK_NBYTES_MIN);
    options = test_cache_options();
}

static void open_all(void)
{
    cache = test_cache(&options);
    tileset = test_open(cache, folder);
    ck_assert_uint_ge(ibx_tileset_info(tileset)->npacks, 16);
}

static void teardown(void)
{
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
    test_dir_remove(folder);
}

static struct ibx_cache_stats stats(void)
{
    struct ibx_cache_stats now;
    ibx_cache_stats(cache, &now);
    return now;
}

/* The first tile of pack `number`. */
static const struct sample *tile_of(uint64_t number)
{
    struct ibx_pack_info info;
    struct ibx_err err = {0};
    ck_ok(ibx_pack_info(tileset, number, &info, &err), err);
    return &tiles[info.first_id - FIRST_ID];
}

static enum ibx_status get(uint64_t pack, enum ibx_wait wait)
{
    const struct sample *sample = tile_of(pack);
    return test_get(tileset, sample->first_id, sample, wait);
}

static struct ibx_slot *pin(uint64_t pack)
{
    struct ibx_slot *slot = NULL;
    struct ibx_err err = {0};
    ck_ok(ibx_tileset_pin(tileset, pack, tile_of(pack)->first_id,
                          (struct ibx_asker){IBX_BLOCK, 0}, &slot, &err),
          err);
    return slot;
}

/* ---- options ----------------------------------------------------------- */

static const struct {
    const char *word; /* of the message */
    size_t off, nbytes;
    uint64_t value;
} bad_options[] = {
#define FIELD(name)                                                            \
    offsetof(struct ibx_cache_options, name),                                  \
        sizeof(((struct ibx_cache_options *)0)->name)
    {"max_views", FIELD(max_views), 0},
    {"max_views", FIELD(max_views), 4097},
    {"max_handles", FIELD(max_handles), 0},
    {"limit", FIELD(max_mapped_nbytes), 0},
    {"limit", FIELD(max_copy_nbytes), 0},
    {"limit", FIELD(max_index_nbytes), 0},
    {"prefetch", FIELD(prefetch_nbytes), 1},
    {"prefetch", FIELD(prefetch_nbytes), 65537},
    {"prefetch", FIELD(prefetch_nbytes), 1u << 31},
    {"verify", FIELD(verify), 3},
    {"verify", FIELD(evict), 3},
#undef FIELD
};

START_TEST(an_option_out_of_range_is_named)
{
    struct ibx_cache *none = NULL;
    struct ibx_err err = {0};
    memcpy((uint8_t *)&options + bad_options[_i].off, &bad_options[_i].value,
           bad_options[_i].nbytes);
    ck_status(ibx_cache_open(&options, &none, &err), IBX_ERR_INVALID);
    ck_assert_ptr_null(none);
    ck_assert_ptr_nonnull(strstr(err.what, bad_options[_i].word));
}
END_TEST

/* ---- which views are open ---------------------------------------------- */

START_TEST(the_view_used_longest_ago_goes_first)
{
    options.max_views = 2;
    open_all();
    ck_status(get(0, IBX_BLOCK), IBX_OK);
    ck_status(get(1, IBX_BLOCK), IBX_OK);
    ck_status(get(0, IBX_BLOCK), IBX_OK); /* now 1 is the older */
    ck_status(get(2, IBX_BLOCK), IBX_OK);
    ck_assert_uint_eq(stats().opens, 3);
    ck_assert_uint_eq(stats().evictions, 1);
    ck_status(get(0, IBX_BLOCK), IBX_OK);
    ck_assert_uint_eq(stats().opens, 3);
    ck_status(get(1, IBX_BLOCK), IBX_OK);
    ck_assert_uint_eq(stats().opens, 4);
    ck_assert_uint_eq(stats().views, 2);
    ck_assert_uint_eq(stats().views_high, 2);
}
END_TEST

/* ---- one reader beside others ------------------------------------------ */

static void get_for(uint64_t pack, uint32_t reader)
{
    const struct sample *sample = tile_of(pack);
    struct ibx_tile tile = {0};
    struct ibx_err err = {0};
    ck_ok(ibx_tile_get_for(tileset, ibx_tile_zxy(sample->first_id),
                           (struct ibx_asker){IBX_BLOCK, reader}, &tile, &err),
          err);
    sample_check(sample, &tile);
    ibx_tile_release(&tile);
}

enum { OWN = 3 }; /* packs of reader 1, fewer than a third of the views */

/* Crawlers walk through all packs while reader 1 comes back to his, more seldom
 * than there are views. */
static void crawl_beside(unsigned ncrawlers, unsigned rounds)
{
    const uint64_t npacks = ibx_tileset_info(tileset)->npacks;
    uint64_t at = 0;
    for (unsigned round = 0; round < rounds; round++) {
        for (uint64_t pack = 0; pack < OWN; pack++)
            get_for(pack, 1);
        for (unsigned step = 0; step < 12; step++, at++)
            for (unsigned i = 0; i < ncrawlers; i++)
                get_for((at + i * npacks / 2) % npacks, 100 + i);
    }
}

START_TEST(crawlers_leave_open_what_others_use)
{
    options.max_views = 12;
    open_all();
    crawl_beside((unsigned)_i, 1);
    struct ibx_cache_stats before = stats();
    enum { ROUNDS = 30 };
    crawl_beside((unsigned)_i, ROUNDS);
    struct ibx_cache_stats after = stats();
    /* The crawlers opened packs all the time, and the reader none. */
    ck_assert_uint_ge(after.opens - before.opens, ROUNDS * 4);
    ck_assert_uint_gt(after.spared, before.spared);
    for (uint64_t pack = 0; pack < OWN; pack++)
        get_for(pack, 1);
    ck_assert_uint_eq(stats().opens, after.opens);
    ck_assert_uint_le(stats().views_high, 12);
}
END_TEST

START_TEST(a_walk_leaves_open_what_others_use)
{
    options.max_views = 8;
    open_all();
    const uint64_t npacks = ibx_tileset_info(tileset)->npacks;
    struct ibx_walk *walk = NULL;
    struct ibx_span span;
    struct ibx_err err = {0};
    for (uint64_t pack = npacks - OWN; pack < npacks; pack++)
        get_for(pack, 1);
    ck_ok(ibx_walk_open(tileset, 0, &walk, &err), err);
    do
        ck_ok(ibx_walk_next(walk, &span, &err), err);
    while (span.pack < 10);
    ibx_walk_close(walk);
    uint64_t opens = stats().opens;
    ck_assert_uint_eq(opens, OWN + 11);
    for (uint64_t pack = npacks - OWN; pack < npacks; pack++)
        get_for(pack, 1);
    ck_assert_uint_eq(stats().opens, opens);
}
END_TEST

START_TEST(hits_and_misses_are_counted)
{
    open_all();
    ck_status(get(0, IBX_BLOCK), IBX_OK);
    ck_assert_uint_eq(stats().misses, 1);
    ck_assert_uint_eq(stats().hits, 0);
    for (int i = 0; i < 5; i++)
        ck_status(get(0, IBX_BLOCK), IBX_OK);
    ck_assert_uint_eq(stats().misses, 1);
    ck_assert_uint_eq(stats().hits, 5);
}
END_TEST

START_TEST(an_absent_tile_between_packs_opens_none)
{
    open_all();
    ck_status(test_get(tileset, 3, NULL, IBX_BLOCK), IBX_NOT_FOUND);
    ck_status(test_get(tileset, 1 << 20, NULL, IBX_BLOCK), IBX_NOT_FOUND);
    ck_status(ibx_tile_stat(tileset, (struct ibx_zxy){3, 8, 0}, IBX_BLOCK,
                            &(struct ibx_tile_facts){0}, NULL),
              IBX_NOT_FOUND);
    ck_assert_uint_eq(stats().opens, 0);
}
END_TEST

START_TEST(a_released_tileset_takes_its_views_along)
{
    open_all();
    struct ibx_tileset *second = test_open(cache, folder);
    uint64_t before = stats().mapped_nbytes;
    ck_status(test_get(second, FIRST_ID, &tiles[0], IBX_BLOCK), IBX_OK);
    ck_status(get(0, IBX_BLOCK), IBX_OK);
    ck_assert_uint_eq(stats().views, 2);
    ibx_tileset_release(second);
    ck_assert_uint_eq(stats().views, 1);
    ck_assert_uint_lt(stats().mapped_nbytes, before + (1 << 20));
    ck_status(get(0, IBX_TRY), IBX_OK);
}
END_TEST

/* ---- at a cap ---------------------------------------------------------- */

START_TEST(no_view_to_be_had_is_busy_and_then_not)
{
    options.max_views = 1;
    open_all();
    struct ibx_slot *slot = pin(0);
    ck_status(get(1, IBX_BLOCK), IBX_ERR_BUSY);
    ck_assert_uint_eq(stats().waits, 1);
    ck_assert_uint_eq(stats().refusals, 1);
    ibx_slot_unpin(cache, slot);
    ck_status(get(1, IBX_BLOCK), IBX_OK);
    ck_assert_uint_eq(stats().refusals, 1);
    ck_assert_uint_eq(stats().views_high, 1);
}
END_TEST

static void *unpin_soon(void *arg)
{
    (void)usleep(20000); /* let the other thread wait: slower is no failure */
    ibx_slot_unpin(cache, arg);
    return NULL;
}

START_TEST(who_waits_gets_the_view_that_is_let_go)
{
    options.max_views = 1;
    options.wait_ms = 20000;
    open_all();
    pthread_t thread;
    struct ibx_slot *slot = pin(0);
    ck_assert_int_eq(pthread_create(&thread, NULL, unpin_soon, slot), 0);
    ck_status(get(1, IBX_BLOCK), IBX_OK);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(stats().refusals, 0);
    ck_assert_uint_eq(stats().views_high, 1);
}
END_TEST

START_TEST(copies_are_counted_until_released)
{
    options.max_copy_nbytes = 2 * (TILE_NBYTES + 100);
    open_all();
    struct ibx_tile held[2] = {{0}};
    for (size_t i = 0; i < 2; i++)
        ck_status(ibx_tile_get(tileset, ibx_tile_zxy(FIRST_ID), IBX_BLOCK,
                               &held[i], NULL),
                  IBX_OK);
    ck_status(get(0, IBX_TRY), IBX_AGAIN);
    ck_status(get(0, IBX_BLOCK), IBX_ERR_BUSY);
    ibx_tile_release(&held[0]);
    ck_assert_ptr_null(held[0].bytes);
    ibx_tile_release(&held[0]); /* a cleared tile is allowed */
    ck_status(get(0, IBX_TRY), IBX_OK);
    sample_check(&tiles[0], &held[1]);
    ibx_tile_release(&held[1]);
    ck_assert_uint_eq(stats().copy_nbytes, 0);
    ck_assert_uint_le(stats().copy_nbytes_high, options.max_copy_nbytes);
}
END_TEST

START_TEST(a_tile_above_the_budget_is_too_large)
{
    options.max_copy_nbytes = TILE_NBYTES - 1;
    open_all();
    struct ibx_tile tile = {0};
    struct ibx_err err = {0};
    ck_status(
        ibx_tile_get(tileset, ibx_tile_zxy(FIRST_ID), IBX_BLOCK, &tile, &err),
        IBX_ERR_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(err.what, "max_copy"));
    ck_assert_uint_eq(stats().waits, 0);
}
END_TEST

START_TEST(handles_are_counted)
{
    options.max_handles = 2;
    open_all();
    int fds[2] = {-1, -1};
    struct ibx_err err = {0};
    for (int i = 0; i < 2; i++)
        ck_ok(ibx_cache_open_fd(cache, folder, IBX_BLOCK, &fds[i], &err), err);
    ck_status(get(0, IBX_BLOCK), IBX_ERR_BUSY);
    ibx_cache_close_fd(cache, fds[0]);
    ck_status(get(0, IBX_BLOCK), IBX_OK);
    ibx_cache_close_fd(cache, fds[1]);
    ck_assert_uint_eq(stats().handles, 0);
    ck_assert_uint_eq(stats().handles_high, 2);
}
END_TEST

START_TEST(indexes_have_their_own_cap)
{
    options.max_index_nbytes = 16;
    open_all();
    ck_status(get(0, IBX_BLOCK), IBX_ERR_TOO_LARGE);
    ck_assert_uint_eq(stats().index_nbytes, 0);
    ck_assert_uint_eq(stats().views, 0);
}
END_TEST

/* The manifest is mapped too, and packs above half of the cap are read. */
START_TEST(mapped_bytes_are_a_cap_for_everything)
{
    options.max_mapped_nbytes = 200 << 10;
    open_all();
    for (uint64_t pack = 0; pack < 16; pack++)
        ck_status(get(pack, IBX_BLOCK), IBX_OK);
    ck_assert_uint_le(stats().mapped_nbytes_high, options.max_mapped_nbytes);
    ck_assert_uint_ge(stats().evictions, 10);
    ck_assert_uint_eq(stats().refusals, 0);
}
END_TEST

START_TEST(a_pack_too_large_to_map_is_read)
{
    options.max_mapped_nbytes = 100 << 10;
    open_all();
    uint64_t before = stats().mapped_nbytes;
    ck_status(get(0, IBX_BLOCK), IBX_OK);
    ck_status(get(0, IBX_BLOCK), IBX_OK);
    ck_assert_uint_eq(stats().mapped_nbytes, before);
    ck_status(get(0, IBX_TRY), IBX_AGAIN); /* reading blocks */
}
END_TEST

START_TEST(a_manifest_above_the_cap_is_refused)
{
    options.max_mapped_nbytes = 4096;
    cache = test_cache(&options);
    struct ibx_err err = {0};
    ck_status(ibx_tileset_open(cache, folder, NULL, &tileset, &err),
              IBX_ERR_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(err.what, "max_mapped"));
}
END_TEST

/* ---- IBX_TRY ----------------------------------------------------------- */

START_TEST(trying_answers_again_until_somebody_has_waited)
{
    options.prefetch_nbytes = 0; /* blocks of a page */
    open_all();
    struct ibx_zxy at = ibx_tile_zxy(FIRST_ID);
    struct ibx_tile_facts facts;
    ck_status(test_get(tileset, FIRST_ID, NULL, IBX_TRY), IBX_AGAIN);
    ck_status(ibx_tile_stat(tileset, at, IBX_TRY, &facts, NULL), IBX_AGAIN);
    ck_assert(!ibx_tile_is_resident(tileset, at));
    ck_assert_uint_eq(stats().opens, 0);
    ck_status(test_get(tileset, FIRST_ID, &tiles[0], IBX_BLOCK), IBX_OK);
    ck_assert(ibx_tile_is_resident(tileset, at));
    ck_status(test_get(tileset, FIRST_ID, &tiles[0], IBX_TRY), IBX_OK);
    ck_status(ibx_tile_stat(tileset, at, IBX_TRY, &facts, NULL), IBX_OK);
    /* Another tile of the same pack lies in blocks not touched yet. */
    ck_status(test_get(tileset, FIRST_ID + 1, NULL, IBX_TRY), IBX_AGAIN);
    ck_assert_uint_eq(stats().opens, 1);
}
END_TEST

START_TEST(distrust_makes_the_resident_unknown)
{
    open_all();
    struct ibx_zxy at = ibx_tile_zxy(FIRST_ID);
    for (int i = 0; i < 3; i++) {
        ck_status(test_get(tileset, FIRST_ID, &tiles[0], IBX_BLOCK), IBX_OK);
        ck_assert(ibx_tile_is_resident(tileset, at));
        ibx_cache_distrust(cache);
        ck_assert(!ibx_tile_is_resident(tileset, at));
        ck_status(test_get(tileset, FIRST_ID, NULL, IBX_TRY), IBX_AGAIN);
    }
    ck_assert_uint_eq(stats().opens, 1); /* the view itself stays */
}
END_TEST

static bool is_resident(uint64_t id)
{
    return ibx_tile_is_resident(tileset, ibx_tile_zxy(id));
}

/* Which of a pack's tiles count as being in memory shows what was asked for:
 * the first visit to a block brings one tile, the second the whole block. */
START_TEST(a_block_is_read_when_it_is_visited_twice)
{
    enum { N = 20, NBYTES = 8176, PER_BLOCK = 8 }; /* two pages each */
    struct sample many[N];
    for (unsigned i = 0; i < N; i++)
        many[i] = (struct sample){FIRST_ID + i, 1, 100 + i, NBYTES};
    char *other = test_path(folder, "many.imbrex");
    (void)test_build(other, many, N, IBX_PACK_NBYTES_DEFAULT);
    options.prefetch_nbytes = 64 << 10;
    open_all();
    struct ibx_tileset *before = tileset;
    tileset = test_open(cache, other);
    ck_status(test_get(tileset, many[1].first_id, &many[1], IBX_BLOCK), IBX_OK);
    ck_assert(is_resident(many[1].first_id));
    ck_assert(!is_resident(many[3].first_id));
    ck_assert(!is_resident(many[5].first_id));
    ck_status(test_get(tileset, many[3].first_id, &many[3], IBX_BLOCK), IBX_OK);
    for (unsigned i = 0; i + 2 < PER_BLOCK; i++)
        ck_assert_msg(is_resident(many[i].first_id), "tile %u", i);
    ck_assert(!is_resident(many[PER_BLOCK + 2].first_id));
    /* Pages that were pushed out begin anew. */
    ibx_cache_distrust(cache);
    ck_status(test_get(tileset, many[1].first_id, &many[1], IBX_BLOCK), IBX_OK);
    ck_assert(!is_resident(many[3].first_id));
    ibx_tileset_release(tileset);
    tileset = before;
    free(other);
}
END_TEST

START_TEST(trying_for_absent_tiles_needs_no_pack)
{
    open_all();
    ck_status(test_get(tileset, 3, NULL, IBX_BLOCK), IBX_NOT_FOUND);
    ck_status(test_get(tileset, 3, NULL, IBX_TRY), IBX_NOT_FOUND);
    ck_assert(ibx_tile_is_resident(tileset, ibx_tile_zxy(3)));
    ck_assert_uint_eq(stats().opens, 0);
}
END_TEST

/* ---- a small address space --------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static uint64_t address_space_nbytes(void)
{
    char line[128];
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
    (void)fclose(file);
    uint64_t pages = strtoull(line, NULL, 10);
    ck_assert_uint_gt(pages, 0);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

START_TEST(a_full_address_space_is_answered_by_closing_views)
{
    if (SANITIZED)
        return; /* their shadows need terabytes of it */
    options.max_views = 4096;
    options.max_mapped_nbytes = 1 << 30;
    open_all();
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
    struct rlimit small = limit;
    small.rlim_cur = address_space_nbytes() + (512 << 10);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &small), 0);
    for (int round = 0; round < 3; round++)
        for (uint32_t i = 0; i < NTILES; i++) {
            enum ibx_status st =
                test_get(tileset, tiles[i].first_id, &tiles[i], IBX_BLOCK);
            ck_status(st, IBX_OK);
        }
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    ck_assert_uint_gt(stats().shrinks, 0);
    ck_assert_uint_lt(stats().effective_views, 4096);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache");
    TCase *tcase = tcase_create("cache");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, an_option_out_of_range_is_named, 0,
                        sizeof bad_options / sizeof bad_options[0]);
    tcase_add_test(tcase, the_view_used_longest_ago_goes_first);
    tcase_add_loop_test(tcase, crawlers_leave_open_what_others_use, 1, 3);
    tcase_add_test(tcase, a_walk_leaves_open_what_others_use);
    tcase_add_test(tcase, hits_and_misses_are_counted);
    tcase_add_test(tcase, an_absent_tile_between_packs_opens_none);
    tcase_add_test(tcase, a_released_tileset_takes_its_views_along);
    tcase_add_test(tcase, no_view_to_be_had_is_busy_and_then_not);
    tcase_add_test(tcase, who_waits_gets_the_view_that_is_let_go);
    tcase_add_test(tcase, copies_are_counted_until_released);
    tcase_add_test(tcase, a_tile_above_the_budget_is_too_large);
    tcase_add_test(tcase, handles_are_counted);
    tcase_add_test(tcase, indexes_have_their_own_cap);
    tcase_add_test(tcase, mapped_bytes_are_a_cap_for_everything);
    tcase_add_test(tcase, a_pack_too_large_to_map_is_read);
    tcase_add_test(tcase, a_manifest_above_the_cap_is_refused);
    tcase_add_test(tcase, trying_answers_again_until_somebody_has_waited);
    tcase_add_test(tcase, distrust_makes_the_resident_unknown);
    tcase_add_test(tcase, a_block_is_read_when_it_is_visited_twice);
    tcase_add_test(tcase, trying_for_absent_tiles_needs_no_pack);
    tcase_add_test(tcase, a_full_address_space_is_answered_by_closing_views);
    suite_add_tcase(suite, tcase);
    return test_main(suite);
}
