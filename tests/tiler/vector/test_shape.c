/* Simplifying and rounding: what features share stays shared. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/tiler/vector/random_geom.h"
#include "tiler/vector/repair.h"
#include "tiler/vector/shape.h"
#include "tiler/vector/simplify.h"

enum { SEED = 20260202, ROUNDS = 300 };

static void add_points(struct geom *geom, const struct geom_point *p, size_t n,
                       bool backward)
{
    for (size_t i = 0; i < n; i++)
        ck_assert(geom_add_point(geom, p[backward ? n - 1 - i : i]));
}

/* Two polygons that share a ragged border from (0, 0) to (0, 64 * n). */
static void make_neighbours(struct random_state *r, struct geom *west,
                            struct geom *east, size_t n)
{
    struct geom_point border[64];
    for (size_t i = 0; i < n; i++)
        border[i] =
            (struct geom_point){random_below(r, 600) - 300, (int64_t)i * 512};
    int64_t low = 0, high = (int64_t)(n - 1) * 512;
    geom_reset(west, GEOM_POLYGON);
    geom_reset(east, GEOM_POLYGON);
    ck_assert(geom_add_point(west, (struct geom_point){-20000, low}));
    add_points(west, border, n, false);
    ck_assert(geom_add_point(west, (struct geom_point){-20000, high}));
    ck_assert(geom_end_part(west, true));
    add_points(east, border, n, true);
    ck_assert(geom_add_point(east, (struct geom_point){20000, low}));
    ck_assert(geom_add_point(east, (struct geom_point){20000, high}));
    ck_assert(geom_end_part(east, true));
    /* As outer rings are wound. */
    geom_reverse(west->points, west->npoints);
    if (geom_area(west) < 0)
        geom_reverse(west->points, west->npoints);
    if (geom_area(east) < 0)
        geom_reverse(east->points, east->npoints);
}

static void shape(const struct geom *base, const struct junctions *junctions,
                  unsigned shift, struct geom *out)
{
    struct simplify_work work = {0};
    float *weights = malloc(base->npoints * sizeof *weights);
    ck_assert_ptr_nonnull(weights);
    ck_assert(simplify_weigh(&work, base, junctions, weights));
    const struct shape_rule rule = {
        .shift = shift, .tolerance = (float)(1 << shift), .seq = 1};
    ck_assert(shape_at_zoom(base, weights, &rule, out));
    free(weights);
    simplify_work_free(&work);
}

START_TEST(shared_border_stays_shared_at_every_zoom)
{
    printf("seed %d\n", SEED);
    struct random_state r = {SEED};
    struct geom west = {0}, east = {0}, a = {0}, b = {0};
    for (int round = 0; round < ROUNDS; round++) {
        make_neighbours(&r, &west, &east, 3 + (size_t)random_below(&r, 60));
        struct junctions *junctions =
            junctions_new(INT64_C(1) << 40, 200, 1 << 20);
        junctions_begin(junctions, 0);
        junctions_note(junctions, &west);
        junctions_note(junctions, &east);
        junctions_end(junctions);
        for (unsigned shift = 0; shift < 10; shift++) {
            shape(&west, junctions, shift, &a);
            shape(&east, junctions, shift, &b);
            /* Together they are a rectangle, whatever the border does. */
            struct geom_box box = geom_box_of(&a);
            struct geom_box other = geom_box_of(&b);
            double whole = (double)(other.max_x - box.min_x) *
                           (double)(box.max_y - box.min_y);
            ck_assert_double_eq(geom_area(&a) + geom_area(&b), whole);
        }
        junctions_free(junctions);
    }
    geom_free(&west);
    geom_free(&east);
    geom_free(&a);
    geom_free(&b);
}
END_TEST

