/* Encoded tiles, decoded again by libpng, libjpeg and libwebp themselves. */
#include <check.h>
#include <math.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>

#include "tiler/raster/encode.h"

enum { SIZE = 256, NBYTES = SIZE * SIZE * 4 };

static uint8_t picture[NBYTES], decoded[NBYTES];

static struct pixels view(enum pixel_kind kind)
{
    struct pixels p = {
        .bytes = picture, .stride = SIZE * 4, .size = SIZE, .kind = kind};
    p.cover = pixels_find_cover(&p);
    return p;
}

/* `ncolours` different colours, all opaque unless `clear`: then every seventh
 * is transparent. `grey`: red, green and blue are equal. */
static void draw(unsigned ncolours, bool grey, bool clear)
{
    for (uint32_t i = 0; i < SIZE * SIZE; i++) {
        uint32_t n = (i + i / SIZE * 31) % ncolours;
        uint8_t *p = picture + (size_t)i * 4;
        p[0] = (uint8_t)n;
        p[1] = grey ? p[0] : (uint8_t)(n >> 4);
        p[2] = grey ? p[0] : (uint8_t)(n >> 8);
        p[3] = 255;
        if (clear && n % 7 == 0)
            memset(p, 0, 4);
        else if (clear && n > 255)
            p[3] = (uint8_t)(n >> 3 | 1);
    }
}

static struct encoder *encoder_for(enum raster_format format, int quality,
                                   enum raster_encoding encoding)
{
    const struct encoder_settings settings = {.tile_px = SIZE,
                                              .format = format,
                                              .quality = quality,
                                              .encoding = encoding};
    struct encoder *e = encoder_new(&settings);
    ck_assert_ptr_nonnull(e);
    return e;
}

static void decode_png(const struct encoded *tile)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    ck_assert(png_image_begin_read_from_memory(&image, tile->bytes,
                                               tile->nbytes) != 0);
    ck_assert_uint_eq(image.width, SIZE);
    image.format = PNG_FORMAT_RGBA;
    ck_assert(png_image_finish_read(&image, NULL, decoded, SIZE * 4, NULL) !=
              0);
}

static const struct {
    const char *label;
    unsigned ncolours;
    bool grey, clear;
    int type, depth; /* as PNG writes them */
} layouts[] = {
    {"one colour", 1, false, false, PNG_COLOR_TYPE_PALETTE, 1},
    {"two colours", 2, false, false, PNG_COLOR_TYPE_PALETTE, 1},
    {"three colours", 3, false, false, PNG_COLOR_TYPE_PALETTE, 2},
    {"sixteen colours", 16, false, false, PNG_COLOR_TYPE_PALETTE, 4},
    {"seventeen colours", 17, false, false, PNG_COLOR_TYPE_PALETTE, 8},
    {"256 colours", 256, false, false, PNG_COLOR_TYPE_PALETTE, 8},
    {"257 colours", 257, false, false, PNG_COLOR_TYPE_RGB, 8},
    {"transparent palette", 100, false, true, PNG_COLOR_TYPE_PALETTE, 8},
    {"many with alpha", 4000, false, true, PNG_COLOR_TYPE_RGB_ALPHA, 8},
    {"many opaque", 4000, false, false, PNG_COLOR_TYPE_RGB, 8},
    {"256 greys", 256, true, false, PNG_COLOR_TYPE_GRAY, 8},
    {"ten greys", 10, true, false, PNG_COLOR_TYPE_PALETTE, 4},
    {"greys with alpha", 4000, true, true, PNG_COLOR_TYPE_GRAY_ALPHA, 8},
};

START_TEST(png_is_exact_in_the_smallest_layout)
{
    struct encoder *e = encoder_for(RASTER_PNG, 80, RASTER_PICTURE);
    struct encoded tile;
    draw(layouts[_i].ncolours, layouts[_i].grey, layouts[_i].clear);
    struct pixels p = view(PIXEL_COLOUR);
    ck_assert(encoder_encode(e, &p, &tile));
    decode_png(&tile);
    ck_assert_msg(memcmp(picture, decoded, NBYTES) == 0, "%s",
                  layouts[_i].label);
    /* IHDR: depth and colour type follow the size. */
    ck_assert_msg(tile.bytes[24] == layouts[_i].depth &&
                      tile.bytes[25] == layouts[_i].type,
                  "%s: depth %d, type %d", layouts[_i].label, tile.bytes[24],
                  tile.bytes[25]);
    encoder_free(e);
}
END_TEST

