/* png.c - chooses the smallest exact PNG layout, filters rows, and compresses
 * with libdeflate, which is several times faster than zlib at equal size.
 * libpng writes the chunks. */
#include "tiler/raster/png.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>
#include <png.h>

enum {
    MAX_COLOURS = 256,
    SLOTS = 1024, /* of the colour table; a power of two */
    NFILTERS = 5,
    DEFLATE_LEVEL = 4,
    CHUNKS_NBYTES = 4096, /* all chunks but IDAT's contents */
};

struct palette {
    uint32_t colours[MAX_COLOURS]; /* as pixel_word() gives them */
    unsigned count;
    uint32_t slot_colour[SLOTS];
    int16_t slot_number[SLOTS]; /* -1: free */
    bool is_grey, is_opaque;    /* of all colours found */
};

struct layout {
    int colour_type; /* PNG_COLOR_TYPE_* */
    int bit_depth;
    unsigned channels; /* bytes per pixel, or 1 */
};

struct png_encoder {
    uint32_t size;
    struct palette palette;
    uint8_t *numbers;            /* colour number of every pixel */
    uint8_t *line, *line_before; /* pixels as PNG samples */
    uint8_t *trials;             /* a row under each filter */
    uint8_t *filtered;           /* what is compressed */
    uint8_t *compressed;
    size_t compressed_room;
    uint8_t *file;
    size_t file_nbytes, file_room;
    struct libdeflate_compressor *deflate;
};

static const uint8_t *row_of(const struct pixels *p, uint32_t y)
{
    return p->bytes + (size_t)y * p->stride;
}

/* ---- memory ------------------------------------------------------------- */

static bool allocate(struct png_encoder *e)
{
    size_t area = (size_t)e->size * e->size;
    size_t line = (size_t)e->size * 4;
    e->deflate = libdeflate_alloc_compressor(DEFLATE_LEVEL);
    if (e->deflate == NULL)
        return false;
    e->compressed_room =
        libdeflate_zlib_compress_bound(e->deflate, (line + 1) * e->size);
    e->file_room = e->compressed_room + CHUNKS_NBYTES;
    e->numbers = malloc(area);
    e->line = malloc(line);
    e->line_before = malloc(line);
    e->trials = malloc(line * NFILTERS);
    e->filtered = malloc((line + 1) * e->size);
    e->compressed = malloc(e->compressed_room);
    e->file = malloc(e->file_room);
    return e->numbers != NULL && e->line != NULL && e->line_before != NULL &&
           e->trials != NULL && e->filtered != NULL && e->compressed != NULL &&
           e->file != NULL;
}

struct png_encoder *png_encoder_new(uint32_t size)
{
    struct png_encoder *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return NULL;
    e->size = size;
    if (!allocate(e)) {
        png_encoder_free(e);
        return NULL;
    }
    return e;
}

void png_encoder_free(struct png_encoder *encoder)
{
    if (encoder == NULL)
        return;
    free(encoder->numbers);
    free(encoder->line);
    free(encoder->line_before);
    free(encoder->trials);
    free(encoder->filtered);
    free(encoder->compressed);
    free(encoder->file);
    libdeflate_free_compressor(encoder->deflate);
    free(encoder);
}

/* ---- palette ------------------------------------------------------------ */

static uint32_t pixel_word(const uint8_t *pixel)
{
    return (uint32_t)pixel[0] | (uint32_t)pixel[1] << 8 |
           (uint32_t)pixel[2] << 16 | (uint32_t)pixel[3] << 24;
}

static bool word_is_grey(uint32_t word)
{
    return (word & 0xff) == (word >> 8 & 0xff) &&
           (word & 0xff) == (word >> 16 & 0xff);
}

static void palette_clear(struct palette *p)
{
    p->count = 0;
    p->is_grey = true;
    p->is_opaque = true;
    memset(p->slot_number, 0xff, sizeof(p->slot_number));
}

/* The colour's number, or -1 when there are too many. */
static int palette_number(struct palette *p, uint32_t colour)
{
    unsigned slot = (colour * 2654435761U) >> 22;
    while (p->slot_number[slot] >= 0 && p->slot_colour[slot] != colour)
        slot = (slot + 1) % SLOTS;
    if (p->slot_number[slot] >= 0)
        return p->slot_number[slot];
    if (p->count == MAX_COLOURS)
        return -1;
    p->slot_colour[slot] = colour;
    p->slot_number[slot] = (int16_t)p->count;
    p->colours[p->count] = colour;
    p->is_grey = p->is_grey && word_is_grey(colour);
    p->is_opaque = p->is_opaque && colour >> 24 == 255;
    return (int)p->count++;
}

