/* options.h - options that only raster inputs have. */
#ifndef TILER_RASTER_OPTIONS_H
#define TILER_RASTER_OPTIONS_H

#include "tiler/cli/options.h"

enum raster_resampling {
    RESAMPLE_NEAREST,
    RESAMPLE_BILINEAR,
    RESAMPLE_CUBIC,
    RESAMPLE_CUBICSPLINE,
    RESAMPLE_LANCZOS,
    RESAMPLE_AVERAGE,
    RESAMPLE_MODE,
};

enum raster_format {
    RASTER_AUTO, /* JPEG where opaque, PNG where not */
    RASTER_PNG,
    RASTER_JPEG,
    RASTER_WEBP,
};

/* How a height in metres becomes red, green and blue. */
enum raster_encoding {
    RASTER_PICTURE, /* it does not: the bands are colours */
    RASTER_TERRARIUM,
    RASTER_MAPBOX,
};

struct raster_options {
    int64_t resampling; /* enum raster_resampling */
    int64_t format;     /* enum raster_format */
    int64_t encoding;   /* enum raster_encoding */
    int64_t tile_size;  /* index: 0 is 256 px, 1 is 512 px */
    int64_t quality;    /* 1..100 */
    struct double_range scale;
    const char *crs; /* for inputs that name none; NULL: guess */
    double nodata;
    bool has_nodata, format_given;
};

enum { RASTER_NOPTIONS = 8 };

/* Sets the defaults. */
void raster_options_init(struct raster_options *options);

/* Fills `table` with the options, which write to *options. */
void raster_options_table(struct raster_options *options,
                          struct option table[RASTER_NOPTIONS]);

/* False, and reported, when options contradict each other. */
bool raster_options_check(const struct raster_options *options);

#endif
