/* The writer's promises about its caller: what it refuses, what it keeps, and
 * who else may be at work. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pack/maintain.h"
#include "pack/verify.h"
#include "tests/pack/support.h"

static char *parent, *folder;
static struct ibx_writer_options options;
static struct ibx_writer *writer;
static struct ibx_writer_result result;
static struct ibx_err err;

static const struct sample tiles[] = {{0, 1, 1, 50},
                                      {1, 4, 2, 60},
                                      {5, 1, 3, 70},
                                      {7, 1, 4, 30000},
                                      {9, 1, 5, 40000}};

enum { NTILES = sizeof tiles / sizeof tiles[0] };

static void setup(void)
{
    parent = test_dir_new();
    folder = test_path(parent, "t.imbrex");
    ibx_writer_options_init(&options);
    options.pack_nbytes = IBX_PACK_NBYTES_MIN;
    writer = NULL;
    memset(&err, 0, sizeof err);
}

static void teardown(void)
{
    free(folder);
    test_dir_remove(parent);
}

static void open_writer(void)
{
    ck_ok(ibx_writer_open(folder, &options, &writer, &err), err);
}

static void finish(void)
{
    ck_ok(ibx_writer_finish(writer, &test_meta, &result, &err), err);
    ibx_writer_close(writer, IBX_WRITER_DISCARD);
}

static void publish(void)
{
    (void)test_build(folder, tiles, NTILES, IBX_PACK_NBYTES_MIN);
}

/* ---- opening ----------------------------------------------------------- */

START_TEST(options_out_of_range_are_refused)
{
    struct ibx_writer_options good = options;
    options.pack_nbytes = IBX_PACK_NBYTES_MIN - 1;
    ck_status(ibx_writer_open(folder, &options, &writer, &err),
              IBX_ERR_INVALID);
    options.pack_nbytes = (uint64_t)IBX_PACK_NBYTES_MAX + 1;
    ck_status(ibx_writer_open(folder, &options, &writer, &err),
              IBX_ERR_INVALID);
    options = good;
    options.memory_nbytes = (8 << 20) - 1;
    ck_status(ibx_writer_open(folder, &options, &writer, &err),
              IBX_ERR_INVALID);
    ck_assert_ptr_null(writer);
    ck_assert_uint_eq(test_count(parent), 0);
}
END_TEST

START_TEST(a_second_writer_and_gc_are_kept_out)
{
    struct ibx_writer *second = NULL;
    struct ibx_gc_result swept;
    publish();
    options.replace = options.restart = true;
    open_writer();
    ck_status(ibx_writer_open(folder, &options, &second, &err), IBX_ERR_BUSY);
    ck_status(ibx_gc(folder, 1, false, &swept, &err), IBX_ERR_BUSY);
    ck_assert_ptr_null(second);
    ck_ok(sample_add(writer, &tiles[0], &err), err); /* undisturbed */
    finish();
    ck_ok(ibx_gc(folder, 1, false, &swept, &err), err);
}
END_TEST

START_TEST(a_tileset_is_replaced_only_when_told)
{
    publish();
    char *before = test_listing(folder);
    ck_status(ibx_writer_open(folder, &options, &writer, &err), IBX_ERR_EXISTS);
    char *after = test_listing(folder);
    ck_assert_str_eq(after, before);
    free(before);
    free(after);
    options.replace = true;
    open_writer();
    ibx_writer_close(writer, IBX_WRITER_DISCARD);
}
END_TEST

START_TEST(an_interrupted_build_is_resumed_or_restarted_never_ignored)
{
    open_writer();
    ck_ok(sample_commit(writer, 7, tiles, 2, &err), err);
    ibx_writer_close(writer, IBX_WRITER_KEEP);
    ck_status(ibx_writer_open(folder, &options, &writer, &err), IBX_ERR_EXISTS);
    options.resume = true;
    options.fingerprint = "other inputs";
    ck_status(ibx_writer_open(folder, &options, &writer, &err),
              IBX_ERR_CONFLICT);
    options.fingerprint = NULL;
    open_writer();
    ck_assert_uint_eq(ibx_writer_resumed_units(writer), 1);
    ck_assert(ibx_writer_has_unit(writer, 7));
    ck_assert(!ibx_writer_has_unit(writer, 8));
    ibx_writer_close(writer, IBX_WRITER_KEEP);
    options.resume = false;
    options.restart = true;
    open_writer();
    ck_assert_uint_eq(ibx_writer_resumed_units(writer), 0);
    ibx_writer_close(writer, IBX_WRITER_DISCARD);
    ck_assert_uint_eq(test_count(parent), 0);
}
END_TEST

