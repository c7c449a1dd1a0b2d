/* test_verify.c - ibx_verify() finds and names every kind of damage, and finds
 * nothing in what is good. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pack/bytes.h"
#include "tests/tiler/inspect/checked.h"
#include "tests/tiler/inspect/forge.h"

static struct said said;

/* ---- good -------------------------------------------------------------- */

START_TEST(good_tileset_has_no_problem)
{
    struct ibx_verify_result result = check_tileset(NULL, &said);
    ck_assert_msg(result.problems == 0, "%s", said.text);
    ck_assert_uint_eq(result.tile_count, CHECKED_NTILES);
    ck_assert_uint_eq(result.packs_bad, 0);
    ck_assert_uint_gt(result.packs, 5);
}
END_TEST

START_TEST(empty_tileset_has_no_problem)
{
    char *empty = test_path(checked_dir, "empty.imbrex");
    (void)test_build(empty, NULL, 0, CHECKED_PACK_NBYTES);
    free(checked_folder);
    checked_folder = empty;
    struct ibx_verify_result result = check_tileset(NULL, &said);
    ck_assert_msg(result.problems == 0, "%s", said.text);
    ck_assert_uint_eq(result.packs, 0);
}
END_TEST

START_TEST(oversize_tile_has_no_problem)
{
    struct sample big = {.first_id = 4000, .count = 1, .nbytes = 300 << 10};
    (void)test_build(checked_folder, &big, 1, CHECKED_PACK_NBYTES);
    struct ibx_verify_result result = check_tileset(NULL, &said);
    ck_assert_msg(result.problems == 0, "%s", said.text);
}
END_TEST

START_TEST(progress_reaches_its_total)
{
    struct ibx_verify_result result = check_tileset(NULL, &said);
    uint64_t bytes = 0;
    struct ibx_cache_options options = test_cache_options();
    struct ibx_cache *cache = test_cache(&options);
    struct ibx_tileset *tileset = test_open(cache, checked_folder);
    bytes = ibx_tileset_info(tileset)->pack_nbytes;
    ibx_tileset_release(tileset);
    ibx_cache_close(cache);
    char *manifest = test_manifest_path(checked_folder);
    struct stat info;
    ck_assert_int_eq(stat(manifest, &info), 0);
    ck_assert_uint_eq(result.nbytes, bytes + (uint64_t)info.st_size);
    free(manifest);
}
END_TEST

/* ---- accidents --------------------------------------------------------- */

static void flip_magic(const char *path)
{
    damage_flip(path, 0);
}
static void flip_header(const char *path)
{
    damage_flip(path, 45);
}
static void flip_index(const char *path)
{
    damage_flip(path, IBX_HEADER_NBYTES + 12);
}
static void cut_to_nothing(const char *path)
{
    test_truncate(path, 0);
}
static void lengthen(const char *path)
{
    damage_resize(path, 16);
}
static void make_it_a_folder(const char *path)
{
    damage_remove(path);
    ck_assert_int_eq(mkdir(path, 0777), 0);
}
static void make_it_another_pack(const char *path)
{
    char *other = checked_pack_path(4);
    size_t nbytes = 0;
    uint8_t *file = test_read(other, &nbytes);
    test_write(path, file, nbytes);
    free(file);
    free(other);
}
static void flip_first_page(const char *path)
{
    damage_flip(path, IBX_PAGE_NBYTES + 3);
}
static void flip_records_page(const char *path)
{
    damage_flip(path, 2 * IBX_PAGE_NBYTES + 3);
}
static void flip_last_page(const char *path)
{
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    damage_flip(path, (size_t)info.st_size - 9);
}
static void write_nonsense(const char *path)
{
    test_write(path, "nonsense\n", 9);
}
static void name_no_manifest(const char *path)
{
    test_write(path, "manifest-0123456789abcdef.ibm\n", 30);
}

enum which { PACK, MANIFEST, CURRENT };

