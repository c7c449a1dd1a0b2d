/* Areas of the earth, and the pixels they cover. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "tiler/raster/grid.h"

START_TEST(projection_and_back)
{
    for (int lat = -85; lat <= 85; lat++) {
        ck_assert_double_le(fabs(grid_lat(grid_y_m(lat)) - lat), 1e-9);
        ck_assert_double_le(fabs(grid_lon(grid_x_m(lat * 2)) - lat * 2), 1e-9);
    }
    ck_assert_double_eq(grid_y_m(90), GRID_HALF_M);
    ck_assert_double_eq(grid_y_m(-90), -GRID_HALF_M);
    ck_assert_double_le(fabs(grid_y_m(45) - 5621521.486192066), 1e-6);
}
END_TEST

static const struct {
    const char *label;
    struct area area;
    unsigned count;
    struct grid_rect first, second;
} prints[] = {
    /* Zoom 2: 1024 pixels round the world. */
    {"world", {-180, -90, 180, 90}, 1, {0, 0, 1024, 1024}, {0}},
    {"one tile", {-90, 0, 0, 66.51326044311186}, 1, {256, 256, 512, 512}, {0}},
    {"across the antimeridian",
     {135, 0, 225, 66.51326044311186},
     2,
     {0, 256, 128, 512},
     {896, 256, 1024, 512}},
    {"beyond the antimeridian",
     {180, 0, 270, 66.51326044311186},
     1,
     {0, 256, 256, 512},
     {0}},
    {"more than once round", {-180, -90, 200, 90}, 1, {0, 0, 1024, 1024}, {0}},
    {"beyond the square world", {0, 86, 10, 89}, 0, {0}, {0}},
};

static void check_rect(const struct grid_rect *got,
                       const struct grid_rect *want, const char *label)
{
    ck_assert_msg(got->x0 == want->x0 && got->y0 == want->y0 &&
                      got->x1 == want->x1 && got->y1 == want->y1,
                  "%s: %ld %ld %ld %ld", label, (long)got->x0, (long)got->y0,
                  (long)got->x1, (long)got->y1);
}

START_TEST(footprint_is_whole_pixels)
{
    struct grid grid = {.tile_px = 256, .zoom = 2};
    struct footprint f = grid_footprint(grid, &prints[_i].area, 0);
    ck_assert_msg(f.count == prints[_i].count, "%s: %u", prints[_i].label,
                  f.count);
    if (f.count > 0)
        check_rect(&f.rects[0], &prints[_i].first, prints[_i].label);
    if (f.count > 1)
        check_rect(&f.rects[1], &prints[_i].second, prints[_i].label);
}
END_TEST

START_TEST(margin_reaches_round_the_world)
{
    struct grid grid = {.tile_px = 256, .zoom = 2};
    struct area area = {-180, -10, -170, 10};
    struct footprint f = grid_footprint(grid, &area, 3);
    ck_assert_uint_eq(f.count, 2);
    ck_assert_int_eq(f.rects[1].x0, 1021);
    struct grid_rect far_east = {1022, 500, 1023, 501};
    struct grid_rect middle = {500, 500, 501, 501};
    ck_assert(footprint_touches(&f, &far_east));
    ck_assert(!footprint_touches(&f, &middle));
}
END_TEST

static const struct {
    const char *label;
    struct area a, b, want;
} joins[] = {
    {"apart", {0, 0, 10, 10}, {20, -5, 30, 5}, {0, -5, 30, 10}},
    {"inside", {0, 0, 50, 10}, {20, 2, 30, 5}, {0, 0, 50, 10}},
    {"the short way", {170, 0, 175, 1}, {-175, 0, -170, 1}, {170, 0, 190, 1}},
    {"world", {-180, -1, 180, 1}, {5, 0, 6, 2}, {-180, -1, 180, 2}},
};

