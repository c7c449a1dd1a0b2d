/* JSON text: what is valid, walking it, and strings there and back. */
#include <string.h>

#include "tests/tiler/convert/runner.h"
#include "tiler/convert/json.h"

static const struct {
    const char *label, *text;
    bool valid;
} texts[] = {
    {"an object", "{\"a\": [1, -2.5e+3, true, null]}", true},
    {"white space around", " \n{}\t", true},
    {"a bare number", "0", true},
    {"escapes", "\"\\u00e9\\n\\\\\\\"\"", true},
    {"nothing", "", false},
    {"cut in an array", "[1,2,", false},
    {"a trailing comma", "[1,]", false},
    {"two values", "{} {}", false},
    {"a leading zero", "[01]", false},
    {"a plus sign", "[+1]", false},
    {"no digits behind the point", "[1.]", false},
    {"NaN", "[NaN]", false},
    {"single quotes", "{'a':1}", false},
    {"a key without quotes", "{a:1}", false},
    {"a control character in a string", "\"a\nb\"", false},
    {"a short \\u", "\"\\u12\"", false},
    {"an unknown escape", "\"\\x\"", false},
    {"bad UTF-8", "\"\xc3(\"", false},
    {"an overlong UTF-8 form", "\"\xc0\xaf\"", false},
    {"a surrogate in UTF-8", "\"\xed\xa0\x80\"", false},
};

START_TEST(validity)
{
    bool got = json_valid(texts[_i].text, strlen(texts[_i].text), NULL);
    ck_assert_msg(got == texts[_i].valid, "%s: got %d", texts[_i].label, got);
}
END_TEST

START_TEST(nesting_is_bounded)
{
    char text[2 * JSON_MAX_DEPTH + 4];
    memset(text, '[', JSON_MAX_DEPTH);
    memset(text + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
    ck_assert(json_valid(text, (size_t)2 * JSON_MAX_DEPTH, NULL));
    memset(text, '[', JSON_MAX_DEPTH + 1);
    memset(text + JSON_MAX_DEPTH + 1, ']', JSON_MAX_DEPTH + 1);
    ck_assert(!json_valid(text, (size_t)2 * JSON_MAX_DEPTH + 2, NULL));
}
END_TEST

START_TEST(members_come_in_order_and_raw)
{
    const char *text = "{ \"a\" : 1.50 ,\"b\\u0063\":[ 1, 2 ],\"d\":{}}";
    const char *keys[] = {"a", "bc", "d"};
    const char *values[] = {"1.50", "[ 1, 2 ]", "{}"};
    struct json_cursor cursor;
    struct json_member member;
    json_begin((struct json_slice){text, strlen(text)}, &cursor);
    for (int i = 0; i < 3; i++) {
        ck_assert(json_next(&cursor, &member));
        ck_assert(json_string_is(member.key, keys[i]));
        ck_assert_uint_eq(member.value.len, strlen(values[i]));
        ck_assert_mem_eq(member.value.ptr, values[i], member.value.len);
    }
    ck_assert(!json_next(&cursor, &member));
}
END_TEST

START_TEST(the_last_of_equal_keys_counts)
{
    const char *text = "{\"a\":1,\"b\":2,\"a\":3}";
    struct json_slice value;
    ck_assert(json_get((struct json_slice){text, strlen(text)}, "a", &value));
    ck_assert_mem_eq(value.ptr, "3", 1);
    ck_assert(!json_get((struct json_slice){text, strlen(text)}, "c", &value));
}
END_TEST

static const struct {
    const char *label, *raw, *text;
    size_t nbytes;
} strings[] = {
    {"plain", "\"abc\"", "abc", 3},
    {"short escapes", "\"\\b\\f\\n\\r\\t\\/\"", "\b\f\n\r\t/", 6},
    {"two bytes", "\"\\u00e9\"", "\xc3\xa9", 2},
    {"three bytes", "\"\\u20AC\"", "\xe2\x82\xac", 3},
    {"a surrogate pair", "\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", 4},
    {"a lone surrogate", "\"\\ud83dx\"", "\xef\xbf\xbdx", 4},
    {"NUL", "\"a\\u0000b\"", "a\0b", 3},
};

START_TEST(strings_are_unescaped)
{
    struct buf out = {0};
    json_unescape((struct json_slice){strings[_i].raw, strlen(strings[_i].raw)},
                  &out);
    ck_assert_msg(out.len == strings[_i].nbytes, "%s: %zu bytes",
                  strings[_i].label, out.len);
    ck_assert_mem_eq(out.ptr, strings[_i].text, out.len);
    buf_free(&out);
}
END_TEST

START_TEST(any_text_survives_a_string)
{
    char text[0x20 + 0x60 + 3];
    size_t n = 0;
    for (int c = 0; c < 0x80; c++)
        text[n++] = (char)c;
    memcpy(text + n, "\xe2\x82\xac", 3);
    n += 3;
    struct buf raw = {0}, back = {0};
    json_put_string(&raw, text, n);
    ck_assert(json_valid((char *)raw.ptr, raw.len, NULL));
    json_unescape((struct json_slice){(char *)raw.ptr, raw.len}, &back);
    ck_assert_uint_eq(back.len, n);
    ck_assert_mem_eq(back.ptr, text, n);
    buf_free(&raw);
    buf_free(&back);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("json");
    tcase_add_loop_test(tests, validity, 0, sizeof(texts) / sizeof(texts[0]));
    tcase_add_test(tests, nesting_is_bounded);
    tcase_add_test(tests, members_come_in_order_and_raw);
    tcase_add_test(tests, the_last_of_equal_keys_counts);
    tcase_add_loop_test(tests, strings_are_unescaped, 0,
                        sizeof(strings) / sizeof(strings[0]));
    tcase_add_test(tests, any_text_survives_a_string);
    return run_case("convert.json", tests);
}