/* Numbers every pixel's colour; false when there are more than 256. */
static bool find_palette(struct png_encoder *e, const struct pixels *pixels)
{
    palette_clear(&e->palette);
    uint8_t *number = e->numbers;
    uint32_t last = ~pixel_word(pixels->bytes);
    int last_number = 0;
    for (uint32_t y = 0; y < e->size; y++) {
        const uint8_t *row = row_of(pixels, y);
        for (uint32_t x = 0; x < e->size; x++) {
            uint32_t colour = pixel_word(row + (size_t)x * 4);
            if (colour != last)
                last_number = palette_number(&e->palette, colour);
            if (last_number < 0)
                return false;
            last = colour;
            *number++ = (uint8_t)last_number;
        }
    }
    return true;
}

static bool is_grey(const struct pixels *pixels)
{
    for (uint32_t y = 0; y < pixels->size; y++) {
        const uint8_t *row = row_of(pixels, y);
        unsigned differs = 0;
        for (uint32_t x = 0; x < pixels->size; x++)
            differs |= (unsigned)(row[x * 4] ^ row[x * 4 + 1]) |
                       (unsigned)(row[x * 4] ^ row[x * 4 + 2]);
        if (differs != 0)
            return false;
    }
    return true;
}

/* ---- layout ------------------------------------------------------------- */

static struct layout palette_layout(const struct palette *p)
{
    /* Greys need no table, but fewer than 8 bits save more than a table. */
    if (p->is_grey && p->is_opaque && p->count > 16)
        return (struct layout){PNG_COLOR_TYPE_GRAY, 8, 1};
    int depth = p->count <= 2 ? 1 : p->count <= 4 ? 2 : p->count <= 16 ? 4 : 8;
    return (struct layout){PNG_COLOR_TYPE_PALETTE, depth, 1};
}

static struct layout choose_layout(struct png_encoder *e,
                                   const struct pixels *pixels)
{
    if (find_palette(e, pixels))
        return palette_layout(&e->palette);
    if (pixels->cover == COVER_FULL)
        return (struct layout){PNG_COLOR_TYPE_RGB, 8, 3};
    if (is_grey(pixels))
        return (struct layout){PNG_COLOR_TYPE_GRAY_ALPHA, 8, 2};
    return (struct layout){PNG_COLOR_TYPE_RGB_ALPHA, 8, 4};
}

/* ---- rows --------------------------------------------------------------- */

/* Writes one row of samples of 8 bits. */
static void take_row(const struct layout *l, const uint8_t *restrict row,
                     uint8_t *restrict line, uint32_t n)
{
    switch (l->channels) {
    case 1:
        for (uint32_t x = 0; x < n; x++)
            line[x] = row[x * 4];
        break;
    case 2:
        for (uint32_t x = 0; x < n; x++) {
            line[x * 2] = row[x * 4];
            line[x * 2 + 1] = row[x * 4 + 3];
        }
        break;
    case 3:
        for (uint32_t x = 0; x < n; x++) {
            line[x * 3] = row[x * 4];
            line[x * 3 + 1] = row[x * 4 + 1];
            line[x * 3 + 2] = row[x * 4 + 2];
        }
        break;
    default:
        memcpy(line, row, (size_t)n * 4);
        break;
    }
}

static uint8_t paeth(uint8_t left, uint8_t up, uint8_t corner)
{
    int to_left = abs(up - corner);
    int to_up = abs(left - corner);
    int to_corner = abs(left + up - 2 * corner);
    uint8_t best = to_up <= to_corner ? up : corner;
    return to_left <= to_up && to_left <= to_corner ? left : best;
}

/* The row of `n` bytes under each filter of PNG section 9.2, one after another.
 * A pixel has `bpp` bytes; left of the first one all is zero. */
static void try_filters(const uint8_t *restrict line,
                        const uint8_t *restrict up, size_t n, size_t bpp,
                        uint8_t *restrict trials)
{
    memcpy(trials, line, n);
    uint8_t *sub = trials + n, *above = sub + n, *mean = above + n;
    uint8_t *best = mean + n;
    for (size_t i = 0; i < bpp; i++) {
        sub[i] = line[i];
        above[i] = (uint8_t)(line[i] - up[i]);
        mean[i] = (uint8_t)(line[i] - up[i] / 2);
        best[i] = (uint8_t)(line[i] - up[i]);
    }
    for (size_t i = bpp; i < n; i++) {
        uint8_t left = line[i - bpp];
        sub[i] = (uint8_t)(line[i] - left);
        above[i] = (uint8_t)(line[i] - up[i]);
        mean[i] = (uint8_t)(line[i] - (left + up[i]) / 2);
        best[i] = (uint8_t)(line[i] - paeth(left, up[i], up[i - bpp]));
    }
}

/* Distance from zero as signed bytes: the usual guess at how well a row will
 * compress. */
static uint32_t row_cost(const uint8_t *row, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += row[i] < 128 ? row[i] : 256U - row[i];
    return sum;
}

static unsigned cheapest(const uint8_t *trials, size_t n)
{
    unsigned best = 0;
    uint32_t best_cost = row_cost(trials, n);
    for (unsigned f = 1; f < NFILTERS; f++) {
        uint32_t cost = row_cost(trials + f * n, n);
        if (cost < best_cost) {
            best = f;
            best_cost = cost;
        }
    }
    return best;
}

