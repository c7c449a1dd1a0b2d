#include "tiler/raster/target.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void init_bytes(struct target *t, struct pixels *out)
{
    t->base = out->bytes;
    t->alpha = out->bytes + 3;
    t->pixel_nbytes = 4;
    t->line_nbytes = out->stride;
    t->band_nbytes = 1;
}

static bool init_planes(struct target *t)
{
    t->pixel_nbytes = sizeof(float);
    t->line_nbytes = t->size * sizeof(float);
    t->band_nbytes = t->size * t->line_nbytes;
    t->base = calloc((size_t)t->ncolours + 1, t->band_nbytes);
    if (t->base == NULL)
        return false;
    t->alpha = t->base + (size_t)t->ncolours * t->band_nbytes;
    return true;
}

bool target_init(struct target *target, struct pixels *out, int ncolours,
                 bool is_bytes)
{
    *target = (struct target){
        .is_bytes = is_bytes, .size = out->size, .ncolours = ncolours};
    if (!is_bytes)
        return init_planes(target);
    init_bytes(target, out);
    return true;
}

/* Grey to red, green and blue; colours that do not show become black. */
static void finish_bytes(const struct target *t, struct pixels *out)
{
    for (uint32_t y = 0; y < out->size; y++) {
        uint8_t *row = out->bytes + y * out->stride;
        for (uint32_t x = 0; x < out->size; x++) {
            uint8_t *p = row + (size_t)x * 4;
            uint8_t shows = p[3] != 0 ? 255 : 0;
            p[0] &= shows;
            p[1] = shows & (t->ncolours == 1 ? p[0] : p[1]);
            p[2] = shows & (t->ncolours == 1 ? p[0] : p[2]);
        }
    }
}

static uint8_t to_byte(float value)
{
    /* Rounds 0.49999997 up: not worth a call per sample. */
    // NOLINTNEXTLINE(bugprone-incorrect-roundings)
    return value <= 0 ? 0 : value >= 255 ? 255 : (uint8_t)(value + 0.5F);
}

static void scale_row(const struct target *t, const struct double_range *scale,
                      size_t first, uint8_t *row)
{
    const float *values = (const float *)(const void *)t->base;
    const float *alpha = (const float *)(const void *)t->alpha;
    size_t plane = t->band_nbytes / sizeof(float);
    float min = (float)scale->min;
    float step = 255.0F / (float)(scale->max - scale->min);
    for (size_t x = 0; x < t->size; x++) {
        size_t i = first + x;
        bool shows = alpha[i] > 0;
        for (int c = 0; c < 3; c++) {
            float v = values[i + plane * (size_t)(t->ncolours == 3 ? c : 0)];
            shows = shows && !isnan(v);
            row[x * 4 + (size_t)c] = to_byte((v - min) * step);
        }
        row[x * 4 + 3] = shows ? to_byte(alpha[i]) : 0;
        if (row[x * 4 + 3] == 0)
            memset(row + x * 4, 0, 4);
    }
}

static void height_row(const struct target *t, size_t first, uint8_t *row)
{
    const float *values = (const float *)(const void *)t->base + first;
    const float *alpha = (const float *)(const void *)t->alpha + first;
    float *heights = (float *)(void *)row;
    for (uint32_t x = 0; x < t->size; x++)
        heights[x] = alpha[x] > 0 ? values[x] : NAN;
}

static void finish_planes(const struct target *t,
                          const struct double_range *scale, struct pixels *out)
{
    for (uint32_t y = 0; y < out->size; y++) {
        uint8_t *row = out->bytes + y * out->stride;
        size_t first = (size_t)y * t->size;
        if (out->kind == PIXEL_HEIGHT)
            height_row(t, first, row);
        else
            scale_row(t, scale, first, row);
    }
}

void target_finish(const struct target *target,
                   const struct double_range *scale, struct pixels *out)
{
    if (target->is_bytes)
        finish_bytes(target, out);
    else
        finish_planes(target, scale, out);
}

void target_fini(struct target *target)
{
    if (!target->is_bytes)
        free(target->base);
    target->base = NULL;
}
