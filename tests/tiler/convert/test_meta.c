/* Metadata carried from container to container. */
#include <stdio.h>
#include <string.h>

#include "tests/tiler/convert/runner.h"
#include "tiler/convert/meta_text.h"

static struct bytes as_bytes(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static void add(struct meta *meta, const char *name, const char *text)
{
    ck_assert_int_eq(meta_add(meta, name, META_TEXT, as_bytes(text)), IBX_OK);
}

static const struct meta_tiles some_tiles = {
    .any = true,
    .min_zoom = 2,
    .max_zoom = 5,
    .west = -10,
    .south = -20,
    .east = 30,
    .north = 40,
    .kind = {IBX_FORMAT_MVT, IBX_ENCODING_GZIP},
    .fallback_name = "fallback",
};

static void check_same(const struct meta *a, const struct meta *b)
{
    ck_assert_uint_eq(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        ck_assert_str_eq(a->items[i].name, b->items[i].name);
        ck_assert_int_eq(a->items[i].type, b->items[i].type);
        ck_assert_uint_eq(a->items[i].nbytes, b->items[i].nbytes);
        ck_assert_mem_eq(a->items[i].text, b->items[i].text,
                         a->items[i].nbytes);
    }
}

/* Rows such as real files have, and worse. */
static void fill_rows(struct meta *meta)
{
    meta->container = META_MBTILES;
    add(meta, "name", "Porto \"roads\"\n<b>\xc3\xa9</b>");
    add(meta, "bounds", "-8.7781794,40.9810002,-8.3580007,41.3989987");
    add(meta, "center", " -8.5,41.2,6 ");
    add(meta, "formatter", "");
    add(meta, "json",
        "{\n  \"vector_layers\":[ {\"id\":\"roads\",\"fields\":{}} ],\n"
        "  \"n\": 1.50, \"version\":\"2.0.0\"}");
    add(meta, "version", "1.0.3");
    add(meta, "unknown key", "{not json");
}

START_TEST(rows_survive_the_source_section)
{
    struct meta rows = {0}, back = {0};
    struct buf section = {0};
    fill_rows(&rows);
    ck_assert_int_eq(meta_add(&rows, "blob", META_BLOB,
                              (struct bytes){(uint8_t *)"\xff\0\x01", 3}),
                     IBX_OK);
    ck_assert_int_eq(meta_add(&rows, "null", META_RAW, as_bytes("null")),
                     IBX_OK);
    meta_put_source(&rows, &section);
    ck_assert(json_valid((char *)section.ptr, section.len, NULL));
    ck_assert_int_eq(meta_read_source(&back, buf_bytes(&section), NULL),
                     IBX_OK);
    ck_assert_int_eq(back.container, META_MBTILES);
    check_same(&rows, &back);
    buf_free(&section);
    meta_free(&rows);
    meta_free(&back);
}
END_TEST

START_TEST(rows_survive_a_trip_through_pmtiles)
{
    struct meta rows = {0}, archive = {.container = META_PMTILES}, back = {0};
    struct buf json = {0};
    struct json_slice layers;
    fill_rows(&rows);
    meta_put_pmtiles(&rows, (struct json_slice){0}, &json);
    ck_assert_int_eq(meta_from_json(&archive, buf_bytes(&json), NULL), IBX_OK);
    /* Where PMTiles readers look for it. */
    ck_assert_ptr_nonnull(meta_find(&archive, "vector_layers"));
    ck_assert(meta_raw(&archive, "vector_layers", &layers));
    ck_assert(json_is(layers, '['));
    struct meta_tiles no_more = some_tiles;
    no_more.fallback_name = NULL;
    ck_assert_int_eq(meta_to_rows(&archive, &no_more, &back), IBX_OK);
    for (size_t i = 0; i < rows.count; i++) {
        ck_assert_str_eq(back.items[i].name, rows.items[i].name);
        ck_assert_str_eq(back.items[i].text, rows.items[i].text);
    }
    buf_free(&json);
    meta_free(&rows);
    meta_free(&archive);
    meta_free(&back);
}
END_TEST

START_TEST(json_metadata_come_back_character_by_character)
{
    static const char *const text =
        " {\"name\" : \"caf\\u00e9\", \"deep\":{\"a\":[1.0,2e0]},\n"
        "\"name\":\"twice\"} ";
    struct meta meta = {.container = META_PMTILES}, back = {0};
    struct buf section = {0}, out = {0};
    ck_assert_int_eq(meta_from_json(&meta, as_bytes(text), NULL), IBX_OK);
    meta_put_source(&meta, &section);
    ck_assert_int_eq(meta_read_source(&back, buf_bytes(&section), NULL),
                     IBX_OK);
    meta_put_pmtiles(&back, (struct json_slice){0}, &out);
    ck_assert_uint_eq(out.len, strlen(text));
    ck_assert_mem_eq(out.ptr, text, out.len);
    buf_free(&section);
    buf_free(&out);
    meta_free(&meta);
    meta_free(&back);
}
END_TEST

START_TEST(members_that_are_no_text_become_the_json_row)
{
    struct meta meta = {.container = META_PMTILES}, rows = {0};
    ck_assert_int_eq(
        meta_from_json(&meta,
                       as_bytes("{\"a\":\"x\",\"vector_layers\":[ ],\"n\":1.0,"
                                "\"b\":\"y\"}"),
                       NULL),
        IBX_OK);
    ck_assert_int_eq(meta_to_rows(&meta, &some_tiles, &rows), IBX_OK);
    ck_assert_str_eq(meta_find(&rows, "json")->text,
                     "{\"vector_layers\":[ ],\"n\":1.0}");
    ck_assert_str_eq(meta_find(&rows, "name")->text, "fallback");
    ck_assert_str_eq(meta_find(&rows, "format")->text, "pbf");
    ck_assert_str_eq(meta_find(&rows, "minzoom")->text, "2");
    ck_assert_str_eq(meta_find(&rows, "bounds")->text, "-10,-20,30,40");
    meta_free(&meta);
    meta_free(&rows);
}
END_TEST

START_TEST(an_edit_gives_up_the_old_text_and_nothing_else)
{
    struct meta meta = {.container = META_PMTILES};
    struct buf out = {0};
    ck_assert_int_eq(
        meta_from_json(&meta, as_bytes("{ \"name\":\"a\", \"keep\" : [ 1 ] }"),
                       NULL),
        IBX_OK);
    ck_assert_int_eq(meta_set(&meta, "name", META_TEXT, as_bytes("b")), IBX_OK);
    meta_put_pmtiles(&meta, (struct json_slice){0}, &out);
    buf_put(&out, "", 1);
    ck_assert_str_eq((char *)out.ptr, "{\"name\":\"b\",\"keep\":[ 1 ]}");
    ck_assert(meta_unset(&meta, "keep"));
    ck_assert(!meta_unset(&meta, "keep"));
    buf_free(&out);
    meta_free(&meta);
}
END_TEST

static const struct {
    const char *label, *name, *value;
    bool good;
} values[] = {
    {"a zoom", "minzoom", "0", true},
    {"a zoom with spaces", "maxzoom", " 14 ", true},
    {"letters for a zoom", "minzoom", "abc", false},
    {"a zoom of 10^9", "maxzoom", "1e9", false},
    {"a negative zoom", "minzoom", "-1", false},
    {"half a zoom", "minzoom", "1.5", false},
    {"bounds", "bounds", "-180,-85,180,85", true},
    {"no bounds", "bounds", "", true},
    {"bounds that are no numbers", "bounds", "NaN,inf,x", false},
    {"NaN in bounds", "bounds", "NaN,0,1,1", false},
    {"three bounds", "bounds", "1,2,3", false},
    {"five bounds", "bounds", "1,2,3,4,5", false},
    {"a center", "center", "1,2,3", true},
    {"a center without zoom", "center", "1,2", true},
    {"half a center", "center", "1", false},
    {"a json row", "json", "{}", true},
    {"a broken json row", "json", "{", false},
};

START_TEST(values_that_make_no_sense_are_named)
{
    struct meta meta = {.container = META_MBTILES};
    struct ibx_err err = {0};
    add(&meta, values[_i].name, values[_i].value);
    enum ibx_status st = meta_check(&meta, &err);
    ck_assert_msg((st == IBX_OK) == values[_i].good, "%s: status %d",
                  values[_i].label, st);
    if (!values[_i].good)
        ck_assert_ptr_nonnull(strstr(err.what, values[_i].name));
    meta_free(&meta);
}
END_TEST

static void check_tilejson(const struct meta *meta,
                           const struct meta_tiles *tiles, const char *want)
{
    struct buf out = {0};
    meta_put_tilejson(meta, tiles, &out);
    buf_put(&out, "", 1);
    ck_assert(json_valid((char *)out.ptr, out.len - 1, NULL));
    ck_assert_str_eq((char *)out.ptr, want);
    buf_free(&out);
}

START_TEST(tilejson_of_nothing_but_tiles)
{
    struct meta meta = {0};
    check_tilejson(&meta, &some_tiles,
                   "{\"tilejson\":\"3.0.0\",\"name\":\"fallback\",\"bounds\":"
                   "[-10,-20,30,40],\"minzoom\":2,\"maxzoom\":5}");
}
END_TEST

START_TEST(tilejson_of_rows)
{
    struct meta meta = {0};
    fill_rows(&meta);
    add(&meta, "minzoom", "0");
    add(&meta, "maxzoom", "22");
    check_tilejson(
        &meta, &some_tiles,
        "{\"tilejson\":\"3.0.0\",\"name\":\"Porto \\\"roads\\\"\\n<b>\xc3\xa9"
        "</b>\",\"version\":\"1.0.3\",\"bounds\":[-8.7781794,40.9810002,"
        "-8.3580007,41.3989987],\"minzoom\":2,\"maxzoom\":5,\"center\":[-8.5,"
        "41.2,5],\"vector_layers\":[ {\"id\":\"roads\",\"fields\":{}} ]}");
    meta_free(&meta);
}
END_TEST

START_TEST(a_center_outside_the_bounds_is_left_out)
{
    struct meta meta = {.container = META_MBTILES};
    struct meta_tiles tiles = some_tiles;
    tiles.kind.format = IBX_FORMAT_PNG;
    add(&meta, "center", "100,0,3");
    add(&meta, "bounds", "-200,-20,30,95");
    check_tilejson(&meta, &tiles,
                   "{\"tilejson\":\"3.0.0\",\"name\":\"fallback\",\"bounds\":"
                   "[-10,-20,30,40],\"minzoom\":2,\"maxzoom\":5}");
    meta_free(&meta);
}
END_TEST

START_TEST(a_pmtiles_header_is_kept_while_it_holds)
{
    struct meta meta = {.container = META_PMTILES, .has_header = true};
    struct pmtiles_header h = {0};
    meta.header = (struct pmtiles_header){
        .internal = IBX_ENCODING_GZIP,
        .min_zoom = 0,
        .max_zoom = 14,
        .center_zoom = 3,
        .west_e7 = 1,
        .south_e7 = 2,
        .east_e7 = 3,
        .north_e7 = 4,
        .center_lon_e7 = 5,
        .center_lat_e7 = 6,
    };
    meta_fill_header(&meta, &some_tiles, &h);
    ck_assert_uint_eq(h.min_zoom, 0);
    ck_assert_uint_eq(h.max_zoom, 14);
    ck_assert_int_eq(h.north_e7, 4);
    ck_assert_int_eq(h.center_lon_e7, 5);
    meta.header.max_zoom = 4; /* but there are tiles of zoom 5 */
    meta_fill_header(&meta, &some_tiles, &h);
    ck_assert_uint_eq(h.min_zoom, 2);
    ck_assert_uint_eq(h.max_zoom, 5);
}
END_TEST

static const char *const foreign[] = {
    "",
    "x",
    "{}",
    "{\"container\":\"floppy\"}",
    "{\"container\":\"pmtiles\",\"header\":\"00\"}",
    "{\"container\":\"mbtiles\",\"rows\":[[1,2]]}",
    "{\"container\":\"mbtiles\",\"rows\":[[\"a\"]]}",
    "{\"container\":\"mbtiles\",\"rows\":[[\"a\",{\"hex\":\"0\"}]]}",
};

START_TEST(foreign_source_sections_are_refused)
{
    struct meta meta = {0};
    ck_assert_msg(meta_read_source(&meta, as_bytes(foreign[_i]), NULL) ==
                      IBX_ERR_UNSUPPORTED,
                  "%s", foreign[_i]);
    meta_free(&meta);
}
END_TEST

START_TEST(an_extension_is_never_a_path)
{
    struct meta meta = {0};
    ck_assert_int_eq(
        meta_read_source(&meta,
                         as_bytes("{\"container\":\"folder\",\"extension\":"
                                  "\"../../x\"}"),
                         NULL),
        IBX_OK);
    ck_assert_str_eq(meta.extension, "");
    meta_free(&meta);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("meta");
    tcase_add_test(tests, rows_survive_the_source_section);
    tcase_add_test(tests, rows_survive_a_trip_through_pmtiles);
    tcase_add_test(tests, json_metadata_come_back_character_by_character);
    tcase_add_test(tests, members_that_are_no_text_become_the_json_row);
    tcase_add_test(tests, an_edit_gives_up_the_old_text_and_nothing_else);
    tcase_add_loop_test(tests, values_that_make_no_sense_are_named, 0,
                        sizeof(values) / sizeof(values[0]));
    tcase_add_test(tests, tilejson_of_nothing_but_tiles);
    tcase_add_test(tests, tilejson_of_rows);
    tcase_add_test(tests, a_center_outside_the_bounds_is_left_out);
    tcase_add_test(tests, a_pmtiles_header_is_kept_while_it_holds);
    tcase_add_loop_test(tests, foreign_source_sections_are_refused, 0,
                        sizeof(foreign) / sizeof(foreign[0]));
    tcase_add_test(tests, an_extension_is_never_a_path);
    return run_case("convert.meta", tests);
}
