#include "tiler/convert/meta_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct bytes text_bytes(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static struct json_slice item_slice(const struct meta_item *item)
{
    return (struct json_slice){item->text, item->nbytes};
}

/* ---- TileJSON ---------------------------------------------------------- */

static double clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

static void put_text_member(struct buf *out, const struct meta *meta,
                            const char *name, const char *fallback)
{
    const struct meta_item *item = meta_find(meta, name);
    bool usable = item != NULL && item->type == META_TEXT && item->nbytes > 0;
    if (!usable && fallback == NULL)
        return;
    const char *text = usable ? item->text : fallback;
    buf_printf(out, ",\"%s\":", name);
    json_put_string(out, text, usable ? item->nbytes : strlen(text));
}

static void put_place(struct buf *out, const struct meta *meta,
                      const struct meta_tiles *tiles)
{
    struct meta_place p;
    meta_place(meta, &p);
    if (!p.has_bounds && tiles->any) {
        p.has_bounds = true;
        p.west = tiles->west;
        p.south = tiles->south;
        p.east = tiles->east;
        p.north = tiles->north;
    }
    if (tiles->any || !p.has_zooms) {
        p.min_zoom = tiles->any ? tiles->min_zoom : 0;
        p.max_zoom = tiles->any ? tiles->max_zoom : 0;
    }
    if (p.has_bounds)
        buf_printf(out, ",\"bounds\":[%.15g,%.15g,%.15g,%.15g]",
                   clamp(p.west, -180, 180), clamp(p.south, -90, 90),
                   clamp(p.east, -180, 180), clamp(p.north, -90, 90));
    buf_printf(out, ",\"minzoom\":%d,\"maxzoom\":%d", p.min_zoom, p.max_zoom);
    /* TileJSON 3.0 section 3.4: inside the bounds and the zooms. */
    bool inside = !p.has_bounds || p.west > p.east ||
                  (p.lon >= p.west && p.lon <= p.east && p.lat >= p.south &&
                   p.lat <= p.north);
    if (p.has_center && inside)
        buf_printf(out, ",\"center\":[%.15g,%.15g,%d]", p.lon, p.lat,
                   (int)clamp(p.center_zoom, p.min_zoom, p.max_zoom));
}

void meta_put_tilejson(const struct meta *meta, const struct meta_tiles *tiles,
                       struct buf *out)
{
    static const char *const texts[] = {
        "description", "attribution", "version", "type",
        "legend",      "template",    "encoding"};
    struct json_slice layers;
    buf_puts(out, "{\"tilejson\":\"3.0.0\"");
    put_text_member(out, meta, "name", tiles->fallback_name);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        put_text_member(out, meta, texts[i], NULL);
    put_place(out, meta, tiles);
    bool vector = tiles->kind.format == IBX_FORMAT_MVT ||
                  tiles->kind.format == IBX_FORMAT_MLT;
    if (!meta_raw(meta, "vector_layers", &layers) || !json_is(layers, '['))
        layers = tiles->layers;
    if (vector && layers.len > 0) {
        buf_puts(out, ",\"vector_layers\":");
        buf_put(out, layers.ptr, layers.len);
    }
    buf_puts(out, "}");
}

/* ---- JSON objects ------------------------------------------------------ */

static void put_value(struct buf *out, const struct meta_item *item)
{
    if (item->type == META_RAW) {
        buf_put(out, item->text, item->nbytes);
    } else if (item->type == META_TEXT) {
        json_put_string(out, item->text, item->nbytes);
    } else {
        buf_puts(out, "{\"hex\":\"");
        for (size_t i = 0; i < item->nbytes; i++)
            buf_printf(out, "%02x", (unsigned char)item->text[i]);
        buf_puts(out, "\"}");
    }
}

static void put_members(struct buf *out, const struct meta *meta)
{
    for (size_t i = 0; i < meta->count; i++) {
        if (i > 0)
            buf_puts(out, ",");
        json_put_string(out, meta->items[i].name, strlen(meta->items[i].name));
        buf_puts(out, ":");
        put_value(out, &meta->items[i]);
    }
}

/* What is not text in the `json` row, so that readers of PMTiles find
 * vector_layers where they look for it. */
static void put_expanded(struct buf *out, const struct meta *meta)
{
    const struct meta_item *row = meta_find(meta, "json");
    struct json_cursor cursor;
    struct json_member member;
    if (row == NULL || row->type != META_TEXT ||
        !json_valid(row->text, row->nbytes, NULL))
        return;
    json_begin(item_slice(row), &cursor);
    while (cursor.object && json_next(&cursor, &member)) {
        bool taken = json_is(member.value, '"');
        for (size_t i = 0; i < meta->count && !taken; i++)
            taken = json_string_is(member.key, meta->items[i].name);
        if (taken)
            continue;
        buf_puts(out, ",");
        buf_put(out, member.key.ptr, member.key.len);
        buf_puts(out, ":");
        buf_put(out, member.value.ptr, member.value.len);
    }
}

