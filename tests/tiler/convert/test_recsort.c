/* Sorting in memory and over a file gives the same, stable order. */
#include "tests/tiler/convert/runner.h"
#include "tiler/convert/recsort.h"

enum { COUNT = 200000 };

static uint64_t random_next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return *state >> 33;
}

/* Keys from a small set, so that there are many equal ones, spread over all
 * 64 bits; values count up. */
static uint64_t key_of(uint64_t *state)
{
    return random_next(state) % 1000 * UINT64_C(0x9E3779B97F4A7C15);
}

static void check_sorted(uint64_t memory_nbytes)
{
    struct recsort *sort;
    struct rec rec, before = {0};
    uint64_t state = 7, count = 0;
    ck_assert_int_eq(
        recsort_open(memory_nbytes, NULL, "/tmp/beside", &sort, NULL), IBX_OK);
    for (uint64_t i = 0; i < COUNT; i++)
        ck_assert_int_eq(
            recsort_add(sort, (struct rec){key_of(&state), i}, NULL), IBX_OK);
    ck_assert_int_eq(recsort_sort(sort, NULL), IBX_OK);
    while (recsort_next(sort, &rec, NULL) == IBX_OK) {
        if (count++ > 0) {
            ck_assert(rec.key >= before.key);
            ck_assert(rec.key != before.key || rec.value > before.value);
        }
        before = rec;
    }
    ck_assert_uint_eq(count, COUNT);
    recsort_close(sort);
}

START_TEST(in_memory)
{
    check_sorted(64 << 20);
}
END_TEST

START_TEST(over_a_file)
{
    check_sorted(1 << 20);
}
END_TEST

START_TEST(nothing_at_all)
{
    struct recsort *sort;
    struct rec rec;
    ck_assert_int_eq(recsort_open(1 << 20, NULL, "/tmp/x", &sort, NULL),
                     IBX_OK);
    ck_assert_int_eq(recsort_sort(sort, NULL), IBX_OK);
    ck_assert_int_eq(recsort_next(sort, &rec, NULL), IBX_NOT_FOUND);
    recsort_close(sort);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("recsort");
    tcase_add_test(tests, in_memory);
    tcase_add_test(tests, over_a_file);
    tcase_add_test(tests, nothing_at_all);
    return run_case("convert.recsort", tests);
}
