/* zoom_guess.h - the deepest zoom that data deserves, for --zoom auto. */
#ifndef TILER_VECTOR_ZOOM_GUESS_H
#define TILER_VECTOR_ZOOM_GUESS_H

#include "tiler/vector/store.h"

/* Where lines and polygons are drawn in steps of a typical 32 tile units, or
 * points lie a typical 4096 units apart; 0..16. */
uint8_t zoom_guess(const struct store *store, unsigned bits);

#endif
