/* Headers, indexes and records: what goes in comes out, and every
 * contradiction has its answer. The bytes themselves are in test_golden.c. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "pack/bytes.h"
#include "pack/format.h"
#include "tests/pack/support.h"

enum {
    NENTRIES = 3,
    DATA_OFF = 4096 + 32, /* three entries, padded */
    DATA_NBYTES = 160,
    FILE_NBYTES = DATA_OFF + DATA_NBYTES,
    HASH_OFF = IBX_HEADER_NBYTES - 8,
};

static const struct ibx_pack_header good = {
    .first_id = 100,
    .last_id = 200,
    .entry_count = NENTRIES,
    .tile_count = 50,
    .blob_count = 2,
    .data_off = DATA_OFF,
    .data_nbytes = DATA_NBYTES,
    .index_hash = 42,
};

static void reseal(uint8_t *header)
{
    ibx_put_u64(header + HASH_OFF, XXH3_64bits(header, HASH_OFF));
}

START_TEST(pack_header_round_trips)
{
    uint8_t bytes[IBX_HEADER_NBYTES];
    struct ibx_pack_header back;
    const char *why = NULL;
    ibx_pack_header_encode(&good, bytes);
    ck_status(ibx_pack_header_decode(bytes, FILE_NBYTES, &back, &why), IBX_OK);
    ck_assert_uint_eq(back.first_id, good.first_id);
    ck_assert_uint_eq(back.last_id, good.last_id);
    ck_assert_uint_eq(back.entry_count, good.entry_count);
    ck_assert_uint_eq(back.tile_count, good.tile_count);
    ck_assert_uint_eq(back.blob_count, good.blob_count);
    ck_assert_uint_eq(back.data_off, good.data_off);
    ck_assert_uint_eq(back.data_nbytes, good.data_nbytes);
    ck_assert_uint_eq(back.index_hash, good.index_hash);
    ck_assert_uint_eq(back.flags, good.flags);
}
END_TEST

/* A field of a well-sealed header is set to a value that contradicts. */
static const struct {
    const char *label;
    size_t off;
    uint64_t value; /* 4 bytes below 24, else 8 */
    enum ibx_status want;
} pack_fields[] = {
    {"a newer version", 8, 2, IBX_ERR_UNSUPPORTED},
    {"version 0", 8, 0, IBX_ERR_UNSUPPORTED},
    {"an unknown incompatible feature", 12, 1, IBX_ERR_UNSUPPORTED},
    {"the last incompatible feature", 12, 1u << 31, IBX_ERR_UNSUPPORTED},
    {"an unknown compatible feature", 16, UINT32_MAX, IBX_OK},
    {"bytes given as 0", 20, 1, IBX_OK},
    {"a first id behind the last", 24, 201, IBX_ERR_CORRUPT},
    {"one id only", 24, 200, IBX_OK},
    {"a last id before the first", 32, 99, IBX_ERR_CORRUPT},
    {"ids 2^32 - 1 apart", 32, 100 + (uint64_t)UINT32_MAX, IBX_OK},
    {"ids 2^32 apart", 32, 101 + (uint64_t)UINT32_MAX, IBX_ERR_CORRUPT},
    {"an id behind zoom 30", 32, UINT64_MAX, IBX_ERR_CORRUPT},
    {"no entries", 40, 0, IBX_ERR_CORRUPT},
    {"an entry more, in the padding", 40, 4, IBX_OK},
    {"two entries more", 40, 5, IBX_ERR_CORRUPT},
    {"an entry above the limit", 40, 32769, IBX_ERR_CORRUPT},
    {"entries that overflow", 40, UINT64_C(1) << 61, IBX_ERR_CORRUPT},
    {"data inside the index", 64, DATA_OFF - 16, IBX_ERR_CORRUPT},
    {"data behind the file", 64, UINT64_MAX - 15, IBX_ERR_CORRUPT},
    {"data shorter than the file", 72, DATA_NBYTES - 16, IBX_ERR_CORRUPT},
    {"data longer than the file", 72, DATA_NBYTES + 16, IBX_ERR_CORRUPT},
    {"data that overflows", 72, UINT64_MAX - DATA_OFF + 1, IBX_ERR_CORRUPT},
};