/* A pack that no manifest names, as a failed publishing leaves. */
static void leave_pack(size_t nbytes)
{
    char path[512];
    static const uint8_t bytes[64];
    ck_assert_uint_le(nbytes, sizeof bytes);
    (void)snprintf(path, sizeof path, "%s/packs", folder);
    (void)mkdir(path, 0777);
    (void)snprintf(path, sizeof path, "%s/packs/00", folder);
    ck_assert_int_eq(mkdir(path, 0777), 0);
    (void)snprintf(path, sizeof path, "%s/packs/00/%064d.ibx", folder, 0);
    test_write(path, bytes, nbytes);
}

START_TEST(what_a_failed_build_would_lose_is_counted)
{
    struct ibx_writer_kept kept;
    publish();
    options.replace = true;
    open_writer();
    ibx_writer_kept(writer, &kept);
    ck_assert_uint_eq(kept.nunits, 0);
    ck_ok(sample_commit(writer, 7, tiles, NTILES, &err), err);
    ck_ok(sample_commit(writer, 9, NULL, 0, &err), err);
    leave_pack(33);
    ibx_writer_kept(writer, &kept);
    ck_assert_uint_eq(kept.nunits, 2);
    ck_assert_uint_gt(kept.spool_nbytes, 70180); /* of the tiles alone */
    ck_assert_uint_eq(kept.pack_nbytes, 33);     /* not the published ones */
    ibx_writer_close(writer, IBX_WRITER_DISCARD);
}
END_TEST

START_TEST(a_units_state_comes_back)
{
    uint8_t *state = NULL;
    size_t nbytes = 0;
    open_writer();
    for (uint64_t key = 0; key < 100; key++)
        ck_ok(sample_commit(writer, key * 977, tiles, (size_t)(key % 3), &err),
              err);
    ibx_writer_close(writer, IBX_WRITER_KEEP);
    options.resume = true;
    open_writer();
    ck_assert_uint_eq(ibx_writer_resumed_units(writer), 100);
    for (uint64_t key = 0; key < 100; key++) {
        uint64_t want = key * 977;
        ck_ok(ibx_writer_unit_state(writer, want, &state, &nbytes, &err), err);
        ck_assert_uint_eq(nbytes, sizeof want);
        ck_assert_mem_eq(state, &want, nbytes);
        free(state);
    }
    ck_status(ibx_writer_unit_state(writer, 1, &state, &nbytes, &err),
              IBX_NOT_FOUND);
    ibx_writer_close(writer, IBX_WRITER_DISCARD);
}
END_TEST

/* A torn end is what a power cut leaves; every length of it. */
START_TEST(a_spool_cut_at_any_length_keeps_the_units_before)
{
    open_writer();
    for (uint64_t key = 0; key < 3; key++)
        ck_ok(sample_commit(writer, key, &tiles[key], 1, &err), err);
    ibx_writer_close(writer, IBX_WRITER_KEEP);
    char *path = test_path(folder, ".build/spool");
    size_t nbytes = 0;
    uint8_t *spool = test_read(path, &nbytes);
    uint64_t before = 3;
    options.resume = true;
    for (size_t length = nbytes; length-- > 0;) {
        test_write(path, spool, length);
        open_writer();
        uint64_t units = ibx_writer_resumed_units(writer);
        ck_assert_uint_le(units, before);
        for (uint64_t key = 0; key < 3; key++)
            ck_assert(ibx_writer_has_unit(writer, key) == (key < units));
        before = units;
        ibx_writer_close(writer, IBX_WRITER_KEEP);
    }
    ck_assert_uint_eq(before, 0);
    free(spool);
    free(path);
}
END_TEST

/* ---- adding ------------------------------------------------------------ */

