/* support.h - what the tests of the library share: temporary folders, whole
 * files, fixed random numbers, and tilesets made in one call. Everything that
 * goes wrong here fails the running test. */
#ifndef IBX_TESTS_PACK_SUPPORT_H
#define IBX_TESTS_PACK_SUPPORT_H

#include <check.h>

#include "pack/writer.h"

/* ---- files ------------------------------------------------------------- */

/* A new empty folder in TMPDIR or /tmp; test_dir_remove() it and free() it. */
char *test_dir_new(void);
void test_dir_remove(char *path);

/* folder/name, malloc'd. */
char *test_path(const char *folder, const char *name);

/* A whole file, malloc'd. */
uint8_t *test_read(const char *path, size_t *out_nbytes);
/* Writes a file in place, as an accident would. */
void test_write(const char *path, const void *bytes, size_t nbytes);
/* Puts a whole new file in the place of `path` by rename. */
void test_replace(const char *path, const void *bytes, size_t nbytes);
void test_truncate(const char *path, uint64_t nbytes);

/* The names and SHA-256 of all files in a folder, sorted, one per line,
 * malloc'd: equal texts are equal folders. */
char *test_listing(const char *folder);

/* Number of regular files and folders below `folder`. */
unsigned test_count(const char *folder);

/* ---- random numbers ---------------------------------------------------- */

struct rng {
    uint64_t state;
};

uint64_t rng_next(struct rng *rng);
/* 0 .. below - 1 */
uint64_t rng_below(struct rng *rng, uint64_t below);

/* ---- tiles ------------------------------------------------------------- */

/* Tiles are described by what their bytes are made from, so that a million
 * need no memory: equal seed and nbytes are equal bytes. */
struct sample {
    uint64_t first_id, count;
    uint32_t seed, nbytes;
};

/* Fills `to` with the sample's nbytes. */
void sample_bytes(const struct sample *sample, uint8_t *to);
/* Odd seeds are PNG, even ones gzipped MVT. */
enum ibx_format sample_format(const struct sample *sample);
enum ibx_encoding sample_encoding(const struct sample *sample);

/* ibx_writer_add() with the sample's bytes. */
enum ibx_status sample_add(struct ibx_writer *writer,
                           const struct sample *sample, struct ibx_err *err);
/* ibx_writer_commit() of `n` samples; the state is the key's 8 bytes. */
enum ibx_status sample_commit(struct ibx_writer *writer, uint64_t key,
                              const struct sample *samples, size_t n,
                              struct ibx_err *err);

/* Fails the test unless `tile` holds the sample's bytes and facts. */
void sample_check(const struct sample *sample, const struct ibx_tile *tile);

/* ---- tilesets ---------------------------------------------------------- */

extern const struct ibx_writer_meta test_meta;

/* Publishes the samples as a generation of `folder`. */
struct ibx_writer_result test_build(const char *folder,
                                    const struct sample *samples, size_t n,
                                    uint64_t pack_nbytes);

/* The defaults, with a short wait. */
struct ibx_cache_options test_cache_options(void);
struct ibx_cache *test_cache(const struct ibx_cache_options *options);
struct ibx_tileset *test_open(struct ibx_cache *cache, const char *folder);

/* The path of pack `number` of a tileset, malloc'd. */
char *test_pack_path(struct ibx_tileset *tileset, uint64_t number);
/* The path of the manifest in force, malloc'd. */
char *test_manifest_path(const char *folder);

/* Status of a whole ibx_tile_get() of an id; the tile must be the sample's
 * when it is IBX_OK. */
enum ibx_status test_get(struct ibx_tileset *tileset, uint64_t id,
                         const struct sample *expected, enum ibx_wait wait);

#define ck_status(got, want)                                                   \
    do {                                                                       \
        enum ibx_status ck_got = (got);                                        \
        enum ibx_status ck_want = (want);                                      \
        ck_assert_msg(ck_got == ck_want, "%s: got \"%s\", want \"%s\"", #got,  \
                      ibx_status_text(ck_got), ibx_status_text(ck_want));      \
    } while (0)

/* As ck_status(.., IBX_OK) with what `err` says. */
#define ck_ok(call, err)                                                       \
    do {                                                                       \
        enum ibx_status ck_got = (call);                                       \
        ck_assert_msg(ck_got == IBX_OK, "%s: %s: %s (%s)", #call, (err).file,  \
                      (err).what, ibx_status_text(ck_got));                    \
    } while (0)

/* Runs a suite, one process per test; the exit status for main(). */
int test_main(Suite *suite);

#endif
