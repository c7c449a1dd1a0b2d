/* Packs and manifests that are damaged, cut or replaced while they are open:
 * an error that names the fault, and the right tile as soon as the file is
 * mended by rename. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pack/format.h"
#include "tests/pack/support.h"

static const struct sample tiles[] = {
    {0, 1, 1, 9000}, {1, 1, 2, 9000}, {2, 1, 3, 100000}};

enum { NTILES = sizeof tiles / sizeof tiles[0] };

static const enum ibx_verify verifies[] = {IBX_VERIFY_ALWAYS, IBX_VERIFY_FIRST,
                                           IBX_VERIFY_NEVER};

static char *folder, *path, *oversize_path;
static uint8_t *pack, *oversize;
static size_t nbytes, oversize_nbytes;
static struct ibx_cache *cache;
static struct ibx_tileset *tileset;

static void open_with(enum ibx_verify verify)
{
    struct ibx_cache_options options = test_cache_options();
    options.verify = verify;
    cache = test_cache(&options);
    tileset = test_open(cache, folder);
}

static void close_all(void)
{
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
}

static void setup(void)
{
    folder = test_dir_new();
    (void)test_build(folder, tiles, NTILES, IBX_PACK_NBYTES_MIN);
    open_with(IBX_VERIFY_ALWAYS);
    path = test_pack_path(tileset, 0);
    oversize_path = test_pack_path(tileset, 1);
    pack = test_read(path, &nbytes);
    oversize = test_read(oversize_path, &oversize_nbytes);
    close_all();
}

static void teardown(void)
{
    free(path);
    free(oversize_path);
    free(pack);
    free(oversize);
    test_dir_remove(folder);
}

static enum ibx_status get(size_t i)
{
    return test_get(tileset, tiles[i].first_id, &tiles[i], IBX_BLOCK);
}

static struct ibx_cache_stats stats(void)
{
    struct ibx_cache_stats now;
    ibx_cache_stats(cache, &now);
    return now;
}

/* Flips a bit of the first tile's payload in the file that is there. */
static void damage(int fd)
{
    off_t at = IBX_HEADER_NBYTES + 16 + IBX_BLOB_HEADER_NBYTES + 1000;
    uint8_t byte = 0;
    ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
    byte ^= 4;
    ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
}

static int open_rw(const char *name)
{
    int fd = open(name, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    return fd;
}

START_TEST(a_damaged_tile_is_corrupt_until_mended_and_its_neighbour_is_not)
{
    open_with(IBX_VERIFY_ALWAYS);
    ck_status(get(0), IBX_OK);
    int fd = open_rw(path);
    damage(fd);
    close(fd);
    for (int i = 0; i < 3; i++) {
        ck_status(get(0), IBX_ERR_CORRUPT);
        ck_status(get(1), IBX_OK);
    }
    ck_assert_uint_ge(stats().corrupt, 6); /* both attempts */
    ck_assert_uint_ge(stats().quarantines, 6);
    test_replace(path, pack, nbytes);
    /* The view opened for the neighbour still maps the damaged file: found
     * out, thrown away and opened anew within the one call. */
    ck_status(get(0), IBX_OK);
    close_all();
}
END_TEST

START_TEST(the_error_says_what_and_where)
{
    open_with(IBX_VERIFY_ALWAYS);
    int fd = open_rw(path);
    damage(fd);
    close(fd);
    struct ibx_tile tile = {0};
    struct ibx_err err = {0};
    ck_status(ibx_tile_get(tileset, ibx_tile_zxy(0), IBX_BLOCK, &tile, &err),
              IBX_ERR_CORRUPT);
    ck_assert_int_eq(err.status, IBX_ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.what, "checksum"));
    ck_assert_str_eq(err.file, path);
    ck_assert_ptr_null(tile.bytes);
    close_all();
}
END_TEST

