#include "server/route.h"

#include <stdio.h>

#include "tests/server/table.h"

static const struct {
    const char *label, *target;
    enum route_kind kind;
    const char *id;
} kinds[] = {
    {"page", "/", ROUTE_PAGE, ""},
    {"page with a query", "/?x=/../", ROUTE_PAGE, ""},
    {"no path", "", ROUTE_BAD, ""},
    {"no slash", "world/0/0/0", ROUTE_BAD, ""},
    {"asterisk", "*", ROUTE_SERVER, ""},
    {"asterisk and more", "*a", ROUTE_BAD, ""},
    {"tile", "/world/3/1/2.png", ROUTE_TILE, "world"},
    {"tile, absolute form", "http://a:1/world/3/1/2", ROUTE_TILE, "world"},
    {"absolute form without a path", "https://a", ROUTE_PAGE, ""},
    {"absolute form without a host", "http:///a", ROUTE_BAD, ""},
    {"escaped letters", "/w%6Frld/3/1/2", ROUTE_TILE, "world"},
    {"escaped slash", "/w%2frld/3/1/2", ROUTE_NOTHING, ""},
    {"escape of an escape", "/w%256frld/3/1/2", ROUTE_NOTHING, ""},
    {"NUL", "/world%00/3/1/2", ROUTE_BAD, ""},
    {"half an escape", "/world/3/1/2%a", ROUTE_BAD, ""},
    {"dot segment", "/./world/3/1/2", ROUTE_BAD, ""},
    {"two dots", "/world/..", ROUTE_BAD, ""},
    {"escaped dots", "/%2e%2E/x", ROUTE_BAD, ""},
    {"three dots are a name", "/.../x", ROUTE_NOTHING, ""},
    {"leading zero", "/world/3/01/2", ROUTE_BAD, ""},
    {"sign", "/world/3/-1/2", ROUTE_BAD, ""},
    {"empty number", "/world/3//2", ROUTE_BAD, ""},
    {"unknown extension", "/world/3/1/2.exe", ROUTE_NOTHING, ""},
    {"too few segments", "/world/3/1", ROUTE_NOTHING, ""},
    {"too many segments", "/a/b/c/d/e/f/g/h/i/j/k/l", ROUTE_NOTHING, ""},
    {"pinned", "/world/@0123456789abcdef/3/1/2", ROUTE_TILE, "world"},
    {"pinned to no generation", "/world/@0123/3/1/2", ROUTE_NOTHING, ""},
    {"pinned in capitals", "/world/@0123456789ABCDEF/3/1/2", ROUTE_NOTHING, ""},
    {"TileJSON", "/world.json", ROUTE_TILEJSON, "world"},
    {"TileJSON of an id with dots", "/a.b.json", ROUTE_TILEJSON, "a.b"},
    {"the other TileJSON", "/world/tiles.json", ROUTE_TILEJSON, "world"},
    {"no id", "/.json", ROUTE_NOTHING, ""},
    {"catalog", "/catalog.json", ROUTE_CATALOG, ""},
    {"status", "/status.json", ROUTE_STATUS, ""},
    {"style", "/styles/world.json", ROUTE_STYLE, "world"},
    {"asset", "/assets/app.js", ROUTE_ASSET, ""},
    {"hidden asset", "/assets/.app.js", ROUTE_NOTHING, ""},
    {"asset with a slash", "/assets/a%2fb", ROUTE_NOTHING, ""},
    {"tileset named assets", "/assets/0/0/0", ROUTE_TILE, "assets"},
    {"font", "/fonts/Noto%20Sans/256-511.pbf", ROUTE_FONT, ""},
    {"odd font range", "/fonts/A/255-510.pbf", ROUTE_NOTHING, ""},
    {"font range too high", "/fonts/A/1114112-1114367.pbf", ROUTE_NOTHING, ""},
    {"sprite", "/sprites/sprite@2x.png", ROUTE_SPRITE, ""},
    {"TMS service", "/tms/1.0.0/", ROUTE_TMS_SERVICE, ""},
    {"TMS of another version", "/tms/2.0.0/", ROUTE_NOTHING, ""},
    {"TMS map", "/tms/1.0.0/world/tilemapresource.xml", ROUTE_TMS_MAP, "world"},
    {"TMS tile", "/tms/1.0.0/world/3/1/2.png", ROUTE_TILE, "world"},
    {"WMTS", "/wmts/1.0.0/WMTSCapabilities.xml", ROUTE_WMTS, ""},
    {"WMTS tile", "/wmts/a/WebMercatorQuad/3/2/1.png", ROUTE_TILE, "a"},
    {"WMTS, other matrix set", "/wmts/a/X/3/2/1.png", ROUTE_NOTHING, ""},
    {"OGC landing", "/ogc/", ROUTE_OGC_LANDING, ""},
    {"OGC landing without slash", "/ogc", ROUTE_OGC_LANDING, ""},
    {"OGC collection", "/ogc/collections/a", ROUTE_OGC_COLLECTION, "a"},
    {"OGC tilesets", "/ogc/collections/a/tiles", ROUTE_OGC_TILESETS, "a"},
    {"OGC map tile", "/ogc/collections/a/map/tiles/WebMercatorQuad/3/2/1",
     ROUTE_TILE, "a"},
    {"OGC scheme", "/ogc/tileMatrixSets/WebMercatorQuad", ROUTE_OGC_SCHEME, ""},
    {"admin paths are elsewhere", "/healthz", ROUTE_NOTHING, ""},
};

