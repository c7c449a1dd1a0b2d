/* The PMTiles codec: header and directories, made and damaged. */
#include <string.h>

#include "tests/tiler/convert/runner.h"
#include "tiler/convert/pmtiles.h"

static const struct pmtiles_header sample = {
    .root_off = 127,
    .root_nbytes = 50,
    .metadata_off = 177,
    .metadata_nbytes = 100,
    .leaves_off = 277,
    .leaves_nbytes = 0,
    .tiles_off = 277,
    .tiles_nbytes = 1000,
    .addressed_count = 3,
    .entry_count = 2,
    .content_count = 1,
    .clustered = true,
    .internal = IBX_ENCODING_GZIP,
    .encoding_known = true,
    .kind = {IBX_FORMAT_MVT, IBX_ENCODING_GZIP},
    .min_zoom = 1,
    .max_zoom = 14,
    .center_zoom = 7,
    .west_e7 = -1800000000,
    .south_e7 = -850511287,
    .east_e7 = 1800000000,
    .north_e7 = 850511287,
    .center_lon_e7 = -5,
    .center_lat_e7 = 7,
};

static enum ibx_status read_header(const uint8_t *raw, size_t nbytes,
                                   struct pmtiles_header *out)
{
    return pmtiles_header_read((struct bytes){raw, nbytes}, 1277, out, NULL);
}

START_TEST(a_header_survives_writing_and_reading)
{
    uint8_t raw[PMTILES_HEADER_NBYTES], again[PMTILES_HEADER_NBYTES];
    struct pmtiles_header back;
    pmtiles_header_write(&sample, raw);
    ck_assert_int_eq(read_header(raw, sizeof(raw), &back), IBX_OK);
    pmtiles_header_write(&back, again);
    ck_assert_mem_eq(raw, again, sizeof(raw));
    ck_assert_int_eq(back.west_e7, -1800000000);
    ck_assert_uint_eq(back.kind.format, IBX_FORMAT_MVT);
    ck_assert(back.clustered);
}
END_TEST

START_TEST(a_header_cut_anywhere_is_refused)
{
    uint8_t raw[PMTILES_HEADER_NBYTES];
    struct pmtiles_header back;
    pmtiles_header_write(&sample, raw);
    for (size_t n = 0; n < sizeof(raw); n++)
        ck_assert_int_eq(read_header(raw, n, &back), IBX_ERR_CORRUPT);
}
END_TEST

static const struct {
    const char *label;
    size_t at;
    uint8_t byte;
    enum ibx_status want;
} headers[] = {
    {"another magic", 0, 'Q', IBX_ERR_CORRUPT},
    {"version 2", 7, 2, IBX_ERR_UNSUPPORTED},
    {"a root beyond the end", 8 + 2, 1, IBX_ERR_CORRUPT},
    {"a root of 2^63 bytes", 16 + 7, 0x80, IBX_ERR_CORRUPT},
    {"offset + length overflow", 56 + 7, 0xff, IBX_ERR_CORRUPT},
    {"no root", 16, 0, IBX_ERR_CORRUPT},
    {"internal compression unknown", 97, 0, IBX_ERR_UNSUPPORTED},
    {"internal compression 9", 97, 9, IBX_ERR_UNSUPPORTED},
    {"tile compression 9", 98, 9, IBX_ERR_UNSUPPORTED},
    {"tile compression not said", 98, 0, IBX_OK},
    {"a tile type of the future", 99, 99, IBX_OK},
    {"smallest zoom above the largest", 100, 15, IBX_ERR_CORRUPT},
    {"zoom 31", 101, 31, IBX_ERR_UNSUPPORTED},
};

START_TEST(damaged_headers)
{
    uint8_t raw[PMTILES_HEADER_NBYTES];
    struct pmtiles_header back;
    pmtiles_header_write(&sample, raw);
    raw[headers[_i].at] = headers[_i].byte;
    enum ibx_status got = read_header(raw, sizeof(raw), &back);
    ck_assert_msg(got == headers[_i].want, "%s: status %d", headers[_i].label,
                  got);
}
END_TEST

/* ---- directories --------------------------------------------------------- */

static const struct pmtiles_entry entries[] = {
    {0, 0, 100, 1},   {1, 100, 50, 4},           {9, 0, 100, 1},
    {300, 150, 1, 0}, {1u << 30, 151, 9, 77777},
};

enum { NENTRIES = sizeof(entries) / sizeof(entries[0]) };

