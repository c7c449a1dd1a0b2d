#include "bench/origin/tiles.h"

#include <string.h>

uint64_t tiles_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void tiles_fill(uint64_t id, uint8_t *to, size_t nbytes)
{
    uint64_t state = id * UINT64_C(0x2545f4914f6cdd1d);
    for (size_t i = 0; i < nbytes; i += 8) {
        uint64_t word = tiles_random(&state);
        memcpy(to + i, &word, nbytes - i < 8 ? nbytes - i : 8);
    }
}

bool tiles_match(uint64_t id, const uint8_t *bytes, size_t nbytes)
{
    uint64_t state = id * UINT64_C(0x2545f4914f6cdd1d);
    for (size_t i = 0; i < nbytes; i += 8) {
        uint64_t word = tiles_random(&state);
        if (memcmp(bytes + i, &word, nbytes - i < 8 ? nbytes - i : 8) != 0)
            return false;
    }
    return true;
}
