/* The cache of prepared answers: what it keeps, what it lets go, what it
 * counts. A response is a number of ours. */
#include <string.h>

#include "server/prepared.h"
#include "tests/server/table.h"

enum { CAP = 256 << 10, TILE_NBYTES = 1000 };

static unsigned dropped;
static struct prepared_cache *cache;
static struct gauge gauge;

static void drop(void *response)
{
    ck_assert_ptr_nonnull(response);
    dropped++;
}

static void set_up(void)
{
    dropped = 0;
    memset(&gauge, 0, sizeof(gauge));
    cache = prepared_open(CAP, &gauge, drop);
    ck_assert_ptr_nonnull(cache);
}

static void tear_down(void)
{
    prepared_close(cache);
    ck_assert_uint_eq(gauge.now, 0);
    ck_assert_uint_le(gauge.high, CAP);
}

static struct prepared_key key_of(uint64_t serial, uint32_t x)
{
    return (struct prepared_key){serial, {20, x, 7}, false, false};
}

/* Adds an answer whose bytes and response are made of `x`. */
static bool add(uint64_t serial, uint32_t x)
{
    static int response;
    uint8_t bytes[TILE_NBYTES];
    struct prepared_key key = key_of(serial, x);
    memset(bytes, (int)(x & 0xff), sizeof(bytes));
    const struct ibx_tile tile = {.facts = {.hash = x, .nbytes = TILE_NBYTES},
                                  .bytes = bytes};
    struct prepared *p = prepared_add(cache, &key, &tile);
    if (p == NULL)
        return false;
    p->response = &response;
    prepared_release(p);
    return true;
}

static bool has(uint64_t serial, uint32_t x)
{
    struct prepared_key key = key_of(serial, x);
    struct prepared *p = prepared_find(cache, &key);
    if (p != NULL) {
        ck_assert_uint_eq(p->facts.hash, x);
        ck_assert_uint_eq(p->bytes[TILE_NBYTES - 1], x & 0xff);
    }
    prepared_release(p);
    return p != NULL;
}

START_TEST(keys_are_told_apart)
{
    ck_assert(add(1, 5));
    ck_assert(has(1, 5));
    ck_assert(!has(2, 5));
    ck_assert(!has(1, 6));
    struct prepared_key key = key_of(1, 5);
    key.immutable = true;
    ck_assert_ptr_null(prepared_find(cache, &key));
    key = key_of(1, 5);
    key.at.z = 19;
    ck_assert_ptr_null(prepared_find(cache, &key));
    key = key_of(1, 5);
    key.same = true;
    ck_assert_ptr_null(prepared_find(cache, &key));
}
END_TEST

START_TEST(one_without_response_is_not_found_and_is_replaced)
{
    struct prepared_key key = key_of(1, 5);
    const struct ibx_tile tile = {.facts = {.nbytes = 4},
                                  .bytes = (const uint8_t *)"abcd"};
    struct prepared *p = prepared_add(cache, &key, &tile);
    ck_assert_ptr_nonnull(p);
    ck_assert_ptr_null(prepared_find(cache, &key));
    ck_assert(add(1, 5));
    ck_assert(has(1, 5));
    ck_assert(!p->listed);
    ck_assert(memcmp(p->bytes, "abcd", 4) == 0); /* it is ours until now */
    prepared_release(p);
    ck_assert_uint_eq(dropped, 0);
}
END_TEST

START_TEST(what_is_used_much_stays)
{
    uint32_t n = 0;
    ck_assert(add(1, n));
    while (dropped == 0) {
        ck_assert(has(1, 0)); /* used again and again */
        ck_assert(add(1, ++n));
    }
    ck_assert_uint_gt(n, 20);
    ck_assert(has(1, 0));
    ck_assert(!has(1, 1));
    ck_assert(has(1, 2));
    ck_assert(has(1, n));
}
END_TEST

