/* Writing while the system refuses: the nth call of making a new generation
 * fails, for every n. The old generation stays whole, CURRENT always names a
 * whole one, nothing leaks, and after discarding nothing is left over. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pack/maintain.h"
#include "tests/fault/fault.h"
#include "tests/pack/support.h"

static const struct sample old_tiles[] = {
    {0, 1, 1, 30000}, {1, 1, 2, 30000}, {2, 1, 3, 30000}, {21, 3, 5, 900}};

/* One pack stays as it was, one changes, one is oversize. */
static const struct sample new_tiles[] = {{0, 1, 1, 30000},   {1, 1, 2, 30000},
                                          {2, 1, 33, 30000},  {21, 3, 5, 900},
                                          {30, 1, 7, 100000}, {40, 1, 9, 0}};

enum {
    NOLD = sizeof old_tiles / sizeof old_tiles[0],
    NNEW = sizeof new_tiles / sizeof new_tiles[0],
    NUNITS = 2,
};

static char *folder, *old_listing, *new_listing;

static void setup(void)
{
    folder = test_dir_new();
    (void)test_build(folder, old_tiles, NOLD, IBX_PACK_NBYTES_MIN);
    old_listing = test_listing(folder);
    (void)test_build(folder, new_tiles, NNEW, IBX_PACK_NBYTES_MIN);
    new_listing = test_listing(folder);
}

static void teardown(void)
{
    test_dir_remove(folder);
    free(old_listing);
    free(new_listing);
}

/* Half the tiles loose, half in units. */
static enum ibx_status add_all(struct ibx_writer *writer, struct ibx_err *err)
{
    enum ibx_status st = IBX_OK;
    for (uint64_t unit = 0; unit < NUNITS && st == IBX_OK; unit++)
        st = sample_commit(writer, unit, &new_tiles[unit * 2], 2, err);
    for (size_t i = (size_t)NUNITS * 2; i < NNEW && st == IBX_OK; i++)
        st = sample_add(writer, &new_tiles[i], err);
    return st;
}

static enum ibx_status write_new(const char *where, struct ibx_err *err)
{
    struct ibx_writer_options options;
    struct ibx_writer_result result;
    struct ibx_writer *writer = NULL;
    ibx_writer_options_init(&options);
    options.pack_nbytes = IBX_PACK_NBYTES_MIN;
    options.replace = true;
    enum ibx_status st = ibx_writer_open(where, &options, &writer, err);
    if (st == IBX_OK)
        st = add_all(writer, err);
    if (st == IBX_OK)
        st = ibx_writer_finish(writer, &test_meta, &result, err);
    bool fired = fault_disarm();
    ibx_writer_close(writer, IBX_WRITER_DISCARD);
    ck_assert_msg(st == IBX_OK || fired, "%s: %s", err->file, err->what);
    return st;
}

static void check_reads(const char *where, const struct sample *tiles,
                        size_t ntiles)
{
    struct ibx_cache_options options = test_cache_options();
    struct ibx_cache *cache = test_cache(&options);
    struct ibx_tileset *tileset = test_open(cache, where);
    for (size_t i = 0; i < ntiles; i++)
        ck_status(test_get(tileset, tiles[i].first_id, &tiles[i], IBX_BLOCK),
                  IBX_OK);
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
}

/* Nobody can clean up where nothing can be removed. */
static bool cannot_clean(void)
{
    return strncmp(fault_function(), "unlink", 6) == 0;
}

static bool is_right_status(enum ibx_status st)
{
    if (fault_errno() == ENOMEM)
        return st == IBX_ERR_NOMEM;
    return st == IBX_ERR_SYSTEM;
}

static void check_held(struct fault_held before)
{
    struct fault_held after = fault_held();
    ck_assert_msg(after.blocks == before.blocks, "%s failed: %ld blocks leak",
                  fault_function(), after.blocks - before.blocks);
    ck_assert_msg(after.descriptors == before.descriptors,
                  "%s failed: %ld descriptors leak", fault_function(),
                  after.descriptors - before.descriptors);
    ck_assert_int_eq(after.maps, before.maps);
}

/* What is in the folder after a failure: the old generation and nothing else,
 * or, when only the last sync of CURRENT's folder failed, the new one too. */
static void check_after_failure(const char *where, unsigned n)
{
    char *listing = test_listing(where);
    if (strcmp(listing, old_listing) == 0) {
        check_reads(where, old_tiles, NOLD);
    } else {
        ck_assert_msg(strcmp(listing, new_listing) == 0,
                      "call %u, %s, left:\n%swant:\n%s", n, fault_function(),
                      listing, old_listing);
        ck_assert_msg(strcmp(fault_function(), "fsync") == 0 ||
                          strcmp(fault_function(), "open") == 0,
                      "%s failed after CURRENT was replaced", fault_function());
        check_reads(where, new_tiles, NNEW);
    }
    free(listing);
}

static const struct {
    enum fault_action action;
    unsigned variant;
} modes[] = {{FAULT_ONCE, 0}, {FAULT_ONCE, 1}, {FAULT_STICKY, 0}};