START_TEST(target_names_a_resource)
{
    struct route route;
    route_parse(kinds[_i].target, "", &route);
    ck_assert_msg(route.kind == kinds[_i].kind, "%s: kind %d, want %d",
                  kinds[_i].label, (int)route.kind, (int)kinds[_i].kind);
    if (kinds[_i].id[0] != '\0')
        ck_assert_msg(strcmp(route.id, kinds[_i].id) == 0, "%s: id %s",
                      kinds[_i].label, route.id);
}
END_TEST

static const struct {
    const char *label, *target;
    bool in_range;
    unsigned z, x, y, scale;
    enum ibx_format format;
} tiles[] = {
    {"XYZ", "/a/3/1/2.png", true, 3, 1, 2, 1, IBX_FORMAT_PNG},
    {"no extension", "/a/3/1/2", true, 3, 1, 2, 1, IBX_FORMAT_UNKNOWN},
    {"pbf is mvt", "/a/3/1/2.pbf", true, 3, 1, 2, 1, IBX_FORMAT_MVT},
    {"jpeg is jpg", "/a/3/1/2.jpeg", true, 3, 1, 2, 1, IBX_FORMAT_JPEG},
    {"twice the size", "/a/3/1/2@2x.webp", true, 3, 1, 2, 2, IBX_FORMAT_WEBP},
    {"TMS counts from the south", "/tms/1.0.0/a/3/1/2.png", true, 3, 1, 5, 1,
     IBX_FORMAT_PNG},
    {"WMTS has the row first", "/wmts/a/WebMercatorQuad/3/2/1.png", true, 3, 1,
     2, 1, IBX_FORMAT_PNG},
    {"deepest", "/a/30/1073741823/1073741823", true, 30, 1073741823, 1073741823,
     1, IBX_FORMAT_UNKNOWN},
    {"too deep", "/a/31/0/0", false, 0, 0, 0, 1, IBX_FORMAT_UNKNOWN},
    {"column outside", "/a/3/8/0", false, 3, 8, 0, 1, IBX_FORMAT_UNKNOWN},
    {"row beyond any integer", "/a/3/0/99999999999999999999", false, 0, 0, 0, 1,
     IBX_FORMAT_UNKNOWN},
};

START_TEST(tile_has_an_address)
{
    struct route route;
    route_parse(tiles[_i].target, "", &route);
    ck_assert_msg(route.kind == ROUTE_TILE, "%s: kind", tiles[_i].label);
    ck_assert_msg(route.in_range == tiles[_i].in_range &&
                      route.scale == tiles[_i].scale &&
                      route.format == tiles[_i].format,
                  "%s: range, scale or format", tiles[_i].label);
    ck_assert_msg(route.at.z == tiles[_i].z && route.at.x == tiles[_i].x &&
                      route.at.y == tiles[_i].y,
                  "%s: %u/%u/%u", tiles[_i].label, route.at.z, route.at.x,
                  route.at.y);
}
END_TEST

static const struct {
    const char *label, *base, *target;
    enum route_kind kind;
} based[] = {
    {"inside", "/maps", "/maps/world.json", ROUTE_TILEJSON},
    {"its root", "/maps", "/maps/", ROUTE_PAGE},
    {"without a slash", "/maps", "/maps", ROUTE_NOTHING},
    {"outside", "/maps", "/world.json", ROUTE_NOTHING},
    {"a longer name", "/maps", "/mapsworld.json", ROUTE_NOTHING},
    {"outside and broken", "/maps", "/%zz", ROUTE_BAD},
};