static const struct {
    const char *label;
    enum which which;
    void (*damage)(const char *path);
    const char *says; /* of the damaged file */
} accidents[] = {
    {"pack is missing", PACK, damage_remove, "No such file"},
    {"pack is a folder", PACK, make_it_a_folder, "not a regular file"},
    {"pack is empty", PACK, cut_to_nothing, "its length is 0"},
    {"pack lost a byte", PACK, damage_cut, "its length is"},
    {"pack has grown", PACK, lengthen, "its length is"},
    {"pack is another", PACK, make_it_another_pack, "its first tile id is"},
    {"bit in a pack's magic", PACK, flip_magic, "magic"},
    {"bit in a pack's header", PACK, flip_header, "header's checksum"},
    {"bit in a pack's index", PACK, flip_index, "index's checksum"},
    {"bit in a tile", PACK, damage_payload, ": its checksum does not match"},
    {"SHA-256 of a pack", PACK, damage_payload, "SHA-256"},
    {"manifest is missing", MANIFEST, damage_remove, "No such file"},
    {"manifest is a folder", MANIFEST, make_it_a_folder, "not a regular file"},
    {"manifest is empty", MANIFEST, cut_to_nothing, "shorter"},
    {"manifest lost a byte", MANIFEST, damage_cut, "its length is not"},
    {"manifest has grown", MANIFEST, lengthen, "its length is not"},
    {"bit in the manifest's header", MANIFEST, flip_header, "header's check"},
    {"bit in the first ids", MANIFEST, flip_first_page, "checksum of page 1 "},
    {"bit in the records", MANIFEST, flip_records_page, "checksum of page 2 "},
    {"bit in a text", MANIFEST, flip_last_page, "checksum of page 5 "},
    {"SHA-256 of the manifest", MANIFEST, flip_last_page, "SHA-256"},
    {"CURRENT is missing", CURRENT, damage_remove, "No such file"},
    {"CURRENT is empty", CURRENT, cut_to_nothing, "not one line"},
    {"CURRENT is nonsense", CURRENT, write_nonsense, "not one line"},
};

enum { NACCIDENTS = sizeof accidents / sizeof accidents[0] };

START_TEST(accident_is_found_and_named)
{
    char *path = accidents[_i].which == PACK ? checked_pack_path(2)
                 : accidents[_i].which == MANIFEST
                     ? test_manifest_path(checked_folder)
                     : test_path(checked_folder, "CURRENT");
    accidents[_i].damage(path);
    struct ibx_verify_result result = check_tileset(NULL, &said);
    ck_assert_msg(result.problems > 0, "%s: nothing found",
                  accidents[_i].label);
    ck_assert_msg(check_says(said.text, path, accidents[_i].says),
                  "%s: \"%s\" is not said of it, but:\n%s", accidents[_i].label,
                  accidents[_i].says, said.text);
    if (accidents[_i].which == PACK)
        ck_assert_uint_eq(result.packs_bad, 1);
    free(path);
}
END_TEST

START_TEST(current_that_names_nothing_is_found)
{
    char *current = test_path(checked_folder, "CURRENT");
    name_no_manifest(current);
    char *manifest = test_manifest_path(checked_folder);
    struct ibx_verify_result result = check_tileset(NULL, &said);
    ck_assert_uint_eq(result.problems, 1);
    ck_assert(check_says(said.text, manifest, "No such file"));
    free(manifest);
    free(current);
}
END_TEST

START_TEST(every_damaged_pack_is_named)
{
    uint64_t npacks = check_tileset(NULL, &said).packs;
    for (uint64_t i = 0; i < npacks; i++) {
        char *path = checked_pack_path(i);
        damage_payload(path);
        free(path);
    }
    struct ibx_verify_result result = check_tileset(NULL, &said);
    ck_assert_uint_eq(result.packs_bad, npacks);
    ck_assert_uint_eq(result.tile_count, 0);
    for (uint64_t i = 0; i < npacks; i++) {
        char *path = checked_pack_path(i);
        ck_assert(check_says(said.text, path, "SHA-256"));
        free(path);
    }
}
END_TEST

/* ---- forgeries: one broken rule, all else sealed ----------------------- */

static void split_a_run(struct forged_pack *p)
{
    p->index[p->header.entry_count] = p->index[p->header.entry_count - 1];
    p->index[p->header.entry_count].rel_id++;
    p->header.entry_count++;
    p->header.last_id++;
    p->header.tile_count++;
    p->info.last_id++;
    p->info.tile_count++;
}
static void hole_at_the_end(struct forged_pack *p)
{
    split_a_run(p);
    p->index[p->header.entry_count - 1].place = 0;
    p->header.tile_count--;
    p->info.tile_count--;
}
static void hole_at_the_start(struct forged_pack *p)
{
    p->index[0].place = 0;
}
static void wrong_tile_count(struct forged_pack *p)
{
    p->header.tile_count++;
}
static void wrong_blob_count(struct forged_pack *p)
{
    p->header.blob_count++;
}
static void swapped_tiles(struct forged_pack *p)
{
    uint32_t place = p->index[0].place;
    p->index[0].place = p->index[1].place;
    p->index[1].place = place;
}
static void tile_inside_a_tile(struct forged_pack *p)
{
    p->index[0].place++;
}
static void tile_behind_the_end(struct forged_pack *p)
{
    ibx_put_u32(p->data + ibx_place_off(p->index[0].place) + 8, UINT32_MAX);
}
static void empty_flag_on_a_tile(struct forged_pack *p)
{
    uint8_t *flags = p->data + ibx_place_off(p->index[0].place) + 12;
    ibx_put_u32(flags, ibx_get_u32(flags) | IBX_BLOB_EMPTY);
    forge_seal_blob(p, p->index[0].place);
}
static void unsealed_tile(struct forged_pack *p)
{
    p->data[ibx_place_off(p->index[0].place) + 20] ^= 1;
}
/* Blob 0 takes the length of blob 1 and its bytes: both fit, for samples grow
 * and 16 bytes more do not reach the next blob's payload. */
