#include "tiler/convert/mvt_join.h"

#include <stdlib.h>
#include <string.h>

#include "tiler/convert/proto.h"

/* Field numbers of the Vector Tile Specification 2.1. */
enum { TILE_LAYERS = 3 };
enum {
    LAYER_NAME = 1,
    LAYER_FEATURES,
    LAYER_KEYS,
    LAYER_VALUES,
    LAYER_EXTENT,
    LAYER_VERSION = 15
};
enum { FEATURE_ID = 1, FEATURE_TAGS, FEATURE_TYPE, FEATURE_GEOMETRY };
enum { MOVE_TO = 1, LINE_TO = 2, CLOSE_PATH = 7 };
enum { EXTENT_DEFAULT = 4096, VERSION_DEFAULT = 1 };

/* A layer as it came. */
struct part {
    struct bytes raw, name;
    uint64_t extent, version;
    size_t nkeys, nvalues;
    /* Derived: what its coordinates are multiplied by. */
    int64_t scale;
};

void mvt_join_free(struct mvt_join *join)
{
    intern_free(&join->keys);
    intern_free(&join->values);
    intern_free(&join->seen);
    buf_free(&join->features);
    buf_free(&join->layer);
    buf_free(&join->feature);
    buf_free(&join->tags);
    buf_free(&join->geometry);
}

static enum ibx_status broken(struct ibx_err *err)
{
    return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                        "is not a valid vector tile");
}

/* ---- what two layers are --------------------------------------------------
 */

static enum ibx_status note_field(struct part *part,
                                  const struct proto_field *f,
                                  struct ibx_err *err)
{
    bool number = f->number == LAYER_EXTENT || f->number == LAYER_VERSION;
    if (f->number > LAYER_EXTENT && f->number != LAYER_VERSION)
        return convert_fail(err, IBX_ERR_UNSUPPORTED, NULL,
                            "layer \"%.*s\" has fields of a later "
                            "specification and cannot be joined",
                            (int)(part->name.len < 60 ? part->name.len : 60),
                            (const char *)part->name.ptr);
    if (f->wire != (number ? PROTO_VARINT : PROTO_BYTES))
        return broken(err);
    switch (f->number) {
    case LAYER_NAME:
        part->name = f->bytes;
        break;
    case LAYER_KEYS:
        part->nkeys++;
        break;
    case LAYER_VALUES:
        part->nvalues++;
        break;
    case LAYER_EXTENT:
        part->extent = f->value;
        break;
    case LAYER_VERSION:
        part->version = f->value;
        break;
    }
    return IBX_OK;
}

static enum ibx_status read_part(struct bytes raw, struct part *out,
                                 struct ibx_err *err)
{
    struct proto_field f;
    struct bytes rest = raw;
    enum ibx_status st;
    *out = (struct part){
        .raw = raw, .extent = EXTENT_DEFAULT, .version = VERSION_DEFAULT};
    while ((st = proto_next(&rest, &f)) == IBX_OK) {
        st = note_field(out, &f, err);
        if (st != IBX_OK)
            return st;
    }
    if (st != IBX_NOT_FOUND || out->extent == 0 || out->extent > UINT32_MAX)
        return broken(err);
    return IBX_OK;
}

static enum ibx_status fit_extents(struct part parts[2], struct ibx_err *err)
{
    uint64_t a = parts[0].extent, b = parts[1].extent;
    uint64_t extent = a > b ? a : b;
    if (extent % a != 0 || extent % b != 0)
        return convert_fail(
            err, IBX_ERR_UNSUPPORTED, NULL,
            "layer \"%.*s\" has extents %u and %u, of which neither is a "
            "multiple of the other",
            (int)(parts[0].name.len < 60 ? parts[0].name.len : 60),
            (const char *)parts[0].name.ptr, (unsigned)a, (unsigned)b);
    for (int i = 0; i < 2; i++)
        parts[i].scale = (int64_t)(extent / parts[i].extent);
    return IBX_OK;
}

/* ---- keys and values ------------------------------------------------------
 */

/* The numbers that one layer's keys and values have in the result. */
struct numbers {
    uint32_t *keys, *values;
    size_t nkeys, nvalues;
};

static void numbers_free(struct numbers *n)
{
    free(n->keys);
    free(n->values);
}

static enum ibx_status numbers_of(struct mvt_join *join,
                                  const struct part *part, struct numbers *out,
                                  struct ibx_err *err)
{
    struct proto_field f;
    struct bytes rest = part->raw;
    bool kept = true;
    out->keys = calloc(part->nkeys + 1, sizeof(*out->keys));
    out->values = calloc(part->nvalues + 1, sizeof(*out->values));
    if (out->keys == NULL || out->values == NULL)
        return convert_no_memory(err, NULL);
    while (kept && proto_next(&rest, &f) == IBX_OK) {
        if (f.number == LAYER_KEYS)
            kept = intern_add(&join->keys, f.bytes, &out->keys[out->nkeys++]);
        else if (f.number == LAYER_VALUES)
            kept = intern_add(&join->values, f.bytes,
                              &out->values[out->nvalues++]);
    }
    return kept ? IBX_OK : convert_no_memory(err, NULL);
}

/* ---- features --------------------------------------------------------------
 */

static bool put_tags(const struct numbers *n, struct bytes tags,
                     struct buf *out)
{
    uint64_t key, value;
    while (tags.len > 0) {
        if (!proto_varint(&tags, &key) || !proto_varint(&tags, &value) ||
            key >= n->nkeys || value >= n->nvalues)
            return false;
        proto_put_varint(out, n->keys[key]);
        proto_put_varint(out, n->values[value]);
    }
    return true;
}

