/* Any bytes as a metatile: all its places. */
#include <stdlib.h>

#include "tiler/convert/metatile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct metatile metatile;
    struct ibx_zxy at;
    struct bytes tile, file = {data, size};
    uint64_t sum = 0;
    if (metatile_open(file, &metatile, NULL) != IBX_OK)
        return 0;
    for (uint32_t i = 0; i < metatile.side * metatile.side; i++) {
        if (metatile_get(&metatile, i, &at, &tile, NULL) != IBX_OK)
            continue;
        if (!ibx_zxy_valid(at) || tile.len == 0)
            abort();
        for (size_t b = 0; b < tile.len; b++)
            sum += tile.ptr[b];
    }
    (void)sum;
    return 0;
}