START_TEST(impossible_tiles_are_refused)
{
    uint64_t end = ibx_zoom_first_id(31);
    static const uint8_t byte;
    const struct {
        const char *label;
        uint64_t first_id, count;
        size_t nbytes;
        enum ibx_status want;
    } rows[] = {
        {"the last id", end - 1, 1, 1, IBX_OK},
        {"an id behind the last", end, 1, 1, IBX_ERR_INVALID},
        {"a run over the end", end - 1, 2, 1, IBX_ERR_INVALID},
        {"a count that overflows", 1, UINT64_MAX, 1, IBX_ERR_INVALID},
        {"no tile", 5, 0, 1, IBX_ERR_INVALID},
        {"a run into the next zoom", 4, 2, 1, IBX_ERR_INVALID},
        {"a tile of 2 GiB", 5, 1, (size_t)INT32_MAX + 1, IBX_ERR_INVALID},
        {"an empty tile", 5, 1, 0, IBX_OK},
    };
    open_writer();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ibx_writer_tile tile = {
            .first_id = rows[i].first_id,
            .count = rows[i].count,
            .bytes = &byte,
            .nbytes = rows[i].nbytes,
        };
        struct ibx_writer_unit unit = {.key = i, .tiles = &tile, .ntiles = 1};
        enum ibx_status st = ibx_writer_add(writer, &tile, &err);
        ck_assert_msg(st == rows[i].want, "%s: %s", rows[i].label,
                      ibx_status_text(st));
        st = ibx_writer_commit(writer, &unit, &err);
        ck_assert_msg(st == rows[i].want, "unit, %s", rows[i].label);
    }
    finish();
    ck_assert_uint_eq(result.tile_count, 2);
}
END_TEST

static const struct {
    const char *label;
    struct sample a, b;
    const char *where; /* the address in the message; NULL: no conflict */
} overlaps[] = {
    {"the same tile twice", {5, 1, 9, 50}, {5, 1, 9, 50}, NULL},
    {"other bytes", {5, 1, 9, 50}, {5, 1, 11, 50}, "2/0/0"},
    {"another length", {5, 1, 9, 50}, {5, 1, 9, 51}, "2/0/0"},
    {"another format", {5, 1, 1, 0}, {5, 1, 2, 0}, "2/0/0"},
    {"a run inside a run", {5, 16, 9, 50}, {8, 2, 9, 50}, NULL},
    {"a run over the end of a run", {5, 8, 9, 50}, {10, 9, 9, 50}, NULL},
    {"other bytes inside a run", {5, 16, 9, 50}, {8, 1, 11, 50}, "2/0/1"},
};

START_TEST(overlapping_tiles_conflict_only_when_they_differ)
{
    open_writer();
    ck_ok(sample_add(writer, &overlaps[_i].b, &err), err);
    ck_ok(sample_add(writer, &overlaps[_i].a, &err), err);
    enum ibx_status st = ibx_writer_finish(writer, &test_meta, &result, &err);
    const char *where = overlaps[_i].where;
    ck_assert_msg(st == (where ? IBX_ERR_CONFLICT : IBX_OK), "%s: %s",
                  overlaps[_i].label, err.what);
    if (where)
        ck_assert_msg(strstr(err.what, where) != NULL, "%s: %s",
                      overlaps[_i].label, err.what);
    ibx_writer_close(writer, IBX_WRITER_DISCARD);
    if (where)
        ck_assert_uint_eq(test_count(parent), 0);
}
END_TEST

static volatile sig_atomic_t stop;

START_TEST(a_stop_interrupts_and_the_build_is_finished_later)
{
    options.stop = &stop;
    open_writer();
    ck_ok(sample_commit(writer, 1, tiles, NTILES, &err), err);
    stop = 1;
    ck_status(sample_add(writer, &tiles[0], &err), IBX_ERR_INTERRUPTED);
    ck_status(ibx_writer_finish(writer, &test_meta, &result, &err),
              IBX_ERR_INTERRUPTED);
    ibx_writer_close(writer, IBX_WRITER_KEEP);
    stop = 0;
    options.resume = true;
    open_writer();
    finish();
    ck_assert_uint_eq(result.tile_count, 8);
}
END_TEST

