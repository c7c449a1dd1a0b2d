/* tally.h - counts what a build made. Sums do not depend on order. */
#ifndef TILER_RASTER_TALLY_H
#define TILER_RASTER_TALLY_H

#include "pack/imbrex.h"

struct tally_zoom {
    uint64_t tiles;       /* stored */
    uint64_t transparent; /* looked at, and nothing was there */
    uint64_t flattened;   /* transparency lost: a JPEG cannot hold it */
    uint64_t nbytes;
    uint64_t formats[3]; /* PNG, JPEG, WebP among `tiles` */
};

struct tally {
    struct tally_zoom zooms[IBX_MAX_ZOOM + 1];
};

void tally_add(struct tally *sum, const struct tally *more);

/* All zooms together. */
struct tally_zoom tally_total(const struct tally *tally);

#endif
