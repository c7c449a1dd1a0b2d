/* Option values from text, and whole command lines. */
#include <check.h>
#include <stdlib.h>

#include "tiler/cli/options.h"
#include "tiler/cli/value.h"

static const struct {
    const char *label, *text;
    bool ok;
    uint64_t want;
} sizes[] = {
    {"plain bytes", "4096", true, 4096},
    {"zero", "0", true, 0},
    {"kibibytes", "64K", true, 65536},
    {"small letter", "2m", true, 2 << 20},
    {"gibibytes", "3G", true, 3ULL << 30},
    {"tebibytes", "1T", true, 1ULL << 40},
    {"the largest", "18446744073709551615", true, UINT64_MAX},
    {"one too many", "18446744073709551616", false, 0},
    {"too many units", "16777216T", false, 0},
    {"unknown unit", "1Q", false, 0},
    {"unit alone", "K", false, 0},
    {"two units", "1KK", false, 0},
    {"negative", "-1", false, 0},
    {"fraction", "1.5M", false, 0},
    {"space", " 1", false, 0},
    {"nothing", "", false, 0},
};

START_TEST(size_is_bytes_with_a_unit)
{
    uint64_t got = 77;
    ck_assert_msg(value_size(sizes[_i].text, &got) == sizes[_i].ok, "%s",
                  sizes[_i].label);
    ck_assert_uint_eq(got, sizes[_i].ok ? sizes[_i].want : 77);
}
END_TEST

static const struct {
    const char *label, *text;
    bool ok;
    struct zoom_range want;
} zooms[] = {
    {"range", "3-14", true, {false, 3, 14}},
    {"one", "7", true, {false, 7, 7}},
    {"all", "0-30", true, {false, 0, 30}},
    {"automatic", "auto", true, {true, 0, 0}},
    {"backwards", "5-3", false, {0}},
    {"beyond the limit", "0-31", false, {0}},
    {"open end", "3-", false, {0}},
    {"open start", "-3", false, {0}},
    {"three", "1-2-3", false, {0}},
    {"wraps to a small number", "0-256", false, {0}},
    {"nothing", "", false, {0}},
};

START_TEST(zooms_are_a_range)
{
    struct zoom_range got = {false, 99, 99};
    ck_assert_msg(value_zooms(zooms[_i].text, &got) == zooms[_i].ok, "%s",
                  zooms[_i].label);
    if (!zooms[_i].ok) {
        ck_assert_uint_eq(got.min, 99);
        return;
    }
    ck_assert_int_eq(got.is_auto, zooms[_i].want.is_auto);
    ck_assert_uint_eq(got.min, zooms[_i].want.min);
    ck_assert_uint_eq(got.max, zooms[_i].want.max);
}
END_TEST

static const struct {
    const char *label, *text;
    bool ok;
} boxes[] = {
    {"europe", "-10,35.5,30,70", true},
    {"across the antimeridian", "170,-20,-170,20", true},
    {"exponent", "1e1,0,2e1,1", true},
    {"south above north", "0,10,1,5", false},
    {"no width", "5,0,5,1", false},
    {"beyond a pole", "0,0,1,91", false},
    {"beyond the antimeridian", "0,0,181,1", false},
    {"three numbers", "0,0,1", false},
    {"five numbers", "0,0,1,1,2", false},
    {"not a number", "0,0,1,nan", false},
    {"infinite", "0,0,inf,1", false},
    {"hexadecimal", "0,0,0x10,1", false},
    {"spaces", "0, 0, 1, 1", false},
};

START_TEST(bbox_is_four_degrees)
{
    struct bbox got = {0};
    ck_assert_msg(value_bbox(boxes[_i].text, &got) == boxes[_i].ok, "%s",
                  boxes[_i].label);
    ck_assert_int_eq(got.is_set, boxes[_i].ok);
}
END_TEST

START_TEST(range_is_two_numbers_in_order)
{
    struct double_range got = {0};
    ck_assert(value_range("-1.5:2", &got));
    ck_assert_double_eq(got.min, -1.5);
    ck_assert_double_eq(got.max, 2);
    ck_assert(!value_range("2:2", &got));
    ck_assert(!value_range("3:2", &got));
    ck_assert(!value_range("3", &got));
    ck_assert_double_eq(got.max, 2);
}
END_TEST

