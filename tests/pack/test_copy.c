/* Memory for copies of tiles: the one that is kept for the next tile, and what
 * counts how much. */
#include <pthread.h>
#include <unistd.h>

#include "pack/cache.h"
#include "tests/pack/support.h"

static struct ibx_cache_options options;
static struct ibx_cache *cache;

static void setup(void)
{
    options = test_cache_options();
    options.max_copy_nbytes = 1 << 20;
    options.wait_ms = 20000; /* nobody waits so long: a lost wake-up is seen */
}

static void open_cache(void)
{
    cache = test_cache(&options);
}

static void teardown(void)
{
    struct ibx_cache_stats stats;
    ibx_cache_stats(cache, &stats);
    ck_assert_uint_eq(stats.copy_nbytes, 0);
    ck_assert_uint_le(stats.copy_nbytes_high, options.max_copy_nbytes);
    ibx_cache_close(cache);
}

static struct ibx_cache_stats stats(void)
{
    struct ibx_cache_stats now;
    ibx_cache_stats(cache, &now);
    return now;
}

static void *new_copy(size_t nbytes, enum ibx_wait wait)
{
    void *copy = NULL;
    struct ibx_err err = {0};
    ck_ok(ibx_cache_new_copy(cache, nbytes, wait, &copy, &err), err);
    return copy;
}

START_TEST(the_one_that_is_kept_gives_way)
{
    const enum ibx_wait waits[] = {IBX_TRY, IBX_BLOCK};
    open_cache();
    for (size_t i = 0; i < 2; i++) {
        void *other = NULL;
        ibx_cache_free_copy(new_copy(300, IBX_TRY));
        ck_assert_uint_eq(stats().copy_nbytes, 0);
        void *all = new_copy((1 << 20) - 64, waits[i]);
        ck_assert_int_eq(ibx_cache_new_copy(cache, 300, IBX_TRY, &other, NULL),
                         IBX_AGAIN);
        ibx_cache_free_copy(all);
    }
    ck_assert_uint_eq(stats().waits, 0);
}
END_TEST

/* Under AddressSanitizer none is kept, and each is as large as it must be. */
START_TEST(a_copy_that_is_kept_is_used_again)
{
    open_cache();
    ibx_cache_free_copy(new_copy(12000, IBX_TRY));
    uint64_t high = stats().copy_nbytes_high;
    for (size_t nbytes = 5000; nbytes <= 12000; nbytes += 500)
        ibx_cache_free_copy(new_copy(nbytes, IBX_TRY));
    ck_assert_uint_eq(stats().copy_nbytes_high, high);
#ifndef __SANITIZE_ADDRESS__
    void *copy = new_copy(5000, IBX_TRY);
    ck_assert_uint_eq(stats().copy_nbytes, high);
    ibx_cache_free_copy(copy);
#endif
}
END_TEST

static const uint64_t caps[] = {64 << 10, 16 << 20};

START_TEST(a_small_tile_is_not_counted_like_a_large_one)
{
    options.max_copy_nbytes = caps[_i];
    open_cache();
    ibx_cache_free_copy(new_copy(60000, IBX_TRY));
    void *small = new_copy(300, IBX_TRY);
    ck_assert_uint_le(stats().copy_nbytes, 16 << 10);
    ibx_cache_free_copy(new_copy(40000, IBX_TRY));
    ibx_cache_free_copy(small);
}
END_TEST

static void *free_soon(void *arg)
{
    (void)usleep(20000); /* let the other thread wait: slower is no failure */
    ibx_cache_free_copy(arg);
    return NULL;
}

START_TEST(who_waits_gets_the_one_that_would_be_kept)
{
    open_cache();
    pthread_t thread;
    void *large = new_copy(600 << 10, IBX_TRY);
    void *small = new_copy(15 << 10, IBX_TRY);
    ck_assert_int_eq(pthread_create(&thread, NULL, free_soon, small), 0);
    void *waited = new_copy(420 << 10, IBX_BLOCK);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(stats().refusals, 0);
    ibx_cache_free_copy(waited);
    ibx_cache_free_copy(large);
}
END_TEST

enum { NTHREADS = 4, ROUNDS = 4000 };

static void *take_and_give(void *arg)
{
    unsigned at = *(const unsigned *)arg;
    for (int i = 0; i < ROUNDS; i++) {
        void *copy = NULL;
        at = at * 1103515245 + 12345;
        size_t nbytes = 100 + (at >> 16) % 60000;
        enum ibx_wait wait = at & 1 ? IBX_BLOCK : IBX_TRY;
        enum ibx_status st =
            ibx_cache_new_copy(cache, nbytes, wait, &copy, NULL);
        ck_assert(st == IBX_OK || (st == IBX_AGAIN && wait == IBX_TRY));
        if (st != IBX_OK)
            continue;
        *(volatile char *)copy = 1;
        ((volatile char *)copy)[nbytes - 1] = 1;
        ibx_cache_free_copy(copy);
    }
    return NULL;
}

/* Two of the largest fit: somebody waits often. */
START_TEST(threads_share_a_cap)
{
    static const unsigned seeds[NTHREADS] = {1, 2, 3, 4};
    pthread_t threads[NTHREADS];
    options.max_copy_nbytes = 128 << 10;
    open_cache();
    for (size_t i = 0; i < NTHREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_and_give,
                                        (void *)(uintptr_t)&seeds[i]),
                         0);
    for (size_t i = 0; i < NTHREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_eq(stats().refusals, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("copy");
    TCase *tcase = tcase_create("copies");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_one_that_is_kept_gives_way);
    tcase_add_test(tcase, a_copy_that_is_kept_is_used_again);
    tcase_add_loop_test(tcase, a_small_tile_is_not_counted_like_a_large_one, 0,
                        2);
    tcase_add_test(tcase, who_waits_gets_the_one_that_would_be_kept);
    tcase_add_test(tcase, threads_share_a_cap);
    suite_add_tcase(suite, tcase);
    return test_main(suite);
}
