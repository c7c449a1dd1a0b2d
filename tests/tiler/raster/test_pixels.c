/* Four pixels into one, one picture over another, against plain arithmetic. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tiler/raster/pixels.h"

enum { SIZE = 16, NBYTES = SIZE * SIZE * 4 };

/* A small linear congruential generator: the same pictures everywhere. */
static uint8_t next_byte(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return (uint8_t)(*state >> 24);
}

static struct pixels view(uint8_t *bytes, enum pixel_kind kind)
{
    struct pixels p = {
        .bytes = bytes, .stride = SIZE * 4, .size = SIZE, .kind = kind};
    p.cover = pixels_find_cover(&p);
    return p;
}

/* Every third pixel transparent, others of any alpha. */
static void fill_random(uint8_t *bytes, uint32_t seed)
{
    for (int i = 0; i < NBYTES; i++)
        bytes[i] = next_byte(&seed);
    for (int i = 0; i < NBYTES; i += 12)
        bytes[i + 3] = 0;
}

static const uint8_t *at(const uint8_t *bytes, int x, int y)
{
    return bytes + (y * SIZE + x) * 4;
}

/* The mean of four, with doubles, as one would write it down. */
static void plain_mean(const uint8_t *child, int x, int y, double out[4])
{
    double weight = 0, sum[3] = {0};
    for (int k = 0; k < 4; k++) {
        const uint8_t *p = at(child, 2 * x + k % 2, 2 * y + k / 2);
        weight += p[3];
        for (int c = 0; c < 3; c++)
            sum[c] += (double)p[c] * p[3];
    }
    for (int c = 0; c < 3; c++)
        out[c] = weight > 0 ? sum[c] / weight : 0;
    out[3] = weight / 4;
}

START_TEST(parent_is_the_mean_weighted_by_alpha)
{
    uint8_t below[NBYTES], above[NBYTES] = {0};
    fill_random(below, (uint32_t)_i);
    struct pixels child = view(below, PIXEL_COLOUR);
    struct pixels parent = view(above, PIXEL_COLOUR);
    pixels_shrink(&child, &parent, (unsigned)_i % 4, SHRINK_AVERAGE);
    int left = _i % 2 * SIZE / 2, top = _i % 4 / 2 * SIZE / 2;
    for (int i = 0; i < SIZE * SIZE / 4; i++) {
        int x = i % (SIZE / 2), y = i / (SIZE / 2);
        double want[4];
        plain_mean(below, x, y, want);
        const uint8_t *got = at(above, left + x, top + y);
        for (int c = 0; c < 4; c++)
            ck_assert_double_le(fabs(got[c] - want[c]), 0.5 + 1e-9);
    }
}
END_TEST

START_TEST(opaque_shortcut_gives_the_general_result)
{
    uint8_t below[NBYTES], quick[NBYTES] = {0}, general[NBYTES] = {0};
    fill_random(below, 7);
    for (int i = 3; i < NBYTES; i += 4)
        below[i] = 255;
    struct pixels child = view(below, PIXEL_COLOUR);
    struct pixels a = view(quick, PIXEL_COLOUR);
    struct pixels b = view(general, PIXEL_COLOUR);
    ck_assert_int_eq(child.cover, COVER_FULL);
    pixels_shrink(&child, &a, 3, SHRINK_AVERAGE);
    child.cover = COVER_PARTIAL;
    pixels_shrink(&child, &b, 3, SHRINK_AVERAGE);
    ck_assert_mem_eq(quick, general, NBYTES);
}
END_TEST

START_TEST(heights_average_what_is_known)
{
    float below[SIZE * SIZE], above[SIZE * SIZE] = {0};
    for (int i = 0; i < SIZE * SIZE; i++)
        below[i] = NAN;
    below[0] = 100;
    below[1] = 200;
    below[SIZE] = 600;
    struct pixels child = view((uint8_t *)below, PIXEL_HEIGHT);
    struct pixels parent = view((uint8_t *)above, PIXEL_HEIGHT);
    ck_assert_int_eq(child.cover, COVER_PARTIAL);
    pixels_shrink(&child, &parent, 0, SHRINK_AVERAGE);
    ck_assert_float_eq(above[0], 300);
    ck_assert(isnan(above[1]));
    ck_assert_float_eq(above[SIZE / 2], 0); /* the next quarter */
}
END_TEST

