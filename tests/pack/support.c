#include "tests/pack/support.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pack/format.h"
#include "pack/path.h"
#include "pack/writer/sha256.h"

/* ---- files ------------------------------------------------------------- */

char *test_dir_new(void)
{
    const char *parent = getenv("TMPDIR");
    char *path = ibx_path_join(parent ? parent : "/tmp", "imbrex-test-XXXXXX");
    ck_assert_ptr_nonnull(path);
    ck_assert_ptr_nonnull(mkdtemp(path));
    return path;
}

static int remove_entry(const char *path, const struct stat *info, int type,
                        struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

void test_dir_remove(char *path)
{
    ck_assert_int_eq(nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(path);
}

char *test_path(const char *folder, const char *name)
{
    char *path = ibx_path_join(folder, name);
    ck_assert_ptr_nonnull(path);
    return path;
}

uint8_t *test_read(const char *path, size_t *out_nbytes)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s cannot be opened", path);
    struct stat info;
    ck_assert_int_eq(fstat(fileno(file), &info), 0);
    size_t nbytes = (size_t)info.st_size;
    uint8_t *bytes = malloc(nbytes + 1);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_eq(fread(bytes, 1, nbytes, file), nbytes);
    bytes[nbytes] = 0;
    (void)fclose(file);
    *out_nbytes = nbytes;
    return bytes;
}

void test_write(const char *path, const void *bytes, size_t nbytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, bytes, nbytes, 0), (ssize_t)nbytes);
    ck_assert_int_eq(ftruncate(fd, (off_t)nbytes), 0);
    ck_assert_int_eq(close(fd), 0);
}

void test_replace(const char *path, const void *bytes, size_t nbytes)
{
    char beside[4096];
    ck_assert_int_lt(snprintf(beside, sizeof beside, "%s.new", path),
                     (int)sizeof beside);
    test_write(beside, bytes, nbytes);
    ck_assert_int_eq(rename(beside, path), 0);
}

void test_truncate(const char *path, uint64_t nbytes)
{
    ck_assert_int_eq(truncate(path, (off_t)nbytes), 0);
}

/* nftw() has no argument for its callback; a test has one thread here. */
static struct {
    char **lines;
    size_t n, folder_len;
    unsigned count;
} listing;

static void list_file(const char *path)
{
    uint8_t sha256[IBX_SHA256_NBYTES];
    struct ibx_err err = {0};
    ck_ok(ibx_sha256_file(path, sha256, &err), err);
    char *line = NULL;
    ck_assert_int_gt(asprintf(&line, "%02x%02x%02x%02x%02x%02x%02x%02x %s\n",
                              sha256[0], sha256[1], sha256[2], sha256[3],
                              sha256[4], sha256[5], sha256[6], sha256[7],
                              path + listing.folder_len),
                     0);
    listing.lines =
        realloc(listing.lines, (listing.n + 1) * sizeof *listing.lines);
    ck_assert_ptr_nonnull(listing.lines);
    listing.lines[listing.n++] = line;
}

static int list_entry(const char *path, const struct stat *info, int type,
                      struct FTW *at)
{
    (void)info;
    listing.count += at->level > 0;
    if (type == FTW_F)
        list_file(path);
    return 0;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(*(char *const *)a + 17, *(char *const *)b + 17);
}

char *test_listing(const char *folder)
{
    listing.n = listing.count = 0;
    listing.lines = NULL;
    listing.folder_len = strlen(folder);
    ck_assert_int_eq(nftw(folder, list_entry, 16, FTW_PHYS), 0);
    if (listing.n > 0)
        qsort(listing.lines, listing.n, sizeof *listing.lines, by_path);
    size_t nbytes = 1;
    for (size_t i = 0; i < listing.n; i++)
        nbytes += strlen(listing.lines[i]);
    char *all = malloc(nbytes);
    ck_assert_ptr_nonnull(all);
    char *to = all;
    for (size_t i = 0; i < listing.n; i++) {
        to = stpcpy(to, listing.lines[i]);
        free(listing.lines[i]);
    }
    *to = '\0';
    free(listing.lines);
    return all;
}

static int count_entry(const char *path, const struct stat *info, int type,
                       struct FTW *at)
{
    (void)path;
    (void)info;
    (void)type;
    listing.count += at->level > 0;
    return 0;
}

unsigned test_count(const char *folder)
{
    listing.count = 0;
    ck_assert_int_eq(nftw(folder, count_entry, 16, FTW_PHYS), 0);
    return listing.count;
}

/* ---- random numbers ---------------------------------------------------- */

