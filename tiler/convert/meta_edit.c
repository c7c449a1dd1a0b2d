#include "tiler/convert/meta_edit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Changes an item that is there; others are not made up. */
static enum ibx_status change(struct meta *meta, const char *name,
                              const char *text, bool bracketed)
{
    const struct meta_item *item = meta_find(meta, name);
    struct buf value = {0};
    if (item == NULL)
        return IBX_OK;
    bool raw = item->type == META_RAW;
    if (strlen(text) == item->nbytes &&
        memcmp(text, item->text, item->nbytes) == 0)
        return IBX_OK;
    buf_printf(&value, raw && bracketed ? "[%s]" : "%s", text);
    enum ibx_status st = value.failed
                             ? IBX_ERR_NOMEM
                             : meta_set(meta, name, raw ? META_RAW : META_TEXT,
                                        buf_bytes(&value));
    buf_free(&value);
    return st;
}

static int32_t to_e7(double degrees)
{
    return (int32_t)lround(degrees * 1e7);
}

enum ibx_status meta_set_bounds(struct meta *meta, const struct box *box)
{
    char text[128];
    (void)snprintf(text, sizeof(text), "%.15g,%.15g,%.15g,%.15g", box->west,
                   box->south, box->east, box->north);
    if (meta->has_header) {
        meta->header.west_e7 = to_e7(box->west);
        meta->header.south_e7 = to_e7(box->south);
        meta->header.east_e7 = to_e7(box->east);
        meta->header.north_e7 = to_e7(box->north);
    }
    return change(meta, "bounds", text, true);
}

static enum ibx_status move_center(struct meta *meta, const struct box *box,
                                   int zoom)
{
    char text[96];
    double lon = (box->west + box->east) / 2;
    double lat = (box->south + box->north) / 2;
    if (meta->has_header) {
        meta->header.center_lon_e7 = to_e7(lon);
        meta->header.center_lat_e7 = to_e7(lat);
    }
    (void)snprintf(text, sizeof(text), "%.15g,%.15g,%d", lon, lat,
                   zoom < 0 ? 0 : zoom);
    return change(meta, "center", text, true);
}

struct tile_kind kind_of_formats(uint32_t format_bits)
{
    static const enum ibx_format order[] = {
        IBX_FORMAT_MVT,  IBX_FORMAT_MLT,  IBX_FORMAT_PNG, IBX_FORMAT_JPEG,
        IBX_FORMAT_WEBP, IBX_FORMAT_AVIF, IBX_FORMAT_JSON};
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        if (format_bits & 1u << order[i])
            return (struct tile_kind){order[i], IBX_ENCODING_NONE};
    return (struct tile_kind){IBX_FORMAT_UNKNOWN, IBX_ENCODING_NONE};
}

static void narrow(struct box *box, const struct box *to)
{
    box->west = fmax(box->west, to->west);
    box->south = fmax(box->south, to->south);
    box->east = fmin(box->east, to->east);
    box->north = fmin(box->north, to->north);
}

static const struct box world = {-180, -85.0511287798066, 180,
                                 85.0511287798066};

enum ibx_status meta_tiles_of_part(struct meta *meta,
                                   const struct meta *tilejson,
                                   const struct region *region,
                                   const struct ibx_tileset_info *info,
                                   struct meta_tiles *tiles)
{
    struct meta_place p;
    struct box box = world, part;
    enum ibx_status st = IBX_OK;
    meta_place(tilejson, &p);
    if (p.has_bounds)
        box = (struct box){p.west, p.south, p.east, p.north};
    meta_place(meta, &p);
    if (p.has_bounds)
        box = (struct box){p.west, p.south, p.east, p.north};
    if (region_box(region, &part)) {
        narrow(&box, &part);
        /* A region beside the map leaves no tiles and no sensible bounds. */
        if (box.west >= box.east || box.south >= box.north)
            box = part;
        st = meta_set_bounds(meta, &box);
        bool outside = p.lon < box.west || p.lon > box.east ||
                       p.lat < box.south || p.lat > box.north;
        if (st == IBX_OK && p.has_center && outside)
            st = move_center(meta, &box, p.center_zoom);
    }
    *tiles = (struct meta_tiles){.west = box.west,
                                 .south = box.south,
                                 .east = box.east,
                                 .north = box.north,
                                 .kind = kind_of_formats(info->format_bits)};
    return st;
}

