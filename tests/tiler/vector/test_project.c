/* Longitudes across the antimeridian and around the poles. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "tiler/vector/project.h"

enum { MAX_POINTS = 16 };

static const struct {
    const char *label;
    bool ring;
    size_t n;
    double lon[MAX_POINTS], lat[MAX_POINTS], want[MAX_POINTS];
} rows[] = {
    {"a line takes the short way",
     false,
     3,
     {170, -170, -160},
     {1, 2, 3},
     {170, 190, 200}},
    {"a parallel around the world is no step across",
     false,
     2,
     {-180, 180},
     {5, 5},
     {-180, 180}},
    {"180 west is 180 east where a line goes on",
     false,
     3,
     {179, 180, -180},
     {1, 2, 3},
     {179, 180, 180}},
    {"a ring that steps across",
     true,
     5,
     {175, -175, -175, 175, 175},
     {1, 1, 2, 2, 1},
     {175, 185, 185, 175, 175}},
    {"a ring that changes its notation on the antimeridian",
     true,
     7,
     {179, 180, -180, -179, -180, 180, 179},
     {1, 1, 1, 1.5, 2, 2, 1},
     {179, 180, 180, 181, 180, 180, 179}},
    {"a box around the world",
     true,
     5,
     {-180, 180, 180, -180, -180},
     {-60, -60, 60, 60, -60},
     {-180, 180, 180, -180, -180}},
    {"a sliver on the antimeridian is no line around the world",
     true,
     4,
     {-180, 180, 180, -180},
     {-16.5, -16.4, -16.5, -16.5},
     {-180, -180, -180, -180}},
    {"an edge along the pole closes a ring",
     true,
     6,
     {-180, 0, 180, 180, -180, -180},
     {-80, -70, -80, -90, -90, -80},
     {-180, 0, 180, 180, -180, -180}},
    {"long edges stay where no antimeridian is near",
     true,
     5,
     {-100, 100, 100, -100, -100},
     {0, 0, 9, 9, 0},
     {-100, 100, 100, -100, -100}},
};

START_TEST(longitudes_are_made_continuous)
{
    double lon[MAX_POINTS];
    memcpy(lon, rows[_i].lon, sizeof lon);
    project_unwrap(lon, rows[_i].lat, rows[_i].n, rows[_i].ring);
    for (size_t i = 0; i < rows[_i].n; i++)
        ck_assert_msg(lon[i] == rows[_i].want[i], "%s: point %zu is at %g",
                      rows[_i].label, i, lon[i]);
}
END_TEST

/* A cap around a pole that begins anywhere, in either direction. */
START_TEST(a_ring_around_a_pole_holds_it)
{
    enum { N = 36 };
    double pole = _i % 2 == 0 ? -90 : 90, sign = _i % 4 < 2 ? 1 : -1;
    double lon[N + 1 + PROJECT_POLE_POINTS], lat[N + 1 + PROJECT_POLE_POINTS];
    for (int k = 0; k <= N; k++) {
        lon[k] = remainder(sign * (k % N) * 10 + 31 * _i + 1, 360);
        lat[k] = pole < 0 ? -75 : 75;
    }
    project_unwrap(lon, lat, N + 1, true);
    size_t n = project_close_pole(lon, lat, N + 1);
    ck_assert_uint_eq(n, N + 1 + PROJECT_POLE_POINTS);
    ck_assert(lon[0] == lon[n - 1] && lat[0] == lat[n - 1]);
    double area2 = 0, least = 0, most = 0;
    for (size_t i = 0; i + 1 < n; i++) {
        area2 += lon[i] * lat[i + 1] - lon[i + 1] * lat[i];
        least = fmin(least, lon[i]);
        most = fmax(most, lon[i]);
    }
    ck_assert_double_eq(least, -180);
    ck_assert_double_eq(most, 180);
    /* All of 360 degrees, from 75 to the pole. */
    ck_assert_double_eq_tol(fabs(area2) / 2, 360 * 15, 1e-6);
}
END_TEST

START_TEST(other_rings_are_not_touched)
{
    double lon[5 + PROJECT_POLE_POINTS] = {170, 190, 190, 170, 170};
    double lat[5 + PROJECT_POLE_POINTS] = {1, 1, 2, 2, 1};
    ck_assert_uint_eq(project_close_pole(lon, lat, 5), 5);
    ck_assert(lon[1] == 190 && lat[2] == 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("project");
    TCase *tcase = tcase_create("project");
    int nrows = sizeof rows / sizeof rows[0];
    tcase_add_loop_test(tcase, longitudes_are_made_continuous, 0, nrows);
    tcase_add_loop_test(tcase, a_ring_around_a_pole_holds_it, 0, 8);
    tcase_add_test(tcase, other_rings_are_not_touched);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
