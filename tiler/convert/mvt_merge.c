#include "tiler/convert/mvt_merge.h"

#include <string.h>

#include "tiler/convert/proto.h"

/* Field numbers of the Vector Tile Specification 2.1. */
enum { TILE_LAYERS = 3, LAYER_NAME = 1 };
enum { LAYERS_MAX = 10000 };

static bool same(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static enum ibx_status layer_name(struct bytes layer, struct bytes *out)
{
    struct proto_field field;
    while (proto_next(&layer, &field) == IBX_OK)
        if (field.number == LAYER_NAME && field.wire == PROTO_BYTES) {
            *out = field.bytes;
            return IBX_OK;
        }
    return IBX_ERR_CORRUPT; /* a layer must have a name (4.1) */
}

/* The next layer of a tile with its name; other fields are passed over. */
static enum ibx_status next_layer(struct bytes *tile, struct proto_field *out,
                                  struct bytes *name)
{
    enum ibx_status st;
    while ((st = proto_next(tile, out)) == IBX_OK)
        if (out->number == TILE_LAYERS && out->wire == PROTO_BYTES)
            return layer_name(out->bytes, name);
    return st;
}

/* The layer `want` of a tile; IBX_NOT_FOUND when it has none. */
static enum ibx_status find_layer(struct bytes tile, struct bytes want,
                                  struct bytes *out)
{
    struct proto_field field;
    struct bytes name;
    enum ibx_status st;
    while ((st = next_layer(&tile, &field, &name)) == IBX_OK)
        if (same(name, want)) {
            *out = field.bytes;
            return IBX_OK;
        }
    return st;
}

/* Two layers of one name (4.1 forbids it) would lose one another. A tile of
 * very many would take long, as each is looked for among the other's.
 * IBX_NOT_FOUND when nothing is wrong. */
static enum ibx_status check_names(struct mvt_join *join, struct bytes tile,
                                   struct ibx_err *err)
{
    struct proto_field layer;
    struct bytes name;
    enum ibx_status st;
    uint32_t number, count = 0;
    intern_clear(&join->seen);
    while ((st = next_layer(&tile, &layer, &name)) == IBX_OK) {
        if (++count > LAYERS_MAX || intern_find(&join->seen, name, &number))
            return convert_fail(err, IBX_ERR_UNSUPPORTED, NULL,
                                count > LAYERS_MAX
                                    ? "has too many layers"
                                    : "has two layers of one name");
        if (!intern_add(&join->seen, name, &number))
            return convert_no_memory(err, NULL);
    }
    return st;
}

/* A layer of tiles[0]: as it is, as the other tile has it, or joined. */
static enum ibx_status put_layer(struct mvt_join *join,
                                 const struct proto_field *layer,
                                 struct bytes other, enum mvt_common common,
                                 struct buf *out, struct ibx_err *err)
{
    struct bytes layers[2] = {layer->bytes, other};
    if (common == MVT_COMMON_BOTH)
        return mvt_join(join, layers, out, err);
    proto_put_bytes(out, TILE_LAYERS, layers[common == MVT_COMMON_LAST]);
    return IBX_OK;
}

static enum ibx_status put_first(struct mvt_join *join,
                                 const struct bytes tiles[2],
                                 enum mvt_common common, struct buf *out,
                                 bool *differ, struct ibx_err *err)
{
    struct bytes tile = tiles[0], name, other;
    struct proto_field layer;
    enum ibx_status st;
    while ((st = next_layer(&tile, &layer, &name)) == IBX_OK) {
        st = find_layer(tiles[1], name, &other);
        if (st == IBX_NOT_FOUND || (st == IBX_OK && same(layer.bytes, other))) {
            buf_put(out, layer.whole.ptr, layer.whole.len);
            continue;
        }
        if (st != IBX_OK)
            return st;
        *differ = true;
        st = put_layer(join, &layer, other, common, out, err);
        if (st != IBX_OK)
            return st;
    }
    return st;
}

/* The layers that tiles[1] alone has. */
static enum ibx_status put_second(const struct bytes tiles[2], struct buf *out)
{
    struct bytes tile = tiles[1], name, other;
    struct proto_field layer;
    enum ibx_status st;
    while ((st = next_layer(&tile, &layer, &name)) == IBX_OK) {
        st = find_layer(tiles[0], name, &other);
        if (st == IBX_NOT_FOUND)
            buf_put(out, layer.whole.ptr, layer.whole.len);
        else if (st != IBX_OK)
            return st;
    }
    return st;
}

enum ibx_status mvt_merge(struct mvt_join *join, const struct bytes tiles[2],
                          enum mvt_common common, struct buf *out, bool *differ,
                          struct ibx_err *err)
{
    enum ibx_status st = IBX_NOT_FOUND;
    *differ = false;
    for (int i = 0; i < 2 && st == IBX_NOT_FOUND; i++)
        st = check_names(join, tiles[i], err);
    if (st == IBX_NOT_FOUND)
        st = put_first(join, tiles, common, out, differ, err);
    if (st == IBX_NOT_FOUND)
        st = put_second(tiles, out);
    if (st == IBX_ERR_CORRUPT)
        return convert_fail(err, st, NULL, "is not a valid vector tile");
    if (st != IBX_NOT_FOUND)
        return st;
    return buf_failed(out) ? convert_no_memory(err, NULL) : IBX_OK;
}
