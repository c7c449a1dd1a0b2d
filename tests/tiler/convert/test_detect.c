/* Tile formats and encodings from bytes; packing and unpacking. */
#include <string.h>

#include "tests/tiler/convert/runner.h"
#include "tiler/convert/compress.h"
#include "tiler/convert/detect.h"

#define BYTES(text)                                                            \
    {                                                                          \
        (const uint8_t *)(text), sizeof(text) - 1                              \
    }

static const struct {
    const char *label;
    struct bytes bytes;
    struct tile_kind declared, want;
} tiles[] = {
    {"PNG",
     BYTES("\x89PNG\r\n\x1a\n...."),
     {IBX_FORMAT_JPEG, 0},
     {IBX_FORMAT_PNG, 0}},
    {"JPEG",
     BYTES("\xff\xd8\xff\xe0"),
     {IBX_FORMAT_PNG, 0},
     {IBX_FORMAT_JPEG, 0}},
    {"WebP", BYTES("RIFF\x10\0\0\0WEBPVP8 "), {0, 0}, {IBX_FORMAT_WEBP, 0}},
    {"AVIF",
     BYTES("\0\0\0\x20"
           "ftypavif\0\0"),
     {0, 0},
     {IBX_FORMAT_AVIF, 0}},
    {"RIFF that is no WebP", BYTES("RIFF\x10\0\0\0WAVEfmt "), {0, 0}, {0, 0}},
    {"gzip is a vector tile",
     BYTES("\x1f\x8b\x08\0"),
     {0, 0},
     {IBX_FORMAT_MVT, IBX_ENCODING_GZIP}},
    {"gzip of what was declared",
     BYTES("\x1f\x8b\x08\0"),
     {IBX_FORMAT_MLT, 0},
     {IBX_FORMAT_MLT, IBX_ENCODING_GZIP}},
    {"zstd",
     BYTES("\x28\xb5\x2f\xfd."),
     {0, 0},
     {IBX_FORMAT_MVT, IBX_ENCODING_ZSTD}},
    {"brotli must be declared",
     BYTES("\x0b\x01\x80"),
     {IBX_FORMAT_MVT, IBX_ENCODING_BROTLI},
     {IBX_FORMAT_MVT, IBX_ENCODING_BROTLI}},
    {"plain MVT declared as gzip",
     BYTES("\x1a\x02\x08\x02"),
     {IBX_FORMAT_MVT, IBX_ENCODING_GZIP},
     {IBX_FORMAT_MVT, 0}},
    {"JSON", BYTES(" {\"a\":1}"), {0, 0}, {IBX_FORMAT_JSON, 0}},
    {"nothing is what was declared",
     BYTES(""),
     {IBX_FORMAT_PNG, 0},
     {IBX_FORMAT_PNG, 0}},
    {"rubbish", BYTES("rubbish"), {IBX_FORMAT_PNG, 0}, {0, 0}},
    {"a layer cut short", BYTES("\x1a\x7f\x08"), {IBX_FORMAT_MVT, 0}, {0, 0}},
};

START_TEST(bytes_tell_the_kind)
{
    struct tile_kind got = detect_kind(tiles[_i].bytes, tiles[_i].declared);
    ck_assert_msg(got.format == tiles[_i].want.format &&
                      got.encoding == tiles[_i].want.encoding,
                  "%s: format %d, encoding %d", tiles[_i].label, got.format,
                  got.encoding);
}
END_TEST

START_TEST(names_of_formats_are_known_again)
{
    for (int f = IBX_FORMAT_PNG; f <= IBX_FORMAT_JSON; f++) {
        enum ibx_format format = (enum ibx_format)f;
        ck_assert_int_eq(format_from_name(format_name(format)), format);
    }
    ck_assert_int_eq(format_from_name("JPEG"), IBX_FORMAT_JPEG);
    ck_assert_int_eq(format_from_name("mvt"), IBX_FORMAT_MVT);
    ck_assert_int_eq(format_from_name("tiff"), IBX_FORMAT_UNKNOWN);
    ck_assert_ptr_null(format_name(IBX_FORMAT_UNKNOWN));
}
END_TEST

START_TEST(widths_of_images)
{
    static const uint8_t png[] = "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"
                                 "\0\0\x02\0\0\0\x02\0";
    static const uint8_t jpeg[] = "\xff\xd8\xff\xe0\0\x04xx"
                                  "\xff\xc0\0\x11\x08\x01\0\x02\0\x03";
    static const uint8_t cut[] = "\xff\xd8\xff\xe0\0\x04xx\xff\xc0\0";
    ck_assert_uint_eq(image_width_px((struct bytes){png, sizeof(png) - 1}),
                      512);
    ck_assert_uint_eq(image_width_px((struct bytes){jpeg, sizeof(jpeg) - 1}),
                      512);
    ck_assert_uint_eq(image_width_px((struct bytes){cut, sizeof(cut) - 1}), 0);
    ck_assert_uint_eq(image_width_px((struct bytes){png, 12}), 0);
}
END_TEST

/* ---- compression --------------------------------------------------------- */

static void fill(struct buf *out, size_t nbytes)
{
    for (size_t i = 0; i < nbytes; i++) {
        uint8_t byte = (uint8_t)(i * i >> 3);
        buf_put(out, &byte, 1);
    }
}

