/* A small tileset, cut at every length and with every bit flipped: the answer
 * is a status or the right tile, never a crash, never other bytes. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pack/format.h"
#include "tests/pack/support.h"

static const struct sample tiles[] = {
    {0, 1, 1, 5}, {1, 2, 3, 40}, {4, 1, 2, 0}, {5, 1, 4, 17}, {9, 1, 3, 40},
};

enum { NTILES = sizeof tiles / sizeof tiles[0], NIDS = 12 };

static char *folder;
static struct ibx_cache *cache;
static char *pack_path, *manifest_path;
static uint8_t *pack, *manifest;
static size_t pack_nbytes, manifest_nbytes;

static void open_cache(enum ibx_verify verify)
{
    struct ibx_cache_options options = test_cache_options();
    options.verify = verify;
    cache = test_cache(&options);
}

/* One text only, so that the manifest is short. */
static void build(void)
{
    static const struct ibx_writer_meta meta = {.tilejson = "{}"};
    struct ibx_writer_options options;
    struct ibx_writer_result result;
    struct ibx_writer *writer = NULL;
    struct ibx_err err = {0};
    ibx_writer_options_init(&options);
    ck_ok(ibx_writer_open(folder, &options, &writer, &err), err);
    for (size_t i = 0; i < NTILES; i++)
        ck_ok(sample_add(writer, &tiles[i], &err), err);
    ck_ok(ibx_writer_finish(writer, &meta, &result, &err), err);
    ibx_writer_close(writer, IBX_WRITER_DISCARD);
}

static void setup(void)
{
    folder = test_dir_new();
    build();
    open_cache(IBX_VERIFY_ALWAYS);
    struct ibx_tileset *tileset = test_open(cache, folder);
    pack_path = test_pack_path(tileset, 0);
    manifest_path = test_manifest_path(folder);
    pack = test_read(pack_path, &pack_nbytes);
    manifest = test_read(manifest_path, &manifest_nbytes);
    ibx_tileset_release(tileset);
}

static void teardown(void)
{
    ibx_cache_close(cache);
    free(pack_path);
    free(manifest_path);
    free(pack);
    free(manifest);
    test_dir_remove(folder);
}

static const struct sample *sample_of(uint64_t id)
{
    for (size_t i = 0; i < NTILES; i++)
        if (id >= tiles[i].first_id && id < tiles[i].first_id + tiles[i].count)
            return &tiles[i];
    return NULL;
}

/* What a fresh reader gets. */
struct outcome {
    enum ibx_status opened;
    unsigned right, corrupt; /* tiles that are there */
    unsigned lost;           /* and were said to be absent */
    unsigned invented;       /* absent tiles that were served */
    unsigned others;         /* any other status */
};

static void try_id(struct ibx_tileset *tileset, uint64_t id,
                   struct outcome *outcome)
{
    const struct sample *want = sample_of(id);
    struct ibx_tile tile = {0};
    enum ibx_status st =
        ibx_tile_get(tileset, ibx_tile_zxy(id), IBX_BLOCK, &tile, NULL);
    if (st == IBX_OK && want)
        sample_check(want, &tile);
    outcome->right += st == IBX_OK && want;
    outcome->invented += st == IBX_OK && !want;
    outcome->corrupt += st == IBX_ERR_CORRUPT;
    outcome->lost += st == IBX_NOT_FOUND && want;
    outcome->others += st != IBX_OK && st != IBX_NOT_FOUND &&
                       st != IBX_ERR_CORRUPT && st != IBX_ERR_UNSUPPORTED;
    ibx_tile_release(&tile);
}

/* Every `step`th id. */
static struct outcome look_at(uint64_t step)
{
    struct outcome outcome = {0};
    struct ibx_tileset *tileset = NULL;
    outcome.opened = ibx_tileset_open(cache, folder, NULL, &tileset, NULL);
    if (outcome.opened != IBX_OK)
        return outcome;
    for (uint64_t id = 0; id < NIDS; id += step)
        try_id(tileset, id, &outcome);
    ibx_tileset_release(tileset);
    return outcome;
}

static struct outcome look(void)
{
    return look_at(1);
}

/* A tile and a hole: enough where no tile may be right, and much faster. */
static struct outcome glance(void)
{
    return look_at(6);
}

/* Number of ids of `tiles`. */
enum { NHELD = 6 };

