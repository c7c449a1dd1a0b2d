#include "tiler/raster/pixels.h"

#include <math.h>
#include <string.h>

enum { RED, GREEN, BLUE, ALPHA, PIXEL_NBYTES };

static uint8_t *row_of(const struct pixels *p, uint32_t y)
{
    return p->bytes + (size_t)y * p->stride;
}

/* ---- cover -------------------------------------------------------------- */

struct span_cover {
    bool any, all;
};

static struct span_cover colour_cover(const uint8_t *row, uint32_t n)
{
    unsigned any = 0;
    unsigned all = 255;
    for (uint32_t i = 0; i < n; i++) {
        any |= row[i * PIXEL_NBYTES + ALPHA];
        all &= row[i * PIXEL_NBYTES + ALPHA];
    }
    return (struct span_cover){any != 0, all == 255};
}

static struct span_cover height_cover(const uint8_t *row, uint32_t n)
{
    const float *heights = (const float *)(const void *)row;
    uint32_t known = 0;
    for (uint32_t i = 0; i < n; i++)
        known += isnan(heights[i]) ? 0U : 1U;
    return (struct span_cover){known != 0, known == n};
}

enum cover pixels_find_cover(const struct pixels *p)
{
    bool any = false;
    bool all = true;
    for (uint32_t y = 0; y < p->size && (!any || all); y++) {
        const uint8_t *row = row_of(p, y);
        struct span_cover c = p->kind == PIXEL_COLOUR
                                  ? colour_cover(row, p->size)
                                  : height_cover(row, p->size);
        any = any || c.any;
        all = all && c.all;
    }
    if (!any)
        return COVER_NONE;
    return all ? COVER_FULL : COVER_PARTIAL;
}

/* ---- clearing ----------------------------------------------------------- */

static void clear_span(enum pixel_kind kind, uint8_t *row, uint32_t n)
{
    if (kind == PIXEL_COLOUR) {
        memset(row, 0, (size_t)n * PIXEL_NBYTES);
        return;
    }
    float *heights = (float *)(void *)row;
    for (uint32_t i = 0; i < n; i++)
        heights[i] = NAN;
}

void pixels_clear(struct pixels *p)
{
    for (uint32_t y = 0; y < p->size; y++)
        clear_span(p->kind, row_of(p, y), p->size);
    p->cover = COVER_NONE;
}

static void keep_row(struct pixels *p, uint8_t *row, const bool *keep)
{
    for (uint32_t x = 0; x < p->size; x++) {
        if (!keep[x])
            clear_span(p->kind, row + (size_t)x * PIXEL_NBYTES, 1);
    }
}

void pixels_keep(struct pixels *p, const bool *keep, int64_t y0, int64_t y1)
{
    for (uint32_t y = 0; y < p->size; y++) {
        if (y < y0 || y >= y1)
            clear_span(p->kind, row_of(p, y), p->size);
        else
            keep_row(p, row_of(p, y), keep);
    }
    p->cover = pixels_find_cover(p);
}

struct pixels pixels_part(const struct pixels *p, uint32_t x, uint32_t y,
                          uint32_t size)
{
    struct pixels part = *p;
    part.bytes = row_of(p, y) + (size_t)x * PIXEL_NBYTES;
    part.size = size;
    if (p->cover == COVER_PARTIAL)
        part.cover = pixels_find_cover(&part);
    return part;
}

/* ---- four into one ------------------------------------------------------ */

/* Each function makes `n` pixels from two rows of 2n. */
typedef void shrink_row(const uint8_t *restrict upper,
                        const uint8_t *restrict lower, uint8_t *restrict out,
                        uint32_t n);

/* Opaque pixels: every byte is the mean of four, alpha too. */
static void average_opaque(const uint8_t *restrict upper,
                           const uint8_t *restrict lower, uint8_t *restrict out,
                           uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        for (unsigned c = 0; c < PIXEL_NBYTES; c++) {
            int sum = upper[i * 8 + c] + upper[i * 8 + 4 + c] +
                      lower[i * 8 + c] + lower[i * 8 + 4 + c];
            out[i * 4 + c] = (uint8_t)((sum + 2) / 4);
        }
    }
}

/* A pixel counts as much as it is opaque, so that what lies hidden under a
 * transparent one never shows. */
static void average_pixel(const uint8_t *const from[4], uint8_t *out)
{
    unsigned weight = 0;
    unsigned sum[3] = {0};
    for (unsigned k = 0; k < 4; k++) {
        unsigned alpha = from[k][ALPHA];
        weight += alpha;
        for (unsigned c = 0; c < 3; c++)
            sum[c] += alpha * from[k][c];
    }
    unsigned alpha = (weight + 2) / 4;
    for (unsigned c = 0; c < 3; c++)
        out[c] = (uint8_t)(alpha == 0 ? 0 : (sum[c] + weight / 2) / weight);
    out[ALPHA] = (uint8_t)alpha;
}