void meta_put_pmtiles(const struct meta *meta, struct json_slice layers,
                      struct buf *out)
{
    struct json_slice have;
    if (meta->json != NULL) {
        buf_put(out, meta->json, meta->json_nbytes);
        return;
    }
    buf_puts(out, "{");
    put_members(out, meta);
    put_expanded(out, meta);
    if (layers.len > 0 && !meta_raw(meta, "vector_layers", &have)) {
        buf_printf(out, "%s\"vector_layers\":", meta->count > 0 ? "," : "");
        buf_put(out, layers.ptr, layers.len);
    }
    buf_puts(out, "}");
}

void meta_put_folder(const struct meta *meta, struct buf *out)
{
    if (meta->json != NULL) {
        buf_put(out, meta->json, meta->json_nbytes);
        return;
    }
    if (meta->container == META_FOLDER && meta->count == 0)
        return;
    buf_puts(out, "{");
    put_members(out, meta);
    buf_puts(out, "}");
}

/* ---- MBTiles rows ------------------------------------------------------ */

/* True when the text row `json` holds `item` already, as it does after its
 * members were written out beside it by put_expanded(). */
static bool in_json_row(const struct meta *meta, const struct meta_item *item)
{
    const struct meta_item *row = meta_find(meta, "json");
    struct json_slice inside;
    return row != NULL && row->type == META_TEXT &&
           json_valid(row->text, row->nbytes, NULL) &&
           json_get(item_slice(row), item->name, &inside) &&
           inside.len == item->nbytes &&
           memcmp(inside.ptr, item->text, inside.len) == 0;
}

/* A row without a value is a member null, and the other way round. */
static bool is_null(const struct meta_item *item)
{
    return item->type == META_RAW && strcmp(item->text, "null") == 0;
}

/* Members that are no text: together they are the row `json`; beside such a
 * row in the source they become rows of their own. */
static enum ibx_status add_raw_rows(const struct meta *meta, struct meta *rows)
{
    struct buf json = {0};
    bool has_row = meta_find(rows, "json") != NULL;
    enum ibx_status st = IBX_OK;
    for (size_t i = 0; i < meta->count && st == IBX_OK; i++) {
        const struct meta_item *item = &meta->items[i];
        if (item->type != META_RAW || is_null(item) || in_json_row(meta, item))
            continue;
        if (has_row) {
            st = meta_add(rows, item->name, META_TEXT, text_bytes(item->text));
            continue;
        }
        buf_puts(&json, json.len == 0 ? "{" : ",");
        json_put_string(&json, item->name, strlen(item->name));
        buf_puts(&json, ":");
        buf_put(&json, item->text, item->nbytes);
    }
    if (json.len > 0) {
        buf_puts(&json, "}");
        if (st == IBX_OK)
            st = json.failed
                     ? IBX_ERR_NOMEM
                     : meta_add(rows, "json", META_TEXT, buf_bytes(&json));
    }
    buf_free(&json);
    return st;
}

static enum ibx_status add_missing(struct meta *rows, const char *name,
                                   const char *text)
{
    if (text == NULL || meta_find(rows, name) != NULL)
        return IBX_OK;
    return meta_add(rows, name, META_TEXT, text_bytes(text));
}

/* What MBTiles 1.3 wants as rows and other containers keep elsewhere. */
static enum ibx_status add_derived_rows(const struct meta *meta,
                                        const struct meta_tiles *tiles,
                                        struct meta *rows)
{
    struct meta_place p;
    char text[5][128] = {{0}};
    meta_place(meta, &p);
    bool zooms = tiles->any || p.has_zooms;
    (void)snprintf(text[0], sizeof(text[0]), "%.15g,%.15g,%.15g,%.15g", p.west,
                   p.south, p.east, p.north);
    if (!p.has_bounds)
        (void)snprintf(text[0], sizeof(text[0]), "%.15g,%.15g,%.15g,%.15g",
                       tiles->west, tiles->south, tiles->east, tiles->north);
    (void)snprintf(text[1], sizeof(text[1]), "%.15g,%.15g,%d", p.lon, p.lat,
                   p.center_zoom < 0 ? 0 : p.center_zoom);
    (void)snprintf(text[2], sizeof(text[2]), "%d",
                   tiles->any ? tiles->min_zoom : p.min_zoom);
    (void)snprintf(text[3], sizeof(text[3]), "%d",
                   tiles->any ? tiles->max_zoom : p.max_zoom);
    const struct {
        const char *name, *text;
    } wanted[] = {
        {"name", tiles->fallback_name},
        {"format", format_name(tiles->kind.format)},
        {"bounds", p.has_bounds || tiles->any ? text[0] : NULL},
        {"center", p.has_center ? text[1] : NULL},
        {"minzoom", zooms ? text[2] : NULL},
        {"maxzoom", zooms ? text[3] : NULL},
    };
    enum ibx_status st = IBX_OK;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        if (st == IBX_OK)
            st = add_missing(rows, wanted[i].name, wanted[i].text);
    return st;
}

