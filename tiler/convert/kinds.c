#include "tiler/convert/kinds.h"

void kinds_add(struct kinds *kinds, struct tile_kind kind, size_t nbytes,
               uint64_t count)
{
    if (nbytes == 0) {
        kinds->empty += count;
        return;
    }
    kinds->counts[kind.format][kind.encoding] += count;
    kinds->total += count;
}

uint64_t kinds_of_format(const struct kinds *kinds, enum ibx_format format)
{
    uint64_t sum = 0;
    for (int e = 0; e < NENCODINGS; e++)
        sum += kinds->counts[format][e];
    return sum;
}

uint64_t kinds_of_encoding(const struct kinds *kinds,
                           enum ibx_encoding encoding)
{
    uint64_t sum = 0;
    for (int f = 0; f < NFORMATS; f++)
        sum += kinds->counts[f][encoding];
    return sum;
}

struct tile_kind kinds_main(const struct kinds *kinds)
{
    struct tile_kind best = {IBX_FORMAT_UNKNOWN, IBX_ENCODING_NONE};
    uint64_t most = 0;
    for (int i = 0; i < NFORMATS * NENCODINGS; i++) {
        int f = i / NENCODINGS, e = i % NENCODINGS;
        if (kinds->counts[f][e] <= most)
            continue;
        most = kinds->counts[f][e];
        best = (struct tile_kind){(enum ibx_format)f, (enum ibx_encoding)e};
    }
    return best;
}