START_TEST(stat_and_walk_see_the_damage_too)
{
    open_with(IBX_VERIFY_FIRST);
    int fd = open_rw(path);
    damage(fd);
    close(fd);
    struct ibx_tile_facts facts;
    struct ibx_walk *walk = NULL;
    struct ibx_span span;
    struct ibx_tile tile = {0};
    struct ibx_err err = {0};
    ck_status(ibx_tile_stat(tileset, ibx_tile_zxy(0), IBX_BLOCK, &facts, NULL),
              IBX_ERR_CORRUPT);
    ck_ok(ibx_walk_open(tileset, 0, &walk, &err), err);
    ck_status(ibx_walk_tile(walk, &tile, NULL), IBX_ERR_INVALID);
    ck_ok(ibx_walk_next(walk, &span, &err), err);
    ck_status(ibx_walk_tile(walk, &tile, NULL), IBX_ERR_CORRUPT);
    test_replace(path, pack, nbytes);
    ck_ok(ibx_walk_tile(walk, &tile, &err), err);
    sample_check(&tiles[0], &tile);
    ibx_tile_release(&tile);
    ibx_walk_close(walk);
    close_all();
}
END_TEST

/* Touching what the file no longer covers is a SIGBUS. */
START_TEST(a_pack_cut_while_mapped_is_corrupt_and_nobody_dies)
{
    static const uint64_t lengths[] = {0, 4096, 8192};
    open_with(verifies[_i]);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        ck_status(get(0), IBX_OK);
        ck_status(get(1), IBX_OK);
        uint64_t faults = stats().faults;
        test_truncate(path, lengths[i]);
        ck_status(get(1), IBX_ERR_CORRUPT);
        ck_assert_uint_gt(stats().faults, faults);
        ck_status(get(0), IBX_ERR_CORRUPT);
        test_replace(path, pack, nbytes);
    }
    ck_status(get(0), IBX_OK);
    close_all();
}
END_TEST

START_TEST(an_oversize_pack_is_read_and_guarded_as_well)
{
    open_with(verifies[_i]);
    ck_status(get(2), IBX_OK);
    test_truncate(oversize_path, oversize_nbytes - 4096);
    ck_status(get(2), IBX_ERR_CORRUPT);
    test_replace(oversize_path, oversize, oversize_nbytes);
    ck_status(get(2), IBX_OK);
    close_all();
}
END_TEST

START_TEST(a_manifest_cut_while_mapped_is_corrupt_and_nobody_dies)
{
    open_with(verifies[_i]);
    char *manifest = test_manifest_path(folder);
    ck_status(get(0), IBX_OK);
    test_truncate(manifest, 0);
    ck_status(get(0), IBX_ERR_CORRUPT);
    ck_status(test_get(tileset, 0, NULL, IBX_TRY), IBX_ERR_CORRUPT);
    struct ibx_walk *walk = NULL;
    char *text = NULL;
    size_t text_nbytes = 0;
    struct ibx_pack_info info;
    ck_status(ibx_walk_open(tileset, 0, &walk, NULL), IBX_ERR_CORRUPT);
    ck_status(
        ibx_tileset_text(tileset, IBX_TEXT_TILEJSON, &text, &text_nbytes, NULL),
        IBX_ERR_CORRUPT);
    ck_status(ibx_pack_info(tileset, 0, &info, NULL), IBX_ERR_CORRUPT);
    ck_assert_uint_gt(stats().faults, 0);
    free(manifest);
    close_all();
}
END_TEST

static struct ibx_manifest_header manifest_header(const char *manifest)
{
    size_t manifest_nbytes = 0;
    uint8_t *bytes = test_read(manifest, &manifest_nbytes);
    struct ibx_manifest_header header = {0};
    const char *why = NULL;
    ck_status(ibx_manifest_header_decode(bytes, manifest_nbytes, &header, &why),
              IBX_OK);
    free(bytes);
    return header;
}

/* Every tile is there or an error; what was never there is that or an error. */
static void check_nothing_is_lost(enum ibx_wait wait)
{
    for (size_t i = 0; i < 3; i++) {
        struct ibx_tile_facts facts;
        struct ibx_zxy at = ibx_tile_zxy(tiles[i].first_id);
        ck_assert(test_get(tileset, tiles[i].first_id, &tiles[i], wait) !=
                  IBX_NOT_FOUND);
        ck_assert(ibx_tile_stat(tileset, at, wait, &facts, NULL) !=
                  IBX_NOT_FOUND);
    }
}

