/* emit.h - encodes tiles and collects them until they are written. */
#ifndef TILER_RASTER_EMIT_H
#define TILER_RASTER_EMIT_H

#include "pack/writer.h"
#include "tiler/raster/encode.h"
#include "tiler/raster/tally.h"

/* Tiles made by one thread, and their counts. Zeroed is empty. */
struct emitted {
    struct encoder *encoder; /* borrowed */
    struct ibx_writer_tile *tiles;
    size_t count, room;
    struct tally tally;
};

/* Encodes `pixels` as tile `at` and keeps it; of a transparent one only the
 * count. False, reported, when out of memory. */
bool emit(struct emitted *emitted, struct ibx_zxy at,
          const struct pixels *pixels);

/* Drops the tiles and the counts, not the encoder. */
void emitted_clear(struct emitted *emitted);

/* Frees everything but the encoder. */
void emitted_fini(struct emitted *emitted);

#endif
