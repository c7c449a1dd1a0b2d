/* Cutting: what stays is inside, nothing is lost, and polygons stay valid. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/tiler/vector/random_geom.h"
#include "tiler/vector/clip.h"
#include "tiler/vector/cut.h"
#include "tiler/vector/simple.h"

enum { SEED = 20260101, ROUNDS = 2000, SIZE = 1 << 16 };

static void add_ring(struct geom *geom, const struct geom_point *p, size_t n,
                     bool outer)
{
    for (size_t i = 0; i < n; i++)
        ck_assert(geom_add_point(geom, p[i]));
    ck_assert(geom_end_part(geom, outer));
}

START_TEST(comb_cut_in_half_becomes_its_teeth)
{
    /* Three teeth to the west, joined in the east. */
    const struct geom_point comb[] = {{0, 0},  {100, 0}, {100, 50}, {0, 50},
                                      {0, 40}, {90, 40}, {90, 30},  {0, 30},
                                      {0, 20}, {90, 20}, {90, 10},  {0, 10}};
    struct geom in = {.kind = GEOM_POLYGON}, out = {0};
    struct clip_work work = {0};
    add_ring(&in, comb, 12, true);
    ck_assert_int_eq(clip_half(&work, &in, CLIP_X_MAX, 50, &out), CLIP_OK);
    ck_assert_uint_eq(out.nparts, 3);
    ck_assert_double_eq(geom_area(&out), 3 * 50 * 10);
    for (size_t i = 0; i < 3; i++)
        ck_assert(out.parts[i].outer);
    geom_free(&in);
    geom_free(&out);
    clip_work_free(&work);
}
END_TEST

START_TEST(cut_hole_joins_the_outer_ring)
{
    const struct geom_point outer[] = {{0, 0}, {90, 0}, {90, 90}, {0, 90}};
    const struct geom_point hole[] = {{30, 30}, {30, 60}, {60, 60}, {60, 30}};
    struct geom in = {.kind = GEOM_POLYGON}, out = {0};
    struct clip_work work = {0};
    add_ring(&in, outer, 4, true);
    add_ring(&in, hole, 4, false);
    ck_assert_int_eq(clip_half(&work, &in, CLIP_X_MIN, 45, &out), CLIP_OK);
    ck_assert_uint_eq(out.nparts, 1);
    ck_assert_double_eq(geom_area(&out), 45 * 90 - 15 * 30);
    geom_free(&in);
    geom_free(&out);
    clip_work_free(&work);
}
END_TEST

START_TEST(line_that_leaves_and_returns_becomes_two)
{
    struct geom in = {.kind = GEOM_LINE}, out = {0};
    struct clip_work work = {0};
    const struct geom_point line[] = {{0, 0}, {20, 0}, {20, 10}, {0, 10}};
    add_ring(&in, line, 4, false);
    ck_assert_int_eq(clip_half(&work, &in, CLIP_X_MAX, 10, &out), CLIP_OK);
    ck_assert_uint_eq(out.nparts, 2);
    ck_assert_int_eq(out.points[1].x, 10);
    ck_assert_int_eq(out.points[2].x, 10);
    geom_free(&in);
    geom_free(&out);
    clip_work_free(&work);
}
END_TEST

static void assert_inside(const struct geom *geom, struct geom_box box)
{
    if (geom->npoints > 0)
        ck_assert(geom_box_holds(box, geom_box_of(geom)));
}

/* A crossing point rounded by half a unit moves its edges: the area that
 * changes is at most half a unit along each of them. */
static double tolerance_of(const struct geom *geom)
{
    double sum = 0;
    for (size_t i = 0; i < geom->npoints; i++) {
        size_t k = (i + 1) % geom->npoints;
        sum += fabs((double)(geom->points[i].x - geom->points[k].x)) +
               fabs((double)(geom->points[i].y - geom->points[k].y));
    }
    return sum / 2;
}

START_TEST(four_quadrants_have_the_area_of_the_whole)
{
    printf("seed %d\n", SEED);
    struct random_state r = {SEED};
    struct geom in = {0}, out = {0};
    struct clip_work work = {0};
    for (int round = 0; round < ROUNDS; round++) {
        struct geom_point center = {random_below(&r, SIZE),
                                    random_below(&r, SIZE)};
        geom_reset(&in, GEOM_POLYGON);
        random_star(&r, &in, center, SIZE / 2, true);
        struct geom_box have = geom_box_of(&in);
        int64_t mid_x = SIZE / 2, mid_y = SIZE / 2;
        const struct geom_box quadrants[4] = {
            {have.min_x, have.min_y, mid_x, mid_y},
            {mid_x, have.min_y, have.max_x, mid_y},
            {have.min_x, mid_y, mid_x, have.max_y},
            {mid_x, mid_y, have.max_x, have.max_y}};
        double sum = 0;
        for (int q = 0; q < 4; q++) {
            ck_assert_int_eq(clip_box(&work, &in, quadrants[q], &out), CLIP_OK);
            assert_inside(&out, quadrants[q]);
            for (size_t i = 0; i < out.nparts; i++)
                ck_assert(out.parts[i].outer);
            sum += geom_area(&out);
        }
        ck_assert_double_le(fabs(sum - geom_area(&in)), tolerance_of(&in));
    }
    geom_free(&in);
    geom_free(&out);
    clip_work_free(&work);
}
END_TEST