static void twin_tiles(struct forged_pack *p)
{
    uint8_t *first = p->data + ibx_place_off(p->index[0].place);
    uint8_t *second = p->data + ibx_place_off(p->index[1].place);
    uint32_t nbytes = ibx_get_u32(first + 8);
    memcpy(second, first, (size_t)nbytes + IBX_BLOB_HEADER_NBYTES);
}
static void wrong_largest(struct forged_pack *p)
{
    p->info.largest_tile_nbytes++;
}
static void wrong_payload(struct forged_pack *p)
{
    p->info.payload_nbytes--;
}
static void wrong_formats(struct forged_pack *p)
{
    p->info.format_bits = 1u << IBX_FORMAT_WEBP;
}
static void wrong_range(struct forged_pack *p)
{
    p->info.last_id += 1000;
}
static void backward_range(struct forged_pack *p)
{
    p->info.last_id = p->info.first_id - 1;
}
static void oversize_of_many(struct forged_pack *p)
{
    p->header.flags |= IBX_PACK_OVERSIZE;
    p->info.flags |= IBX_PACK_OVERSIZE;
}
static void nothing(struct forged_pack *p)
{
    (void)p;
}

static const struct {
    const char *label;
    void (*edit)(struct forged_pack *pack);
    uint64_t pack_nbytes;
    const char *says;
} forgeries[] = {
    {"run in two entries", split_a_run, CHECKED_PACK_NBYTES,
     "two equal neighbours"},
    {"hole at the end", hole_at_the_end, CHECKED_PACK_NBYTES,
     "ends with a hole"},
    {"hole at the start", hole_at_the_start, CHECKED_PACK_NBYTES,
     "begins with a"},
    {"tile count", wrong_tile_count, CHECKED_PACK_NBYTES,
     "count different tiles"},
    {"blob count", wrong_blob_count, CHECKED_PACK_NBYTES,
     "count different blobs"},
    {"order of blobs", swapped_tiles, CHECKED_PACK_NBYTES,
     "order of their first"},
    {"blob inside a blob", tile_inside_a_tile, CHECKED_PACK_NBYTES, "tile "},
    {"blob too long", tile_behind_the_end, CHECKED_PACK_NBYTES,
     "behind the end"},
    {"empty, but not", empty_flag_on_a_tile, CHECKED_PACK_NBYTES, "empty flag"},
    {"blob's checksum", unsealed_tile, CHECKED_PACK_NBYTES,
     "its checksum does not"},
    {"equal blobs", twin_tiles, CHECKED_PACK_NBYTES,
     "equal tiles more than once"},
    {"largest tile", wrong_largest, CHECKED_PACK_NBYTES, "its largest tile is"},
    {"payload", wrong_payload, CHECKED_PACK_NBYTES,
     "its sum of tile lengths is"},
    {"formats", wrong_formats, CHECKED_PACK_NBYTES, "its set of formats is"},
    {"range in the manifest", wrong_range, CHECKED_PACK_NBYTES,
     "its last tile id is"},
    {"overlap", wrong_range, CHECKED_PACK_NBYTES, "overlaps or precedes"},
    {"backward range", backward_range, CHECKED_PACK_NBYTES, "is impossible"},
    {"oversize of many", oversize_of_many, CHECKED_PACK_NBYTES,
     "more than one tile"},
    {"larger than allowed", nothing, CHECKED_PACK_NBYTES / 2,
     "larger than the pack"},
};

START_TEST(forgery_is_found)
{
    forge_pack(checked_folder, 2, forgeries[_i].pack_nbytes,
               forgeries[_i].edit);
    struct ibx_verify_result result = check_tileset(NULL, &said);
    ck_assert_msg(strstr(said.text, forgeries[_i].says) != NULL,
                  "%s: \"%s\" is not said, but:\n%s", forgeries[_i].label,
                  forgeries[_i].says, said.text);
    ck_assert_uint_gt(result.problems, 0);
    /* The files' names are right: only the rule is broken. */
    ck_assert_ptr_null(strstr(said.text, "SHA-256"));
}
END_TEST

