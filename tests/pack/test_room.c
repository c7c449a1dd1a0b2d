/* test_room.c - packs beside a manifest that takes nearly all that may be
 * mapped: they are read, not refused. */
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/pack/support.h"

START_TEST(packs_are_read_where_the_manifest_leaves_no_room)
{
    struct sample samples[4];
    for (uint32_t i = 0; i < 4; i++)
        samples[i] = (struct sample){
            .first_id = 100 + i, .count = 1, .seed = i, .nbytes = 100};
    char *dir = test_dir_new();
    char *folder = test_path(dir, "t.imbrex");
    (void)test_build(folder, samples, 4, 64 << 10);
    char *manifest = test_manifest_path(folder);
    struct stat info;
    ck_assert_int_eq(stat(manifest, &info), 0);
    struct ibx_cache_options options = test_cache_options();
    options.max_mapped_nbytes = (uint64_t)info.st_size + 4096;
    struct ibx_cache *cache = test_cache(&options);
    struct ibx_tileset *tileset = test_open(cache, folder);
    for (uint32_t i = 0; i < 4; i++)
        ck_status(test_get(tileset, 100 + i, &samples[i], IBX_BLOCK), IBX_OK);
    struct ibx_cache_stats stats;
    ibx_cache_stats(cache, &stats);
    ck_assert_uint_le(stats.mapped_nbytes_high, options.max_mapped_nbytes);
    ck_assert_uint_eq(stats.refusals, 0);
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
    free(manifest);
    free(folder);
    test_dir_remove(dir);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("room");
    TCase *tc = tcase_create("room");
    tcase_add_test(tc, packs_are_read_where_the_manifest_leaves_no_room);
    suite_add_tcase(suite, tc);
    return test_main(suite);
}
