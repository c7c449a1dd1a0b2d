/* From OpenStreetMap tags to tile layers. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tiler/vector/osm_tags.h"

static const struct {
    const char *label, *tags;
    enum osm_shape shape;
    const char *want; /* layer/class@minzoom, several by spaces */
} looks[] = {
    {"motorway", "\"highway\"=>\"motorway\"", OSM_LINE, "roads/motorway@4"},
    {"street", "\"name\"=>\"x\",\"highway\"=>\"residential\"", OSM_LINE,
     "roads/minor@12"},
    {"a road that is an area is no road", "\"highway\"=>\"pedestrian\"",
     OSM_AREA, ""},
    {"lake", "\"natural\"=>\"water\"", OSM_AREA, "water/lake@0"},
    {"house without a kind", "\"building\"=>\"yes\"", OSM_AREA,
     "buildings/building@13"},
    {"no house", "\"building\"=>\"no\"", OSM_AREA, ""},
    {"a castle is a building, too",
     "\"building\"=>\"castle\",\"historic\"=>\"castle\"", OSM_AREA,
     "buildings/castle@13 pois/attraction@13"},
    {"city", "\"place\"=>\"city\"", OSM_NODE, "places/city@4"},
    {"country border",
     "\"boundary\"=>\"administrative\",\"admin_level\"=>\"2\"", OSM_AREA,
     "boundaries/administrative@0"},
    {"border without a level", "\"boundary\"=>\"administrative\"", OSM_LINE,
     ""},
    {"level out of range",
     "\"boundary\"=>\"administrative\",\"admin_level\"=>\"99\"", OSM_LINE, ""},
    {"escaped quotes", "\"a\\\"b\"=>\"c\\\\d\",\"highway\"=>\"track\"",
     OSM_LINE, "roads/track@13"},
    {"cut off", "\"highway\"=>\"track\",\"na", OSM_LINE, "roads/track@13"},
    {"no tags", NULL, OSM_LINE, ""},
};

START_TEST(tags_become_the_right_layers)
{
    struct osm_tag_list list = {0};
    struct osm_look got[OSM_MAX_LOOKS];
    char text[256] = "";
    ck_assert(osm_tags_parse(&list, looks[_i].tags));
    size_t n = osm_looks(&list.tags, looks[_i].shape, got);
    for (size_t i = 0; i < n; i++) {
        size_t at = strlen(text);
        snprintf(text + at, sizeof text - at, "%s%s/%s@%d", i > 0 ? " " : "",
                 osm_layer_name(got[i].layer), got[i].class_name,
                 got[i].minzoom);
    }
    ck_assert_msg(strcmp(text, looks[_i].want) == 0, "%s: got \"%s\"",
                  looks[_i].label, text);
    osm_tag_list_free(&list);
}
END_TEST

START_TEST(names_in_all_languages_are_kept)
{
    ck_assert(osm_wants_tag(OSM_PLACES, "name"));
    ck_assert(osm_wants_tag(OSM_PLACES, "name:pt"));
    ck_assert(osm_wants_tag(OSM_ROADS, "name:zh-Hant"));
    ck_assert(!osm_wants_tag(OSM_ROADS, "nameless"));
    ck_assert(!osm_wants_tag(OSM_ROADS, "note"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("osm");
    TCase *tcase = tcase_create("osm");
    tcase_add_loop_test(tcase, tags_become_the_right_layers, 0,
                        sizeof looks / sizeof looks[0]);
    tcase_add_test(tcase, names_in_all_languages_are_kept);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