START_TEST(pack_header_contradiction_is_answered)
{
    uint8_t bytes[IBX_HEADER_NBYTES];
    struct ibx_pack_header back;
    const char *why = NULL;
    ibx_pack_header_encode(&good, bytes);
    if (pack_fields[_i].off < 24)
        ibx_put_u32(bytes + pack_fields[_i].off,
                    (uint32_t)pack_fields[_i].value);
    else
        ibx_put_u64(bytes + pack_fields[_i].off, pack_fields[_i].value);
    reseal(bytes);
    enum ibx_status got =
        ibx_pack_header_decode(bytes, FILE_NBYTES, &back, &why);
    ck_assert_msg(got == pack_fields[_i].want, "%s: %s", pack_fields[_i].label,
                  ibx_status_text(got));
    ck_assert((got == IBX_OK) == (why == NULL));
}
END_TEST

START_TEST(every_flipped_bit_of_a_pack_header_is_seen)
{
    uint8_t bytes[IBX_HEADER_NBYTES];
    ibx_pack_header_encode(&good, bytes);
    for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
        struct ibx_pack_header back;
        const char *why = NULL;
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_status(ibx_pack_header_decode(bytes, FILE_NBYTES, &back, &why),
                  IBX_ERR_CORRUPT);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}
END_TEST

/* ---- index ------------------------------------------------------------- */

/* The data section has room for blobs at places 1 to 10: 9 blocks of 16 bytes
 * before the last header that fits. */
static const struct {
    const char *label;
    struct ibx_index_entry entries[NENTRIES];
    bool good;
} indexes[] = {
    {"a tile, a hole, a tile", {{0, 1}, {1, 0}, {100, 3}}, true},
    {"the last place", {{0, 1}, {1, 0}, {100, 10}}, true},
    {"a place behind the data", {{0, 1}, {1, 0}, {100, 11}}, false},
    {"the largest place", {{0, 1}, {1, 0}, {100, UINT32_MAX}}, false},
    {"a first entry behind 0", {{1, 1}, {2, 0}, {100, 3}}, false},
    {"an id twice", {{0, 1}, {1, 0}, {1, 3}}, false},
    {"falling ids", {{0, 1}, {2, 0}, {1, 3}}, false},
    {"an id behind the last", {{0, 1}, {1, 0}, {101, 3}}, false},
    {"the largest id", {{0, 1}, {1, 0}, {UINT32_MAX, 3}}, false},
};

START_TEST(index_is_checked)
{
    uint8_t bytes[NENTRIES * IBX_INDEX_ENTRY_NBYTES];
    struct ibx_index_entry back[NENTRIES];
    for (size_t i = 0; i < NENTRIES; i++) {
        ibx_put_u32(bytes + 8 * i, indexes[_i].entries[i].rel_id);
        ibx_put_u32(bytes + 8 * i + 4, indexes[_i].entries[i].place);
    }
    struct ibx_pack_header header = good;
    header.index_hash = XXH3_64bits(bytes, sizeof bytes);
    const char *why = ibx_index_decode(&header, bytes, back);
    ck_assert_msg((why == NULL) == indexes[_i].good, "%s: %s",
                  indexes[_i].label, why ? why : "accepted");
    if (!why)
        ck_assert_mem_eq(back, indexes[_i].entries, sizeof back);
}
END_TEST

START_TEST(every_flipped_bit_of_an_index_is_seen)
{
    uint8_t bytes[NENTRIES * IBX_INDEX_ENTRY_NBYTES] = {0};
    struct ibx_index_entry back[NENTRIES];
    for (size_t i = 0; i < NENTRIES; i++) {
        ibx_put_u32(bytes + 8 * i, indexes[0].entries[i].rel_id);
        ibx_put_u32(bytes + 8 * i + 4, indexes[0].entries[i].place);
    }
    struct ibx_pack_header header = good;
    header.index_hash = XXH3_64bits(bytes, sizeof bytes);
    for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_ptr_nonnull(ibx_index_decode(&header, bytes, back));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}
END_TEST