/* SplitMix64: any seed is good, and equal everywhere. */
uint64_t rng_next(struct rng *rng)
{
    uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t rng_below(struct rng *rng, uint64_t below)
{
    return rng_next(rng) % below;
}

/* ---- tiles ------------------------------------------------------------- */

void sample_bytes(const struct sample *sample, uint8_t *to)
{
    struct rng rng = {sample->seed * UINT64_C(1000003) + sample->nbytes};
    for (uint32_t i = 0; i < sample->nbytes; i += 8) {
        uint64_t word = rng_next(&rng);
        uint32_t left = sample->nbytes - i;
        memcpy(to + i, &word, left < 8 ? left : 8);
    }
}

enum ibx_format sample_format(const struct sample *sample)
{
    return sample->seed % 2 ? IBX_FORMAT_PNG : IBX_FORMAT_MVT;
}

enum ibx_encoding sample_encoding(const struct sample *sample)
{
    return sample->seed % 2 ? IBX_ENCODING_NONE : IBX_ENCODING_GZIP;
}

/* tile->bytes is malloc'd. */
static struct ibx_writer_tile sample_tile(const struct sample *sample)
{
    uint8_t *bytes = malloc((size_t)sample->nbytes + 1);
    ck_assert_ptr_nonnull(bytes);
    sample_bytes(sample, bytes);
    return (struct ibx_writer_tile){
        .first_id = sample->first_id,
        .count = sample->count,
        .bytes = bytes,
        .nbytes = sample->nbytes,
        .format = sample_format(sample),
        .encoding = sample_encoding(sample),
    };
}

enum ibx_status sample_add(struct ibx_writer *writer,
                           const struct sample *sample, struct ibx_err *err)
{
    struct ibx_writer_tile tile = sample_tile(sample);
    enum ibx_status st = ibx_writer_add(writer, &tile, err);
    free((void *)tile.bytes);
    return st;
}

enum ibx_status sample_commit(struct ibx_writer *writer, uint64_t key,
                              const struct sample *samples, size_t n,
                              struct ibx_err *err)
{
    struct ibx_writer_tile *tiles = malloc((n + 1) * sizeof *tiles);
    ck_assert_ptr_nonnull(tiles);
    for (size_t i = 0; i < n; i++)
        tiles[i] = sample_tile(&samples[i]);
    struct ibx_writer_unit unit = {
        .key = key,
        .tiles = tiles,
        .ntiles = n,
        .state = (const uint8_t *)&key,
        .state_nbytes = sizeof key,
    };
    enum ibx_status st = ibx_writer_commit(writer, &unit, err);
    for (size_t i = 0; i < n; i++)
        free((void *)tiles[i].bytes);
    free(tiles);
    return st;
}

void sample_check(const struct sample *sample, const struct ibx_tile *tile)
{
    ck_assert_uint_eq(tile->facts.nbytes, sample->nbytes);
    ck_assert_int_eq(tile->facts.format, sample_format(sample));
    ck_assert_int_eq(tile->facts.encoding, sample_encoding(sample));
    uint8_t *bytes = malloc((size_t)sample->nbytes + 1);
    ck_assert_ptr_nonnull(bytes);
    sample_bytes(sample, bytes);
    bool equal = memcmp(bytes, tile->bytes, sample->nbytes) == 0;
    free(bytes);
    ck_assert_msg(equal, "wrong bytes of a tile with seed %u", sample->seed);
}

/* ---- tilesets ---------------------------------------------------------- */

const struct ibx_writer_meta test_meta = {
    .tilejson = "{\"tilejson\":\"3.0.0\"}",
    .report = "{}",
    .source = "name=test\n",
    .source_nbytes = 10,
    .tile_px = 256,
    .source_date_epoch = 1700000000,
};

struct ibx_writer_result test_build(const char *folder,
                                    const struct sample *samples, size_t n,
                                    uint64_t pack_nbytes)
{
    struct ibx_writer_options options;
    ibx_writer_options_init(&options);
    options.pack_nbytes = pack_nbytes;
    options.replace = true;
    struct ibx_writer *writer = NULL;
    struct ibx_err err = {0};
    ck_ok(ibx_writer_open(folder, &options, &writer, &err), err);
    for (size_t i = 0; i < n; i++)
        ck_ok(sample_add(writer, &samples[i], &err), err);
    struct ibx_writer_result result;
    ck_ok(ibx_writer_finish(writer, &test_meta, &result, &err), err);
    ibx_writer_close(writer, IBX_WRITER_DISCARD);
    return result;
}

struct ibx_cache_options test_cache_options(void)
{
    struct ibx_cache_options options;
    ibx_cache_options_init(&options);
    options.wait_ms = 20;
    return options;
}

struct ibx_cache *test_cache(const struct ibx_cache_options *options)
{
    struct ibx_cache *cache = NULL;
    struct ibx_err err = {0};
    ck_ok(ibx_cache_open(options, &cache, &err), err);
    return cache;
}

struct ibx_tileset *test_open(struct ibx_cache *cache, const char *folder)
{
    struct ibx_tileset *tileset = NULL;
    struct ibx_err err = {0};
    ck_ok(ibx_tileset_open(cache, folder, NULL, &tileset, &err), err);
    return tileset;
}

char *test_pack_path(struct ibx_tileset *tileset, uint64_t number)
{
    struct ibx_pack_info info;
    struct ibx_err err = {0};
    char name[IBX_PACK_NAME_NBYTES];
    ck_ok(ibx_pack_info(tileset, number, &info, &err), err);
    ibx_pack_name(info.sha256, name);
    return test_path(ibx_tileset_folder(tileset), name);
}

char *test_manifest_path(const char *folder)
{
    char generation[IBX_GENERATION_NCHARS + 1];
    char name[64];
    struct ibx_err err = {0};
    ck_ok(ibx_tileset_current(folder, generation, &err), err);
    (void)snprintf(name, sizeof name, "manifest-%s.ibm", generation);
    return test_path(folder, name);
}

enum ibx_status test_get(struct ibx_tileset *tileset, uint64_t id,
                         const struct sample *expected, enum ibx_wait wait)
{
    struct ibx_tile tile = {0};
    enum ibx_status st =
        ibx_tile_get(tileset, ibx_tile_zxy(id), wait, &tile, NULL);
    if (st == IBX_OK)
        sample_check(expected, &tile);
    ibx_tile_release(&tile);
    return st;
}

int test_main(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
