/* A disk that is full, for real: a tmpfs of a few hundred kilobytes in a mount
 * namespace of our own. Needs root; skipped without. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/pack/support.h"

enum { SKIPPED = 77, NTILES = 40, TILE_NBYTES = 8000 };

static struct sample tiles[NTILES];

static bool enter_namespace(void)
{
    return unshare(CLONE_NEWNS) == 0 &&
           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static enum ibx_status build(const char *folder, struct ibx_err *err)
{
    struct ibx_writer_options options;
    struct ibx_writer_result result;
    struct ibx_writer *writer = NULL;
    ibx_writer_options_init(&options);
    options.pack_nbytes = IBX_PACK_NBYTES_MIN;
    options.replace = true;
    enum ibx_status st = ibx_writer_open(folder, &options, &writer, err);
    for (size_t i = 0; i < NTILES && st == IBX_OK; i++)
        st = sample_add(writer, &tiles[i], err);
    if (st == IBX_OK)
        st = ibx_writer_finish(writer, &test_meta, &result, err);
    ibx_writer_close(writer, IBX_WRITER_DISCARD);
    return st;
}

static void check_old(const char *folder)
{
    struct ibx_cache_options options = test_cache_options();
    struct ibx_cache *cache = test_cache(&options);
    struct ibx_tileset *tileset = test_open(cache, folder);
    ck_status(test_get(tileset, 0, &tiles[0], IBX_BLOCK), IBX_OK);
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
}

/* Builds on a disk of `kb`; true when it was enough. */
static bool try_size(const char *parent, unsigned kb)
{
    char size[32];
    (void)snprintf(size, sizeof size, "size=%uk", kb);
    ck_assert_int_eq(mount("tmpfs", parent, "tmpfs", 0, size), 0);
    char *folder = test_path(parent, "t.imbrex");
    (void)test_build(folder, tiles, 1, IBX_PACK_NBYTES_MIN);
    char *before = test_listing(folder);
    struct ibx_err err = {0};
    enum ibx_status st = build(folder, &err);
    char *after = test_listing(folder);
    if (st != IBX_OK) {
        ck_status(st, IBX_ERR_SYSTEM);
        ck_assert_int_eq(err.sys_errno, ENOSPC);
        ck_assert_str_ne(err.file, "");
        ck_assert_str_eq(after, before);
        check_old(folder);
    }
    free(after);
    free(before);
    free(folder);
    ck_assert_int_eq(umount2(parent, MNT_DETACH), 0);
    return st == IBX_OK;
}

START_TEST(a_full_disk_leaves_the_old_generation_and_no_debris)
{
    char *parent = test_dir_new();
    unsigned failures = 0;
    ck_assert(enter_namespace());
    for (unsigned kb = 60; !try_size(parent, kb); kb += 28) {
        failures++;
        ck_assert_uint_lt(kb, 4096);
    }
    ck_assert_uint_gt(failures, 5);
    test_dir_remove(parent);
}
END_TEST

int main(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(enter_namespace() ? 0 : SKIPPED);
    int status = 0;
    if (waitpid(child, &status, 0) == child && WEXITSTATUS(status) != 0) {
        puts("skipped: mounting a small tmpfs needs root");
        return SKIPPED;
    }
    for (uint32_t i = 0; i < NTILES; i++)
        tiles[i] = (struct sample){i, 1, i + 1, TILE_NBYTES};
    Suite *suite = suite_create("space");
    TCase *tcase = tcase_create("space");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_full_disk_leaves_the_old_generation_and_no_debris);
    suite_add_tcase(suite, tcase);
    return test_main(suite);
}
