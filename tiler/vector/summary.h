/* summary.h - what a tileset says of itself: TileJSON and the report. */
#ifndef TILER_VECTOR_SUMMARY_H
#define TILER_VECTOR_SUMMARY_H

#include <stdio.h>

#include "tiler/vector/stats.h"
#include "tiler/vector/store.h"

struct summary {
    /* Borrowed; NULL: not said. */
    const char *name, *description, *attribution;
    const struct layer_list *layers;
    const struct stats *stats;
    struct geom_box box; /* of the data, world units */
    unsigned bits;
    uint8_t minzoom, maxzoom;
    uint64_t max_tile_nbytes, max_tile_features;
};

/* A TileJSON 3.0 object without `tiles`. free() it. NULL: no memory. */
char *summary_tilejson(const struct summary *summary);

/* The report: for every layer what was read, and for every zoom what came
 * out and what did not, and why. free() it. NULL: no memory. */
char *summary_report(const struct summary *summary);

/* A few words on what was lost for a person, or "" when nothing was. */
void summary_loss(const struct summary *summary, char *text, size_t nbytes);

/* The report as a table for people: layers and zooms where something was left
 * out, or with `all` every one. */
void summary_print(const struct summary *summary, bool all, FILE *to);

#endif