static void check_sane(const struct outcome *outcome, const char *what,
                       size_t at)
{
    ck_assert_msg(outcome->lost == 0, "%s %zu: a tile was lost", what, at);
    ck_assert_msg(outcome->invented == 0, "%s %zu: a tile appeared", what, at);
    ck_assert_msg(outcome->others == 0, "%s %zu: a strange status", what, at);
}

static int open_to_flip(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    return fd;
}

/* Flips a bit and mends the one before it, which was flipped the last time. */
static void flip_next(int fd, const uint8_t *good, size_t bit)
{
    size_t at = bit / 8;
    size_t from = at > 0 ? at - 1 : 0;
    uint8_t bytes[2] = {good[from], good[from]};
    bytes[at - from] = good[at] ^ (uint8_t)(1u << bit % 8);
    size_t nbytes = at - from + 1;
    ck_assert_int_eq(pwrite(fd, bytes, nbytes, (off_t)from), (ssize_t)nbytes);
}

START_TEST(the_intact_tileset_is_right)
{
    struct outcome outcome = look();
    ck_status(outcome.opened, IBX_OK);
    ck_assert_uint_eq(outcome.right, NHELD);
    check_sane(&outcome, "intact", 0);
}
END_TEST

START_TEST(a_pack_cut_at_any_length_is_corrupt)
{
    for (size_t nbytes = pack_nbytes; nbytes-- > 0;) {
        test_truncate(pack_path, nbytes);
        struct outcome outcome = glance();
        ck_status(outcome.opened, IBX_OK);
        ck_assert_uint_eq(outcome.right, 0);
        ck_assert_uint_ge(outcome.corrupt, 1);
        check_sane(&outcome, "length", nbytes);
    }
}
END_TEST

START_TEST(a_pack_with_more_bytes_is_corrupt)
{
    uint8_t zero = 0;
    int fd = open_to_flip(pack_path);
    ck_assert_int_eq(pwrite(fd, &zero, 1, (off_t)pack_nbytes), 1);
    close(fd);
    struct outcome outcome = look();
    ck_assert_uint_eq(outcome.right, 0);
    ck_assert_uint_ge(outcome.corrupt, NHELD);
}
END_TEST

START_TEST(a_manifest_cut_at_any_length_is_refused)
{
    for (size_t nbytes = manifest_nbytes; nbytes-- > 0;) {
        test_truncate(manifest_path, nbytes);
        ck_status(look().opened, IBX_ERR_CORRUPT);
    }
}
END_TEST

START_TEST(every_flipped_bit_of_a_packs_header_and_index)
{
    int fd = open_to_flip(pack_path);
    size_t end = IBX_HEADER_NBYTES + 8 * 7; /* seven entries */
    for (size_t bit = 0; bit < end * 8; bit++) {
        flip_next(fd, pack, bit);
        struct outcome outcome = glance();
        ck_status(outcome.opened, IBX_OK);
        ck_assert_msg(outcome.right == 0, "bit %zu went unseen", bit);
        check_sane(&outcome, "bit", bit);
    }
    close(fd);
}
END_TEST

/* The blob that holds byte `at` of the pack, or NULL for padding. */
static const struct sample *blob_at(size_t at)
{
    static const struct sample *const in_order[] = {&tiles[0], &tiles[1],
                                                    &tiles[2], &tiles[3]};
    size_t off = IBX_HEADER_NBYTES + 64;
    for (size_t i = 0; i < 4; i++) {
        size_t nbytes = 16 + (size_t)in_order[i]->nbytes;
        if (at >= off && at < off + nbytes)
            return in_order[i];
        off += (nbytes + 15) / 16 * 16;
    }
    return NULL;
}

static unsigned ids_of(const struct sample *blob)
{
    unsigned n = 0;
    for (uint64_t id = 0; id < NIDS; id++) {
        const struct sample *sample = sample_of(id);
        n += blob && sample && sample->seed == blob->seed;
    }
    return n;
}

static const enum ibx_verify verifies[] = {IBX_VERIFY_ALWAYS, IBX_VERIFY_FIRST};