START_TEST(mode_keeps_the_commonest_and_invents_nothing)
{
    uint8_t below[NBYTES] = {0}, above[NBYTES] = {0};
    const uint8_t red[4] = {255, 0, 0, 255}, blue[4] = {0, 0, 255, 255};
    memcpy(below, red, 4);
    memcpy(below + 4, blue, 4);
    memcpy(below + SIZE * 4, blue, 4);
    memcpy(below + SIZE * 4 + 4, red, 4);
    memcpy(below + 8, red, 4);
    memcpy(below + 12, blue, 4);
    memcpy(below + SIZE * 4 + 8, blue, 4);
    struct pixels child = view(below, PIXEL_COLOUR);
    struct pixels parent = view(above, PIXEL_COLOUR);
    pixels_shrink(&child, &parent, 0, SHRINK_MODE);
    ck_assert_mem_eq(above, red, 4);      /* two each: the first */
    ck_assert_mem_eq(above + 4, blue, 4); /* two of four */
}
END_TEST

START_TEST(a_child_of_nothing_clears_its_quarter)
{
    uint8_t above[NBYTES];
    memset(above, 9, sizeof(above));
    struct pixels none = {.kind = PIXEL_COLOUR, .cover = COVER_NONE};
    struct pixels parent = view(above, PIXEL_COLOUR);
    pixels_shrink(&none, &parent, 2, SHRINK_AVERAGE);
    ck_assert_uint_eq(at(above, 0, SIZE / 2)[3], 0);
    ck_assert_uint_eq(at(above, SIZE / 2, SIZE / 2)[3], 9);
    ck_assert_uint_eq(at(above, 0, SIZE / 2 - 1)[3], 9);
}
END_TEST

static const struct {
    const char *label;
    uint8_t lower[4], upper[4], want[4];
} overs[] = {
    {"opaque hides", {1, 2, 3, 255}, {9, 8, 7, 255}, {9, 8, 7, 255}},
    {"clear shows", {1, 2, 3, 200}, {9, 8, 7, 0}, {1, 2, 3, 200}},
    {"on nothing", {0, 0, 0, 0}, {9, 8, 7, 77}, {9, 8, 7, 77}},
    {"half over opaque",
     {0, 0, 0, 255},
     {255, 255, 255, 128},
     {128, 128, 128, 255}},
    {"half over half",
     {0, 0, 0, 128},
     {255, 255, 255, 128},
     {170, 170, 170, 192}},
};

START_TEST(over_blends_by_alpha)
{
    uint8_t below[NBYTES] = {0}, above[NBYTES] = {0};
    memcpy(below, overs[_i].lower, 4);
    memcpy(above, overs[_i].upper, 4);
    memcpy(below + 4, (const uint8_t[4]){5, 5, 5, 5}, 4); /* not all clear */
    memcpy(above + 8, (const uint8_t[4]){5, 5, 5, 5}, 4);
    struct pixels lower = view(below, PIXEL_COLOUR);
    struct pixels upper = view(above, PIXEL_COLOUR);
    pixels_lay_over(&lower, &upper);
    for (int c = 0; c < 4; c++)
        ck_assert_msg(below[c] == overs[_i].want[c], "%s: byte %d is %d",
                      overs[_i].label, c, below[c]);
    ck_assert_int_eq(lower.cover, COVER_PARTIAL);
}
END_TEST

START_TEST(keep_clears_all_else)
{
    uint8_t bytes[NBYTES];
    bool keep[SIZE] = {false};
    memset(bytes, 255, sizeof(bytes));
    keep[3] = keep[4] = true;
    struct pixels p = view(bytes, PIXEL_COLOUR);
    pixels_keep(&p, keep, 2, 5);
    for (int i = 0; i < SIZE * SIZE; i++) {
        int x = i % SIZE, y = i / SIZE;
        bool stays = (x == 3 || x == 4) && y >= 2 && y < 5;
        ck_assert_uint_eq(at(bytes, x, y)[3], stays ? 255 : 0);
    }
    ck_assert_int_eq(p.cover, COVER_PARTIAL);
    pixels_keep(&p, keep, -9, 2);
    ck_assert_int_eq(p.cover, COVER_NONE);
}
END_TEST

int main(void)
{
    TCase *all = tcase_create("pixels");
    tcase_add_loop_test(all, parent_is_the_mean_weighted_by_alpha, 0, 16);
    tcase_add_test(all, opaque_shortcut_gives_the_general_result);
    tcase_add_test(all, heights_average_what_is_known);
    tcase_add_test(all, mode_keeps_the_commonest_and_invents_nothing);
    tcase_add_test(all, a_child_of_nothing_clears_its_quarter);
    tcase_add_loop_test(all, over_blends_by_alpha, 0,
                        (int)(sizeof(overs) / sizeof(overs[0])));
    tcase_add_test(all, keep_clears_all_else);
    Suite *suite = suite_create("pixels");
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
