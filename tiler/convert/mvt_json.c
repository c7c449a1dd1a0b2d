#include "tiler/convert/mvt_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tiler/convert/idblock.h"
#include "tiler/convert/json.h"
#include "tiler/convert/proto.h"

/* Field numbers of the Vector Tile Specification 2.1, vector_tile.proto. */
enum { TILE_LAYERS = 3 };
enum { LAYER_NAME = 1, LAYER_FEATURES, LAYER_KEYS, LAYER_VALUES, LAYER_EXTENT };
enum { FEATURE_ID = 1, FEATURE_TAGS, FEATURE_TYPE, FEATURE_GEOMETRY };
enum {
    VALUE_STRING = 1,
    VALUE_FLOAT,
    VALUE_DOUBLE,
    VALUE_INT,
    VALUE_UINT,
    VALUE_SINT,
    VALUE_BOOL
};
enum { TYPE_POINT = 1, TYPE_LINE, TYPE_POLYGON };
enum { MOVE_TO = 1, LINE_TO = 2, CLOSE_PATH = 7 };

/* Things named by number inside a layer. */
struct list {
    struct bytes *items;
    size_t count, capacity;
};

struct layer {
    struct bytes name;
    struct list keys, values;
    uint32_t extent;
    struct ibx_zxy at;
};

static bool list_add(struct list *list, struct bytes item)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity * 2 + 16;
        struct bytes *grown = realloc(list->items, capacity * sizeof(*grown));
        if (grown == NULL)
            return false;
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
    return true;
}

/* ---- attributes ------------------------------------------------------------
 */

/* False when it is no UTF-8, which protobuf wants strings to be. */
static bool put_text(struct buf *out, struct bytes text)
{
    const char *chars = (const char *)text.ptr;
    if (!json_utf8_valid(chars, text.len))
        return false;
    json_put_string(out, chars, text.len);
    return true;
}

/* JSON has no NaN and no infinities. */
static void put_number(struct buf *out, double v, int digits)
{
    if (isfinite(v))
        buf_printf(out, "%.*g", digits, v);
    else
        buf_puts(out, "null");
}

static bool put_value(struct buf *out, struct bytes value)
{
    struct proto_field f;
    float single;
    double wide;
    if (proto_next(&value, &f) != IBX_OK)
        return false;
    uint32_t low = (uint32_t)f.value;
    switch (f.number) {
    case VALUE_STRING:
        return put_text(out, f.bytes);
    case VALUE_FLOAT:
        memcpy(&single, &low, sizeof(single));
        put_number(out, (double)single, 9);
        break;
    case VALUE_DOUBLE:
        memcpy(&wide, &f.value, sizeof(wide));
        put_number(out, wide, 17);
        break;
    case VALUE_INT:
        buf_printf(out, "%" PRId64, (int64_t)f.value);
        break;
    case VALUE_UINT:
        buf_printf(out, "%" PRIu64, f.value);
        break;
    case VALUE_SINT:
        buf_printf(out, "%" PRId64, proto_zigzag(f.value));
        break;
    case VALUE_BOOL:
        buf_puts(out, f.value != 0 ? "true" : "false");
        break;
    default:
        return false;
    }
    return true;
}

static bool put_properties(struct buf *out, const struct layer *layer,
                           struct bytes tags)
{
    uint64_t key, value;
    const char *comma = "";
    buf_puts(out, "\"properties\":{");
    while (tags.len > 0) {
        if (!proto_varint(&tags, &key) || !proto_varint(&tags, &value) ||
            key >= layer->keys.count || value >= layer->values.count)
            return false;
        buf_puts(out, comma);
        if (!put_text(out, layer->keys.items[key]))
            return false;
        buf_puts(out, ":");
        if (!put_value(out, layer->values.items[value]))
            return false;
        comma = ",";
    }
    buf_puts(out, "}");
    return true;
}

/* ---- geometry (section 4.3) ------------------------------------------------
 */

/* Geometry being written: lines are parts of points; of a polygon, a part
 * that turns the outer way begins a new polygon. */
struct pen {
    struct buf *out;
    const struct layer *layer;
    uint64_t type;
    int64_t x, y;
    size_t parts, points; /* of all; of the part */
    size_t shapes;        /* points, lines or polygons */
    /* The part being drawn, as text, and what tells its orientation. */
    struct buf part;
    int64_t first_x, first_y;
    double area;
};

