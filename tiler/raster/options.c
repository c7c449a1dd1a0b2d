#include "tiler/raster/options.h"

#include <string.h>

#include "tiler/cli/report.h"

static const char *const resampling_names[] = {
    "nearest", "bilinear", "cubic", "cubicspline",
    "lanczos", "average",  "mode",  NULL};
static const char *const format_names[] = {"auto", "png", "jpeg", "webp", NULL};
static const char *const encoding_names[] = {"picture", "terrarium", "mapbox",
                                             NULL};
static const char *const tile_size_names[] = {"256", "512", NULL};

void raster_options_init(struct raster_options *options)
{
    *options = (struct raster_options){.resampling = RESAMPLE_BILINEAR,
                                       .format = RASTER_AUTO,
                                       .encoding = RASTER_PICTURE,
                                       .quality = 80};
}

void raster_options_table(struct raster_options *o,
                          struct option table[RASTER_NOPTIONS])
{
    const struct option options[RASTER_NOPTIONS] = {
        option_noting(&o->format_given,
                      option_choice("format", &o->format, format_names,
                                    "FORMAT",
                                    "png, jpeg, webp, or auto: JPEG where\n"
                                    "opaque, PNG elsewhere")),
        option_integer("quality", &o->quality, 1, 100,
                       "of JPEG and WebP (80); WebP is lossless at 100"),
        option_choice("tile-size", &o->tile_size, tile_size_names, "PX",
                      "256 (default) or 512"),
        option_choice("resampling", &o->resampling, resampling_names, "METHOD",
                      "nearest, bilinear (default), cubic,\n"
                      "cubicspline, lanczos, average or mode, where\n"
                      "the input is not on the output grid already"),
        option_range("scale", &o->scale,
                     "values that become black and white, for inputs\n"
                     "of more than 8 bits (default: from statistics)"),
        option_choice("encoding", &o->encoding, encoding_names, "HOW",
                      "terrarium or mapbox: heights in metres as\n"
                      "colours"),
        option_noting(
            &o->has_nodata,
            option_double("nodata", &o->nodata,
                          "what means that nothing is there, whatever\n"
                          "the input says")),
        option_string("crs", &o->crs, "CRS",
                      "for inputs that name no coordinate system,\n"
                      "for instance EPSG:25833"),
    };
    memcpy(table, options, sizeof(options));
}

bool raster_options_check(const struct raster_options *o)
{
    bool heights = o->encoding != RASTER_PICTURE;
    if (heights && o->scale.is_set) {
        report("--scale", "leave one of them out",
               "cannot be used with --encoding");
        return false;
    }
    if (heights && (o->format == RASTER_JPEG ||
                    (o->format == RASTER_WEBP && o->quality < 100))) {
        report("--encoding", "give --format png, or webp with --quality 100",
               "heights do not survive a lossy format");
        return false;
    }
    return true;
}