enum ibx_status meta_set_zooms(struct meta *meta,
                               const struct meta_tiles *tiles, bool always)
{
    struct meta_place p;
    char text[16];
    meta_place(meta, &p);
    if (!tiles->any || !p.has_zooms)
        return IBX_OK;
    if (!always && p.min_zoom <= tiles->min_zoom &&
        p.max_zoom >= tiles->max_zoom)
        return IBX_OK;
    if (meta->has_header) {
        meta->header.min_zoom = tiles->min_zoom;
        meta->header.max_zoom = tiles->max_zoom;
    }
    (void)snprintf(text, sizeof(text), "%d", tiles->min_zoom);
    enum ibx_status st = change(meta, "minzoom", text, false);
    (void)snprintf(text, sizeof(text), "%d", tiles->max_zoom);
    return st == IBX_OK ? change(meta, "maxzoom", text, false) : st;
}

/* ---- vector layers --------------------------------------------------------
 */

static bool find_layer(struct json_slice layers, struct json_slice id,
                       struct json_slice *out)
{
    struct json_cursor cursor;
    struct json_member layer;
    struct json_slice have;
    json_begin(layers, &cursor);
    while (json_next(&cursor, &layer))
        if (json_get(layer.value, "id", &have) && have.len == id.len &&
            memcmp(have.ptr, id.ptr, id.len) == 0) {
            *out = layer.value;
            return true;
        }
    return false;
}

static void put_member(struct buf *out, const struct json_member *member)
{
    buf_put(out, member->key.ptr, member->key.len);
    buf_puts(out, ":");
    buf_put(out, member->value.ptr, member->value.len);
}

/* The members of `have`, and those of `more` whose keys it has not. */
static void put_union(struct buf *out, struct json_slice have,
                      struct json_slice more)
{
    const struct json_slice both[2] = {have, more};
    const char *comma = "";
    buf_puts(out, "{");
    for (int i = 0; i < 2; i++) {
        struct json_cursor cursor;
        struct json_member member;
        struct json_slice other;
        json_begin(both[i], &cursor);
        while (json_next(&cursor, &member)) {
            struct buf key = {0};
            json_unescape(member.key, &key);
            char *name = buf_take_text(&key);
            bool twice = i == 1 && name != NULL && json_get(have, name, &other);
            free(name);
            if (twice)
                continue;
            buf_puts(out, comma);
            put_member(out, &member);
            comma = ",";
        }
    }
    buf_puts(out, "}");
}

/* The one of two zooms that reaches further; a layer that gives none has what
 * its map has. */
static struct json_slice further(const char *key, struct json_slice a,
                                 struct json_slice b)
{
    long left = strtol(a.ptr, NULL, 10), right = strtol(b.ptr, NULL, 10);
    bool swap = strcmp(key, "minzoom") == 0 ? right < left : right > left;
    return swap ? b : a;
}

/* Appends a layer that both maps have: as `have` describes it, with the fields
 * and zooms of both. */
static void put_joined(struct buf *out, struct json_slice have,
                       struct json_slice more)
{
    static const char *const keys[] = {"fields", "minzoom", "maxzoom"};
    struct json_cursor cursor;
    struct json_member member;
    const char *comma = "";
    json_begin(have, &cursor);
    buf_puts(out, "{");
    while (json_next(&cursor, &member)) {
        struct json_slice other;
        const char *key = NULL;
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
            if (json_string_is(member.key, keys[i]) &&
                json_get(more, keys[i], &other))
                key = keys[i];
        buf_puts(out, comma);
        comma = ",";
        if (key == keys[0] && json_is(member.value, '{')) {
            buf_puts(out, "\"fields\":");
            put_union(out, member.value, other);
            continue;
        }
        if (key != NULL && key != keys[0])
            member.value = further(key, member.value, other);
        put_member(out, &member);
    }
    buf_puts(out, "}");
}