START_TEST(of_many_the_one_used_least_goes)
{
    uint32_t n = 0;
    while (dropped == 0)
        ck_assert(add(1, n++));
    /* The first one went, so 1 to 8 are next: all but one are used. */
    for (uint32_t x = 1; x <= 8; x++)
        for (uint32_t i = 0; x != 5 && i < 2 * x; i++)
            ck_assert(has(1, x));
    ck_assert(add(1, n));
    for (uint32_t x = 1; x <= 8; x++)
        ck_assert_int_eq(has(1, x), x != 5);
}
END_TEST

START_TEST(a_304_is_an_answer_of_its_own_without_bytes)
{
    struct prepared_key key = key_of(1, 5);
    const struct ibx_tile tile = {
        .facts = {.hash = 9, .nbytes = TILE_NBYTES}}; /* bytes: NULL */
    ck_assert(add(1, 5));
    uint64_t before = gauge.now;
    key.same = true;
    struct prepared *p = prepared_add(cache, &key, &tile);
    ck_assert_ptr_nonnull(p);
    p->response = &before;
    ck_assert_uint_eq(p->nbytes, 0);
    ck_assert_uint_eq(p->facts.nbytes, TILE_NBYTES);
    ck_assert_uint_lt(gauge.now - before, before);
    struct prepared *found = prepared_find(cache, &key);
    ck_assert_ptr_eq(found, p);
    ck_assert(has(1, 5));
    prepared_release(found);
    prepared_release(p);
}
END_TEST

START_TEST(what_is_held_stays_counted)
{
    struct prepared *held[512];
    size_t n = 0;
    for (uint32_t x = 0; x < 512; x++) {
        struct prepared_key key = key_of(1, x);
        ck_assert(n == x || !add(1, x));
        if (n == x && add(1, x))
            held[n++] = prepared_find(cache, &key);
    }
    ck_assert_uint_gt(n, 20);
    ck_assert_uint_lt(n, 512);
    for (size_t i = 0; i < n; i++) {
        ck_assert_uint_eq(held[i]->bytes[0], i & 0xff);
        prepared_release(held[i]);
    }
    ck_assert(add(1, 1000)); /* there is room again */
}
END_TEST

START_TEST(a_crawler_changes_nothing)
{
    uint32_t n = 0;
    while (dropped == 0)
        ck_assert(add(1, n++));
    for (uint32_t round = 0; round < 8; round++) {
        for (uint32_t x = 1; x < n; x++)
            (void)has(1, x);
    }
    for (uint32_t x = 10000; x < 60000; x++) {
        struct prepared_key key = key_of(1, x);
        ck_assert(!prepared_is_wanted(cache, &key, TILE_NBYTES));
    }
    /* One that is asked for again and again gets in. */
    struct prepared_key key = key_of(1, 70000);
    unsigned asked = 1;
    while (!prepared_is_wanted(cache, &key, TILE_NBYTES))
        ck_assert_uint_lt(++asked, 1000);
    ck_assert_uint_ge(asked, 2);
}
END_TEST

START_TEST(large_tiles_are_not_wanted)
{
    struct prepared_key key = key_of(1, 1);
    for (int i = 0; i < 5; i++)
        ck_assert(!prepared_is_wanted(cache, &key, CAP / 2));
    ck_assert(prepared_is_wanted(cache, &key, TILE_NBYTES) ||
              prepared_is_wanted(cache, &key, TILE_NBYTES));
}
END_TEST

START_TEST(too_small_a_cap_is_none)
{
    ck_assert_ptr_null(prepared_open(1000, &gauge, drop));
    prepared_close(NULL);
    prepared_release(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("prepared");
    TCase *all = tcase_create("prepared");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_add_test(all, keys_are_told_apart);
    tcase_add_test(all, one_without_response_is_not_found_and_is_replaced);
    tcase_add_test(all, what_is_used_much_stays);
    tcase_add_test(all, of_many_the_one_used_least_goes);
    tcase_add_test(all, a_304_is_an_answer_of_its_own_without_bytes);
    tcase_add_test(all, what_is_held_stays_counted);
    tcase_add_test(all, a_crawler_changes_nothing);
    tcase_add_test(all, large_tiles_are_not_wanted);
    tcase_add_test(all, too_small_a_cap_is_none);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