/* ---- command lines ------------------------------------------------------- */

struct told {
    const char *output;
    bool force;
    int64_t count, kind;
    uint64_t memory;
    struct string_list tags;
    bool count_given;
};

static const char *const kinds[] = {"red", "green", NULL};

static enum options_outcome parse(struct told *told, char **argv,
                                  struct operands *operands)
{
    struct common_options common = {0};
    const struct option table[] = {
        option_letter('o', option_string("output", &told->output, "F", "h")),
        option_flag("force", &told->force, "h"),
        option_noting(&told->count_given,
                      option_integer("count", &told->count, 1, 9, "h")),
        option_choice("kind", &told->kind, kinds, "K", "h"),
        option_size("memory", &told->memory, 1024, OPTION_NO_MAX, "h"),
        option_strings("tag", &told->tags, "T", "h"),
    };
    const struct option_group group = {"Options", table,
                                       sizeof(table) / sizeof(table[0])};
    const struct command_line line = {.usage = "x",
                                      .about = "x",
                                      .groups = &group,
                                      .ngroups = 1,
                                      .min_operands = 1,
                                      .max_operands = 2};
    int argc = 0;
    while (argv[argc] != NULL)
        argc++;
    return options_parse(&line, argc, argv, &common, operands);
}

START_TEST(options_and_operands_mix)
{
    struct told told = {0};
    struct operands got = {0};
    char *argv[] = {"x",        "a",     "--count=3", "-o", "out",   "--force",
                    "--kind",   "green", "--tag",     "p",  "--tag", "q",
                    "--memory", "2K",    "--",        "-b", NULL};
    ck_assert_int_eq(parse(&told, argv, &got), OPTIONS_RUN);
    ck_assert_uint_eq(got.count, 2);
    ck_assert_str_eq(got.items[0], "a");
    ck_assert_str_eq(got.items[1], "-b");
    ck_assert_str_eq(told.output, "out");
    ck_assert(told.force && told.count_given);
    ck_assert_int_eq(told.count, 3);
    ck_assert_int_eq(told.kind, 1);
    ck_assert_uint_eq(told.memory, 2048);
    ck_assert_uint_eq(told.tags.count, 2);
    ck_assert_str_eq(told.tags.items[1], "q");
    string_list_fini(&told.tags);
}
END_TEST

static const struct {
    const char *label;
    char *argv[6];
} refused[] = {
    {"unknown option", {"x", "--nothing", "a", NULL}},
    {"unknown letter", {"x", "-z", "a", NULL}},
    {"value missing", {"x", "a", "--count", NULL}},
    {"flag with a value", {"x", "--force=1", "a", NULL}},
    {"number too small", {"x", "--count", "0", "a", NULL}},
    {"number too large", {"x", "--count", "10", "a", NULL}},
    {"number with rubbish", {"x", "--count", "3x", "a", NULL}},
    {"unknown choice", {"x", "--kind", "blue", "a", NULL}},
    {"size too small", {"x", "--memory", "1023", "a", NULL}},
    {"no operand", {"x", "--force", NULL}},
    {"operand too many", {"x", "a", "b", "c", NULL}},
    {"prefix of an option", {"x", "--forc", "a", NULL}},
};

START_TEST(wrong_command_line_is_refused)
{
    struct told told = {.count = 5};
    struct operands got = {0};
    char *argv[6];
    for (int i = 0; i < 6; i++)
        argv[i] = refused[_i].argv[i];
    ck_assert_msg(parse(&told, argv, &got) == OPTIONS_BAD, "%s",
                  refused[_i].label);
    ck_assert_int_eq(told.count, 5);
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    TCase *values = tcase_create("values");
    tcase_add_loop_test(values, size_is_bytes_with_a_unit, 0, ROWS(sizes));
    tcase_add_loop_test(values, zooms_are_a_range, 0, ROWS(zooms));
    tcase_add_loop_test(values, bbox_is_four_degrees, 0, ROWS(boxes));
    tcase_add_test(values, range_is_two_numbers_in_order);
    TCase *lines = tcase_create("lines");
    tcase_add_test(lines, options_and_operands_mix);
    tcase_add_loop_test(lines, wrong_command_line_is_refused, 0, ROWS(refused));
    Suite *suite = suite_create("options");
    suite_add_tcase(suite, values);
    suite_add_tcase(suite, lines);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