static void overwrite(int fd, uint64_t page, int with)
{
    uint8_t bytes[IBX_PAGE_NBYTES];
    memset(bytes, with, sizeof bytes);
    ck_assert_int_eq(
        pwrite(fd, bytes, sizeof bytes, (off_t)(page * IBX_PAGE_NBYTES)),
        IBX_PAGE_NBYTES);
}

/* Pages are checked when they are first touched; what is written over them
 * later must not make tiles disappear. */
START_TEST(a_manifest_overwritten_while_mapped_never_loses_a_tile)
{
    enum { ABSENT = 4000 };
    open_with(verifies[_i]);
    char *manifest = test_manifest_path(folder);
    size_t manifest_nbytes = 0;
    uint8_t *good = test_read(manifest, &manifest_nbytes);
    struct ibx_manifest_header header = manifest_header(manifest);
    const uint64_t pages[] = {header.first_ids_page, header.records_page};
    int fd = open_rw(manifest);
    for (int with = 0; with < 256; with += 255) {
        for (size_t p = 0; p < 2; p++) {
            ibx_cache_distrust(cache);
            check_nothing_is_lost(IBX_BLOCK); /* now the pages are trusted */
            ck_status(get(0), IBX_OK);
            ck_status(test_get(tileset, ABSENT, NULL, IBX_BLOCK),
                      IBX_NOT_FOUND);
            ck_status(test_get(tileset, ABSENT, NULL, IBX_TRY), IBX_NOT_FOUND);
            overwrite(fd, pages[p], with);
            check_nothing_is_lost(IBX_TRY);
            check_nothing_is_lost(IBX_BLOCK);
            ck_status(test_get(tileset, ABSENT, NULL, IBX_BLOCK),
                      IBX_ERR_CORRUPT);
            ck_assert_int_eq(pwrite(fd, good, manifest_nbytes, 0),
                             (ssize_t)manifest_nbytes);
            ck_status(get(0), IBX_OK);
            ck_status(test_get(tileset, ABSENT, NULL, IBX_BLOCK),
                      IBX_NOT_FOUND);
        }
    }
    close(fd);
    free(good);
    free(manifest);
    close_all();
}
END_TEST

/* A replaced pack is a new file: who has the old one open reads it on. */
START_TEST(replacing_by_rename_disturbs_nobody)
{
    open_with(verifies[_i]);
    ck_status(get(0), IBX_OK);
    int old = open_rw(path);
    test_replace(path, pack, nbytes);
    ck_status(get(0), IBX_OK);
    ck_status(get(1), IBX_OK);
    ck_assert_uint_eq(stats().quarantines, 0);
    close(old);
    close_all();
}
END_TEST

START_TEST(a_missing_pack_is_missing_until_it_is_back)
{
    open_with(IBX_VERIFY_ALWAYS);
    ck_assert_int_eq(unlink(path), 0);
    ck_status(get(0), IBX_ERR_MISSING);
    ck_status(get(2), IBX_OK);
    test_replace(path, pack, nbytes);
    ck_status(get(0), IBX_OK);
    close_all();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mend");
    TCase *tcase = tcase_create("mend");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(
        tcase, a_damaged_tile_is_corrupt_until_mended_and_its_neighbour_is_not);
    tcase_add_test(tcase, the_error_says_what_and_where);
    tcase_add_test(tcase, stat_and_walk_see_the_damage_too);
    tcase_add_loop_test(
        tcase, a_pack_cut_while_mapped_is_corrupt_and_nobody_dies, 0, 3);
    tcase_add_loop_test(tcase, an_oversize_pack_is_read_and_guarded_as_well, 0,
                        3);
    tcase_add_loop_test(
        tcase, a_manifest_overwritten_while_mapped_never_loses_a_tile, 0, 3);
    tcase_add_loop_test(
        tcase, a_manifest_cut_while_mapped_is_corrupt_and_nobody_dies, 0, 3);
    tcase_add_loop_test(tcase, replacing_by_rename_disturbs_nobody, 0, 3);
    tcase_add_test(tcase, a_missing_pack_is_missing_until_it_is_back);
    suite_add_tcase(suite, tcase);
    return test_main(suite);
}
