/* Layer rules from JSON. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tiler/vector/config.h"

static const struct {
    const char *label, *text, *what;
} refused[] = {
    {"not JSON", "{", "the file is not JSON"},
    {"text after the end", "{} x", "the file is not JSON"},
    {"not an object", "[]", "the file is not a JSON object"},
    {"unknown key", "{\"layer\":{}}", "layer is not known"},
    {"unknown key of a layer", "{\"layers\":{\"r\":{\"minzom\":1}}}",
     "layers.r.minzom is not known"},
    {"zoom too deep", "{\"layers\":{\"r\":{\"minzoom\":25}}}",
     "layers.r.minzoom is not a number in range"},
    {"half a zoom", "{\"layers\":{\"r\":{\"minzoom\":1.5}}}",
     "layers.r.minzoom is not a whole number"},
    {"unknown policy", "{\"layers\":{\"r\":{\"oversize\":\"drop\"}}}",
     "layers.r.oversize is none of drop-smallest, drop-densest, coalesce, "
     "simplify-more, keep, error"},
    {"no zooms", "{\"layers\":{\"r\":{\"minzoom\":5,\"maxzoom\":4}}}",
     "layers.r.maxzoom is less than minzoom"},
    {"unknown key of a band",
     "{\"layers\":{\"r\":{\"zooms\":[{\"maxzoom\":3},{\"minzom\":4}]}}}",
     "layers.r.zooms[1].minzom is not known"},
    {"bad value in a band", "{\"layers\":{\"r\":{\"zooms\":[{\"where\":1}]}}}",
     "layers.r.zooms[0].where is not a text"},
    {"a band without zooms",
     "{\"layers\":{\"r\":{\"zooms\":[{\"minzoom\":5,\"maxzoom\":4}]}}}",
     "layers.r.zooms[0].maxzoom is less than minzoom"},
    {"a band that is no object", "{\"layers\":{\"r\":{\"zooms\":[5]}}}",
     "layers.r.zooms[0] is not an object"},
    {"overlapping bands",
     "{\"layers\":{\"r\":{\"zooms\":[{\"maxzoom\":5},{\"minzoom\":5}]}}}",
     "layers.r.zooms has bands that overlap"},
    {"filter beside bands",
     "{\"layers\":{\"r\":{\"where\":\"a\",\"zooms\":[{}]}}}",
     "layers.r.where cannot stand beside zooms"},
};

START_TEST(mistake_is_refused_with_its_path)
{
    struct rule_list rules = {0};
    const struct layer_rule defaults = {0};
    char what[CONFIG_WHAT_NBYTES];
    ck_assert(!config_parse(refused[_i].text, &defaults, &rules, what));
    ck_assert_msg(strcmp(what, refused[_i].what) == 0, "%s: %s",
                  refused[_i].label, what);
    rule_list_free(&rules);
}
END_TEST

START_TEST(everything_that_can_be_said_is_heard)
{
    static const char text[] =
        "{\"layers\":{\"highways\":{\"name\":\"roads\",\"minzoom\":4,"
        "\"maxzoom\":14,\"include\":[\"name\",\"ref\"],\"rename\":{\"ref\":"
        "\"number\"},\"zooms\":[{\"maxzoom\":8,\"where\":\"x = 1\"},"
        "{\"minzoom\":9}],\"simplification\":2,\"buffer\":128,"
        "\"oversize\":\"keep\",\"merge_lines\":false,\"sort\":\"rank\","
        "\"feature_id\":\"id\",\"minzoom_field\":\"z\"},"
        "\"notes\":{\"skip\":true}}}";
    struct rule_list rules = {0};
    const struct layer_rule defaults = {.buffer = 64, .merge_lines = true};
    char what[CONFIG_WHAT_NBYTES];
    ck_assert_msg(config_parse(text, &defaults, &rules, what), "%s", what);
    const struct layer_rule *rule = rule_for(&rules, "highways");
    ck_assert_ptr_nonnull(rule);
    ck_assert_str_eq(rule->name, "roads");
    ck_assert(rule->has_minzoom && rule->minzoom == 4 && rule->maxzoom == 14);
    ck_assert(rule_wants(rule, "ref") && !rule_wants(rule, "surface"));
    ck_assert_str_eq(rule_renamed(rule, "ref"), "number");
    ck_assert_uint_eq(rule->nbands, 2);
    ck_assert_uint_eq(rule->bands[0].maxzoom, 8);
    ck_assert_str_eq(rule->bands[0].where, "x = 1");
    ck_assert_uint_eq(rule->bands[1].minzoom, 9);
    ck_assert(rule->simplification == 2 && rule->buffer == 128);
    ck_assert_int_eq(rule->policy, POLICY_KEEP);
    ck_assert(!rule->merge_lines);
    ck_assert_str_eq(rule->sort, "rank");
    ck_assert_str_eq(rule->minzoom_field, "z");
    ck_assert(rule_for(&rules, "notes")->skip);
    ck_assert(rule_for(&rules, "notes")->merge_lines);
    ck_assert_ptr_null(rule_for(&rules, "others"));
    rule_list_free(&rules);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *tcase = tcase_create("config");
    tcase_add_loop_test(tcase, mistake_is_refused_with_its_path, 0,
                        sizeof refused / sizeof refused[0]);
    tcase_add_test(tcase, everything_that_can_be_said_is_heard);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
