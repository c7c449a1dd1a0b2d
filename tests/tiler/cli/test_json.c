/* The JSON writer. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tiler/cli/json.h"

START_TEST(values_nest_with_commas_between)
{
    struct json j = {0};
    size_t nbytes = 0;
    json_object(&j, NULL);
    json_text(&j, "a", "b");
    json_array(&j, "list");
    json_integer(&j, NULL, 0);
    json_integer(&j, NULL, UINT64_MAX);
    json_object(&j, NULL);
    json_end(&j, '}');
    json_end(&j, ']');
    json_boolean(&j, "yes", true);
    json_raw(&j, "raw", "[1]");
    json_end(&j, '}');
    char *text = json_take(&j, &nbytes);
    ck_assert_str_eq(text, "{\"a\":\"b\",\"list\":[0,18446744073709551615,{}],"
                           "\"yes\":true,\"raw\":[1]}");
    ck_assert_uint_eq(nbytes, strlen(text));
    free(text);
}
END_TEST

static const struct {
    const char *label, *text, *want;
} texts[] = {
    {"quote and backslash", "\"\\", "\"\\\"\\\\\""},
    {"control characters", "\n\x01", "\"\\u000a\\u0001\""},
    {"two and three bytes", "\xc3\xa9\xe2\x82\xac", "\"\xc3\xa9\xe2\x82\xac\""},
    {"four bytes", "\xf0\x9f\x97\xba", "\"\xf0\x9f\x97\xba\""},
    {"stray continuation", "a\x80z", "\"a\xef\xbf\xbdz\""},
    {"overlong slash", "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    {"surrogate", "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {"cut at the end", "\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    {"beyond the last character", "\xf5\x80\x80\x80",
     "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
};

START_TEST(text_is_always_valid_utf8)
{
    struct json j = {0};
    json_text(&j, NULL, texts[_i].text);
    char *got = json_take(&j, NULL);
    ck_assert_msg(strcmp(got, texts[_i].want) == 0, "%s: %s", texts[_i].label,
                  got);
    free(got);
}
END_TEST

static const struct {
    double value;
    const char *want;
} numbers[] = {
    {0, "0"},     {-0.0, "0"},
    {1.5, "1.5"}, {-180, "-180"},
    {1e-12, "0"}, {85.0511287798066, "85.05112878"},
    {100, "100"}, {1e21, "1000000000000000000000"},
};

START_TEST(number_has_no_needless_digits)
{
    struct json j = {0};
    json_number(&j, NULL, numbers[_i].value);
    char *got = json_take(&j, NULL);
    ck_assert_str_eq(got, numbers[_i].want);
    free(got);
}
END_TEST

int main(void)
{
    TCase *all = tcase_create("json");
    tcase_add_test(all, values_nest_with_commas_between);
    tcase_add_loop_test(all, text_is_always_valid_utf8, 0,
                        (int)(sizeof(texts) / sizeof(texts[0])));
    tcase_add_loop_test(all, number_has_no_needless_digits, 0,
                        (int)(sizeof(numbers) / sizeof(numbers[0])));
    Suite *suite = suite_create("json");
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
