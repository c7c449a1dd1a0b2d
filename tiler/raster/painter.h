/* painter.h - one thread's hold on the inputs: paints blocks of the grid. */
#ifndef TILER_RASTER_PAINTER_H
#define TILER_RASTER_PAINTER_H

#include "tiler/raster/job.h"

struct painter;

/* For the calling thread alone. NULL, reported, when out of memory. `job` must
 * outlive it. */
struct painter *painter_new(const struct job *job);
void painter_free(struct painter *painter);

/* Lays all inputs over each other on the block of tile `at` (of the job's
 * block_zoom). *out is the painter's, until its next call. False, reported,
 * when an input cannot be read. */
bool painter_paint(struct painter *painter, struct ibx_zxy at,
                   struct pixels *out);

#endif
