/* test_repair.c - ibx_verify() replaces bad packs by good ones, and only by
 * those; and what it refuses. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pack/writer/folder.h"
#include "tests/tiler/inspect/checked.h"

static struct said said;

/* ---- repair ------------------------------------------------------------ */

/* Copies the packs to a folder of the shape wanted and returns it. */
static char *spare_packs(const char *name, unsigned skip)
{
    char *spare = test_path(checked_dir, name);
    ck_assert_int_eq(mkdir(spare, 0777), 0);
    char *packs = test_path(spare, "packs");
    if (skip == 0)
        ck_assert_int_eq(mkdir(packs, 0777), 0);
    uint64_t npacks = check_tileset(NULL, &said).packs;
    for (uint64_t i = 0; i < npacks; i++) {
        char *from = checked_pack_path(i);
        size_t nbytes = 0;
        uint8_t *file = test_read(from, &nbytes);
        char *to = test_path(spare, from + strlen(checked_folder) + 1 + skip);
        char *slash = strrchr(to, '/');
        *slash = '\0';
        (void)mkdir(to, 0777);
        *slash = '/';
        test_write(to, file, nbytes);
        free(to);
        free(file);
        free(from);
    }
    free(packs);
    return spare;
}

static void damage_some(void)
{
    char *missing = checked_pack_path(0);
    char *damaged = checked_pack_path(1);
    char *cut = checked_pack_path(3);
    damage_remove(missing);
    *strrchr(missing, '/') = '\0';
    (void)rmdir(missing); /* its folder too, if it was alone there */
    damage_payload(damaged);
    damage_cut(cut);
    free(missing);
    free(damaged);
    free(cut);
}

static const struct {
    const char *label;
    unsigned skip;
} spares[] = {
    {"a tileset", 0},
    {"its packs folder", sizeof "packs/" - 1},
    {"a flat folder", sizeof "packs/ab/" - 1},
};

START_TEST(damage_is_repaired_from_another_folder)
{
    char *spare = spare_packs("spare", spares[_i].skip);
    char *before = test_listing(checked_folder);
    damage_some();
    struct ibx_verify_result result = check_tileset(spare, &said);
    ck_assert_msg(result.problems == 0, "%s: %s", spares[_i].label, said.text);
    ck_assert_uint_eq(result.packs_repaired, 3);
    ck_assert_uint_eq(said.repaired, 3);
    ck_assert_uint_eq(result.packs_bad, 0);
    char *after = test_listing(checked_folder);
    ck_assert_str_eq(after, before);
    char *build = test_path(checked_folder, ".build");
    ck_assert_int_ne(access(build, F_OK), 0);
    free(build);
    free(after);
    free(before);
    free(spare);
}
END_TEST

START_TEST(bad_copy_is_not_taken)
{
    char *spare = spare_packs("spare", 0);
    char *good = checked_pack_path(1);
    char *bad = test_path(spare, good + strlen(checked_folder) + 1);
    damage_payload(bad);
    damage_some();
    char *before = test_listing(checked_folder);
    struct ibx_verify_result result = check_tileset(spare, &said);
    ck_assert_uint_eq(result.packs_repaired, 2);
    ck_assert_uint_eq(result.packs_bad, 1);
    ck_assert(check_says(said.text, good, "no good copy of it"));
    char *after = test_listing(checked_folder);
    ck_assert_str_ne(after, before);
    free(after);
    free(before);
    free(bad);
    free(good);
    free(spare);
}
END_TEST

START_TEST(without_a_copy_nothing_changes)
{
    damage_some();
    char *before = test_listing(checked_folder);
    char *nowhere = test_path(checked_dir, "nowhere");
    struct ibx_verify_result result = check_tileset(nowhere, &said);
    ck_assert_uint_eq(result.packs_repaired, 0);
    ck_assert_uint_eq(result.packs_bad, 3);
    char *after = test_listing(checked_folder);
    ck_assert_str_eq(after, before);
    free(nowhere);
    free(after);
    free(before);
}
END_TEST

START_TEST(repair_waits_for_no_writer)
{
    struct ibx_folder locked = {.fd = -1};
    struct ibx_err err = {0};
    ck_ok(ibx_folder_open(&locked, checked_folder, false, &err), err);
    const struct ibx_verify_options options = {.threads = 1,
                                               .repair_from = checked_dir};
    struct ibx_verify_result result;
    ck_status(ibx_verify(checked_folder, &options, &result, &err),
              IBX_ERR_BUSY);
    ibx_folder_close(&locked);
}
END_TEST

START_TEST(interrupted_check_says_so)
{
    const volatile sig_atomic_t stop = 1;
    const struct ibx_verify_options options = {.threads = 2, .stop = &stop};
    struct ibx_verify_result result;
    struct ibx_err err = {0};
    ck_status(ibx_verify(checked_folder, &options, &result, &err),
              IBX_ERR_INTERRUPTED);
}
END_TEST

static const struct {
    const char *label, *generation;
    unsigned threads;
} refused[] = {
    {"no thread", NULL, 0},
    {"too many threads", NULL, IBX_VERIFY_THREADS_MAX + 1},
    {"short generation", "0123", 1},
    {"generation with a path", "../../../../../a", 1},
};

START_TEST(option_out_of_range_is_refused)
{
    const struct ibx_verify_options options = {
        .threads = refused[_i].threads, .generation = refused[_i].generation};
    struct ibx_verify_result result;
    enum ibx_status st = ibx_verify(checked_folder, &options, &result, NULL);
    ck_assert_msg(st == IBX_ERR_INVALID, "%s", refused[_i].label);
}
END_TEST

static void add_repair(TCase *tc)
{
    tcase_add_loop_test(tc, damage_is_repaired_from_another_folder, 0,
                        sizeof spares / sizeof spares[0]);
    tcase_add_test(tc, bad_copy_is_not_taken);
    tcase_add_test(tc, without_a_copy_nothing_changes);
    tcase_add_test(tc, repair_waits_for_no_writer);
    tcase_add_test(tc, interrupted_check_says_so);
    tcase_add_loop_test(tc, option_out_of_range_is_refused, 0,
                        sizeof refused / sizeof refused[0]);
}

int main(void)
{
    Suite *suite = suite_create("repair");
    TCase *tc = tcase_create("repair");
    tcase_add_checked_fixture(tc, checked_set_up, checked_tear_down);
    tcase_set_timeout(tc, 60);
    add_repair(tc);
    suite_add_tcase(suite, tc);
    return test_main(suite);
}