/* Padding apart, a flipped bit makes exactly its own tile unreadable. */
START_TEST(every_flipped_bit_of_a_blob_is_corrupt)
{
    ibx_cache_close(cache);
    open_cache(verifies[_i]);
    int fd = open_to_flip(pack_path);
    for (size_t bit = 8 * (IBX_HEADER_NBYTES + 56); bit < pack_nbytes * 8;
         bit++) {
        unsigned hit = ids_of(blob_at(bit / 8));
        flip_next(fd, pack, bit);
        struct outcome outcome = look();
        ck_assert_msg(outcome.corrupt == hit && outcome.right == NHELD - hit,
                      "bit %zu: %u corrupt, %u right, %u hit", bit,
                      outcome.corrupt, outcome.right, hit);
        check_sane(&outcome, "bit", bit);
    }
    close(fd);
}
END_TEST

static enum ibx_status read_texts(void)
{
    struct ibx_tileset *tileset = NULL;
    enum ibx_status st = ibx_tileset_open(cache, folder, NULL, &tileset, NULL);
    for (int i = 0; st == IBX_OK && i <= IBX_TEXT_SOURCE; i++) {
        char *text = NULL;
        size_t nbytes = 0;
        st = ibx_tileset_text(tileset, (enum ibx_text)i, &text, &nbytes, NULL);
        free(text);
    }
    ibx_tileset_release(tileset);
    return st;
}

/* Header and pages are under checksums, zeros included: nothing is unseen. */
START_TEST(every_flipped_bit_of_a_manifest_is_seen)
{
    size_t header = 8 * (size_t)IBX_HEADER_NBYTES;
    size_t texts = 3 * header; /* header, first ids, records */
    int fd = open_to_flip(manifest_path);
    for (size_t bit = 0; bit < manifest_nbytes * 8; bit++) {
        flip_next(fd, manifest, bit);
        if (bit >= texts) {
            ck_status(read_texts(), IBX_ERR_CORRUPT);
            continue;
        }
        struct outcome outcome = glance();
        ck_assert((outcome.opened != IBX_OK) == (bit < header));
        ck_assert_msg(outcome.right == 0, "bit %zu went unseen", bit);
        check_sane(&outcome, "bit", bit);
    }
    close(fd);
}
END_TEST

/* ---- CURRENT ----------------------------------------------------------- */

static const struct {
    const char *label, *text;
    enum ibx_status want;
} currents[] = {
    {"empty", "", IBX_ERR_CORRUPT},
    {"a line feed only", "\n", IBX_ERR_CORRUPT},
    {"another generation", "manifest-0123456789abcdef.ibm\n", IBX_ERR_MISSING},
    {"no line feed", "manifest-0123456789abcdef.ibm", IBX_ERR_CORRUPT},
    {"carriage return", "manifest-0123456789abcdef.ibm\r\n", IBX_ERR_CORRUPT},
    {"two lines", "manifest-0123456789abcdef.ibm\n\n", IBX_ERR_CORRUPT},
    {"a space before", " manifest-0123456789abcdef.ibm\n", IBX_ERR_CORRUPT},
    {"upper case", "manifest-0123456789ABCDEF.ibm\n", IBX_ERR_CORRUPT},
    {"too few digits", "manifest-0123456789abcde.ibm\n", IBX_ERR_CORRUPT},
    {"a way out", "manifest-../../../../a.ibm\n", IBX_ERR_CORRUPT},
    {"a path", "/etc/passwd\n", IBX_ERR_CORRUPT},
    {"a long line",
     "manifest-0123456789abcdef.ibm                                        "
     "                                                                    \n",
     IBX_ERR_CORRUPT},
};

START_TEST(a_strange_current_is_refused)
{
    char *path = test_path(folder, "CURRENT");
    struct ibx_err err = {0};
    struct ibx_tileset *tileset = NULL;
    test_replace(path, currents[_i].text, strlen(currents[_i].text));
    enum ibx_status st = ibx_tileset_open(cache, folder, NULL, &tileset, &err);
    ck_assert_msg(st == currents[_i].want, "%s: %s", currents[_i].label,
                  ibx_status_text(st));
    ck_assert_int_eq(err.status, st);
    ck_assert_str_ne(err.file, "");
    ck_assert_str_ne(err.what, "");
    ck_assert_ptr_null(tileset);
    free(path);
}
END_TEST

