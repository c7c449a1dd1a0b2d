/* Metatiles and bundles, made here byte by byte, and damaged. */
#include <stdlib.h>
#include <string.h>

#include "tests/tiler/convert/runner.h"
#include "tiler/convert/bundle.h"
#include "tiler/convert/metatile.h"

/* ---- metatiles ----------------------------------------------------------- */

enum { META_NBYTES = 20 + 64 * 8 + 6 };

/* Tiles "abc" at place 0 and "xyz" at place 9 of metatile 5/8/16. */
static void make_metatile(uint8_t out[META_NBYTES])
{
    memset(out, 0, META_NBYTES);
    memcpy(out, "META", 4);
    const uint32_t numbers[] = {64, 8, 16, 5};
    for (int i = 0; i < 4; i++)
        put_u32le(out + 4 + 4 * i, numbers[i]);
    put_u32le(out + 20, META_NBYTES - 6);
    put_u32le(out + 24, 3);
    put_u32le(out + 20 + 9 * 8, META_NBYTES - 3);
    put_u32le(out + 24 + 9 * 8, 3);
    memcpy(out + META_NBYTES - 6, "abcxyz", 6);
}

START_TEST(a_metatile_gives_its_tiles_by_column)
{
    uint8_t raw[META_NBYTES];
    struct metatile m;
    struct ibx_zxy at;
    struct bytes tile;
    make_metatile(raw);
    struct bytes file = {raw, sizeof(raw)};
    ck_assert_int_eq(metatile_open(file, &m, NULL), IBX_OK);
    ck_assert_uint_eq(m.side, 8);
    ck_assert_int_eq(metatile_get(&m, 0, &at, &tile, NULL), IBX_OK);
    ck_assert_mem_eq(tile.ptr, "abc", 3);
    ck_assert_int_eq(metatile_get(&m, 1, &at, &tile, NULL), IBX_NOT_FOUND);
    ck_assert_int_eq(metatile_get(&m, 9, &at, &tile, NULL), IBX_OK);
    ck_assert_mem_eq(tile.ptr, "xyz", 3);
    ck_assert_uint_eq(at.z, 5);
    ck_assert_uint_eq(at.x, 9);
    ck_assert_uint_eq(at.y, 17);
}
END_TEST

START_TEST(a_metatile_cut_anywhere_is_refused)
{
    uint8_t raw[META_NBYTES];
    struct metatile m;
    struct ibx_zxy at;
    struct bytes tile;
    make_metatile(raw);
    for (size_t n = 0; n < sizeof(raw); n++) {
        struct bytes file = {raw, n};
        enum ibx_status st = metatile_open(file, &m, NULL);
        if (st == IBX_OK)
            st = metatile_get(&m, 9, &at, &tile, NULL);
        ck_assert_int_eq(st, IBX_ERR_CORRUPT);
    }
}
END_TEST

static const struct {
    const char *label;
    size_t at;
    uint32_t value;
} bad_metatiles[] = {
    {"another magic", 0, 0x41544540},
    {"no tiles", 4, 0},
    {"63 tiles", 4, 63},
    {"2^31 tiles", 4, 0x80000000},
    {"x not on the grid", 8, 9},
    {"x outside the zoom", 8, 32},
    {"zoom 31", 16, 31},
    {"zoom 2^32 - 1", 16, 0xffffffff},
    {"an offset in the header", 20, 4},
    {"an offset of 2^32", 20, 0xfffffffe},
    {"a size of 2^32", 24, 0xffffffff},
};

START_TEST(damaged_metatiles)
{
    uint8_t raw[META_NBYTES];
    struct metatile m;
    struct ibx_zxy at;
    struct bytes tile;
    make_metatile(raw);
    put_u32le(raw + bad_metatiles[_i].at, bad_metatiles[_i].value);
    struct bytes file = {raw, sizeof(raw)};
    enum ibx_status st = metatile_open(file, &m, NULL);
    if (st == IBX_OK)
        st = metatile_get(&m, 0, &at, &tile, NULL);
    ck_assert_msg(st == IBX_ERR_CORRUPT, "%s: status %d",
                  bad_metatiles[_i].label, st);
}
END_TEST

START_TEST(the_corner_of_a_small_zoom_has_no_more_tiles_than_the_zoom)
{
    uint8_t raw[META_NBYTES];
    struct metatile m;
    struct ibx_zxy at;
    struct bytes tile;
    make_metatile(raw);
    put_u32le(raw + 8, 0);
    put_u32le(raw + 12, 0);
    put_u32le(raw + 16, 0);
    ck_assert_int_eq(metatile_open((struct bytes){raw, sizeof(raw)}, &m, NULL),
                     IBX_OK);
    ck_assert_int_eq(metatile_get(&m, 0, &at, &tile, NULL), IBX_OK);
    ck_assert_int_eq(metatile_get(&m, 9, &at, &tile, NULL), IBX_ERR_CORRUPT);
}
END_TEST

/* ---- bundles ------------------------------------------------------------- */

