/* The bytes that are written are the ones the specification says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pack/format.h"
#include "pack/writer/sha256.h"
#include "tests/pack/golden.h"
#include "tests/pack/support.h"

static const struct {
    uint64_t first_id, count;
    const char *bytes;
    enum ibx_format format;
    enum ibx_encoding encoding;
} tiles[] = {
    {0, 1, "world", IBX_FORMAT_PNG, IBX_ENCODING_NONE},
    {1, 2, "ocean", IBX_FORMAT_PNG, IBX_ENCODING_NONE},
    {4, 1, "", IBX_FORMAT_MVT, IBX_ENCODING_NONE},
    {5, 1, "seventeen bytes!!", IBX_FORMAT_MVT, IBX_ENCODING_GZIP},
    {9, 1, "ocean", IBX_FORMAT_PNG, IBX_ENCODING_NONE},
};

enum { NTILES = sizeof tiles / sizeof tiles[0] };

static char *folder;

static void setup(void)
{
    folder = test_dir_new();
    struct ibx_writer_options options;
    ibx_writer_options_init(&options);
    struct ibx_writer *writer = NULL;
    struct ibx_err err = {0};
    ck_ok(ibx_writer_open(folder, &options, &writer, &err), err);
    for (size_t i = 0; i < NTILES; i++) {
        struct ibx_writer_tile tile = {
            .first_id = tiles[i].first_id,
            .count = tiles[i].count,
            .bytes = (const uint8_t *)tiles[i].bytes,
            .nbytes = strlen(tiles[i].bytes),
            .format = tiles[i].format,
            .encoding = tiles[i].encoding,
        };
        ck_ok(ibx_writer_add(writer, &tile, &err), err);
    }
    struct ibx_writer_meta meta = {
        .tilejson = golden_tilejson,
        .report = golden_report,
        .source = golden_source,
        .source_nbytes = strlen(golden_source),
        .tile_px = 256,
        .source_date_epoch = 1700000000,
    };
    struct ibx_writer_result result;
    ck_ok(ibx_writer_finish(writer, &meta, &result, &err), err);
    ibx_writer_close(writer, IBX_WRITER_DISCARD);
}

static void teardown(void)
{
    test_dir_remove(folder);
}

/* The whole golden file, malloc'd. */
static uint8_t *expand(const struct golden_part *parts, size_t nparts,
                       size_t nbytes)
{
    uint8_t *bytes = calloc(1, nbytes);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < nparts; i++) {
        size_t at = (size_t)parts[i].off;
        for (const char *hex = parts[i].hex; *hex;) {
            char *end = NULL;
            bytes[at++] = (uint8_t)strtoul(hex, &end, 16);
            ck_assert_ptr_ne(end, hex);
            hex = *end == ' ' ? end + 1 : end;
        }
        ck_assert_uint_le(at, nbytes);
    }
    return bytes;
}

static void check_file(const char *name, const uint8_t *want, size_t nbytes)
{
    char *path = test_path(folder, name);
    size_t have_nbytes = 0;
    uint8_t *have = test_read(path, &have_nbytes);
    ck_assert_uint_eq(have_nbytes, nbytes);
    for (size_t i = 0; i < nbytes; i++)
        ck_assert_msg(have[i] == want[i], "%s: byte %zu is %02x, not %02x",
                      name, i, have[i], want[i]);
    free(have);
    free(path);
}

START_TEST(pack_is_the_golden_one)
{
    char name[IBX_PACK_NAME_NBYTES];
    (void)snprintf(name, sizeof name, "packs/%.2s/%s.ibx", golden_pack_sha256,
                   golden_pack_sha256);
    uint8_t *want =
        expand(golden_pack, sizeof golden_pack / sizeof golden_pack[0],
               GOLDEN_PACK_NBYTES);
    check_file(name, want, GOLDEN_PACK_NBYTES);
    free(want);
}
END_TEST

START_TEST(manifest_is_the_golden_one)
{
    char name[64];
    (void)snprintf(name, sizeof name, "manifest-%.16s.ibm",
                   golden_manifest_sha256);
    uint8_t *want = expand(golden_manifest,
                           sizeof golden_manifest / sizeof golden_manifest[0],
                           GOLDEN_MANIFEST_NBYTES);
    check_file(name, want, GOLDEN_MANIFEST_NBYTES);
    free(want);
}
END_TEST

START_TEST(current_names_the_golden_manifest)
{
    char line[64];
    (void)snprintf(line, sizeof line, "manifest-%.16s.ibm\n",
                   golden_manifest_sha256);
    check_file("CURRENT", (const uint8_t *)line, strlen(line));
}
END_TEST

/* CURRENT, a manifest, packs/, packs/xx/, one pack. */
START_TEST(nothing_else_is_left_in_the_folder)
{
    ck_assert_uint_eq(test_count(folder), 5);
}
END_TEST

START_TEST(golden_tiles_read_back)
{
    static const struct {
        uint64_t id;
        const char *bytes; /* NULL: absent */
    } rows[] = {
        {0, "world"}, {1, "ocean"}, {2, "ocean"},
        {3, NULL},    {4, ""},      {5, "seventeen bytes!!"},
        {6, NULL},    {8, NULL},    {9, "ocean"},
        {10, NULL},   {20, NULL},
    };
    struct ibx_cache_options options = test_cache_options();
    struct ibx_cache *cache = test_cache(&options);
    struct ibx_tileset *tileset = test_open(cache, folder);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ibx_tile tile = {0};
        struct ibx_zxy at = ibx_tile_zxy(rows[i].id);
        ck_status(ibx_tile_get(tileset, at, IBX_BLOCK, &tile, NULL),
                  rows[i].bytes ? IBX_OK : IBX_NOT_FOUND);
        if (rows[i].bytes) {
            ck_assert_uint_eq(tile.facts.nbytes, strlen(rows[i].bytes));
            ck_assert_mem_eq(tile.bytes, rows[i].bytes, tile.facts.nbytes);
        }
        ibx_tile_release(&tile);
    }
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden");
    TCase *tcase = tcase_create("golden");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, pack_is_the_golden_one);
    tcase_add_test(tcase, manifest_is_the_golden_one);
    tcase_add_test(tcase, current_names_the_golden_manifest);
    tcase_add_test(tcase, nothing_else_is_left_in_the_folder);
    tcase_add_test(tcase, golden_tiles_read_back);
    suite_add_tcase(suite, tcase);
    return test_main(suite);
}