static void average_colour(const uint8_t *restrict upper,
                           const uint8_t *restrict lower, uint8_t *restrict out,
                           uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *from[4] = {upper + i * 8, upper + i * 8 + 4,
                                  lower + i * 8, lower + i * 8 + 4};
        average_pixel(from, out + i * 4);
    }
}

/* Heights are averaged, never their encoded bytes. */
static void average_height(const uint8_t *restrict upper,
                           const uint8_t *restrict lower, uint8_t *restrict out,
                           uint32_t n)
{
    const float *u = (const float *)(const void *)upper;
    const float *l = (const float *)(const void *)lower;
    float *o = (float *)(void *)out;
    for (uint32_t i = 0; i < n; i++) {
        const float four[4] = {u[i * 2], u[i * 2 + 1], l[i * 2], l[i * 2 + 1]};
        float sum = 0;
        float known = 0;
        for (unsigned k = 0; k < 4; k++) {
            bool is_known = !isnan(four[k]);
            sum += is_known ? four[k] : 0;
            known += is_known ? 1 : 0;
        }
        o[i] = known > 0 ? sum / known : NAN;
    }
}

/* Bytes of a pixel that are equal where the pixels are: for heights too, as a
 * height that was copied has the same bytes. */
static uint32_t pixel_word(const uint8_t *pixel)
{
    uint32_t word;
    memcpy(&word, pixel, sizeof(word));
    return word;
}

static void mode_row(const uint8_t *restrict upper,
                     const uint8_t *restrict lower, uint8_t *restrict out,
                     uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t four[4] = {
            pixel_word(upper + i * 8), pixel_word(upper + i * 8 + 4),
            pixel_word(lower + i * 8), pixel_word(lower + i * 8 + 4)};
        unsigned best = 0;
        unsigned best_votes = 0;
        for (unsigned k = 0; k < 4; k++) {
            unsigned votes = 0;
            for (unsigned j = 0; j < 4; j++)
                votes += four[k] == four[j] ? 1U : 0U;
            best = votes > best_votes ? k : best;
            best_votes = votes > best_votes ? votes : best_votes;
        }
        memcpy(out + i * 4, &four[best], sizeof(four[best]));
    }
}

static shrink_row *shrink_function(const struct pixels *child, enum shrink how)
{
    if (how == SHRINK_MODE)
        return mode_row;
    if (child->kind == PIXEL_HEIGHT)
        return average_height;
    return child->cover == COVER_FULL ? average_opaque : average_colour;
}

void pixels_shrink(const struct pixels *child, struct pixels *parent,
                   unsigned quarter, enum shrink how)
{
    uint32_t half = parent->size / 2;
    uint32_t top = quarter >= 2 ? half : 0;
    size_t left = quarter % 2 == 1 ? (size_t)half * PIXEL_NBYTES : 0;
    shrink_row *shrink = shrink_function(child, how);
    for (uint32_t y = 0; y < half; y++) {
        uint8_t *out = row_of(parent, top + y) + left;
        if (child->cover == COVER_NONE)
            clear_span(parent->kind, out, half);
        else
            shrink(row_of(child, 2 * y), row_of(child, 2 * y + 1), out, half);
    }
}

/* ---- one over another --------------------------------------------------- */

static void lay_pixel_over(uint8_t *lower, const uint8_t *upper)
{
    unsigned ua = upper[ALPHA];
    if (ua == 0)
        return;
    if (ua == 255 || lower[ALPHA] == 0) {
        memcpy(lower, upper, PIXEL_NBYTES);
        return;
    }
    /* Weights in 1/255 of full cover. */
    unsigned la = lower[ALPHA] * (255 - ua);
    unsigned weight = ua * 255 + la;
    for (unsigned c = 0; c < 3; c++)
        lower[c] =
            (uint8_t)((upper[c] * ua * 255 + lower[c] * la + weight / 2) /
                      weight);
    lower[ALPHA] = (uint8_t)((weight + 127) / 255);
}

static void lay_row_over(enum pixel_kind kind, uint8_t *lower,
                         const uint8_t *upper, uint32_t n)
{
    if (kind == PIXEL_COLOUR) {
        for (uint32_t i = 0; i < n; i++)
            lay_pixel_over(lower + i * 4, upper + i * 4);
        return;
    }
    float *l = (float *)(void *)lower;
    const float *u = (const float *)(const void *)upper;
    for (uint32_t i = 0; i < n; i++)
        l[i] = isnan(u[i]) ? l[i] : u[i];
}

void pixels_lay_over(struct pixels *lower, const struct pixels *upper)
{
    if (upper->cover == COVER_NONE)
        return;
    bool replaces = upper->cover == COVER_FULL || lower->cover == COVER_NONE;
    for (uint32_t y = 0; y < lower->size; y++) {
        uint8_t *to = row_of(lower, y);
        const uint8_t *from = row_of(upper, y);
        if (replaces)
            memcpy(to, from, (size_t)lower->size * PIXEL_NBYTES);
        else
            lay_row_over(lower->kind, to, from, lower->size);
    }
    if (replaces)
        lower->cover = upper->cover;
    else if (lower->cover != COVER_FULL)
        lower->cover = pixels_find_cover(lower);
}