START_TEST(simplified_line_is_within_the_tolerance)
{
    struct random_state r = {SEED + 1};
    struct geom line = {0};
    struct simplify_work work = {0};
    float weights[200];
    for (int round = 0; round < ROUNDS; round++) {
        geom_reset(&line, GEOM_LINE);
        size_t n = 2 + (size_t)random_below(&r, 198);
        for (size_t i = 0; i < n; i++)
            ck_assert(geom_add_point(
                &line,
                (struct geom_point){(int64_t)i * 100, random_below(&r, 1000)}));
        ck_assert(geom_end_part(&line, false));
        ck_assert(simplify_weigh(&work, &line, NULL, weights));
        ck_assert(weights[0] == SIMPLIFY_ALWAYS);
        ck_assert(weights[n - 1] == SIMPLIFY_ALWAYS);
        const float tolerance = 150;
        for (size_t from = 0, i = 1; i < n; i++) {
            if (weights[i] <= tolerance)
                continue;
            for (size_t k = from + 1; k < i; k++) {
                double t = (double)(k - from) / (double)(i - from);
                double y = (double)line.points[from].y * (1 - t) +
                           (double)line.points[i].y * t;
                /* The distance to the chord is at most the one straight
                 * down, so this checks from the safe side. */
                double dx = (double)(line.points[i].x - line.points[from].x);
                double dy = (double)(line.points[i].y - line.points[from].y);
                double down = fabs((double)line.points[k].y - y);
                ck_assert_double_le(down * dx / sqrt(dx * dx + dy * dy),
                                    (double)tolerance + 1e-3);
            }
            from = i;
        }
    }
    geom_free(&line);
    simplify_work_free(&work);
}
END_TEST

START_TEST(junctions_do_not_depend_on_order)
{
    struct geom a = {.kind = GEOM_LINE}, b = {.kind = GEOM_LINE};
    const struct geom_point one[] = {{0, 0}, {10, 0}, {20, 0}};
    const struct geom_point two[] = {{10, 10}, {10, 0}, {20, 5}};
    add_points(&a, one, 3, false);
    add_points(&b, two, 3, false);
    ck_assert(geom_end_part(&a, false));
    ck_assert(geom_end_part(&b, false));
    for (int turn = 0; turn < 2; turn++) {
        struct junctions *junctions =
            junctions_new(INT64_C(1) << 40, 6, 1 << 20);
        junctions_begin(junctions, 0);
        junctions_note(junctions, turn == 0 ? &a : &b);
        junctions_note(junctions, turn == 0 ? &b : &a);
        junctions_end(junctions);
        ck_assert(junctions_has(junctions, one[1]));
        ck_assert(junctions_has(junctions, one[0]));
        junctions_free(junctions);
    }
    struct junctions *alone = junctions_new(INT64_C(1) << 40, 6, 1 << 20);
    junctions_begin(alone, 0);
    junctions_note(alone, &a);
    geom_reverse(a.points, a.npoints);
    junctions_note(alone, &a);
    junctions_end(alone);
    ck_assert(!junctions_has(alone, one[1]));
    junctions_free(alone);
    geom_free(&a);
    geom_free(&b);
}
END_TEST

START_TEST(junctions_do_not_depend_on_memory)
{
    struct random_state r = {SEED + 2};
    struct geom stars = {.kind = GEOM_POLYGON};
    for (int i = 0; i < 3000; i++)
        random_star(&r, &stars,
                    (struct geom_point){random_below(&r, 1 << 20),
                                        random_below(&r, 1 << 20)},
                    1 << 14, true);
    struct junctions *tables[2] = {
        junctions_new(INT64_C(1) << 40, stars.npoints, 64 << 20),
        junctions_new(INT64_C(1) << 40, stars.npoints, 64 << 10)};
    ck_assert_uint_eq(junctions_npasses(tables[0]), 1);
    ck_assert_uint_gt(junctions_npasses(tables[1]), 1);
    for (int t = 0; t < 2; t++) {
        for (unsigned p = 0; p < junctions_npasses(tables[t]); p++) {
            junctions_begin(tables[t], p);
            junctions_note(tables[t], &stars);
            junctions_end(tables[t]);
        }
    }
    for (size_t i = 0; i < stars.npoints; i++)
        ck_assert(junctions_has(tables[0], stars.points[i]) ==
                  junctions_has(tables[1], stars.points[i]));
    junctions_free(tables[0]);
    junctions_free(tables[1]);
    geom_free(&stars);
}
END_TEST

START_TEST(tiny_polygons_keep_their_area_on_average)
{
    struct random_state r = {SEED + 3};
    struct geom base = {0}, out = {0};
    struct simplify_work work = {0};
    double sum = 0;
    enum { N = 10000, SIDE = 512 };
    for (uint64_t seq = 0; seq < N; seq++) {
        float weights[4];
        int64_t x = random_below(&r, 1 << 20), y = random_below(&r, 1 << 20);
        const struct geom_point dot[] = {
            {x, y}, {x + SIDE, y}, {x + SIDE, y + SIDE}, {x, y + SIDE}};
        const struct shape_rule rule = {
            .shift = 10, .tolerance = 1024, .seq = seq};
        geom_reset(&base, GEOM_POLYGON);
        add_points(&base, dot, 4, false);
        ck_assert(geom_end_part(&base, true));
        ck_assert(simplify_weigh(&work, &base, NULL, weights));
        ck_assert(shape_at_zoom(&base, weights, &rule, &out));
        sum += geom_area(&out);
    }
    /* Each is a quarter of a square unit. */
    ck_assert_double_eq_tol(sum / N, 0.25, 0.01);
    geom_free(&base);
    geom_free(&out);
    simplify_work_free(&work);
}
END_TEST

