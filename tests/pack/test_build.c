/* Same tiles, same bytes: whatever the order, the threads, the memory and the
 * way of adding. And tilesets at the limits of the format. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/pack/twin.h"

enum {
    NTILES = 100000,
    FIRST_ID = 21845, /* zoom 8 */
    MAX_THREADS = 4,
    PER_UNIT = 500,
};

static char *folder;
static struct ibx_err err;

static void setup(void)
{
    folder = test_dir_new();
}

static void teardown(void)
{
    test_dir_remove(folder);
}

/* Tile `i` of a tileset with gaps, repetitions and empty tiles. */
static struct sample tile_at(uint32_t i)
{
    uint32_t seed = i % 7 == 0 ? i % 50 : i;
    return (struct sample){FIRST_ID + i + i / 90 * 3, 1, seed,
                           i % 7 == 0 ? 90 : 10 + i % 31};
}

/* ---- determinism ------------------------------------------------------- */

struct way {
    const char *label;
    uint64_t memory_nbytes;
    int nthreads;
    bool shuffled, units;
};

static const struct way ways[] = {
    {"in order", 64 << 20, 1, false, false},
    {"shuffled", 64 << 20, 1, true, false},
    {"sorted on disk", 8 << 20, 1, true, false},
    {"by four threads", 64 << 20, 4, true, false},
    {"in units", 64 << 20, 1, false, true},
    {"in units by three threads, sorted on disk", 8 << 20, 3, true, true},
};

/* The thread sanitizer makes each way take long. */
#if defined(__SANITIZE_THREAD__)
enum { ONLY_THREADS = 1 };
#else
enum { ONLY_THREADS = 0 };
#endif

enum { NWAYS = sizeof ways / sizeof ways[0] };

struct part {
    struct ibx_writer *writer;
    const struct way *way;
    const uint32_t *order;
    uint32_t from, to;
    enum ibx_status st;
};

static void *add_part(void *arg)
{
    struct part *part = arg;
    struct sample samples[PER_UNIT];
    part->st = IBX_OK;
    for (uint32_t i = part->from; i < part->to && part->st == IBX_OK;) {
        uint32_t left = part->to - i;
        uint32_t n = left < PER_UNIT ? left : PER_UNIT;
        for (uint32_t k = 0; k < n; k++)
            samples[k] = tile_at(part->order[i + k]);
        if (part->way->units)
            part->st = sample_commit(part->writer, i, samples, n, NULL);
        for (uint32_t k = 0; k < n && !part->way->units; k++)
            part->st = part->st == IBX_OK
                           ? sample_add(part->writer, &samples[k], NULL)
                           : part->st;
        i += n;
    }
    return NULL;
}

static uint32_t *new_order(bool shuffled)
{
    struct rng rng = {99};
    uint32_t *order = malloc(NTILES * sizeof *order);
    ck_assert_ptr_nonnull(order);
    for (uint32_t i = 0; i < NTILES; i++) {
        uint32_t j = shuffled ? (uint32_t)rng_below(&rng, i + 1) : i;
        order[i] = i;
        order[i] = order[j];
        order[j] = i;
    }
    return order;
}

static void add_all(struct ibx_writer *writer, const struct way *way)
{
    pthread_t threads[MAX_THREADS];
    struct part parts[MAX_THREADS];
    uint32_t *order = new_order(way->shuffled);
    for (int i = 0; i < way->nthreads; i++) {
        uint32_t share = NTILES / (uint32_t)way->nthreads + 1;
        uint32_t from = share * (uint32_t)i;
        uint32_t to = from + share < NTILES ? from + share : NTILES;
        parts[i] = (struct part){writer, way, order, from, to, IBX_OK};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, add_part, &parts[i]),
                         0);
    }
    for (int i = 0; i < way->nthreads; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_status(parts[i].st, IBX_OK);
    }
    free(order);
}