static enum ibx_status read_all(struct bytes raw, struct pmtiles_entry *out,
                                size_t max, size_t *count)
{
    struct pmtiles_directory d;
    enum ibx_status st = pmtiles_directory_open(raw, &d, NULL);
    *count = 0;
    while (st == IBX_OK && *count < max) {
        st = pmtiles_directory_next(&d, &out[*count], NULL);
        *count += st == IBX_OK;
    }
    return st;
}

START_TEST(a_directory_survives_writing_and_reading)
{
    struct pmtiles_entry back[NENTRIES + 1];
    struct buf raw = {0};
    size_t count;
    pmtiles_directory_write(entries, NENTRIES, &raw);
    ck_assert_int_eq(read_all(buf_bytes(&raw), back, NENTRIES + 1, &count),
                     IBX_NOT_FOUND);
    ck_assert_uint_eq(count, NENTRIES);
    for (size_t i = 0; i < NENTRIES; i++) {
        ck_assert_uint_eq(back[i].id, entries[i].id);
        ck_assert_uint_eq(back[i].off, entries[i].off);
        ck_assert_uint_eq(back[i].nbytes, entries[i].nbytes);
        ck_assert_uint_eq(back[i].run, entries[i].run);
    }
    buf_free(&raw);
}
END_TEST

START_TEST(an_empty_directory_is_a_zero)
{
    struct buf raw = {0};
    size_t count;
    pmtiles_directory_write(NULL, 0, &raw);
    ck_assert_uint_eq(raw.len, 1);
    ck_assert_uint_eq(raw.ptr[0], 0);
    ck_assert_int_eq(read_all(buf_bytes(&raw), NULL, 0, &count), IBX_OK);
    buf_free(&raw);
}
END_TEST

START_TEST(a_directory_cut_anywhere_is_refused)
{
    struct pmtiles_entry back[NENTRIES + 1];
    struct buf raw = {0};
    size_t count;
    pmtiles_directory_write(entries, NENTRIES, &raw);
    for (size_t n = 0; n < raw.len; n++) {
        struct bytes part = {raw.ptr, n};
        ck_assert_int_eq(read_all(part, back, NENTRIES + 1, &count),
                         IBX_ERR_CORRUPT);
    }
    buf_free(&raw);
}
END_TEST

#define RAW(text) (const uint8_t *)(text), sizeof(text) - 1

static const struct {
    const char *label;
    const uint8_t *raw;
    size_t nbytes;
} directories[] = {
    {"more entries than bytes", RAW("\x7f\x01\x01\x01\x01")},
    {"2^35 entries", RAW("\xff\xff\xff\xff\x7f\x00\x01\x01\x01")},
    {"an over-long number", RAW("\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"
                                "\x00\x01\x01\x01")},
    {"a number above 2^64", RAW("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")},
    {"bytes behind the entries", RAW("\x01\x00\x01\x01\x01\x00")},
    {"a length of 0", RAW("\x01\x00\x01\x00\x01")},
    {"no offset to follow", RAW("\x01\x00\x01\x01\x00")},
    {"the same id twice", RAW("\x02\x00\x00\x01\x01\x01\x01\x01\x00")},
    {"an id beyond zoom 30",
     RAW("\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x01\x01\x01")},
    {"ids that overflow",
     RAW("\x02\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01\x01\x01\x01"
         "\x01\x00")},
    {"a run of 2^32", RAW("\x01\x00\x80\x80\x80\x80\x10\x01\x01")},
    {"a length of 2^31", RAW("\x01\x00\x01\x80\x80\x80\x80\x08\x01")},
    {"an offset of 2^64",
     RAW("\x01\x00\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
};

START_TEST(hostile_directories)
{
    struct pmtiles_entry back[4];
    size_t count;
    struct bytes raw = {directories[_i].raw, directories[_i].nbytes};
    enum ibx_status got = read_all(raw, back, 4, &count);
    ck_assert_msg(got == IBX_ERR_CORRUPT, "%s: status %d",
                  directories[_i].label, got);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pmtiles");
    tcase_add_test(tests, a_header_survives_writing_and_reading);
    tcase_add_test(tests, a_header_cut_anywhere_is_refused);
    tcase_add_loop_test(tests, damaged_headers, 0,
                        sizeof(headers) / sizeof(headers[0]));
    tcase_add_test(tests, a_directory_survives_writing_and_reading);
    tcase_add_test(tests, an_empty_directory_is_a_zero);
    tcase_add_test(tests, a_directory_cut_anywhere_is_refused);
    tcase_add_loop_test(tests, hostile_directories, 0,
                        sizeof(directories) / sizeof(directories[0]));
    return run_case("convert.pmtiles", tests);
}