START_TEST(neighbours_get_the_same_crossing_points)
{
    struct random_state r = {SEED + 1};
    struct geom line = {0}, back = {0}, a = {0}, b = {0};
    struct clip_work work = {0};
    for (int round = 0; round < ROUNDS; round++) {
        geom_reset(&line, GEOM_LINE);
        for (int i = 0; i < 6; i++)
            ck_assert(geom_add_point(
                &line, (struct geom_point){random_below(&r, SIZE),
                                           random_below(&r, SIZE)}));
        ck_assert(geom_end_part(&line, false));
        geom_reset(&back, GEOM_LINE);
        ck_assert(geom_add_parts(&back, &line, 0, 1));
        geom_reverse(back.points, back.npoints);
        struct geom_box box = {SIZE / 4, SIZE / 4, SIZE / 2, SIZE / 2};
        ck_assert_int_eq(clip_box(&work, &line, box, &a), CLIP_OK);
        ck_assert_int_eq(clip_box(&work, &back, box, &b), CLIP_OK);
        ck_assert_uint_eq(a.npoints, b.npoints);
        for (size_t i = 0; i < a.npoints; i++)
            ck_assert(
                geom_point_equal(a.points[i], b.points[b.npoints - 1 - i]));
    }
    geom_free(&line);
    geom_free(&back);
    geom_free(&a);
    geom_free(&b);
    clip_work_free(&work);
}
END_TEST

/* ---- the whole quadtree ------------------------------------------------- */

struct tally {
    struct simple_work simple;
    double area;
    uint64_t tiles, covered;
    struct geom_box allowed;
};

static bool tally_piece(void *arg, const struct cut_piece *piece)
{
    struct tally *tally = arg;
    tally->tiles += piece->count;
    if (piece->cover)
        tally->covered += piece->count;
    assert_inside(piece->geom, tally->allowed);
    ck_assert_int_ne(simple_polygons(&tally->simple, piece->geom),
                     SIMPLE_NOMEM);
    tally->area += geom_area(piece->geom) * (double)piece->count;
    return true;
}

START_TEST(tiles_without_buffer_have_the_area_of_the_feature)
{
    struct random_state r = {SEED + 2};
    struct geom in = {0};
    struct repair *repair = repair_new();
    struct cut *cut = cut_new(repair);
    for (int round = 0; round < 100; round++) {
        uint8_t zoom = (uint8_t)random_below(&r, 7);
        int64_t world = INT64_C(4096) << zoom;
        struct geom_point center = {world / 2, world / 2};
        struct tally tally = {.allowed = {0, 0, 4096, 4096}};
        const struct cut_job job = {
            .zoom = zoom, .emit = tally_piece, .arg = &tally};
        uint64_t repaired = 0;
        geom_reset(&in, GEOM_POLYGON);
        random_star(&r, &in, center, world / 2 - 1, true);
        ck_assert_int_eq(cut_feature(cut, &in, &job, &repaired), CUT_OK);
        ck_assert_double_le(fabs(tally.area - geom_area(&in)),
                            tolerance_of(&in) + (double)(world >> 4));
        simple_work_free(&tally.simple);
    }
    geom_free(&in);
    cut_free(cut);
    repair_free(repair);
}
END_TEST

START_TEST(polygon_over_the_world_is_one_cover_per_zoom)
{
    struct geom in = {.kind = GEOM_POLYGON};
    struct repair *repair = repair_new();
    struct cut *cut = cut_new(repair);
    struct tally tally = {.allowed = {-64, -64, 4160, 4160}};
    int64_t world = INT64_C(4096) << 12;
    const struct geom_point box[] = {{-world / 8, -world / 8},
                                     {world + world / 8, -world / 8},
                                     {world + world / 8, world + world / 8},
                                     {-world / 8, world + world / 8}};
    add_ring(&in, box, 4, true);
    const struct cut_job job = {
        .zoom = 12, .buffer = 64, .emit = tally_piece, .arg = &tally};
    uint64_t repaired = 0;
    ck_assert_int_eq(cut_feature(cut, &in, &job, &repaired), CUT_OK);
    /* Its ends come in again on the other sides. */
    ck_assert_uint_ge(tally.covered, UINT64_C(1) << 24);
    simple_work_free(&tally.simple);
    geom_free(&in);
    cut_free(cut);
    repair_free(repair);
}
END_TEST

START_TEST(line_across_the_antimeridian_is_on_both_sides)
{
    struct geom in = {.kind = GEOM_LINE};
    struct repair *repair = repair_new();
    struct cut *cut = cut_new(repair);
    struct tally tally = {.allowed = {-64, -64, 4160, 4160}};
    int64_t world = INT64_C(4096) << 3;
    const struct geom_point line[] = {{world - 1000, 9000},
                                      {world + 1000, 9000}};
    add_ring(&in, line, 2, false);
    const struct cut_job job = {
        .zoom = 3, .buffer = 64, .emit = tally_piece, .arg = &tally};
    uint64_t repaired = 0;
    ck_assert_int_eq(cut_feature(cut, &in, &job, &repaired), CUT_OK);
    ck_assert_uint_eq(tally.tiles, 2);
    simple_work_free(&tally.simple);
    geom_free(&in);
    cut_free(cut);
    repair_free(repair);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clip");
    TCase *tcase = tcase_create("clip");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, comb_cut_in_half_becomes_its_teeth);
    tcase_add_test(tcase, cut_hole_joins_the_outer_ring);
    tcase_add_test(tcase, line_that_leaves_and_returns_becomes_two);
    tcase_add_test(tcase, four_quadrants_have_the_area_of_the_whole);
    tcase_add_test(tcase, neighbours_get_the_same_crossing_points);
    tcase_add_test(tcase, tiles_without_buffer_have_the_area_of_the_feature);
    tcase_add_test(tcase, polygon_over_the_world_is_one_cover_per_zoom);
    tcase_add_test(tcase, line_across_the_antimeridian_is_on_both_sides);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