START_TEST(base_path_is_taken_off)
{
    struct route route;
    route_parse(based[_i].target, based[_i].base, &route);
    ck_assert_msg(route.kind == based[_i].kind, "%s: kind %d", based[_i].label,
                  (int)route.kind);
}
END_TEST

START_TEST(admin_has_its_own_targets)
{
    struct route route;
    route_parse_admin("/metrics?x", &route);
    ck_assert_int_eq(route.kind, ROUTE_METRICS);
    route_parse_admin("/reload", &route);
    ck_assert_int_eq(route.kind, ROUTE_RELOAD);
    route_parse_admin("/world.json", &route);
    ck_assert_int_eq(route.kind, ROUTE_NOTHING);
    route_parse_admin("/metrics/", &route);
    ck_assert_int_eq(route.kind, ROUTE_NOTHING);
}
END_TEST

/* The same target, with and without a character escaped, is parsed by two ways
 * that must not differ. */
START_TEST(an_escape_changes_nothing)
{
    const char *target = kinds[_i].target;
    char escaped[600];
    struct route plain, other;
    if (target[0] != '/' || target[1] == '%' || target[1] == '?' ||
        target[1] == '\0' || target[1] == '/')
        return;
    (void)snprintf(escaped, sizeof(escaped), "/%%%02x%s", (unsigned)target[1],
                   target + 2);
    route_parse(target, "", &plain);
    route_parse(escaped, "", &other);
    ck_assert_msg(plain.kind == other.kind, "%s: %d, %s: %d", target,
                  (int)plain.kind, escaped, (int)other.kind);
    ck_assert_str_eq(plain.id, other.id);
    ck_assert_str_eq(plain.name, other.name);
    ck_assert_str_eq(plain.generation, other.generation);
    ck_assert_int_eq(plain.in_range, other.in_range);
    ck_assert_uint_eq(plain.at.z, other.at.z);
    ck_assert_uint_eq(plain.at.x, other.at.x);
    ck_assert_uint_eq(plain.at.y, other.at.y);
    ck_assert_int_eq(plain.format, other.format);
}
END_TEST

START_TEST(every_cut_of_a_long_target_is_parsed)
{
    static const char all[] = "/%77orld/@0123456789abcdef/3/1/2@2x.png?a#b";
    char target[sizeof(all)];
    struct route route;
    for (size_t len = 0; len < sizeof(all); len++) {
        memcpy(target, all, len);
        target[len] = '\0';
        route_parse(target, "", &route);
        ck_assert_int_le(route.kind, ROUTE_RELOAD);
    }
    ck_assert_int_eq(route.kind, ROUTE_TILE);
}
END_TEST

static const struct {
    const char *label, *id;
    bool valid;
} ids[] = {
    {"letters", "World", true},
    {"all marks", "a_b-c.d9", true},
    {"a dash first", "-a", true},
    {"a dot first", ".a", false},
    {"empty", "", false},
    {"a slash", "a/b", false},
    {"a blank", "a b", false},
    {"reserved", "catalog", false},
    {"reserved, longer", "tms1", true},
    {"not ASCII", "\xc3\xa4", false},
    {"63 characters",
     "123456789012345678901234567890123456789012345678901234567890123", true},
    {"64 characters",
     "1234567890123456789012345678901234567890123456789012345678901234", false},
};

START_TEST(ids_are_checked)
{
    ck_assert_msg(route_id_is_valid(ids[_i].id) == ids[_i].valid, "%s",
                  ids[_i].label);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("route");
    TCase *all = tcase_create("tables");
    tcase_add_loop_test(all, target_names_a_resource, 0, ROWS(kinds));
    tcase_add_loop_test(all, tile_has_an_address, 0, ROWS(tiles));
    tcase_add_loop_test(all, base_path_is_taken_off, 0, ROWS(based));
    tcase_add_loop_test(all, ids_are_checked, 0, ROWS(ids));
    tcase_add_test(all, admin_has_its_own_targets);
    tcase_add_loop_test(all, an_escape_changes_nothing, 0, ROWS(kinds));
    tcase_add_test(all, every_cut_of_a_long_target_is_parsed);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