static struct ibx_writer_result build_way(const struct way *way)
{
    struct ibx_writer_options options;
    struct ibx_writer_result result;
    struct ibx_writer *writer = NULL;
    ibx_writer_options_init(&options);
    options.memory_nbytes = way->memory_nbytes;
    options.pack_nbytes = 1 << 20;
    ck_ok(ibx_writer_open(folder, &options, &writer, &err), err);
    add_all(writer, way);
    ck_ok(ibx_writer_finish(writer, &test_meta, &result, &err), err);
    ibx_writer_close(writer, IBX_WRITER_DISCARD);
    return result;
}

static void check_all(void)
{
    struct ibx_cache_options options = test_cache_options();
    struct ibx_cache *cache = test_cache(&options);
    struct ibx_tileset *tileset = test_open(cache, folder);
    for (uint32_t i = 0; i < NTILES; i++) {
        struct sample sample = tile_at(i);
        ck_status(test_get(tileset, sample.first_id, &sample, IBX_BLOCK),
                  IBX_OK);
    }
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
}

START_TEST(the_same_tiles_make_the_same_files)
{
    struct ibx_writer_result result = build_way(&ways[0]);
    ck_assert_uint_eq(result.tile_count, NTILES);
    ck_assert_uint_gt(result.npacks, 3);
    check_all();
    char *want = test_listing(folder);
    for (int i = 1; i < NWAYS; i++) {
        if (ONLY_THREADS && ways[i].nthreads == 1)
            continue;
        test_dir_remove(folder);
        folder = test_dir_new();
        (void)build_way(&ways[i]);
        char *have = test_listing(folder);
        ck_assert_msg(strcmp(have, want) == 0, "%s:\n%swant:\n%s",
                      ways[i].label, have, want);
        free(have);
    }
    free(want);
}
END_TEST

/* An edit leaves the packs around it as they were. */
START_TEST(an_edit_changes_the_packs_around_it_alone)
{
    enum { N = 1024 };
    static struct sample tiles[N];
    for (uint32_t i = 0; i < N; i++)
        tiles[i] = (struct sample){341 + i, 1, i, 900};
    struct ibx_writer_result first =
        test_build(folder, tiles, N, IBX_PACK_NBYTES_MIN);
    tiles[500].seed = 77777;
    struct ibx_writer_result second =
        test_build(folder, tiles, N, IBX_PACK_NBYTES_MIN);
    ck_assert_uint_gt(first.packs_written, 10);
    ck_assert_uint_eq(second.packs_written, 1);
    ck_assert_uint_eq(second.packs_reused, first.npacks - 1);
}
END_TEST

/* ---- limits ------------------------------------------------------------ */

START_TEST(a_tileset_without_tiles)
{
    struct ibx_writer_result result =
        test_build(folder, NULL, 0, IBX_PACK_NBYTES_DEFAULT);
    ck_assert_uint_eq(result.npacks, 0);
    struct ibx_cache_options options = test_cache_options();
    struct ibx_cache *cache = test_cache(&options);
    struct ibx_tileset *tileset = test_open(cache, folder);
    struct ibx_walk *walk = NULL;
    struct ibx_span span;
    struct ibx_pack_info info;
    ck_assert_uint_eq(ibx_tileset_info(tileset)->min_zoom, 1);
    ck_assert_uint_eq(ibx_tileset_info(tileset)->max_zoom, 0);
    ck_assert_int_eq(ibx_tileset_info(tileset)->modified_s, 1700000000);
    ck_status(test_get(tileset, 0, NULL, IBX_TRY), IBX_NOT_FOUND);
    ck_status(ibx_pack_info(tileset, 0, &info, NULL), IBX_ERR_INVALID);
    ck_ok(ibx_walk_open(tileset, 0, &walk, &err), err);
    ck_status(ibx_walk_next(walk, &span, NULL), IBX_NOT_FOUND);
    ibx_walk_close(walk);
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
}
END_TEST

