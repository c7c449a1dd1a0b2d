#include "tiler/convert/mvt_merge.h"

#include <string.h>

#include "tiler/convert/proto.h"

/* Field numbers of the Vector Tile Specification 2.1. */
enum { TILE_LAYERS = 3, LAYER_NAME = 1 };

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

/* The layers of tiles[mine], without or instead of what the other has too. */
static enum ibx_status put_layers(const struct bytes tiles[2], int mine,
                                  bool drop_common, struct buf *out, bool *both)
{
    struct bytes tile = tiles[mine], name, other;
    struct proto_field layer;
    enum ibx_status st;
    while ((st = next_layer(&tile, &layer, &name)) == IBX_OK) {
        st = find_layer(tiles[1 - mine], name, &other);
        if (st == IBX_OK && !same(layer.bytes, other))
            *both = true;
        if (st == IBX_NOT_FOUND || (st == IBX_OK && !drop_common))
            buf_put(out, layer.whole.ptr, layer.whole.len);
        else if (st != IBX_OK)
            return st;
    }
    return st == IBX_NOT_FOUND ? IBX_OK : st;
}

enum ibx_status mvt_merge(const struct bytes tiles[2], bool keep_first,
                          struct buf *out, bool *both, struct ibx_err *err)
{
    *both = false;
    enum ibx_status st = put_layers(tiles, 0, !keep_first, out, both);
    if (st == IBX_OK)
        st = put_layers(tiles, 1, keep_first, out, both);
    if (st != IBX_OK)
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "is not a valid vector tile");
    return out->failed ? convert_no_memory(err, NULL) : IBX_OK;
}