static void put_point(struct pen *pen, struct buf *out)
{
    const struct layer *l = pen->layer;
    double side = (double)((uint64_t)1 << l->at.z);
    double x = (l->at.x + (double)pen->x / l->extent) / side;
    double y = (l->at.y + (double)pen->y / l->extent) / side;
    double lat = atan(sinh(M_PI * (1 - 2 * y))) * 180 / M_PI;
    buf_printf(out, "[%.9g,%.9g]", x * 360 - 180, lat);
}

static void end_part(struct pen *pen)
{
    if (pen->points == 0)
        return;
    bool outer = pen->type == TYPE_POLYGON && pen->area > 0;
    pen->shapes += pen->parts == 0 || outer || pen->type == TYPE_LINE;
    if (pen->type == TYPE_POLYGON && pen->parts > 0)
        buf_puts(pen->out, outer ? "],[" : ",");
    else if (pen->parts > 0)
        buf_puts(pen->out, ",");
    buf_puts(pen->out, "[");
    buf_put(pen->out, pen->part.ptr, pen->part.len);
    buf_puts(pen->out, "]");
    buf_clear(&pen->part);
    pen->parts++;
    pen->points = 0;
    pen->area = 0;
}

static void draw_point(struct pen *pen, int64_t dx, int64_t dy)
{
    /* The sum over a ring is twice its area, positive when it is an outer
     * ring, as y counts down. */
    int64_t x = pen->x + dx, y = pen->y + dy;
    pen->area += (double)pen->x * (double)y - (double)x * (double)pen->y;
    pen->x = x;
    pen->y = y;
    if (pen->points++ > 0)
        buf_puts(&pen->part, ",");
    put_point(pen, &pen->part);
}

static bool move_or_line(struct pen *pen, uint64_t command, uint64_t count,
                         struct bytes *rest)
{
    uint64_t dx, dy;
    for (uint64_t i = 0; i < count; i++) {
        if (!proto_varint(rest, &dx) || !proto_varint(rest, &dy))
            return false;
        int64_t x = (int32_t)proto_zigzag(dx), y = (int32_t)proto_zigzag(dy);
        if (command == MOVE_TO && pen->type != TYPE_POINT) {
            end_part(pen);
            pen->first_x = pen->x + x;
            pen->first_y = pen->y + y;
        }
        draw_point(pen, x, y);
        if (command == MOVE_TO)
            pen->area = 0;
    }
    return true;
}

/* Back to the ring's first point; the cursor stays where it was (4.3.3.3). */
static void close_ring(struct pen *pen)
{
    int64_t x = pen->x, y = pen->y;
    draw_point(pen, pen->first_x - x, pen->first_y - y);
    pen->x = x;
    pen->y = y;
}

static bool draw(struct pen *pen, struct bytes geometry)
{
    uint64_t word;
    while (geometry.len > 0) {
        if (!proto_varint(&geometry, &word))
            return false;
        uint64_t command = word & 7;
        bool moves = command == MOVE_TO || command == LINE_TO;
        bool closes = command == CLOSE_PATH && pen->type == TYPE_POLYGON;
        if (closes)
            close_ring(pen);
        else if (!moves || !move_or_line(pen, command, word >> 3, &geometry))
            return false;
    }
    return true;
}

/* One shape is no collection of shapes, as in RFC 7946. */
static void put_shapes(struct buf *out, const struct pen *pen,
                       struct bytes shapes)
{
    static const char *const names[] = {"", "Point", "LineString", "Polygon"};
    static const char *const open[2][4] = {{"", "[", "[", "[["},
                                           {"", "", "", "["}};
    static const char *const close[2][4] = {{"", "]", "]", "]]"},
                                            {"", "", "", "]"}};
    bool one = pen->shapes == 1;
    buf_printf(out, "\"geometry\":{\"type\":\"%s%s\",\"coordinates\":%s",
               one ? "" : "Multi", names[pen->type], open[one][pen->type]);
    buf_put(out, shapes.ptr, shapes.len);
    buf_printf(out, "%s}", close[one][pen->type]);
}