/* ---- linking and sweeping ---------------------------------------------- */

START_TEST(linked_packs_are_taken_whole)
{
    char *source = test_path(parent, "source.imbrex");
    (void)test_build(source, tiles, NTILES, IBX_PACK_NBYTES_MIN);
    struct ibx_cache_options cache_options = test_cache_options();
    struct ibx_cache *cache = test_cache(&cache_options);
    struct ibx_tileset *from = test_open(cache, source);
    open_writer();
    for (uint64_t i = 0; i < ibx_tileset_info(from)->npacks; i++)
        ck_ok(ibx_writer_link_pack(writer, from, i, &err), err);
    ck_status(ibx_writer_link_pack(writer, from, 99, &err), IBX_ERR_INVALID);
    finish();
    char *want = test_listing(source);
    char *have = test_listing(folder);
    ck_assert_str_eq(have, want); /* the manifest is the same, too */
    free(want);
    free(have);
    ibx_tileset_release(from);
    ibx_cache_close(cache);
    free(source);
}
END_TEST

/* Or the manifest would call them larger than the tileset's packs may be. */
START_TEST(the_pack_size_of_linked_packs_is_kept)
{
    char *source = test_path(parent, "source.imbrex");
    (void)test_build(source, tiles, NTILES, IBX_PACK_NBYTES_MAX);
    struct ibx_cache_options cache_options = test_cache_options();
    struct ibx_cache *cache = test_cache(&cache_options);
    struct ibx_tileset *from = test_open(cache, source);
    open_writer();
    ck_ok(ibx_writer_link_pack(writer, from, 0, &err), err);
    finish();
    struct ibx_tileset *made = test_open(cache, folder);
    uint64_t cap = ibx_tileset_pack_nbytes_cap(made);
    ck_assert_uint_eq(cap, (uint64_t)IBX_PACK_NBYTES_MAX);
    ibx_tileset_release(made);
    ibx_tileset_release(from);
    ibx_cache_close(cache);
    free(source);
}
END_TEST

START_TEST(a_tile_inside_a_linked_pack_conflicts)
{
    char *source = test_path(parent, "source.imbrex");
    (void)test_build(source, tiles, NTILES, IBX_PACK_NBYTES_MIN);
    struct ibx_cache_options cache_options = test_cache_options();
    struct ibx_cache *cache = test_cache(&cache_options);
    struct ibx_tileset *from = test_open(cache, source);
    open_writer();
    ck_ok(ibx_writer_link_pack(writer, from, 0, &err), err);
    ck_ok(sample_add(writer, &tiles[1], &err), err);
    ck_status(ibx_writer_finish(writer, &test_meta, &result, &err),
              IBX_ERR_CONFLICT);
    ibx_writer_close(writer, IBX_WRITER_DISCARD);
    ck_assert_int_ne(access(folder, F_OK), 0);
    ibx_tileset_release(from);
    ibx_cache_close(cache);
    free(source);
}
END_TEST

static struct ibx_gc_result sweep(unsigned keep, bool dry_run)
{
    struct ibx_gc_result swept;
    ck_ok(ibx_gc(folder, keep, dry_run, &swept, &err), err);
    return swept;
}

START_TEST(gc_keeps_what_it_should)
{
    struct sample changing[NTILES];
    memcpy(changing, tiles, sizeof tiles);
    char first[IBX_GENERATION_NCHARS + 1] = "";
    for (uint32_t i = 0; i < 4; i++) {
        changing[NTILES - 1].seed = 100 + i;
        result = test_build(folder, changing, NTILES, IBX_PACK_NBYTES_MIN);
        if (i == 0)
            memcpy(first, result.generation, sizeof first);
        (void)usleep(20000); /* generations are told apart by their mtime */
    }
    char *foreign = test_path(folder, "packs/notes.txt");
    test_write(foreign, "mine", 4);
    struct ibx_gc_result dry = sweep(2, true);
    struct ibx_gc_result wet = sweep(2, false);
    ck_assert_mem_eq(&dry, &wet, sizeof dry);
    ck_assert_uint_eq(wet.generations_removed, 2);
    ck_assert_uint_eq(wet.packs_removed, 2);
    struct ibx_cache_options cache_options = test_cache_options();
    struct ibx_cache *cache = test_cache(&cache_options);
    struct ibx_tileset *tileset = test_open(cache, folder);
    for (size_t i = 0; i < NTILES; i++)
        ck_status(
            test_get(tileset, changing[i].first_id, &changing[i], IBX_BLOCK),
            IBX_OK);
    ibx_tileset_release(tileset);
    tileset = NULL;
    ck_status(ibx_tileset_open(cache, folder, first, &tileset, NULL),
              IBX_ERR_MISSING);
    ibx_cache_close(cache);
    ck_assert_int_eq(access(foreign, F_OK), 0);
    ck_assert_uint_eq(sweep(1, false).generations_removed, 1);
    free(foreign);
}
END_TEST

