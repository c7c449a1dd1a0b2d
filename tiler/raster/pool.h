/* pool.h - makes all units of a job with several threads, then the zooms above
 * them. */
#ifndef TILER_RASTER_POOL_H
#define TILER_RASTER_POOL_H

#include "pack/writer.h"
#include "tiler/cli/progress.h"
#include "tiler/raster/job.h"
#include "tiler/raster/tally.h"

/* Makes every unit that the writer does not hold yet and counts all of them.
 * False, reported unless a stop was requested, when any of them fails. */
bool pool_make_units(const struct job *job, struct ibx_writer *writer,
                     struct progress *progress, struct tally *tally);

/* Makes the job's zooms above unit_zoom from the units' tops, in tile id
 * order. False, reported unless a stop was requested. */
bool pool_make_upper(const struct job *job, struct ibx_writer *writer,
                     struct progress *progress, struct tally *tally);

#endif
