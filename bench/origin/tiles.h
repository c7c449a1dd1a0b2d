/* tiles.h - the tiles that bench/origin measures with: a tile's bytes follow
 * from its id, so whoever receives one can tell whether it is right. */
#ifndef BENCH_ORIGIN_TILES_H
#define BENCH_ORIGIN_TILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fills `to` with tile `id`. Not compressible, no two alike. */
void tiles_fill(uint64_t id, uint8_t *to, size_t nbytes);

/* Whether `bytes` are tile `id`, all of it. */
bool tiles_match(uint64_t id, const uint8_t *bytes, size_t nbytes);

/* SplitMix64: the next of a fixed row of random numbers. */
uint64_t tiles_random(uint64_t *state);

#endif
