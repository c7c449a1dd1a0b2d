/* Any bytes as a vector tile: decoded to GeoJSON, and merged with itself. */
#include <stdlib.h>

#include "tiler/convert/json.h"
#include "tiler/convert/mvt_json.h"
#include "tiler/convert/mvt_merge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The last byte says where one tile ends and the next begins. What comes of
 * them can be merged again, and with itself it is itself. */
static void merge_halves(struct mvt_join *join, const uint8_t *data,
                         size_t size)
{
    size_t first = size == 0 ? 0 : size * data[size - 1] / 256;
    struct bytes halves[2] = {{data, first}, {data + first, size - first}};
    struct buf sum = {0}, again = {0};
    bool differ;
    if (mvt_merge(join, halves, MVT_COMMON_BOTH, &sum, &differ, NULL) ==
        IBX_OK) {
        struct bytes same[2] = {buf_bytes(&sum), buf_bytes(&sum)};
        if (mvt_merge(join, same, MVT_COMMON_BOTH, &again, &differ, NULL) !=
                IBX_OK ||
            differ || again.len != sum.len)
            abort();
    }
    buf_free(&sum);
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes tile = {data, size}, both[2] = {{data, size}, {data, size}};
    struct buf out = {0};
    struct mvt_join join = {0};
    bool differ;
    if (mvt_to_geojson(tile, (struct ibx_zxy){3, 4, 5}, &out, NULL) == IBX_OK &&
        !json_valid((const char *)out.ptr, out.len, NULL))
        abort();
    buf_clear(&out);
    if (mvt_merge(&join, both, MVT_COMMON_BOTH, &out, &differ, NULL) ==
            IBX_OK &&
        (differ || out.len > size))
        abort();
    merge_halves(&join, data, size);
    mvt_join_free(&join);
    buf_free(&out);
    return 0;
}