START_TEST(equal_pixels_give_equal_bytes)
{
    struct encoder *a = encoder_for(RASTER_AUTO, 80, RASTER_PICTURE);
    struct encoder *b = encoder_for(RASTER_AUTO, 80, RASTER_PICTURE);
    struct encoded first, second;
    draw(4000, false, true);
    struct pixels other = view(PIXEL_COLOUR);
    ck_assert(encoder_encode(b, &other, &first)); /* leave traces */
    draw(3000, false, _i == 1);
    struct pixels p = view(PIXEL_COLOUR);
    ck_assert(encoder_encode(a, &p, &first));
    ck_assert(encoder_encode(b, &p, &second));
    ck_assert_int_eq(first.format, _i == 1 ? IBX_FORMAT_PNG : IBX_FORMAT_JPEG);
    ck_assert_uint_eq(first.nbytes, second.nbytes);
    ck_assert_mem_eq(first.bytes, second.bytes, first.nbytes);
    encoder_free(a);
    encoder_free(b);
}
END_TEST

START_TEST(webp_at_100_is_exact)
{
    struct encoder *e = encoder_for(RASTER_WEBP, 100, RASTER_PICTURE);
    struct encoded tile;
    draw(4000, false, _i == 1);
    struct pixels p = view(PIXEL_COLOUR);
    ck_assert(encoder_encode(e, &p, &tile));
    ck_assert_ptr_nonnull(
        WebPDecodeRGBAInto(tile.bytes, tile.nbytes, decoded, NBYTES, SIZE * 4));
    ck_assert_mem_eq(picture, decoded, NBYTES);
    encoder_free(e);
}
END_TEST

START_TEST(jpeg_shows_transparency_as_white)
{
    struct encoder *e = encoder_for(RASTER_JPEG, 90, RASTER_PICTURE);
    struct encoded tile;
    memset(picture, 0, NBYTES);
    picture[3] = 255;
    struct pixels p = view(PIXEL_COLOUR);
    ck_assert(encoder_encode(e, &p, &tile));
    ck_assert(tile.flattened);
    memset(picture, 255, NBYTES);
    p = view(PIXEL_COLOUR);
    ck_assert(encoder_encode(e, &p, &tile));
    ck_assert(!tile.flattened);
    ck_assert_int_eq(tile.format, IBX_FORMAT_JPEG);
    encoder_free(e);
}
END_TEST

static double decode_height(const uint8_t *p, enum raster_encoding encoding)
{
    double steps = p[0] * 65536.0 + p[1] * 256.0 + p[2];
    return encoding == RASTER_TERRARIUM ? steps / 256 - 32768
                                        : steps / 10 - 10000;
}

static const struct {
    enum raster_encoding encoding;
    double tolerance_m;
} encodings[] = {{RASTER_TERRARIUM, 1 / 512.0 + 1e-9},
                 {RASTER_MAPBOX, 0.05 + 1e-9}};

START_TEST(heights_survive_to_half_a_step)
{
    enum raster_encoding encoding = encodings[_i].encoding;
    struct encoder *e = encoder_for(RASTER_PNG, 80, encoding);
    struct encoded tile;
    float heights[SIZE * SIZE];
    for (int i = 0; i < SIZE * SIZE; i++)
        heights[i] = -420.7F + (float)i * 0.1417F;
    heights[5] = NAN;
    heights[6] = -1e30F;
    memcpy(picture, heights, sizeof(heights));
    struct pixels p = view(PIXEL_HEIGHT);
    ck_assert(encoder_encode(e, &p, &tile));
    decode_png(&tile);
    for (int i = 7; i < SIZE * SIZE; i++) {
        double got = decode_height(decoded + (ptrdiff_t)i * 4, encoding);
        ck_assert_double_le(fabs(got - (double)heights[i]),
                            encodings[_i].tolerance_m);
    }
    ck_assert_double_eq(decode_height(decoded + 20, encoding), 0);
    ck_assert_uint_eq(decoded[23], 255);
    ck_assert_double_lt(decode_height(decoded + 24, encoding), -9999);
    encoder_free(e);
}
END_TEST

int main(void)
{
    TCase *all = tcase_create("encode");
    tcase_add_loop_test(all, png_is_exact_in_the_smallest_layout, 0,
                        (int)(sizeof(layouts) / sizeof(layouts[0])));
    tcase_add_loop_test(all, equal_pixels_give_equal_bytes, 0, 2);
    tcase_add_loop_test(all, webp_at_100_is_exact, 0, 2);
    tcase_add_test(all, jpeg_shows_transparency_as_white);
    tcase_add_loop_test(all, heights_survive_to_half_a_step, 0, 2);
    Suite *suite = suite_create("encode");
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