/* The text of the good line with one character changed, one after another. */
START_TEST(every_changed_character_of_current_is_refused)
{
    char *path = test_path(folder, "CURRENT");
    size_t nbytes = 0;
    char *line = (char *)test_read(path, &nbytes);
    for (size_t i = 0; i < nbytes; i++) {
        char was = line[i];
        line[i] = was == '0' ? '1' : '0';
        test_write(path, line, nbytes);
        line[i] = was;
        enum ibx_status st = look().opened;
        ck_assert(st == IBX_ERR_CORRUPT || st == IBX_ERR_MISSING);
    }
    free(line);
    free(path);
}
END_TEST

/* None of these may hang or be read as a file. */
START_TEST(what_is_no_file_is_refused)
{
    const char *names[] = {"CURRENT", strrchr(manifest_path, '/') + 1};
    for (size_t i = 0; i < 2; i++) {
        char *path = test_path(folder, names[i]);
        char *aside = test_path(folder, "aside");
        ck_assert_int_eq(rename(path, aside), 0);
        ck_status(look().opened, IBX_ERR_MISSING);
        ck_assert_int_eq(mkdir(path, 0777), 0);
        ck_assert_int_ne(look().opened, IBX_OK);
        ck_assert_int_eq(rmdir(path), 0);
        ck_assert_int_eq(mkfifo(path, 0666), 0);
        ck_assert_int_ne(look().opened, IBX_OK);
        ck_assert_int_eq(rename(aside, path), 0);
        ck_status(look().opened, IBX_OK);
        free(aside);
        free(path);
    }
}
END_TEST

START_TEST(a_pack_that_is_no_file_is_refused)
{
    ck_assert_int_eq(unlink(pack_path), 0);
    struct ibx_tileset *tileset = test_open(cache, folder);
    ck_status(test_get(tileset, 0, &tiles[0], IBX_BLOCK), IBX_ERR_MISSING);
    ck_assert_int_eq(mkfifo(pack_path, 0666), 0);
    ck_status(test_get(tileset, 0, &tiles[0], IBX_BLOCK), IBX_ERR_CORRUPT);
    test_replace(pack_path, pack, pack_nbytes);
    ck_status(test_get(tileset, 0, &tiles[0], IBX_BLOCK), IBX_OK);
    ibx_tileset_release(tileset);
}
END_TEST

/* A pack of the same length and interval under this one's name. */
START_TEST(another_tilesets_pack_is_no_pack_of_this)
{
    char *other = test_dir_new();
    struct sample shifted[NTILES];
    memcpy(shifted, tiles, sizeof tiles);
    shifted[NTILES - 1].first_id++;
    (void)test_build(other, shifted, NTILES, IBX_PACK_NBYTES_DEFAULT);
    struct ibx_tileset *tileset = test_open(cache, other);
    char *path = test_pack_path(tileset, 0);
    size_t nbytes = 0;
    uint8_t *bytes = test_read(path, &nbytes);
    ibx_tileset_release(tileset);
    ck_assert_uint_eq(nbytes, pack_nbytes);
    test_replace(pack_path, bytes, nbytes);
    struct outcome outcome = look();
    ck_assert_uint_eq(outcome.right, 0);
    check_sane(&outcome, "foreign", 0);
    free(bytes);
    free(path);
    test_dir_remove(other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("damage");
    TCase *tcase = tcase_create("damage");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_intact_tileset_is_right);
    tcase_add_test(tcase, a_pack_cut_at_any_length_is_corrupt);
    tcase_add_test(tcase, a_pack_with_more_bytes_is_corrupt);
    tcase_add_test(tcase, a_manifest_cut_at_any_length_is_refused);
    tcase_add_test(tcase, every_flipped_bit_of_a_packs_header_and_index);
    tcase_add_loop_test(tcase, every_flipped_bit_of_a_blob_is_corrupt, 0, 2);
    tcase_add_test(tcase, every_flipped_bit_of_a_manifest_is_seen);
    tcase_add_loop_test(tcase, a_strange_current_is_refused, 0,
                        sizeof currents / sizeof currents[0]);
    tcase_add_test(tcase, every_changed_character_of_current_is_refused);
    tcase_add_test(tcase, what_is_no_file_is_refused);
    tcase_add_test(tcase, a_pack_that_is_no_file_is_refused);
    tcase_add_test(tcase, another_tilesets_pack_is_no_pack_of_this);
    suite_add_tcase(suite, tcase);
    return test_main(suite);
}