/* Appends the layers of `have`, joined with those of `more` of the same id,
 * then the other layers of `more`. */
static void put_layers(struct buf *out, struct json_slice have,
                       struct json_slice more)
{
    const struct json_slice both[2] = {have, more};
    const char *comma = "";
    buf_puts(out, "[");
    for (int i = 0; i < 2; i++) {
        struct json_cursor cursor;
        struct json_member layer;
        struct json_slice id, other;
        json_begin(both[i], &cursor);
        while (json_next(&cursor, &layer)) {
            bool named = json_get(layer.value, "id", &id);
            bool common = named && find_layer(both[1 - i], id, &other);
            if (i == 1 && (!named || common))
                continue;
            buf_puts(out, comma);
            comma = ",";
            if (common)
                put_joined(out, layer.value, other);
            else
                buf_put(out, layer.value.ptr, layer.value.len);
        }
    }
    buf_puts(out, "]");
}

/* The JSON object `row` with member `key` set to the raw `value`. */
static void put_with_member(struct buf *out, struct json_slice row,
                            const char *key, struct bytes value)
{
    struct json_cursor cursor;
    struct json_member member;
    json_begin(row, &cursor);
    buf_puts(out, "{");
    while (json_next(&cursor, &member)) {
        if (json_string_is(member.key, key))
            continue;
        put_member(out, &member);
        buf_puts(out, ",");
    }
    json_put_string(out, key, strlen(key));
    buf_puts(out, ":");
    buf_put(out, value.ptr, value.len);
    buf_puts(out, "}");
}

/* Sets a member where it belongs: among the items, or, in MBTiles, inside the
 * `json` row. */
static enum ibx_status set_raw(struct meta *meta, const char *key,
                               struct bytes value)
{
    struct json_slice row = {"{}", 2};
    struct buf text = {0};
    const struct meta_item *item = meta_find(meta, "json");
    bool has_row = item != NULL && item->type == META_TEXT &&
                   json_valid(item->text, item->nbytes, NULL);
    bool in_row = meta->container == META_MBTILES || has_row;
    if (!in_row || meta_find(meta, key) != NULL)
        return meta_set(meta, key, META_RAW, value);
    if (has_row)
        row = (struct json_slice){item->text, item->nbytes};
    put_with_member(&text, row, key, value);
    enum ibx_status st =
        text.failed ? IBX_ERR_NOMEM
                    : meta_set(meta, "json", META_TEXT, buf_bytes(&text));
    buf_free(&text);
    return st;
}

enum ibx_status meta_add_layers(struct meta *meta, const struct meta *from)
{
    static const struct json_slice none = {"[]", 2};
    struct json_slice have = none, more;
    struct buf all = {0}, as_is = {0};
    enum ibx_status st = IBX_OK;
    if (!meta_raw(from, "vector_layers", &more) || !json_is(more, '['))
        return IBX_OK;
    if (!meta_raw(meta, "vector_layers", &have) || !json_is(have, '['))
        have = none;
    put_layers(&all, have, more);
    /* Joining with itself adds nothing: then the text stays word for word. */
    put_layers(&as_is, have, have);
    if (all.failed || as_is.failed)
        st = IBX_ERR_NOMEM;
    else if (all.len != as_is.len || memcmp(all.ptr, as_is.ptr, all.len) != 0)
        st = set_raw(meta, "vector_layers", buf_bytes(&all));
    buf_free(&all);
    buf_free(&as_is);
    return st;
}