/* Returns the bytes to compress. */
static size_t filter_rows(struct png_encoder *e, const struct layout *l,
                          const struct pixels *pixels)
{
    size_t n = (size_t)e->size * l->channels;
    uint8_t *out = e->filtered;
    memset(e->line_before, 0, n);
    for (uint32_t y = 0; y < e->size; y++) {
        take_row(l, row_of(pixels, y), e->line, e->size);
        try_filters(e->line, e->line_before, n, l->channels, e->trials);
        unsigned best = cheapest(e->trials, n);
        *out = (uint8_t)best;
        memcpy(out + 1, e->trials + best * n, n);
        out += n + 1;
        uint8_t *swap = e->line;
        e->line = e->line_before;
        e->line_before = swap;
    }
    return (size_t)(out - e->filtered);
}

/* Colour numbers, packed from the left; filters do not help them. */
static size_t pack_numbers(struct png_encoder *e, const struct layout *l)
{
    unsigned per_byte = 8 / (unsigned)l->bit_depth;
    const uint8_t *number = e->numbers;
    uint8_t *out = e->filtered;
    for (uint32_t y = 0; y < e->size; y++) {
        *out++ = 0;
        for (uint32_t x = 0; x < e->size; x += per_byte) {
            unsigned byte = 0;
            for (unsigned i = 0; i < per_byte; i++)
                byte = byte << l->bit_depth | *number++;
            *out++ = (uint8_t)byte;
        }
    }
    return (size_t)(out - e->filtered);
}

/* ---- file --------------------------------------------------------------- */

static void append(png_structp png, png_bytep bytes, size_t nbytes)
{
    struct png_encoder *e = png_get_io_ptr(png);
    if (nbytes > e->file_room - e->file_nbytes)
        png_error(png, "longer than the bound");
    memcpy(e->file + e->file_nbytes, bytes, nbytes);
    e->file_nbytes += nbytes;
}

static void no_flush(png_structp png)
{
    (void)png;
}

static void put_u32(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 24);
    to[1] = (uint8_t)(value >> 16);
    to[2] = (uint8_t)(value >> 8);
    to[3] = (uint8_t)value;
}

static void write_header(png_structp png, uint32_t size, const struct layout *l)
{
    uint8_t header[13] = {0};
    put_u32(header, size);
    put_u32(header + 4, size);
    header[8] = (uint8_t)l->bit_depth;
    header[9] = (uint8_t)l->colour_type;
    png_write_sig(png);
    png_write_chunk(png, (png_const_bytep) "IHDR", header, sizeof(header));
}

static void write_palette(png_structp png, const struct palette *p)
{
    uint8_t colours[MAX_COLOURS * 3] = {0}, alphas[MAX_COLOURS] = {0};
    unsigned nalphas = 0;
    for (unsigned i = 0; i < p->count; i++) {
        colours[i * 3] = (uint8_t)p->colours[i];
        colours[i * 3 + 1] = (uint8_t)(p->colours[i] >> 8);
        colours[i * 3 + 2] = (uint8_t)(p->colours[i] >> 16);
        alphas[i] = (uint8_t)(p->colours[i] >> 24);
        nalphas = alphas[i] != 255 ? i + 1 : nalphas;
    }
    png_write_chunk(png, (png_const_bytep) "PLTE", colours, p->count * 3);
    if (nalphas > 0)
        png_write_chunk(png, (png_const_bytep) "tRNS", alphas, nalphas);
}

static bool write_file(struct png_encoder *e, const struct layout *l,
                       size_t compressed_nbytes)
{
    png_structp png =
        png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    if (png == NULL)
        return false;
    e->file_nbytes = 0;
    if (setjmp(png_jmpbuf(png)) != 0) {
        png_destroy_write_struct(&png, NULL);
        return false;
    }
    png_set_write_fn(png, e, append, no_flush);
    write_header(png, e->size, l);
    if (l->colour_type == PNG_COLOR_TYPE_PALETTE)
        write_palette(png, &e->palette);
    png_write_chunk(png, (png_const_bytep) "IDAT", e->compressed,
                    compressed_nbytes);
    png_write_chunk(png, (png_const_bytep) "IEND", NULL, 0);
    png_destroy_write_struct(&png, NULL);
    return true;
}

bool png_encode(struct png_encoder *encoder, const struct pixels *pixels,
                const uint8_t **bytes, size_t *nbytes)
{
    struct layout layout = choose_layout(encoder, pixels);
    size_t raw = layout.colour_type == PNG_COLOR_TYPE_PALETTE
                     ? pack_numbers(encoder, &layout)
                     : filter_rows(encoder, &layout, pixels);
    size_t n =
        libdeflate_zlib_compress(encoder->deflate, encoder->filtered, raw,
                                 encoder->compressed, encoder->compressed_room);
    if (n == 0 || !write_file(encoder, &layout, n))
        return false;
    *bytes = encoder->file;
    *nbytes = encoder->file_nbytes;
    return true;
}
