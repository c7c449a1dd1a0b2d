/* pixels.h - square pictures of four bytes a pixel, and making small ones from
 * large ones. No I/O, no state; any thread. */
#ifndef TILER_RASTER_PIXELS_H
#define TILER_RASTER_PIXELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the four bytes are. */
enum pixel_kind {
    PIXEL_COLOUR, /* red, green, blue, alpha; colours not multiplied by alpha */
    PIXEL_HEIGHT, /* a float in metres; NaN where nothing is known */
};

/* How much of a picture holds something. */
enum cover {
    COVER_NONE,    /* wholly transparent; its bytes may be anything */
    COVER_PARTIAL, /* neither */
    COVER_FULL,    /* opaque everywhere */
};

/* A view; whoever made it owns the bytes. */
struct pixels {
    uint8_t *bytes; /* the first row */
    size_t stride;  /* bytes from row to row, a multiple of 4 */
    uint32_t size;  /* columns and rows, even */
    enum pixel_kind kind;
    enum cover cover;
};

/* How four pixels become one. */
enum shrink {
    SHRINK_AVERAGE, /* weighted by alpha */
    SHRINK_MODE,    /* the commonest; of equals the first: keeps classes */
};

/* Looks at every pixel and returns the cover. */
enum cover pixels_find_cover(const struct pixels *p);

/* Makes every pixel transparent, or a height unknown. */
void pixels_clear(struct pixels *p);

/* Halves `child` into one quarter of `parent`: quarter 0 is the upper left, 1
 * the upper right, 2 the lower left, 3 the lower right. Sizes and kinds are
 * equal. A child of COVER_NONE clears the quarter. Covers are not touched. */
void pixels_shrink(const struct pixels *child, struct pixels *parent,
                   unsigned quarter, enum shrink how);

/* Draws `upper` over `lower`; both of one size and kind. Sets lower's cover
 * where it can be told from the covers, else by looking. */
void pixels_lay_over(struct pixels *lower, const struct pixels *upper);

/* Clears every column x whose keep[x] is false and all rows but y0..y1-1, and
 * finds the cover. The rows may lie outside. */
void pixels_keep(struct pixels *p, const bool *keep, int64_t y0, int64_t y1);

/* The part of `p` at column x, row y; its cover is found by looking unless
 * that of `p` tells. */
struct pixels pixels_part(const struct pixels *p, uint32_t x, uint32_t y,
                          uint32_t size);

#endif