/* Where seconds have 32 bits, looking at such a file fails. */
START_TEST(files_of_the_year_2040_are_read)
{
    const struct sample tile = tile_at(0);
    const struct timespec year_2040[2] = {{.tv_sec = 2208988800},
                                          {.tv_sec = 2208988800}};
    (void)test_build(folder, &tile, 1, IBX_PACK_NBYTES_DEFAULT);
    char *manifest = test_manifest_path(folder);
    ck_assert_int_eq(utimensat(AT_FDCWD, manifest, year_2040, 0), 0);
    free(manifest);
    struct ibx_cache_options options = test_cache_options();
    struct ibx_cache *cache = test_cache(&options);
    struct ibx_tileset *tileset = test_open(cache, folder);
    char *pack = test_pack_path(tileset, 0);
    ck_assert_int_eq(utimensat(AT_FDCWD, pack, year_2040, 0), 0);
    free(pack);
    ck_status(test_get(tileset, tile.first_id, &tile, IBX_BLOCK), IBX_OK);
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
}
END_TEST

START_TEST(a_tileset_of_one_tile)
{
    static const uint64_t ids[] = {0, 5, UINT64_C(1537228672809129300)};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct sample tile = {ids[i], 1, 5, 100};
        (void)test_build(folder, &tile, 1, IBX_PACK_NBYTES_DEFAULT);
        struct ibx_cache_options options = test_cache_options();
        struct ibx_cache *cache = test_cache(&options);
        struct ibx_tileset *tileset = test_open(cache, folder);
        ck_status(test_get(tileset, ids[i], &tile, IBX_BLOCK), IBX_OK);
        if (ids[i] > 0)
            ck_status(test_get(tileset, ids[i] - 1, NULL, IBX_BLOCK),
                      IBX_NOT_FOUND);
        ibx_tileset_release(tileset);
        ibx_cache_close(cache);
    }
}
END_TEST

/* Compares with the twin and looks at the ends of every run. */
static void check_small(const struct sample *runs, size_t nruns,
                        uint64_t pack_nbytes, size_t want_npacks)
{
    size_t npacks = 0;
    struct twin_pack *packs = twin_packs(runs, nruns, pack_nbytes, &npacks);
    ck_assert_uint_eq(npacks, want_npacks);
    struct ibx_cache_options options = test_cache_options();
    struct ibx_cache *cache = test_cache(&options);
    struct ibx_tileset *tileset = test_open(cache, folder);
    ck_assert_uint_eq(ibx_tileset_info(tileset)->npacks, npacks);
    for (size_t i = 0; i < npacks; i++) {
        struct ibx_pack_info info;
        ck_ok(ibx_pack_info(tileset, i, &info, &err), err);
        ck_assert_uint_eq(info.first_id, packs[i].first_id);
        ck_assert_uint_eq(info.last_id, packs[i].last_id);
        ck_assert_uint_eq(info.file_nbytes, packs[i].nbytes);
    }
    for (size_t i = 0; i < nruns; i++) {
        uint64_t last = runs[i].first_id + runs[i].count - 1;
        ck_status(test_get(tileset, runs[i].first_id, &runs[i], IBX_BLOCK),
                  IBX_OK);
        ck_status(test_get(tileset, last, &runs[i], IBX_BLOCK), IBX_OK);
    }
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
    free(packs);
}

START_TEST(ids_as_far_apart_as_a_pack_allows)
{
    uint64_t z16 = ibx_zoom_first_id(16);
    uint64_t z17 = ibx_zoom_first_id(17);
    const struct sample runs[] = {
        {z16, 1, 1, 10}, {z17 - 1, 1, 2, 10}, {z17, 1, 3, 10}};
    (void)test_build(folder, runs, 3, IBX_PACK_NBYTES_DEFAULT);
    check_small(runs, 3, IBX_PACK_NBYTES_DEFAULT, 2);
}
END_TEST

