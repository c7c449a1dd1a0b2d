/* runner.h - main() of a program of Check tests. */
#ifndef TESTS_CONVERT_RUNNER_H
#define TESTS_CONVERT_RUNNER_H

#include <check.h>
#include <stdlib.h>

static int run_case(const char *name, TCase *tests)
{
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