/* ---- blobs ------------------------------------------------------------- */

START_TEST(blob_header_round_trips)
{
    uint8_t bytes[IBX_BLOB_HEADER_NBYTES];
    struct ibx_blob_header header = {
        .hash = UINT64_C(0x0123456789abcdef),
        .nbytes = 77,
        .flags = ibx_blob_flags(IBX_FORMAT_WEBP, IBX_ENCODING_ZSTD, false),
    };
    ibx_blob_header_encode(&header, bytes);
    struct ibx_blob_header back = ibx_blob_header_decode(bytes);
    ck_assert_ptr_null(ibx_blob_header_check(&back));
    struct ibx_tile_facts facts = ibx_blob_facts(&back);
    ck_assert_uint_eq(facts.hash, header.hash);
    ck_assert_uint_eq(facts.nbytes, 77);
    ck_assert_int_eq(facts.format, IBX_FORMAT_WEBP);
    ck_assert_int_eq(facts.encoding, IBX_ENCODING_ZSTD);
}
END_TEST

START_TEST(blob_flags_without_meaning_are_refused)
{
    static const struct {
        const char *label;
        struct ibx_blob_header header;
        bool good;
    } rows[] = {
        {"a format to come", {0, 1, 200}, true},
        {"an encoding to come", {0, 1, 4 << 8}, false},
        {"an unknown flag", {0, 1, 1u << 17}, false},
        {"the last flag", {0, 1, 1u << 31}, false},
        {"no bytes and not empty", {0, 0, 1}, false},
        {"bytes and empty", {0, 1, IBX_BLOB_EMPTY}, false},
        {"empty", {0, 0, IBX_BLOB_EMPTY}, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *why = ibx_blob_header_check(&rows[i].header);
        ck_assert_msg((why == NULL) == rows[i].good, "%s", rows[i].label);
    }
}
END_TEST

/* ---- manifest ---------------------------------------------------------- */

static struct ibx_manifest_header manifest(uint64_t npacks)
{
    struct ibx_manifest_header header = {
        .npacks = npacks,
        .texts = {{.nbytes = 1}, {.nbytes = 0}, {.nbytes = 4089}},
        .min_zoom = npacks ? 3 : 1,
        .max_zoom = npacks ? 14 : 0,
        .tile_px = 512,
        .format_bits = 6,
        .source_date_epoch = -1,
    };
    ibx_manifest_lay_out(&header);
    return header;
}

START_TEST(manifest_header_round_trips)
{
    static const uint64_t counts[] = {0, 1, 46, 47, 511, 512, 1000000};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct ibx_manifest_header header = manifest(counts[i]);
        struct ibx_manifest_header back;
        uint8_t bytes[IBX_HEADER_NBYTES];
        const char *why = "";
        ibx_manifest_header_encode(&header, bytes);
        ck_assert_msg(ibx_manifest_header_decode(bytes, header.file_nbytes,
                                                 &back, &why) == IBX_OK,
                      "%llu packs: %s", (unsigned long long)counts[i], why);
        ck_assert_uint_eq(back.npacks, counts[i]);
        ck_assert_uint_eq(back.records_page, header.records_page);
        ck_assert_uint_eq(back.texts[2].page, header.texts[2].page);
        ck_assert_uint_eq(back.texts[2].nbytes, 4089);
        ck_assert_uint_eq(back.tile_px, 512);
        ck_assert_int_eq(back.source_date_epoch, -1);
    }
}
END_TEST

/* An empty tileset: header, a page for the first text, two for the last. */
START_TEST(a_text_takes_the_pages_it_needs)
{
    struct ibx_manifest_header header = manifest(0);
    ck_assert_uint_eq(header.file_nbytes, 4 * IBX_PAGE_NBYTES);
    ck_assert_uint_eq(header.texts[0].page, 1);
    ck_assert_uint_eq(header.texts[1].page, 2);
    ck_assert_uint_eq(header.texts[2].page, 2);
}
END_TEST