static void more_data(struct forged_pack *p)
{
    static uint8_t room[1 << 20];
    memcpy(room, p->data, (size_t)p->header.data_nbytes);
    p->data = room;
    p->header.data_nbytes += 4096;
}

/* Rule 4.11. */
START_TEST(bytes_that_no_entry_names_are_allowed)
{
    forge_pack(checked_folder, 2, 2 * CHECKED_PACK_NBYTES, more_data);
    struct ibx_verify_result result = check_tileset(NULL, &said);
    ck_assert_msg(result.problems == 0, "%s", said.text);
}
END_TEST

static void wrong_tiles(struct ibx_manifest_header *h)
{
    h->tile_count++;
}
static void wrong_blobs(struct ibx_manifest_header *h)
{
    h->blob_count++;
}
static void wrong_bytes(struct ibx_manifest_header *h)
{
    h->pack_nbytes++;
}
static void wrong_zoom(struct ibx_manifest_header *h)
{
    h->max_zoom++;
}

static const struct {
    const char *label;
    void (*edit)(struct ibx_manifest_header *header);
    const char *says;
} manifests[] = {
    {"tiles", wrong_tiles, "its header says tiles"},
    {"blobs", wrong_blobs, "its header says blobs"},
    {"bytes", wrong_bytes, "its header says bytes"},
    {"zoom", wrong_zoom, "its header says highest zoom"},
};

START_TEST(wrong_sum_is_found)
{
    forge_manifest(checked_folder, manifests[_i].edit);
    struct ibx_verify_result result = check_tileset(NULL, &said);
    ck_assert_uint_eq(result.problems, 1);
    ck_assert_msg(strstr(said.text, manifests[_i].says) != NULL, "%s: %s",
                  manifests[_i].label, said.text);
}
END_TEST

/* The library knows no JSON, so the program looks at the texts. */
static const struct {
    const char *label, *tilejson, *report;
    int exit_code;
} texts[] = {
    {"good texts", "{\"tilejson\":\"3.0.0\"}", "{}", 0},
    {"no texts", "", "", 0},
    {"TileJSON cut short", "{\"tilejson\":", "{}", 1},
    {"TileJSON is a list", "[]", "{}", 1},
    {"TileJSON with tiles", "{\"tiles\":[]}", "{}", 1},
    {"report is no JSON", "{}", "dropped", 1},
};

static int run_verify(const char *tiler)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        (void)execl(tiler, tiler, "verify", checked_folder, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

START_TEST(text_that_is_no_object_is_found)
{
    const char *tiler = getenv("IMBREX_TILER");
    if (!tiler)
        return; /* ctest sets it wherever the program is built */
    forge_texts(checked_folder, texts[_i].tilejson, texts[_i].report);
    int code = run_verify(tiler);
    ck_assert_msg(code == texts[_i].exit_code, "%s: exit %d", texts[_i].label,
                  code);
}
END_TEST

static void add_good_and_bad(TCase *tc)
{
    tcase_add_test(tc, good_tileset_has_no_problem);
    tcase_add_test(tc, empty_tileset_has_no_problem);
    tcase_add_test(tc, oversize_tile_has_no_problem);
    tcase_add_test(tc, progress_reaches_its_total);
    tcase_add_loop_test(tc, accident_is_found_and_named, 0, NACCIDENTS);
    tcase_add_test(tc, current_that_names_nothing_is_found);
    tcase_add_test(tc, every_damaged_pack_is_named);
    tcase_add_loop_test(tc, forgery_is_found, 0,
                        sizeof forgeries / sizeof forgeries[0]);
    tcase_add_test(tc, bytes_that_no_entry_names_are_allowed);
    tcase_add_loop_test(tc, wrong_sum_is_found, 0,
                        sizeof manifests / sizeof manifests[0]);
    tcase_add_loop_test(tc, text_that_is_no_object_is_found, 0,
                        sizeof texts / sizeof texts[0]);
}

int main(void)
{
    Suite *suite = suite_create("verify");
    TCase *tc = tcase_create("verify");
    tcase_add_checked_fixture(tc, checked_set_up, checked_tear_down);
    tcase_set_timeout(tc, 60);
    add_good_and_bad(tc);
    suite_add_tcase(suite, tc);
    return test_main(suite);
}
