#include "tiler/raster/decode.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
#include <png.h>
#include <webp/decode.h>

static const char *const damaged = "cannot be decoded";

/* Room for a picture of that size. */
static const char *make_room(uint32_t width, uint32_t height,
                             struct pixels *out)
{
    if (width != height || width == 0 || width % 16 != 0 ||
        width > DECODE_PX_MAX)
        return "is no square of 16 to 4096 pixels, in steps of 16";
    uint8_t *bytes = malloc((size_t)width * width * 4);
    if (bytes == NULL)
        return "does not fit into memory";
    *out = (struct pixels){.bytes = bytes,
                           .stride = (size_t)width * 4,
                           .size = width,
                           .kind = PIXEL_COLOUR};
    return NULL;
}

/* Palettes, grey, 16 bits and transparent colours all become RGBA. */
static const char *decode_png(const uint8_t *bytes, size_t nbytes,
                              struct pixels *out)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (png_image_begin_read_from_memory(&image, bytes, nbytes) == 0)
        return damaged;
    image.format = PNG_FORMAT_RGBA;
    const char *why = make_room(image.width, image.height, out);
    if (why == NULL &&
        png_image_finish_read(&image, NULL, out->bytes, (png_int_32)out->stride,
                              NULL) == 0)
        why = damaged;
    png_image_free(&image);
    return why;
}

static const char *decode_webp(const uint8_t *bytes, size_t nbytes,
                               struct pixels *out)
{
    int width, height;
    if (WebPGetInfo(bytes, nbytes, &width, &height) == 0)
        return damaged;
    const char *why = make_room((uint32_t)width, (uint32_t)height, out);
    if (why == NULL &&
        WebPDecodeRGBAInto(bytes, nbytes, out->bytes, out->stride * out->size,
                           (int)out->stride) == NULL)
        why = damaged;
    return why;
}

/* ---- JPEG -----------------------------------------------------------------
 */

struct jpeg_decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    jmp_buf failed;
    const char *why;
};

static void on_error(j_common_ptr jpeg)
{
    struct jpeg_decoder *d = jpeg->client_data;
    longjmp(d->failed, 1);
}

/* What the library would fill up with grey is no picture to pass on. */
static void on_message(j_common_ptr jpeg, int level)
{
    if (level < 0)
        on_error(jpeg);
}

static void read_jpeg(struct jpeg_decoder *d, const uint8_t *bytes,
                      size_t nbytes, struct pixels *out)
{
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    if (setjmp(d->failed) != 0)
        return;
    jpeg_create_decompress(jpeg);
    jpeg_mem_src(jpeg, bytes, nbytes);
    (void)jpeg_read_header(jpeg, TRUE);
    d->why = make_room(jpeg->image_width, jpeg->image_height, out);
    if (d->why != NULL)
        return;
    d->why = damaged;
    jpeg->out_color_space = JCS_EXT_RGBA;
    jpeg->dct_method = JDCT_ISLOW;
    (void)jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = out->bytes + (size_t)jpeg->output_scanline * out->stride;
        (void)jpeg_read_scanlines(jpeg, &row, 1);
    }
    (void)jpeg_finish_decompress(jpeg);
    d->why = NULL;
}

static const char *decode_jpeg(const uint8_t *bytes, size_t nbytes,
                               struct pixels *out)
{
    struct jpeg_decoder d = {.why = damaged};
    d.jpeg.err = jpeg_std_error(&d.errors);
    d.errors.error_exit = on_error;
    d.errors.emit_message = on_message;
    d.jpeg.client_data = &d;
    read_jpeg(&d, bytes, nbytes, out);
    jpeg_destroy_decompress(&d.jpeg);
    return d.why;
}

const char *decode_picture(enum ibx_format format, const uint8_t *bytes,
                           size_t nbytes, struct pixels *out)
{
    struct pixels made = {0};
    const char *why = "is no PNG, JPEG or WebP picture";
    if (format == IBX_FORMAT_PNG)
        why = decode_png(bytes, nbytes, &made);
    else if (format == IBX_FORMAT_JPEG)
        why = decode_jpeg(bytes, nbytes, &made);
    else if (format == IBX_FORMAT_WEBP)
        why = decode_webp(bytes, nbytes, &made);
    if (why != NULL) {
        free(made.bytes);
        return why;
    }
    made.cover = pixels_find_cover(&made);
    *out = made;
    return NULL;
}
