/* Any bytes as a vector tile: decoded to GeoJSON, and merged with itself. */
#include <stdlib.h>

#include "tiler/convert/json.h"
#include "tiler/convert/mvt_json.h"
#include "tiler/convert/mvt_merge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes tile = {data, size}, both[2] = {{data, size}, {data, size}};
    struct buf out = {0};
    bool differ;
    if (mvt_to_geojson(tile, (struct ibx_zxy){3, 4, 5}, &out, NULL) == IBX_OK &&
        !json_valid((const char *)out.ptr, out.len, NULL))
        abort();
    buf_clear(&out);
    if (mvt_merge(both, false, &out, &differ, NULL) == IBX_OK && out.len > size)
        abort();
    buf_free(&out);
    return 0;
}