START_TEST(join_holds_both)
{
    struct area got = area_join(&joins[_i].a, &joins[_i].b);
    struct area turned = area_join(&joins[_i].b, &joins[_i].a);
    const struct area *want = &joins[_i].want;
    ck_assert_msg(got.west == want->west && got.east == want->east &&
                      got.south == want->south && got.north == want->north,
                  "%s: %g %g", joins[_i].label, got.west, got.east);
    ck_assert_double_eq(turned.west, want->west);
    ck_assert_double_eq(turned.east, want->east);
}
END_TEST

static const struct {
    const char *label;
    struct area a, b;
    bool meets;
    struct area want;
} meets[] = {
    {"overlap", {0, 0, 10, 10}, {5, 5, 20, 20}, true, {5, 5, 10, 10}},
    {"inside", {0, 0, 90, 10}, {5, 5, 20, 8}, true, {5, 5, 20, 8}},
    {"around", {5, 5, 20, 8}, {0, 0, 90, 10}, true, {5, 5, 20, 8}},
    {"beside", {0, 0, 10, 10}, {10, 0, 20, 10}, false, {0, 0, 0, 0}},
    {"above", {0, 0, 10, 10}, {0, 10, 10, 20}, false, {0, 0, 0, 0}},
    {"world",
     {-180, -85, 180, 85},
     {170, -10, 190, 10},
     true,
     {170, -10, 190, 10}},
    {"across, from the east",
     {-175, 0, -100, 1},
     {170, 0, 190, 1},
     true,
     {-175, 0, -170, 1}},
    {"across, from the west",
     {100, 0, 175, 1},
     {170, 0, 190, 1},
     true,
     {170, 0, 175, 1}},
};

START_TEST(meet_is_what_both_hold)
{
    struct area got = {0};
    ck_assert_msg(area_meet(&meets[_i].a, &meets[_i].b, &got) ==
                      meets[_i].meets,
                  "%s", meets[_i].label);
    const struct area *want = &meets[_i].want;
    ck_assert_msg(fabs(got.west - want->west) < 1e-9 &&
                      fabs(got.east - want->east) < 1e-9 &&
                      got.south == want->south && got.north == want->north,
                  "%s: %g %g %g %g", meets[_i].label, got.west, got.south,
                  got.east, got.north);
}
END_TEST

START_TEST(zooms_follow_from_area_and_resolution)
{
    struct area world = {-180, -85, 180, 85};
    struct area quarter = {1, 1, 170, 80};
    struct area city = {8.5, 47.3, 8.6, 47.4};
    ck_assert_uint_eq(area_one_tile_zoom(&world, 12), 0);
    ck_assert_uint_eq(area_one_tile_zoom(&quarter, 12), 1);
    ck_assert_uint_eq(area_one_tile_zoom(&city, 5), 5);
    ck_assert_uint_gt(area_one_tile_zoom(&city, 12), 5);
    /* 156543 m at zoom 0; halved at each zoom. */
    ck_assert_uint_eq(grid_zoom_for(156543.03392804097, 256), 0);
    ck_assert_uint_eq(grid_zoom_for(2445.984905125640, 256), 6);
    ck_assert_uint_eq(grid_zoom_for(2445.984905125640, 512), 5);
    ck_assert_uint_eq(grid_zoom_for(2400, 256), 6);
    ck_assert_uint_eq(grid_zoom_for(1800, 256), 7);
    ck_assert_uint_eq(grid_zoom_for(1e9, 256), 0);
    ck_assert_uint_eq(grid_zoom_for(1e-9, 256), 30);
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    TCase *all = tcase_create("grid");
    tcase_add_test(all, projection_and_back);
    tcase_add_loop_test(all, footprint_is_whole_pixels, 0, ROWS(prints));
    tcase_add_test(all, margin_reaches_round_the_world);
    tcase_add_loop_test(all, join_holds_both, 0, ROWS(joins));
    tcase_add_loop_test(all, meet_is_what_both_hold, 0, ROWS(meets));
    tcase_add_test(all, zooms_follow_from_area_and_resolution);
    Suite *suite = suite_create("grid");
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