/* Coordinates are 32 bits wide (4.3.2); scaled ones must stay so. */
static bool put_coordinate(uint64_t raw, int64_t scale, struct buf *out)
{
    int64_t v = proto_zigzag(raw);
    if (v > INT32_MAX / scale || v < -(INT32_MAX / scale))
        return false;
    v *= scale;
    proto_put_varint(out, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
    return true;
}

static bool put_geometry(struct bytes raw, int64_t scale, struct buf *out)
{
    uint64_t command, v;
    if (scale == 1) {
        buf_put(out, raw.ptr, raw.len);
        return true;
    }
    while (raw.len > 0) {
        if (!proto_varint(&raw, &command))
            return false;
        proto_put_varint(out, command);
        uint64_t id = command & 7, count = command >> 3;
        if (id != MOVE_TO && id != LINE_TO && id != CLOSE_PATH)
            return false;
        for (uint64_t i = 0; id != CLOSE_PATH && i < 2 * count; i++)
            if (!proto_varint(&raw, &v) || !put_coordinate(v, scale, out))
                return false;
    }
    return true;
}

/* One field of a feature, to where it is gathered. */
static bool take_field(struct mvt_join *join, const struct part *part,
                       const struct numbers *n, const struct proto_field *f)
{
    bool list = f->number == FEATURE_TAGS || f->number == FEATURE_GEOMETRY;
    if (list && f->wire != PROTO_BYTES)
        return false;
    if (f->number == FEATURE_TAGS)
        return put_tags(n, f->bytes, &join->tags);
    if (f->number == FEATURE_GEOMETRY)
        return put_geometry(f->bytes, part->scale, &join->geometry);
    buf_put(&join->feature, f->whole.ptr, f->whole.len);
    return true;
}

/* The feature in join->feature as the result has it. */
static enum ibx_status translate(struct mvt_join *join, const struct part *part,
                                 const struct numbers *n, struct bytes feature,
                                 struct ibx_err *err)
{
    struct proto_field f;
    enum ibx_status st;
    buf_clear(&join->feature);
    buf_clear(&join->tags);
    buf_clear(&join->geometry);
    while ((st = proto_next(&feature, &f)) == IBX_OK)
        if (!take_field(join, part, n, &f))
            return broken(err);
    if (st != IBX_NOT_FOUND)
        return broken(err);
    proto_put_bytes(&join->feature, FEATURE_TAGS, buf_bytes(&join->tags));
    proto_put_bytes(&join->feature, FEATURE_GEOMETRY,
                    buf_bytes(&join->geometry));
    bool failed = buf_failed(&join->feature) || buf_failed(&join->tags) ||
                  buf_failed(&join->geometry);
    return failed ? convert_no_memory(err, NULL) : IBX_OK;
}

static enum ibx_status add_features(struct mvt_join *join,
                                    const struct part *part, bool second,
                                    struct ibx_err *err)
{
    struct numbers numbers = {0};
    struct proto_field f;
    struct bytes rest = part->raw;
    uint32_t ignored;
    enum ibx_status st = numbers_of(join, part, &numbers, err);
    while (st == IBX_OK && proto_next(&rest, &f) == IBX_OK) {
        if (f.number != LAYER_FEATURES)
            continue;
        st = translate(join, part, &numbers, f.bytes, err);
        struct bytes feature = buf_bytes(&join->feature);
        if (st != IBX_OK ||
            (second && intern_find(&join->seen, feature, &ignored)))
            continue;
        proto_put_bytes(&join->features, LAYER_FEATURES, feature);
        if (!second && !intern_add(&join->seen, feature, &ignored))
            st = convert_no_memory(err, NULL);
    }
    numbers_free(&numbers);
    return st;
}

/* ---- the result ------------------------------------------------------------
 */

static void put_items(const struct intern *in, uint32_t field, struct buf *out)
{
    for (size_t i = 0; i < in->count; i++)
        proto_put_bytes(out, field, intern_item(in, i));
}

static void put_layer(const struct mvt_join *join, const struct part parts[2],
                      struct buf *layer)
{
    uint64_t a = parts[0].version, b = parts[1].version;
    proto_put_number(layer, LAYER_VERSION, a < b ? a : b);
    proto_put_bytes(layer, LAYER_NAME, parts[0].name);
    buf_put(layer, join->features.ptr, join->features.len);
    put_items(&join->keys, LAYER_KEYS, layer);
    put_items(&join->values, LAYER_VALUES, layer);
    proto_put_number(layer, LAYER_EXTENT,
                     parts[0].extent * (uint64_t)parts[0].scale);
}

enum ibx_status mvt_join(struct mvt_join *join, const struct bytes layers[2],
                         struct buf *out, struct ibx_err *err)
{
    struct part parts[2];
    intern_clear(&join->keys);
    intern_clear(&join->values);
    intern_clear(&join->seen);
    buf_clear(&join->features);
    buf_clear(&join->layer);
    enum ibx_status st = read_part(layers[0], &parts[0], err);
    if (st == IBX_OK)
        st = read_part(layers[1], &parts[1], err);
    if (st == IBX_OK)
        st = fit_extents(parts, err);
    if (st == IBX_OK)
        st = add_features(join, &parts[0], false, err);
    if (st == IBX_OK)
        st = add_features(join, &parts[1], true, err);
    if (st != IBX_OK)
        return st;
    put_layer(join, parts, &join->layer);
    proto_put_bytes(out, TILE_LAYERS, buf_bytes(&join->layer));
    bool failed = buf_failed(&join->features) || buf_failed(&join->layer) ||
                  buf_failed(out);
    return failed ? convert_no_memory(err, NULL) : IBX_OK;
}
