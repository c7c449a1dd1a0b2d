/* kill -9 at every call of a build, and at random moments: the old generation
 * reads on, and a resumed build makes what an undisturbed one makes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pack/maintain.h"
#include "tests/fault/fault.h"
#include "tests/pack/support.h"

enum { NOLD = 4, NUNITS = 12, PER_UNIT = 4, NNEW = NUNITS * PER_UNIT };

static struct sample old_tiles[NOLD], new_tiles[NNEW];
static char *new_listing;

static char *old_tileset(void)
{
    char *folder = test_dir_new();
    (void)test_build(folder, old_tiles, NOLD, IBX_PACK_NBYTES_MIN);
    return folder;
}

static void setup(void)
{
    for (uint32_t i = 0; i < NOLD; i++)
        old_tiles[i] = (struct sample){21 + i, 1, i, 20000};
    for (uint32_t i = 0; i < NNEW; i++)
        new_tiles[i] = (struct sample){21 + i, 1, i % 40 + 2 * (i % 3), 4000};
    char *folder = old_tileset();
    (void)test_build(folder, new_tiles, NNEW, IBX_PACK_NBYTES_MIN);
    new_listing = test_listing(folder);
    test_dir_remove(folder);
}

static void teardown(void)
{
    free(new_listing);
}

/* Starts or resumes the build and publishes it. No asserts in it: it runs in
 * the process that is killed, too. */
static enum ibx_status build(const char *folder, uint64_t *resumed,
                             struct ibx_err *err)
{
    struct ibx_writer_options options;
    struct ibx_writer_result result;
    struct ibx_writer *writer = NULL;
    ibx_writer_options_init(&options);
    options.pack_nbytes = IBX_PACK_NBYTES_MIN;
    options.replace = options.resume = true;
    options.fingerprint = "kill";
    enum ibx_status st = ibx_writer_open(folder, &options, &writer, err);
    if (st != IBX_OK)
        return st;
    *resumed = ibx_writer_resumed_units(writer);
    for (uint64_t unit = 0; unit < NUNITS && st == IBX_OK; unit++)
        if (!ibx_writer_has_unit(writer, unit))
            st = sample_commit(writer, unit, &new_tiles[unit * PER_UNIT],
                               PER_UNIT, err);
    if (st == IBX_OK)
        st = ibx_writer_finish(writer, &test_meta, &result, err);
    ibx_writer_close(writer, IBX_WRITER_KEEP);
    return st;
}

static bool reads_as(const char *folder, const struct sample *tiles, size_t n)
{
    struct ibx_cache_options options = test_cache_options();
    struct ibx_cache *cache = test_cache(&options);
    struct ibx_tileset *tileset = test_open(cache, folder);
    bool same = ibx_tileset_info(tileset)->tile_count == n;
    for (size_t i = 0; i < n && same; i++)
        ck_status(test_get(tileset, tiles[i].first_id, &tiles[i], IBX_BLOCK),
                  IBX_OK);
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
    return same;
}

/* Waits for the child; true when it was killed and did not come to its end. */
static bool was_killed(pid_t child)
{
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        ck_assert_int_eq(WTERMSIG(status), SIGKILL);
        return true;
    }
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    return false;
}

static void check_after_kill(const char *folder, const char *when)
{
    ck_assert_msg(reads_as(folder, old_tiles, NOLD) ||
                      reads_as(folder, new_tiles, NNEW),
                  "%s: neither generation", when);
}

/* Resumes and compares with the undisturbed build. */
static uint64_t check_resume(const char *folder, const char *when)
{
    struct ibx_err err = {0};
    uint64_t resumed = 0;
    ck_ok(build(folder, &resumed, &err), err);
    char *listing = test_listing(folder);
    ck_assert_msg(strcmp(listing, new_listing) == 0, "%s:\n%swant:\n%s", when,
                  listing, new_listing);
    free(listing);
    return resumed;
}

START_TEST(killed_at_every_call_and_resumed)
{
    bool killed = true;
    uint64_t most = 0;
    for (unsigned n = 1; killed; n++) {
        char when[32];
        (void)snprintf(when, sizeof when, "call %u", n);
        char *folder = old_tileset();
        pid_t child = fork();
        if (child == 0) {
            struct ibx_err err = {0};
            uint64_t resumed = 0;
            fault_arm(FAULT_KILL, n, 0);
            _exit(build(folder, &resumed, &err) == IBX_OK ? 0 : 1);
        }
        killed = was_killed(child);
        check_after_kill(folder, when);
        uint64_t resumed = check_resume(folder, when);
        most = resumed > most ? resumed : most;
        test_dir_remove(folder);
        ck_assert_uint_lt(n, 10000);
    }
    ck_assert_uint_eq(most, NUNITS); /* a kill in finish loses no unit */
}
END_TEST

START_TEST(killed_again_and_again_at_random_moments)
{
    struct rng rng = {(uint64_t)_i + 1};
    printf("seed %d\n", _i + 1);
    char *folder = old_tileset();
    for (int i = 0; i < 12; i++) {
        pid_t child = fork();
        if (child == 0) {
            struct ibx_err err = {0};
            uint64_t resumed = 0;
            _exit(build(folder, &resumed, &err) == IBX_OK ? 0 : 1);
        }
        struct timespec delay = {.tv_nsec =
                                     (long)rng_below(&rng, 4 * 1000 * 1000)};
        (void)nanosleep(&delay, NULL);
        (void)kill(child, SIGKILL);
        (void)was_killed(child);
        check_after_kill(folder, "a random moment");
    }
    (void)check_resume(folder, "at last");
    test_dir_remove(folder);
}
END_TEST

START_TEST(gc_killed_at_every_call_keeps_current_whole)
{
    bool killed = true;
    for (unsigned n = 1; killed; n++) {
        char *folder = old_tileset();
        (void)test_build(folder, new_tiles, NNEW, IBX_PACK_NBYTES_MIN);
        struct ibx_gc_result result;
        struct ibx_err err = {0};
        pid_t child = fork();
        if (child == 0) {
            fault_arm(FAULT_KILL, n, 0);
            _exit(ibx_gc(folder, 1, false, &result, &err) == IBX_OK ? 0 : 1);
        }
        killed = was_killed(child);
        ck_assert(reads_as(folder, new_tiles, NNEW));
        ck_ok(ibx_gc(folder, 1, false, &result, &err), err);
        ck_assert_uint_eq(result.generations_kept, 1);
        ck_assert(reads_as(folder, new_tiles, NNEW));
        test_dir_remove(folder);
        ck_assert_uint_lt(n, 10000);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kill");
    TCase *tcase = tcase_create("kill");
    tcase_set_timeout(tcase, 120);
    tcase_add_unchecked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, killed_at_every_call_and_resumed);
    tcase_add_loop_test(tcase, killed_again_and_again_at_random_moments, 0, 4);
    tcase_add_test(tcase, gc_killed_at_every_call_keeps_current_whole);
    suite_add_tcase(suite, tcase);
    return test_main(suite);
}
