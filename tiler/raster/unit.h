/* unit.h - one unit of work: a tile of the job's unit_zoom and all below it,
 * committed to the writer as one record, so that a killed build goes on after
 * the last unit. */
#ifndef TILER_RASTER_UNIT_H
#define TILER_RASTER_UNIT_H

#include "pack/writer.h"
#include "tiler/raster/job.h"
#include "tiler/raster/tally.h"

struct unit_maker;

/* One thread's tools. NULL, reported, when memory is short. */
struct unit_maker *unit_maker_new(const struct job *job,
                                  struct ibx_writer *writer);
void unit_maker_free(struct unit_maker *maker);

/* Makes and commits the unit of tile `at`, or finds it committed already
 * (*found), and counts its tiles in *tally. False, reported unless a stop was
 * requested. */
bool unit_make(struct unit_maker *maker, struct ibx_zxy at, struct tally *tally,
               bool *found);

/* The pixels of a committed unit's top tile, as a pyramid_leaf(); the argument
 * is a unit_maker. */
bool unit_top(void *maker, struct ibx_zxy at, struct pixels *out);

#endif
