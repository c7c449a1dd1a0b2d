/* What makes the fingerprint of an input another. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tiler/cli/fingerprint.h"

static char folder[] = "/tmp/fingerprint-XXXXXX";
static char file[64], name[128];

static void write_file(const char *text, time_t seconds, long nanos)
{
    const struct timespec times[2] = {{seconds, nanos}, {seconds, nanos}};
    FILE *out = fopen(file, "w");
    ck_assert_ptr_nonnull(out);
    ck_assert_int_ge(fputs(text, out), 0);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_int_eq(utimensat(AT_FDCWD, file, times, 0), 0);
}

static void setup(void)
{
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(file, sizeof file, "%s/in", folder);
}

static void teardown(void)
{
    (void)unlink(file);
    ck_assert_int_eq(rmdir(folder), 0);
}

static uint64_t fingerprint(void)
{
    return fingerprint_input(FINGERPRINT_BEGIN, name);
}

/* How GDAL is told to open the file, or something inside it. */
static const struct {
    const char *before, *behind;
} names[] = {
    {"", ""},
    {"/vsigzip/", ""},
    {"/vsizip/", "/roads.geojson"},
    {"/vsizip/", "/folder/roads.shp"},
};

START_TEST(the_file_behind_a_name_counts)
{
    (void)snprintf(name, sizeof name, "%s%s%s", names[_i].before, file,
                   names[_i].behind);
    uint64_t missing = fingerprint();
    write_file("one", 1000, 1);
    uint64_t is = fingerprint();
    ck_assert_uint_ne(is, missing);
    ck_assert_uint_eq(is, fingerprint());
    write_file("two!", 1000, 1);
    ck_assert_uint_ne(fingerprint(), is);
    write_file("two", 1001, 1);
    ck_assert_uint_ne(fingerprint(), is);
    write_file("two", 1000, 2);
    ck_assert_uint_ne(fingerprint(), is);
    write_file("one", 1000, 1);
    ck_assert_uint_eq(fingerprint(), is);
}
END_TEST

START_TEST(a_folder_is_no_archive)
{
    (void)snprintf(name, sizeof name, "/vsizip/%s/none.zip/x.shp", folder);
    uint64_t before = fingerprint();
    write_file("more in the folder", 1000, 1);
    ck_assert_uint_eq(fingerprint(), before);
}
END_TEST

START_TEST(names_and_their_order_count)
{
    uint64_t a = fingerprint_input(FINGERPRINT_BEGIN, "/none/a");
    uint64_t b = fingerprint_input(FINGERPRINT_BEGIN, "/none/b");
    ck_assert_uint_ne(a, b);
    ck_assert_uint_ne(fingerprint_input(a, "/none/b"),
                      fingerprint_input(b, "/none/a"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fingerprint");
    TCase *tc = tcase_create("inputs");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, the_file_behind_a_name_counts, 0,
                        (int)(sizeof names / sizeof names[0]));
    tcase_add_test(tc, a_folder_is_no_archive);
    tcase_add_test(tc, names_and_their_order_count);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
