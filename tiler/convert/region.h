/* region.h - which tiles an extract keeps: zooms, a box, polygons. */
#ifndef IBX_CONVERT_REGION_H
#define IBX_CONVERT_REGION_H

#include "tiler/cli/options.h"
#include "tiler/convert/idblock.h"

enum cover {
    COVER_NONE, /* no tile of the block */
    COVER_SOME, /* some, or not known without looking closer */
    COVER_ALL,
};

/* Degrees. */
struct box {
    double west, south, east, north;
};

struct region {
    struct zoom_range zooms; /* is_auto: all */
    struct bbox bbox;
    /* How a box lies to the polygons; NULL: there are none. A single tile is
     * kept unless the answer is COVER_NONE. */
    enum cover (*shape)(void *arg, const struct box *box);
    void *shape_arg;
    struct box shape_box; /* around the polygons */
};

/* How the tiles of a block lie to the region. Exact for single tiles, for
 * which the answer is NONE or ALL. */
enum cover region_cover(const struct region *region,
                        const struct id_block *block);

/* How all ids of a run lie to the region, whether there are tiles or not. */
enum cover region_cover_run(const struct region *region, uint64_t first_id,
                            uint64_t count);

/* Takes the next part of `run` that lies in the region off its front. False
 * when there is none any more. */
bool region_next(const struct region *region, struct id_run *run,
                 struct id_run *out);

/* The box around the region; false when it is not bounded. */
bool region_box(const struct region *region, struct box *out);

#endif