/* An old generation that CURRENT was set back to counts as the newest. */
START_TEST(gc_keeps_the_generation_in_force_however_old)
{
    publish();
    char *current = test_path(folder, "CURRENT");
    size_t nbytes = 0;
    uint8_t *old = test_read(current, &nbytes);
    (void)test_build(folder, tiles, 2, IBX_PACK_NBYTES_MIN);
    test_replace(current, old, nbytes);
    ck_assert_uint_eq(sweep(1, false).generations_removed, 1);
    struct ibx_cache_options cache_options = test_cache_options();
    struct ibx_cache *cache = test_cache(&cache_options);
    struct ibx_tileset *tileset = test_open(cache, folder);
    ck_status(test_get(tileset, 9, &tiles[NTILES - 1], IBX_BLOCK), IBX_OK);
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
    free(old);
    free(current);
}
END_TEST

START_TEST(gc_refuses_rather_than_guesses)
{
    struct ibx_gc_result swept;
    ck_status(ibx_gc(folder, 1, false, &swept, &err), IBX_ERR_MISSING);
    publish();
    (void)test_build(folder, tiles, 2, IBX_PACK_NBYTES_MIN);
    ck_status(ibx_gc(folder, 0, false, &swept, &err), IBX_ERR_INVALID);
    char *manifest = test_manifest_path(folder);
    unsigned before = test_count(folder);
    test_truncate(manifest, 5000);
    ck_status(ibx_gc(folder, 1, false, &swept, &err), IBX_ERR_CORRUPT);
    ck_assert_uint_eq(test_count(folder), before);
    ck_assert_int_eq(unlink(manifest), 0);
    ck_status(ibx_gc(folder, 1, false, &swept, &err), IBX_ERR_MISSING);
    ck_assert_uint_eq(test_count(folder), before - 1);
    free(manifest);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("writer");
    TCase *tcase = tcase_create("writer");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, options_out_of_range_are_refused);
    tcase_add_test(tcase, a_second_writer_and_gc_are_kept_out);
    tcase_add_test(tcase, a_tileset_is_replaced_only_when_told);
    tcase_add_test(tcase,
                   an_interrupted_build_is_resumed_or_restarted_never_ignored);
    tcase_add_test(tcase, what_a_failed_build_would_lose_is_counted);
    tcase_add_test(tcase, a_units_state_comes_back);
    tcase_add_test(tcase, a_spool_cut_at_any_length_keeps_the_units_before);
    tcase_add_test(tcase, impossible_tiles_are_refused);
    tcase_add_loop_test(tcase, overlapping_tiles_conflict_only_when_they_differ,
                        0, sizeof overlaps / sizeof overlaps[0]);
    tcase_add_test(tcase, a_stop_interrupts_and_the_build_is_finished_later);
    tcase_add_test(tcase, linked_packs_are_taken_whole);
    tcase_add_test(tcase, the_pack_size_of_linked_packs_is_kept);
    tcase_add_test(tcase, a_tile_inside_a_linked_pack_conflicts);
    tcase_add_test(tcase, gc_keeps_what_it_should);
    tcase_add_test(tcase, gc_keeps_the_generation_in_force_however_old);
    tcase_add_test(tcase, gc_refuses_rather_than_guesses);
    suite_add_tcase(suite, tcase);
    return test_main(suite);
}