static const struct {
    const char *label, *path;
    bool good;
    uint32_t level, row, column;
} paths[] = {
    {"a bundle", "/c/_alllayers/L05/R0080C0100.bundle", true, 5, 128, 256},
    {"small letters", "/c/L12/R1ac00Cff80.bundle", true, 12, 0x1ac00, 0xff80},
    {"no level", "/c/R0000C0000.bundle", false, 0, 0, 0},
    {"no folder", "R0000C0000.bundle", false, 0, 0, 0},
    {"another ending", "/c/L05/R0000C0000.bundlx", false, 0, 0, 0},
    {"a sign", "/c/L05/R-080C0000.bundle", false, 0, 0, 0},
    {"no column", "/c/L05/R0080.bundle", false, 0, 0, 0},
};

START_TEST(names_of_bundles)
{
    uint32_t level = 0, row = 0, column = 0;
    bool good = bundle_parse_path(paths[_i].path, &level, &row, &column);
    ck_assert_msg(good == paths[_i].good, "%s", paths[_i].label);
    if (!good)
        return;
    ck_assert_uint_eq(level, paths[_i].level);
    ck_assert_uint_eq(row, paths[_i].row);
    ck_assert_uint_eq(column, paths[_i].column);
}
END_TEST

START_TEST(places_of_a_bundle)
{
    uint8_t *index = calloc(1, BUNDLE_INDEX_NBYTES);
    struct bundle_tile tile;
    const uint64_t data = BUNDLE_HEADER_NBYTES + BUNDLE_INDEX_NBYTES;
    ck_assert_ptr_nonnull(index);
    put_u64le(index + 8, (data + 4) | (uint64_t)10 << 40);
    put_u64le(index + 16, 10 | (uint64_t)10 << 40);
    ck_assert_int_eq(bundle_place(index, 0, data + 14, &tile, NULL),
                     IBX_NOT_FOUND);
    ck_assert_int_eq(bundle_place(index, 1, data + 14, &tile, NULL), IBX_OK);
    ck_assert_uint_eq(tile.off, data + 4);
    ck_assert_uint_eq(tile.nbytes, 10);
    ck_assert_int_eq(bundle_place(index, 1, data + 13, &tile, NULL),
                     IBX_ERR_CORRUPT);
    ck_assert_int_eq(bundle_place(index, 2, data + 14, &tile, NULL),
                     IBX_ERR_CORRUPT);
    free(index);
}
END_TEST

#define CONF(wkid, x, px, resolution)                                          \
    "<CacheInfo><TileCacheInfo><SpatialReference><WKID>" wkid                  \
    "</WKID></SpatialReference><TileOrigin xsi:type='p'><X>" x                 \
    "</X><Y>20037508.342787001</Y></TileOrigin><TileCols>" px                  \
    "</TileCols><LODInfos><LODInfo><LevelID>0</"                               \
    "LevelID><Resolution>" resolution                                          \
    "</Resolution></LODInfo></LODInfos></TileCacheInfo></CacheInfo>"

static const struct {
    const char *label, *xml;
    bool good;
    int zoom;
} caches[] = {
    {"level 0 is zoom 0",
     CONF("102100", "-20037508.342787001", "256", "156543.03392800014"), true,
     0},
    {"level 0 is zoom 3",
     CONF("102100", "-20037508.342787001", "256", "19567.87924099992"), true,
     3},
    {"512 pixels", CONF("3857", "-20037508.342787001", "512", "78271.516964"),
     true, 0},
    {"plate carree", CONF("4326", "-180", "256", "0.703125"), false, 0},
    {"another origin", CONF("102100", "-5000000", "256", "156543.03392800014"),
     false, 0},
    {"another scale", CONF("102100", "-20037508.342787001", "256", "100000"),
     false, 0},
    {"no XML", "", false, 0},
};

START_TEST(schemes_of_caches)
{
    struct bundle_levels levels;
    enum ibx_status st = bundle_levels_read(caches[_i].xml, &levels, NULL);
    ck_assert_msg((st == IBX_OK) == caches[_i].good, "%s: status %d",
                  caches[_i].label, st);
    if (caches[_i].good)
        ck_assert_int_eq(levels.zooms[0], caches[_i].zoom);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("containers");
    tcase_add_test(tests, a_metatile_gives_its_tiles_by_column);
    tcase_add_test(tests, a_metatile_cut_anywhere_is_refused);
    tcase_add_loop_test(tests, damaged_metatiles, 0,
                        sizeof(bad_metatiles) / sizeof(bad_metatiles[0]));
    tcase_add_test(tests,
                   the_corner_of_a_small_zoom_has_no_more_tiles_than_the_zoom);
    tcase_add_loop_test(tests, names_of_bundles, 0,
                        sizeof(paths) / sizeof(paths[0]));
    tcase_add_test(tests, places_of_a_bundle);
    tcase_add_loop_test(tests, schemes_of_caches, 0,
                        sizeof(caches) / sizeof(caches[0]));
    return run_case("convert.containers", tests);
}