START_TEST(an_ocean_larger_than_a_pack_may_span)
{
    uint64_t z17 = ibx_zoom_first_id(17);
    const struct sample runs[] = {{0, 1, 1, 10},
                                  {z17, UINT64_C(1) << 34, 2, 10}};
    (void)test_build(folder, runs, 2, IBX_PACK_NBYTES_DEFAULT);
    check_small(runs, 2, IBX_PACK_NBYTES_DEFAULT, 5);
}
END_TEST

/* Oversize tiles one by one or as a run are the same tileset. */
START_TEST(equal_oversize_tiles_stay_together_however_they_come)
{
    const struct sample run[] = {
        {3, 1, 9, 50}, {6, 7, 1, 100000}, {15, 1, 1, 100000}};
    (void)test_build(folder, run, 3, IBX_PACK_NBYTES_MIN);
    check_small(run, 3, IBX_PACK_NBYTES_MIN, 3);
    char *want = test_listing(folder);
    test_dir_remove(folder);
    folder = test_dir_new();
    struct sample single[9] = {run[0], run[2]};
    for (uint32_t i = 0; i < 7; i++)
        single[2 + i] = (struct sample){12 - i, 1, 1, 100000};
    (void)test_build(folder, single, 9, IBX_PACK_NBYTES_MIN);
    char *have = test_listing(folder);
    ck_assert_str_eq(have, want);
    free(want);
    free(have);
}
END_TEST

/* Zoom 8 as a chessboard of two tiles: twice as many entries as two packs may
 * have, though they would weigh little. */
START_TEST(an_index_as_large_as_a_pack_allows)
{
    enum { N = 65536 };
    struct sample *tiles = malloc(N * sizeof *tiles);
    ck_assert_ptr_nonnull(tiles);
    for (uint32_t i = 0; i < N; i++)
        tiles[i] = (struct sample){FIRST_ID + i, 1, i % 2, 20};
    (void)test_build(folder, tiles, N, IBX_PACK_NBYTES_DEFAULT);
    struct ibx_cache_options options = test_cache_options();
    struct ibx_cache *cache = test_cache(&options);
    struct ibx_tileset *tileset = test_open(cache, folder);
    ck_assert_uint_eq(ibx_tileset_info(tileset)->npacks, 2);
    for (uint64_t i = 0; i < 2; i++) {
        struct ibx_pack_info info;
        ck_ok(ibx_pack_info(tileset, i, &info, &err), err);
        ck_assert_uint_eq(info.tile_count, 32768);
        ck_assert_uint_eq(info.blob_count, 2);
        ck_assert_uint_eq(info.file_nbytes, 4096 + 262144 + 2 * 48);
    }
    for (uint32_t i = 0; i < N; i++)
        ck_status(test_get(tileset, tiles[i].first_id, &tiles[i], IBX_BLOCK),
                  IBX_OK);
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
    free(tiles);
}
END_TEST

START_TEST(a_tile_of_many_megabytes)
{
    const struct sample runs[] = {
        {0, 1, 1, 10}, {1, 1, 3, 9 << 20}, {2, 1, 5, 10}};
    (void)test_build(folder, runs, 3, IBX_PACK_NBYTES_DEFAULT);
    check_small(runs, 3, IBX_PACK_NBYTES_DEFAULT, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("build");
    TCase *tcase = tcase_create("build");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_same_tiles_make_the_same_files);
    tcase_add_test(tcase, an_edit_changes_the_packs_around_it_alone);
    tcase_add_test(tcase, a_tileset_without_tiles);
    tcase_add_test(tcase, files_of_the_year_2040_are_read);
    tcase_add_test(tcase, a_tileset_of_one_tile);
    tcase_add_test(tcase, ids_as_far_apart_as_a_pack_allows);
    tcase_add_test(tcase, an_ocean_larger_than_a_pack_may_span);
    tcase_add_test(tcase, equal_oversize_tiles_stay_together_however_they_come);
    tcase_add_test(tcase, an_index_as_large_as_a_pack_allows);
    tcase_add_test(tcase, a_tile_of_many_megabytes);
    suite_add_tcase(suite, tcase);
    return test_main(suite);
}