START_TEST(nothing_vanishes_at_the_deepest_zoom)
{
    struct geom line = {.kind = GEOM_LINE}, out = {0};
    const struct geom_point p[] = {{100, 100}, {101, 100}};
    add_points(&line, p, 2, false);
    ck_assert(geom_end_part(&line, false));
    const float weights[2] = {SIMPLIFY_ALWAYS, SIMPLIFY_ALWAYS};
    struct shape_rule rule = {.shift = 10, .keep_all = true};
    ck_assert(shape_at_zoom(&line, weights, &rule, &out));
    ck_assert_uint_eq(out.nparts, 1);
    rule.keep_all = false;
    ck_assert(shape_at_zoom(&line, weights, &rule, &out));
    ck_assert_uint_eq(out.nparts, 0);
    geom_free(&line);
    geom_free(&out);
}
END_TEST

static const struct {
    const char *label;
    struct geom_point p[8];
    size_t n;
    size_t parts;
    double area;
} broken[] = {
    {"bow-tie", {{0, 0}, {10, 10}, {10, 0}, {0, 10}}, 4, 2, 50},
    {"ring through one point twice",
     {{0, 0}, {5, 5}, {10, 0}, {10, 10}, {5, 5}, {0, 10}},
     6,
     2,
     50},
    {"corridor without width",
     {{0, 0}, {10, 0}, {10, 10}, {20, 10}, {10, 10}, {0, 10}},
     6,
     1,
     100},
};

START_TEST(broken_polygon_is_made_valid)
{
    struct geom geom = {.kind = GEOM_POLYGON};
    struct repair *repair = repair_new();
    add_points(&geom, broken[_i].p, broken[_i].n, false);
    ck_assert(geom_end_part(&geom, true));
    ck_assert_msg(repair_polygons(repair, &geom) == REPAIR_DONE, "%s",
                  broken[_i].label);
    ck_assert_msg(geom.nparts == broken[_i].parts, "%s: %zu parts",
                  broken[_i].label, geom.nparts);
    ck_assert_double_eq(geom_area(&geom), broken[_i].area);
    ck_assert_int_eq(repair_polygons(repair, &geom), REPAIR_FINE);
    repair_free(repair);
    geom_free(&geom);
}
END_TEST

START_TEST(polygons_may_touch_where_one_has_no_vertex)
{
    static const struct geom_point square[] = {
        {0, 0}, {10, 0}, {10, 10}, {0, 10}};
    static const struct geom_point arrow[] = {{10, 5}, {20, 0}, {20, 10}};
    struct geom geom = {.kind = GEOM_POLYGON};
    struct repair *repair = repair_new();
    add_points(&geom, square, 4, false);
    ck_assert(geom_end_part(&geom, true));
    add_points(&geom, arrow, 3, false);
    ck_assert(geom_end_part(&geom, true));
    ck_assert_int_eq(repair_polygons(repair, &geom), REPAIR_FINE);
    ck_assert_uint_eq(geom.nparts, 2);
    ck_assert_double_eq(geom_area(&geom), 150);
    repair_free(repair);
    geom_free(&geom);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shape");
    TCase *tcase = tcase_create("shape");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, shared_border_stays_shared_at_every_zoom);
    tcase_add_test(tcase, simplified_line_is_within_the_tolerance);
    tcase_add_test(tcase, junctions_do_not_depend_on_order);
    tcase_add_test(tcase, junctions_do_not_depend_on_memory);
    tcase_add_test(tcase, tiny_polygons_keep_their_area_on_average);
    tcase_add_test(tcase, nothing_vanishes_at_the_deepest_zoom);
    tcase_add_test(tcase, polygons_may_touch_where_one_has_no_vertex);
    tcase_add_loop_test(tcase, broken_polygon_is_made_valid, 0,
                        sizeof broken / sizeof broken[0]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