static const struct {
    const char *label;
    size_t off;
    uint64_t value;
    enum ibx_status want;
} manifest_fields[] = {
    {"as it was", 24, 1, IBX_OK},
    {"packs without room", 24, 500, IBX_ERR_CORRUPT},
    {"packs that overflow", 24, UINT64_MAX / 88, IBX_ERR_CORRUPT},
    {"no packs but a zoom", 24, 0, IBX_ERR_CORRUPT},
    {"another length", 32, 4096, IBX_ERR_CORRUPT},
    {"first ids elsewhere", 40, 2, IBX_ERR_CORRUPT},
    {"records elsewhere", 48, 1, IBX_ERR_CORRUPT},
    {"a text elsewhere", 56, 99, IBX_ERR_CORRUPT},
    {"a text that overflows", 64, UINT64_MAX, IBX_ERR_CORRUPT},
    {"a text longer than the file", 96, 1 << 20, IBX_ERR_CORRUPT},
    {"a signature's section", 104, 7, IBX_OK},
    {"zooms the wrong way round", 120, 0x0002, IBX_ERR_CORRUPT},
    {"a zoom above 30", 120, 0x1f03, IBX_ERR_CORRUPT},
};

START_TEST(manifest_header_contradiction_is_answered)
{
    struct ibx_manifest_header header = manifest(1);
    struct ibx_manifest_header back;
    uint8_t bytes[IBX_HEADER_NBYTES];
    const char *why = NULL;
    ibx_manifest_header_encode(&header, bytes);
    ibx_put_u64(bytes + manifest_fields[_i].off, manifest_fields[_i].value);
    reseal(bytes);
    enum ibx_status got =
        ibx_manifest_header_decode(bytes, header.file_nbytes, &back, &why);
    ck_assert_msg(got == manifest_fields[_i].want, "%s: %s",
                  manifest_fields[_i].label, ibx_status_text(got));
}
END_TEST

START_TEST(a_page_in_a_wrong_place_is_found_out)
{
    uint8_t page[IBX_PAGE_NBYTES] = {1, 2, 3};
    ibx_page_seal(page, 5);
    ck_assert(ibx_page_is_sealed(page, 5));
    ck_assert(!ibx_page_is_sealed(page, 6));
}
END_TEST

START_TEST(manifest_names_are_told_from_others)
{
    static const struct {
        const char *name;
        bool good;
    } rows[] = {
        {"manifest-0123456789abcdef.ibm", true},
        {"manifest-0123456789ABCDEF.ibm", false},
        {"manifest-0123456789abcde.ibm", false},
        {"manifest-0123456789abcdef0.ibm", false},
        {"manifest-0123456789abcdef.ibx", false},
        {"manifest-../../../../etc.ibm", false},
        {"Manifest-0123456789abcdef.ibm", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char generation[IBX_GENERATION_NCHARS + 1];
        ck_assert_msg(ibx_manifest_name_parse(rows[i].name,
                                              strlen(rows[i].name),
                                              generation) == rows[i].good,
                      "%s", rows[i].name);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("format");
    TCase *tcase = tcase_create("format");
    int nfields = sizeof pack_fields / sizeof pack_fields[0];
    int nindexes = sizeof indexes / sizeof indexes[0];
    int nmanifest = sizeof manifest_fields / sizeof manifest_fields[0];
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, pack_header_round_trips);
    tcase_add_loop_test(tcase, pack_header_contradiction_is_answered, 0,
                        nfields);
    tcase_add_test(tcase, every_flipped_bit_of_a_pack_header_is_seen);
    tcase_add_loop_test(tcase, index_is_checked, 0, nindexes);
    tcase_add_test(tcase, every_flipped_bit_of_an_index_is_seen);
    tcase_add_test(tcase, blob_header_round_trips);
    tcase_add_test(tcase, blob_flags_without_meaning_are_refused);
    tcase_add_test(tcase, manifest_header_round_trips);
    tcase_add_test(tcase, a_text_takes_the_pages_it_needs);
    tcase_add_loop_test(tcase, manifest_header_contradiction_is_answered, 0,
                        nmanifest);
    tcase_add_test(tcase, a_page_in_a_wrong_place_is_found_out);
    tcase_add_test(tcase, manifest_names_are_told_from_others);
    suite_add_tcase(suite, tcase);
    return test_main(suite);
}
