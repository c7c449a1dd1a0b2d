/* source.h - one input picture: where it lies, and its pixels on the grid.
 *
 * A source is probed and placed once, then only read from, so threads share
 * it. Each thread opens a reader of its own. What goes wrong has been reported
 * (with the file's name) when a function returns false or NULL. */
#ifndef TILER_RASTER_SOURCE_H
#define TILER_RASTER_SOURCE_H

#include <stdatomic.h>

#include "tiler/cli/options.h"
#include "tiler/raster/grid.h"
#include "tiler/raster/options.h"
#include "tiler/raster/pixels.h"

/* Pixels are read in squares of this many. It decides where the warper's
 * approximations begin, so it must not depend on memory or threads. */
enum { SOURCE_BLOCK_PX = 1024 };

/* What all sources of a build are told. Borrowed for as long as they live. */
struct source_settings {
    const char *crs; /* for files that name none; NULL: guess */
    bool has_nodata;
    double nodata;
    enum pixel_kind kind;
    enum raster_resampling resampling;
    struct double_range scale; /* for values of more than 8 bits */
    /* Set by the first reader that fails, which alone reports: the others
     * would only say the same. Not const: shared by all threads. */
    atomic_flag *has_failed;
};

struct source {
    const char *path; /* borrowed */
    const struct source_settings *settings;
    /* Found by source_probe(). */
    int width_px, height_px;
    int ncolours;   /* 1 or 3 */
    int bands[3];   /* their numbers from 1 */
    int alpha_band; /* 0: none */
    bool has_mask;  /* one mask for all bands, not from nodata or alpha */
    bool has_palette;
    bool is_8bit; /* and is to be seen as it is */
    bool has_nodata;
    double nodata[3];
    char *crs; /* its own, or the one it was given; WKT, free()d by fini */
    bool is_mercator; /* that is EPSG:3857, with a plain geotransform */
    double geotransform[6];
    struct area area;
    bool cut_by_mercator; /* reaches beyond GRID_MAX_LAT */
    double pixel_m;       /* finest pixel, in web mercator metres */
    /* Found by source_place(). */
    struct grid grid;
    struct footprint footprint;
    int overview; /* read this one instead; -1: the picture itself */
    bool on_grid; /* its pixels are the grid's, beginning at ... */
    int64_t grid_x, grid_y;
    /* Set by stage_source(): a copy that is read instead, or NULL. */
    char *staged_path;
    int staged_fd;
};

/* Opens `path`, which must outlive *out, and finds out what it is. */
bool source_probe(const char *path, const struct source_settings *settings,
                  struct source *out);

/* Widens *range (unset at first) to the values of an input of more than 8
 * bits; others change nothing. Reads the whole input. */
bool source_widen_range(const struct source *source,
                        struct double_range *range);

/* Decides how the source is read for `grid`. */
void source_place(struct source *source, struct grid grid);

void source_fini(struct source *source);

struct source_reader;

/* Opens the source for the calling thread, which alone may use the reader.
 * NULL when that fails. */
struct source_reader *source_reader_open(const struct source *source);

/* Fills `out` (SOURCE_BLOCK_PX wide, stride 4 * SOURCE_BLOCK_PX) with the
 * grid's pixels from x0, y0 on, and sets its cover. */
bool source_read(struct source_reader *reader, int64_t x0, int64_t y0,
                 struct pixels *out);

void source_reader_close(struct source_reader *reader);

#endif