static bool put_geometry(struct buf *out, const struct layer *layer,
                         uint64_t type, struct bytes geometry)
{
    struct buf parts = {0};
    if (type < TYPE_POINT || type > TYPE_POLYGON) {
        buf_puts(out, "\"geometry\":null");
        return true;
    }
    struct pen pen = {.out = &parts, .layer = layer, .type = type};
    bool good = draw(&pen, geometry);
    if (type == TYPE_POINT) {
        pen.shapes = pen.points;
        buf_put(&parts, pen.part.ptr, pen.part.len);
    } else {
        end_part(&pen);
    }
    put_shapes(out, &pen, buf_bytes(&parts));
    good = good && !pen.part.failed && !parts.failed;
    buf_free(&pen.part);
    buf_free(&parts);
    return good;
}

/* ---- features and layers ---------------------------------------------------
 */

static bool put_feature(struct buf *out, const struct layer *layer,
                        struct bytes feature, bool first)
{
    struct proto_field f;
    struct bytes tags = {0}, geometry = {0};
    uint64_t type = 0, id = 0;
    bool has_id = false;
    enum ibx_status st;
    while ((st = proto_next(&feature, &f)) == IBX_OK) {
        if (f.number == FEATURE_TAGS)
            tags = f.bytes;
        else if (f.number == FEATURE_GEOMETRY)
            geometry = f.bytes;
        else if (f.number == FEATURE_TYPE)
            type = f.value;
        else if (f.number == FEATURE_ID)
            id = f.value;
        has_id = has_id || f.number == FEATURE_ID;
    }
    buf_puts(out, first ? "{\"type\":\"Feature\"," : ",{\"type\":\"Feature\",");
    if (has_id)
        buf_printf(out, "\"id\":%" PRIu64 ",", id);
    buf_puts(out, "\"layer\":");
    bool good = put_text(out, layer->name) && st == IBX_NOT_FOUND;
    buf_puts(out, ",");
    good = good && put_geometry(out, layer, type, geometry);
    buf_puts(out, ",");
    good = good && put_properties(out, layer, tags);
    buf_puts(out, "}");
    return good;
}

/* Keys and values come behind the features as often as before. */
static enum ibx_status read_layer(struct bytes raw, struct layer *layer)
{
    struct proto_field f;
    enum ibx_status st;
    while ((st = proto_next(&raw, &f)) == IBX_OK) {
        bool kept = true;
        if (f.number == LAYER_NAME)
            layer->name = f.bytes;
        else if (f.number == LAYER_KEYS)
            kept = list_add(&layer->keys, f.bytes);
        else if (f.number == LAYER_VALUES)
            kept = list_add(&layer->values, f.bytes);
        else if (f.number == LAYER_EXTENT)
            layer->extent = (uint32_t)f.value;
        if (!kept)
            return IBX_ERR_NOMEM;
    }
    return st == IBX_NOT_FOUND && layer->extent > 0 ? IBX_OK : IBX_ERR_CORRUPT;
}

static enum ibx_status put_layer(struct buf *out, struct bytes raw,
                                 struct ibx_zxy at, bool *first)
{
    struct layer layer = {.extent = 4096, .at = at};
    struct proto_field f;
    enum ibx_status st = read_layer(raw, &layer);
    while (st == IBX_OK && proto_next(&raw, &f) == IBX_OK) {
        if (f.number != LAYER_FEATURES)
            continue;
        if (!put_feature(out, &layer, f.bytes, *first))
            st = IBX_ERR_CORRUPT;
        *first = false;
    }
    free(layer.keys.items);
    free(layer.values.items);
    return st;
}

enum ibx_status mvt_to_geojson(struct bytes tile, struct ibx_zxy at,
                               struct buf *out, struct ibx_err *err)
{
    struct proto_field f;
    bool first = true;
    enum ibx_status st = IBX_OK;
    buf_puts(out, "{\"type\":\"FeatureCollection\",\"features\":[");
    while (st == IBX_OK && (st = proto_next(&tile, &f)) == IBX_OK)
        if (f.number == TILE_LAYERS && f.wire == PROTO_BYTES)
            st = put_layer(out, f.bytes, at, &first);
    buf_puts(out, "]}");
    if (st == IBX_ERR_CORRUPT)
        return convert_fail(err, st, NULL, "is not a valid vector tile");
    return st == IBX_ERR_NOMEM || out->failed ? convert_no_memory(err, NULL)
                                              : IBX_OK;
}
