/* reencode.h - pictures encoded anew on the way, on request. */
#ifndef IBX_CONVERT_REENCODE_H
#define IBX_CONVERT_REENCODE_H

#include "tiler/cli/options.h"
#include "tiler/convert/kinds.h"
#include "tiler/convert/meta.h"

enum { REENCODE_NOPTIONS = 2 };

/* Zero it, but for the quality, before use. */
struct reencode {
    int64_t how;     /* 0: not at all; else an enum raster_format, plus one */
    int64_t quality; /* of JPEG and WebP, 1..100; lossless WebP at 100 */
    /* Its own. */
    struct encoder *encoder; /* for tiles of encoder_px */
    uint32_t encoder_px;
    struct kinds kinds;          /* of what came out */
    uint64_t changed, flattened; /* tiles; those that were drawn on white */
};

/* Sets the defaults, and the rows of --reencode and --quality. */
void reencode_options(struct reencode *re,
                      struct option table[REENCODE_NOPTIONS]);
void reencode_free(struct reencode *re);

/* Whether tiles of that format are pictures. */
bool is_picture(enum ibx_format format);

/* Gives a picture's *bytes and *kind as they are wanted. What has the wanted
 * format keeps its very bytes; a lossy picture is thus never made of itself.
 * *bytes is borrowed until the next call.
 * IBX_ERR_UNSUPPORTED (not decodable, not square, too large),
 * IBX_ERR_NOMEM; err->file is empty. */
IBX_MUST_CHECK enum ibx_status reencode_tile(struct reencode *re,
                                             struct bytes *bytes,
                                             struct tile_kind *kind,
                                             struct ibx_err *err);

/* IBX_ERR_UNSUPPORTED when the colours of the map `meta` describes are heights,
 * which a lossy format would ruin. */
IBX_MUST_CHECK enum ibx_status reencode_allowed(const struct reencode *re,
                                                const struct meta *meta,
                                                const char *file,
                                                struct ibx_err *err);

/* After the last tile: makes what `meta` says of the format true, where it
 * says anything, and sets *kind. IBX_ERR_NOMEM. */
IBX_MUST_CHECK enum ibx_status reencode_describe(const struct reencode *re,
                                                 struct meta *meta,
                                                 struct tile_kind *kind);

/* After the last tile: says so and returns true when transparency was lost. */
bool reencode_report_loss(const struct reencode *re, const char *file);

#endif