START_TEST(gzip_goes_there_and_back)
{
    struct buf plain = {0}, packed = {0}, again = {0};
    fill(&plain, 300000);
    ck_assert_int_eq(pack_gzip(plain.ptr, plain.len, &packed, NULL), IBX_OK);
    ck_assert_int_eq(
        unpack(IBX_ENCODING_GZIP, buf_bytes(&packed), plain.len, &again, NULL),
        IBX_OK);
    ck_assert_uint_eq(again.len, plain.len);
    ck_assert_mem_eq(again.ptr, plain.ptr, plain.len);
    buf_free(&plain);
    buf_free(&packed);
    buf_free(&again);
}
END_TEST

START_TEST(one_byte_over_the_limit_is_too_much)
{
    struct buf plain = {0}, packed = {0}, again = {0};
    fill(&plain, 100000);
    ck_assert_int_eq(pack_gzip(plain.ptr, plain.len, &packed, NULL), IBX_OK);
    ck_assert_int_eq(unpack(IBX_ENCODING_GZIP, buf_bytes(&packed),
                            plain.len - 1, &again, NULL),
                     IBX_ERR_TOO_LARGE);
    buf_free(&plain);
    buf_free(&packed);
    buf_free(&again);
}
END_TEST

START_TEST(a_gzip_stream_cut_anywhere_is_refused)
{
    struct buf plain = {0}, packed = {0}, again = {0};
    fill(&plain, 500);
    ck_assert_int_eq(pack_gzip(plain.ptr, plain.len, &packed, NULL), IBX_OK);
    for (size_t n = 0; n < packed.len; n++) {
        buf_clear(&again);
        struct bytes part = {packed.ptr, n};
        ck_assert_int_eq(unpack(IBX_ENCODING_GZIP, part, 1 << 20, &again, NULL),
                         IBX_ERR_CORRUPT);
    }
    buf_free(&plain);
    buf_free(&packed);
    buf_free(&again);
}
END_TEST

/* "hello hello hello\n" by brotli 1.0.9 and zstd 1.5.4. */
static const uint8_t by_brotli[] = {
    0x8b, 0x08, 0x80, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x20, 0x68, 0x65,
    0x6c, 0x6c, 0x6f, 0x20, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x0a, 0x03};
static const uint8_t by_zstd[] = {0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x6d,
                                  0x00, 0x00, 0x38, 0x68, 0x65, 0x6c, 0x6c,
                                  0x6f, 0x20, 0x0a, 0x01, 0x00, 0x31, 0x4a,
                                  0x11, 0xa3, 0xaa, 0x74, 0xce};

START_TEST(rubbish_is_refused_by_every_codec)
{
    static const uint8_t rubbish[] = "\xff\xff\xff\xff rubbish \xff\xff";
    const enum ibx_encoding codecs[] = {IBX_ENCODING_GZIP, IBX_ENCODING_BROTLI,
                                        IBX_ENCODING_ZSTD};
    for (int i = 0; i < 3; i++) {
        struct buf out = {0};
        struct bytes in = {rubbish, sizeof(rubbish) - 1};
        ck_assert_int_eq(unpack(codecs[i], in, 1 << 20, &out, NULL),
                         IBX_ERR_CORRUPT);
        in.len = 0;
        ck_assert_int_eq(unpack(codecs[i], in, 1 << 20, &out, NULL),
                         IBX_ERR_CORRUPT);
        buf_free(&out);
    }
}
END_TEST

static const struct {
    const char *label;
    enum ibx_encoding encoding;
    struct bytes packed;
} samples[] = {
    {"brotli", IBX_ENCODING_BROTLI, {by_brotli, sizeof(by_brotli)}},
    {"zstd", IBX_ENCODING_ZSTD, {by_zstd, sizeof(by_zstd)}},
};

START_TEST(other_programs_streams_are_unpacked)
{
    struct buf out = {0};
    enum ibx_status st =
        unpack(samples[_i].encoding, samples[_i].packed, 18, &out, NULL);
    ck_assert_msg(st == IBX_OK, "%s: status %d", samples[_i].label, st);
    ck_assert_uint_eq(out.len, 18);
    ck_assert_mem_eq(out.ptr, "hello hello hello\n", 18);
    buf_clear(&out);
    ck_assert_int_eq(
        unpack(samples[_i].encoding, samples[_i].packed, 17, &out, NULL),
        IBX_ERR_TOO_LARGE);
    buf_free(&out);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("detect");
    tcase_add_loop_test(tests, bytes_tell_the_kind, 0,
                        sizeof(tiles) / sizeof(tiles[0]));
    tcase_add_test(tests, names_of_formats_are_known_again);
    tcase_add_test(tests, widths_of_images);
    tcase_add_test(tests, gzip_goes_there_and_back);
    tcase_add_test(tests, one_byte_over_the_limit_is_too_much);
    tcase_add_test(tests, a_gzip_stream_cut_anywhere_is_refused);
    tcase_add_test(tests, rubbish_is_refused_by_every_codec);
    tcase_add_loop_test(tests, other_programs_streams_are_unpacked, 0, 2);
    return run_case("convert.detect", tests);
}
