/* describe.h - what a manifest says of a raster build. Equal builds give equal
 * texts: no time, thread count or path. */
#ifndef TILER_RASTER_DESCRIBE_H
#define TILER_RASTER_DESCRIBE_H

#include "tiler/raster/job.h"
#include "tiler/raster/tally.h"

/* The TileJSON 3.0.0 object, without `tiles`. free() it; NULL when out of
 * memory. */
char *describe_tilejson(const struct job *job, const struct tally *tally);

/* The build report: tiles, transparent ones, bytes, per zoom, and what was
 * lost. free() it; NULL when out of memory. */
char *describe_report(const struct job *job, const struct tally *tally);

#endif