/* A vector tileset without a list of layers is of little use to others. */
static enum ibx_status add_layers_row(const struct meta_tiles *tiles,
                                      struct meta *rows)
{
    struct json_slice have;
    struct buf json = {0};
    if (tiles->layers.len == 0 || meta_find(rows, "json") != NULL ||
        meta_raw(rows, "vector_layers", &have))
        return IBX_OK;
    buf_puts(&json, "{\"vector_layers\":");
    buf_put(&json, tiles->layers.ptr, tiles->layers.len);
    buf_puts(&json, "}");
    enum ibx_status st =
        json.failed ? IBX_ERR_NOMEM
                    : meta_add(rows, "json", META_TEXT, buf_bytes(&json));
    buf_free(&json);
    return st;
}

enum ibx_status meta_to_rows(const struct meta *meta,
                             const struct meta_tiles *tiles, struct meta *rows)
{
    enum ibx_status st = IBX_OK;
    bool own = meta->container == META_MBTILES;
    for (size_t i = 0; i < meta->count && st == IBX_OK; i++) {
        const struct meta_item *item = &meta->items[i];
        if (own || item->type != META_RAW || is_null(item))
            st = meta_add(
                rows, item->name, item->type,
                (struct bytes){(const uint8_t *)item->text, item->nbytes});
    }
    if (own || st != IBX_OK)
        return st;
    st = add_raw_rows(meta, rows);
    if (st == IBX_OK)
        st = add_layers_row(tiles, rows);
    return st == IBX_OK ? add_derived_rows(meta, tiles, rows) : st;
}

/* ---- PMTiles header ---------------------------------------------------- */

static int32_t to_e7(double degrees, double limit)
{
    return (int32_t)lround(clamp(degrees, -limit, limit) * 1e7);
}

static void fill_place(const struct meta *meta, const struct meta_tiles *tiles,
                       struct pmtiles_header *h)
{
    struct meta_place p;
    meta_place(meta, &p);
    if (!p.has_bounds && tiles->any) {
        p.west = tiles->west;
        p.south = tiles->south;
        p.east = tiles->east;
        p.north = tiles->north;
    }
    h->west_e7 = to_e7(p.west, 180);
    h->south_e7 = to_e7(p.south, 90);
    h->east_e7 = to_e7(p.east, 180);
    h->north_e7 = to_e7(p.north, 90);
    if (!p.has_center) {
        p.lon = (p.west + p.east) / 2;
        p.lat = (p.south + p.north) / 2;
    }
    h->center_lon_e7 = to_e7(p.lon, 180);
    h->center_lat_e7 = to_e7(p.lat, 90);
    h->center_zoom = (uint8_t)clamp(p.center_zoom, h->min_zoom, h->max_zoom);
}

void meta_fill_header(const struct meta *meta, const struct meta_tiles *tiles,
                      struct pmtiles_header *h)
{
    struct meta_place p;
    meta_place(meta, &p);
    h->min_zoom = (uint8_t)(tiles->any ? tiles->min_zoom : p.min_zoom);
    h->max_zoom = (uint8_t)(tiles->any ? tiles->max_zoom : p.max_zoom);
    if (!meta->has_header) {
        fill_place(meta, tiles, h);
        return;
    }
    const struct pmtiles_header *was = &meta->header;
    if (was->min_zoom <= h->min_zoom && was->max_zoom >= h->max_zoom) {
        h->min_zoom = was->min_zoom;
        h->max_zoom = was->max_zoom;
    }
    h->west_e7 = was->west_e7;
    h->south_e7 = was->south_e7;
    h->east_e7 = was->east_e7;
    h->north_e7 = was->north_e7;
    h->center_zoom = was->center_zoom;
    h->center_lon_e7 = was->center_lon_e7;
    h->center_lat_e7 = was->center_lat_e7;
}
