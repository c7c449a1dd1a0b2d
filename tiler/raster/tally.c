#include "tiler/raster/tally.h"

static void add_zoom(struct tally_zoom *sum, const struct tally_zoom *more)
{
    sum->tiles += more->tiles;
    sum->transparent += more->transparent;
    sum->flattened += more->flattened;
    sum->nbytes += more->nbytes;
    for (int i = 0; i < 3; i++)
        sum->formats[i] += more->formats[i];
}

void tally_add(struct tally *sum, const struct tally *more)
{
    for (int z = 0; z <= IBX_MAX_ZOOM; z++)
        add_zoom(&sum->zooms[z], &more->zooms[z]);
}

struct tally_zoom tally_total(const struct tally *tally)
{
    struct tally_zoom sum = {0};
    for (int z = 0; z <= IBX_MAX_ZOOM; z++)
        add_zoom(&sum, &tally->zooms[z]);
    return sum;
}
