/* Which view is closed next: by last use, and by how many a reader has. The
 * caps themselves are test_cache.c's. */
#include <stdio.h>
#include <stdlib.h>

#include "pack/cache_impl.h"
#include "tests/pack/support.h"

enum { NSLOTS = 300, ALICE = 1, BOB = 2, CRAWLER = 3, CRAWLER_TWO = 4 };

static struct ibx_slot *slots;
static struct ibx_recency recency;
static int64_t now_s;

static void setup(void)
{
    slots = calloc(NSLOTS, sizeof *slots);
    ck_assert_ptr_nonnull(slots);
    recency = (struct ibx_recency){0};
    now_s = 1000;
}

static void teardown(void)
{
    free(slots);
}

static void add(int slot, uint32_t reader)
{
    ibx_recency_add(&recency, &slots[slot], reader, now_s);
}

static void use(int slot, uint32_t reader)
{
    ibx_recency_use(&recency, &slots[slot], reader, now_s);
}

/* The number of the next victim, or -1. */
static int victim(void)
{
    bool spared = false;
    const struct ibx_slot *slot = ibx_recency_victim(&recency, now_s, &spared);
    const struct ibx_slot *oldest = recency.oldest;
    while (oldest && atomic_load(&oldest->pins) != 0)
        oldest = oldest->standing.newer;
    ck_assert_int_eq(spared, slot != oldest);
    return slot ? (int)(slot - slots) : -1;
}

static void close_next(int expected)
{
    ck_assert_int_eq(victim(), expected);
    ibx_recency_remove(&recency, &slots[expected]);
}

START_TEST(one_reader_loses_what_was_used_longest_ago)
{
    ck_assert_int_eq(victim(), -1);
    for (int i = 0; i < 4; i++)
        add(i, ALICE);
    use(0, ALICE);
    use(2, ALICE);
    close_next(1);
    close_next(3);
    close_next(0);
    close_next(2);
    ck_assert_int_eq(victim(), -1);
}
END_TEST

START_TEST(equal_readers_lose_what_was_used_longest_ago)
{
    add(0, ALICE);
    add(1, BOB);
    add(2, BOB); /* one more than Alice has is not many more */
    close_next(0);
    close_next(1);
}
END_TEST

/* A server looks at a tile of every tileset as it starts: what that opened must
 * not stay while a user's own views close each other. */
START_TEST(what_a_walk_opened_goes_before_anything_of_a_user)
{
    for (int i = 0; i < 8; i++)
        add(i, IBX_READER_WALK);
    for (int i = 8; i < 16; i++)
        add(i, ALICE);
    add(16, BOB);
    use(0, IBX_READER_WALK); /* a walk keeps nothing, but its order */
    use(1, BOB);             /* a user does */
    for (int i = 2; i < 8; i++)
        close_next(i);
    for (int i = 17; i < 19; i++)
        add(i, ALICE);
    close_next(8);
}
END_TEST

START_TEST(who_has_many_more_gives_up_the_oldest_of_them)
{
    add(0, ALICE);
    add(1, BOB);
    add(2, BOB);
    add(3, BOB);
    close_next(1);
    close_next(0); /* now Bob has one more only */
}
END_TEST

static unsigned held_with(int slot)
{
    return recency.held[slots[slot].standing.account];
}

START_TEST(a_crawler_pushes_out_its_own)
{
    for (int i = 0; i < 8; i++)
        add(i, ALICE);
    for (int i = 8; i < 16; i++)
        add(i, CRAWLER);
    close_next(0); /* they are equal */
    add(16, CRAWLER);
    for (int i = 17; i < NSLOTS; i++) {
        close_next(i - 9);
        add(i, CRAWLER);
    }
    ck_assert_uint_eq(held_with(1), 7); /* used last before all of them */
}
END_TEST

START_TEST(two_crawlers_have_a_share_each)
{
    for (int i = 0; i < 4; i++)
        add(i, ALICE);
    for (int i = 4; i < 12; i++)
        add(i, i % 2 ? CRAWLER : CRAWLER_TWO);
    for (int i = 12; i < NSLOTS; i++) {
        for (int own = 0; own < 4; own++)
            use(own, ALICE);
        int old = victim();
        ck_assert_int_ge(old, 4);
        ibx_recency_remove(&recency, &slots[old]);
        add(i, i % 2 ? CRAWLER : CRAWLER_TWO);
        ck_assert_uint_ge(held_with(i), 3);
        ck_assert_uint_le(held_with(i), 5);
    }
    ck_assert_uint_eq(held_with(0), 4);
}
END_TEST

START_TEST(what_many_use_is_on_the_account_of_who_has_least)
{
    for (int i = 0; i < 6; i++)
        add(i, CRAWLER);
    use(0, ALICE);
    use(1, ALICE);
    for (int i = 2; i < 6; i++)
        use(i, CRAWLER);
    use(0, CRAWLER); /* does not take it back */
    /* In order of use: 1 and 0 are Alice's, 2 to 5 the crawler's. */
    close_next(2);
    use(1, BOB); /* who has none */
    ck_assert_uint_eq(held_with(0), 1);
    ck_assert_uint_eq(held_with(1), 1);
    close_next(3);
}
END_TEST

START_TEST(who_has_left_keeps_nothing)
{
    add(0, ALICE);
    for (int i = 1; i < 5; i++)
        add(i, BOB);
    now_s += IBX_IDLE_S;
    ck_assert_int_eq(victim(), 1);
    now_s++;
    ck_assert_int_eq(victim(), 0);
    use(0, ALICE);
    ck_assert_int_eq(victim(), 1);
}
END_TEST

START_TEST(a_pinned_view_is_nobodys_victim)
{
    add(0, ALICE);
    for (int i = 1; i < 5; i++)
        add(i, BOB);
    atomic_store(&slots[1].pins, 1);
    close_next(2);
    for (int i = 3; i < 5; i++)
        atomic_store(&slots[i].pins, 1);
    close_next(0);
    ck_assert_int_eq(victim(), -1);
}
END_TEST

START_TEST(readers_beyond_the_accounts_share_them)
{
    for (uint32_t i = 0; i < NSLOTS; i++)
        add((int)i, i * 7919);
    unsigned held = 0;
    for (int i = 0; i < IBX_ACCOUNTS; i++)
        held += recency.held[i];
    ck_assert_uint_eq(held, NSLOTS);
    for (int left = NSLOTS; left > 0; left--)
        ibx_recency_remove(&recency, &slots[victim()]);
    ck_assert_ptr_null(recency.newest);
    ck_assert_ptr_null(recency.oldest);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recency");
    TCase *tcase = tcase_create("recency");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, one_reader_loses_what_was_used_longest_ago);
    tcase_add_test(tcase, equal_readers_lose_what_was_used_longest_ago);
    tcase_add_test(tcase, what_a_walk_opened_goes_before_anything_of_a_user);
    tcase_add_test(tcase, who_has_many_more_gives_up_the_oldest_of_them);
    tcase_add_test(tcase, a_crawler_pushes_out_its_own);
    tcase_add_test(tcase, two_crawlers_have_a_share_each);
    tcase_add_test(tcase, what_many_use_is_on_the_account_of_who_has_least);
    tcase_add_test(tcase, who_has_left_keeps_nothing);
    tcase_add_test(tcase, a_pinned_view_is_nobodys_victim);
    tcase_add_test(tcase, readers_beyond_the_accounts_share_them);
    suite_add_tcase(suite, tcase);
    return test_main(suite);
}
