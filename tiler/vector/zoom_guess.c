#include "tiler/vector/zoom_guess.h"

#include <math.h>

enum { MAX_GUESS = 16, TILE_LOG2 = 12, STEP_LOG2 = 5 };

/* Zoom at which 2^length_log2 world units are 2^units_log2 tile units. */
static double zoom_for(double length_log2, double units_log2, unsigned bits)
{
    return (double)bits - TILE_LOG2 - length_log2 + units_log2;
}

uint8_t zoom_guess(const struct store *store, unsigned bits)
{
    double zoom = 0;
    if (store->nsegments > 0)
        zoom = zoom_for(store->log_length_sum / (double)store->nsegments,
                        STEP_LOG2, bits);
    if (store->npoint_features > 0) {
        double width = (double)(store->box.max_x - store->box.min_x);
        double height = (double)(store->box.max_y - store->box.min_y);
        double n = (double)store->npoint_features;
        double area = fmax(width, 1) * fmax(height, 1);
        /* In a square, and in a row. */
        double spacing =
            fmax(log2(area / n) / 2, log2(fmax(fmax(width, height), 1) / n));
        zoom = fmax(zoom, zoom_for(spacing, TILE_LOG2, bits));
    }
    zoom = round(zoom);
    return zoom < 0 ? 0 : zoom > MAX_GUESS ? MAX_GUESS : (uint8_t)zoom;
}