START_TEST(every_call_of_a_new_generation_fails_in_turn)
{
    bool fired = true;
    for (unsigned n = 1; fired; n++) {
        char *where = test_dir_new();
        (void)test_build(where, old_tiles, NOLD, IBX_PACK_NBYTES_MIN);
        struct ibx_err err = {0};
        struct fault_held before = fault_held();
        fault_arm(modes[_i].action, n, modes[_i].variant);
        enum ibx_status st = write_new(where, &err);
        fired = fault_function()[0] != '\0';
        check_held(before);
        if (st == IBX_OK) {
            check_reads(where, new_tiles, NNEW);
        } else {
            ck_assert_msg(is_right_status(st), "call %u, %s failed with %d: %s",
                          n, fault_function(), fault_errno(),
                          ibx_status_text(st));
            ck_assert_int_eq(err.status, st);
            check_after_failure(where, n);
        }
        test_dir_remove(where);
        ck_assert_uint_lt(n, 10000);
    }
}
END_TEST

/* In a folder that was not there before nothing at all is left. */
START_TEST(every_call_of_a_first_generation_fails_in_turn)
{
    bool fired = true;
    for (unsigned n = 1; fired; n++) {
        char *parent = test_dir_new();
        char *where = test_path(parent, "t.imbrex");
        struct ibx_err err = {0};
        struct fault_held before = fault_held();
        fault_arm(modes[_i].action, n, modes[_i].variant);
        enum ibx_status st = write_new(where, &err);
        fired = fault_function()[0] != '\0';
        check_held(before);
        if (st == IBX_OK || test_count(parent) > 0)
            check_reads(where, new_tiles, NNEW);
        if (st != IBX_OK && test_count(parent) > 0)
            ck_assert_msg(strcmp(fault_function(), "fsync") == 0 ||
                              strcmp(fault_function(), "open") == 0,
                          "call %u, %s, left debris", n, fault_function());
        free(where);
        test_dir_remove(parent);
        ck_assert_uint_lt(n, 10000);
    }
}
END_TEST

/* A build that failed and was kept is finished by the next one. */
START_TEST(a_kept_build_is_resumed_after_every_failure)
{
    bool fired = true;
    for (unsigned n = 1; fired; n++) {
        char *where = test_dir_new();
        (void)test_build(where, old_tiles, NOLD, IBX_PACK_NBYTES_MIN);
        struct ibx_writer_options options;
        struct ibx_writer_result result;
        struct ibx_writer *writer = NULL;
        struct ibx_err err = {0};
        ibx_writer_options_init(&options);
        options.pack_nbytes = IBX_PACK_NBYTES_MIN;
        options.replace = options.resume = true;
        fault_arm(modes[_i].action, n, modes[_i].variant);
        enum ibx_status st = ibx_writer_open(where, &options, &writer, &err);
        for (uint64_t unit = 0; unit < NNEW / 2 && st == IBX_OK; unit++)
            st = sample_commit(writer, unit, &new_tiles[unit * 2], 2, &err);
        if (st == IBX_OK)
            st = ibx_writer_finish(writer, &test_meta, &result, &err);
        fired = fault_disarm();
        ibx_writer_close(writer, IBX_WRITER_KEEP);
        if (st != IBX_OK) {
            ck_ok(ibx_writer_open(where, &options, &writer, &err), err);
            for (uint64_t unit = 0; unit < NNEW / 2; unit++)
                if (!ibx_writer_has_unit(writer, unit))
                    ck_ok(sample_commit(writer, unit, &new_tiles[unit * 2], 2,
                                        &err),
                          err);
            ck_ok(ibx_writer_finish(writer, &test_meta, &result, &err), err);
            ibx_writer_close(writer, IBX_WRITER_DISCARD);
        }
        char *listing = test_listing(where);
        check_reads(where, new_tiles, NNEW);
        ck_assert_msg(strcmp(listing, new_listing) == 0 || cannot_clean(),
                      "call %u, %s:\n%swant:\n%s", n, fault_function(), listing,
                      new_listing);
        free(listing);
        test_dir_remove(where);
        ck_assert_uint_lt(n, 10000);
    }
}
END_TEST

/* gc fails or not, but never takes what a generation left needs. */
START_TEST(every_call_of_gc_fails_in_turn)
{
    bool fired = true;
    for (unsigned n = 1; fired; n++) {
        char *where = test_dir_new();
        (void)test_build(where, old_tiles, NOLD, IBX_PACK_NBYTES_MIN);
        (void)test_build(where, new_tiles, NNEW, IBX_PACK_NBYTES_MIN);
        struct ibx_gc_result result;
        struct ibx_err err = {0};
        struct fault_held before = fault_held();
        fault_arm(modes[_i].action, n, modes[_i].variant);
        enum ibx_status st = ibx_gc(where, 1, false, &result, &err);
        fired = fault_disarm();
        check_held(before);
        check_reads(where, new_tiles, NNEW);
        if (st == IBX_OK && !fired) {
            ck_assert_uint_eq(result.generations_removed, 1);
            ck_assert_uint_eq(result.packs_removed, 1);
        }
        ck_ok(ibx_gc(where, 1, false, &result, &err), err);
        check_reads(where, new_tiles, NNEW);
        test_dir_remove(where);
        ck_assert_uint_lt(n, 10000);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("write");
    TCase *tcase = tcase_create("write");
    int nmodes = sizeof modes / sizeof modes[0];
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, every_call_of_a_new_generation_fails_in_turn, 0,
                        nmodes);
    tcase_add_loop_test(tcase, every_call_of_a_first_generation_fails_in_turn,
                        0, nmodes);
    tcase_add_loop_test(tcase, a_kept_build_is_resumed_after_every_failure, 0,
                        nmodes);
    tcase_add_loop_test(tcase, every_call_of_gc_fails_in_turn, 0, nmodes);
    suite_add_tcase(suite, tcase);
    return test_main(suite);
}
