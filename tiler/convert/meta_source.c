/* The manifest's source section, docs/decisions/metadata.md. */
#include <stdlib.h>
#include <string.h>

#include "tiler/convert/meta_text.h"

static const char *const container_names[] = {
    [META_NONE] = "none",         [META_MBTILES] = "mbtiles",
    [META_PMTILES] = "pmtiles",   [META_FOLDER] = "folder",
    [META_METATILE] = "metatile", [META_BUNDLE] = "bundle",
};

enum { NCONTAINERS = sizeof(container_names) / sizeof(container_names[0]) };

/* ---- writing ----------------------------------------------------------- */

static void put_item_value(struct buf *out, const struct meta_item *item)
{
    if (item->type == META_TEXT) {
        json_put_string(out, item->text, item->nbytes);
        return;
    }
    if (item->type == META_RAW) {
        buf_puts(out, "{\"raw\":");
        json_put_string(out, item->text, item->nbytes);
    } else {
        buf_puts(out, "{\"hex\":\"");
        for (size_t i = 0; i < item->nbytes; i++)
            buf_printf(out, "%02x", (unsigned char)item->text[i]);
        buf_puts(out, "\"");
    }
    buf_puts(out, "}");
}

static void put_rows(struct buf *out, const struct meta *meta)
{
    buf_puts(out, ",\"rows\":[");
    for (size_t i = 0; i < meta->count; i++) {
        buf_puts(out, i == 0 ? "[" : ",[");
        json_put_string(out, meta->items[i].name, strlen(meta->items[i].name));
        buf_puts(out, ",");
        put_item_value(out, &meta->items[i]);
        buf_puts(out, "]");
    }
    buf_puts(out, "]");
}

static void put_header(struct buf *out, const struct meta *meta)
{
    uint8_t raw[PMTILES_HEADER_NBYTES];
    struct pmtiles_header h = meta->header;
    /* Where things were in the old file says nothing about the map. */
    h.root_off = h.root_nbytes = h.metadata_off = h.metadata_nbytes = 0;
    h.leaves_off = h.leaves_nbytes = h.tiles_off = h.tiles_nbytes = 0;
    pmtiles_header_write(&h, raw);
    buf_puts(out, ",\"header\":\"");
    for (size_t i = 0; i < sizeof(raw); i++)
        buf_printf(out, "%02x", raw[i]);
    buf_puts(out, "\"");
}

void meta_put_source(const struct meta *meta, struct buf *out)
{
    buf_printf(out, "{\"container\":\"%s\"", container_names[meta->container]);
    if (meta->has_header)
        put_header(out, meta);
    if (meta->extension[0] != 0) {
        buf_puts(out, ",\"extension\":");
        json_put_string(out, meta->extension, strlen(meta->extension));
    }
    if (meta->tms)
        buf_puts(out, ",\"scheme\":\"tms\"");
    if (meta->json != NULL) {
        buf_puts(out, ",\"json\":");
        json_put_string(out, meta->json, meta->json_nbytes);
    } else {
        put_rows(out, meta);
    }
    buf_puts(out, "}");
}

/* ---- reading ----------------------------------------------------------- */

static enum ibx_status not_ours(struct ibx_err *err)
{
    return convert_fail(err, IBX_ERR_UNSUPPORTED, NULL,
                        "the manifest's source section is not of a kind "
                        "that is known");
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool from_hex(struct json_slice raw, struct buf *out)
{
    if (!json_is(raw, '"') || raw.len % 2 != 0)
        return false;
    for (size_t i = 1; i + 2 < raw.len; i += 2) {
        int high = hex_digit(raw.ptr[i]), low = hex_digit(raw.ptr[i + 1]);
        if (high < 0 || low < 0)
            return false;
        uint8_t byte = (uint8_t)(high << 4 | low);
        buf_put(out, &byte, 1);
    }
    return !out->failed;
}

/* A row's value: what put_item_value() wrote. */
static bool read_value(struct json_slice value, struct buf *text,
                       enum meta_type *type)
{
    struct json_slice inside;
    *type = META_TEXT;
    if (json_is(value, '"')) {
        json_unescape(value, text);
        return true;
    }
    if (json_get(value, "raw", &inside) && json_is(inside, '"')) {
        *type = META_RAW;
        json_unescape(inside, text);
        return json_valid((const char *)text->ptr, text->len, NULL);
    }
    *type = META_BLOB;
    return json_get(value, "hex", &inside) && from_hex(inside, text);
}

static enum ibx_status read_row(struct meta *meta, struct json_slice row,
                                struct ibx_err *err)
{
    struct json_cursor cursor;
    struct json_member name, value;
    struct buf key = {0}, text = {0};
    enum meta_type type;
    json_begin(row, &cursor);
    if (!json_next(&cursor, &name) || !json_is(name.value, '"') ||
        !json_next(&cursor, &value))
        return not_ours(err);
    json_unescape(name.value, &key);
    char *key_text = buf_take_text(&key);
    enum ibx_status st = IBX_ERR_NOMEM;
    if (key_text != NULL)
        st = !read_value(value.value, &text, &type) ? IBX_ERR_UNSUPPORTED
             : text.failed                          ? IBX_ERR_NOMEM
                           : meta_add(meta, key_text, type, buf_bytes(&text));
    free(key_text);
    buf_free(&text);
    if (st == IBX_ERR_NOMEM)
        return convert_no_memory(err, NULL);
    return st == IBX_OK ? st : not_ours(err);
}

static enum ibx_status read_rows(struct meta *meta, struct json_slice rows,
                                 struct ibx_err *err)
{
    struct json_cursor cursor;
    struct json_member row;
    enum ibx_status st = IBX_OK;
    json_begin(rows, &cursor);
    while (st == IBX_OK && json_next(&cursor, &row))
        st = read_row(meta, row.value, err);
    return st;
}

static enum ibx_status read_header(struct meta *meta, struct json_slice raw,
                                   struct ibx_err *err)
{
    struct buf bytes = {0};
    enum ibx_status st = IBX_ERR_UNSUPPORTED;
    if (from_hex(raw, &bytes) && bytes.len == PMTILES_HEADER_NBYTES) {
        /* The reader wants a root: any will do. */
        put_u64le(bytes.ptr + 16, 1);
        st = pmtiles_header_read(buf_bytes(&bytes), UINT64_MAX, &meta->header,
                                 err);
    }
    meta->has_header = st == IBX_OK;
    buf_free(&bytes);
    return st == IBX_OK ? st : not_ours(err);
}

static enum ibx_status read_json(struct meta *meta, struct json_slice raw,
                                 struct ibx_err *err)
{
    struct buf text = {0};
    json_unescape(raw, &text);
    enum ibx_status st = text.failed
                             ? convert_no_memory(err, NULL)
                             : meta_from_json(meta, buf_bytes(&text), err);
    buf_free(&text);
    return st;
}

static bool read_container(struct meta *meta, struct json_slice object)
{
    struct json_slice name;
    if (!json_get(object, "container", &name))
        return false;
    for (int i = 0; i < NCONTAINERS; i++) {
        if (!json_string_is(name, container_names[i]))
            continue;
        meta->container = (enum meta_container)i;
        return true;
    }
    return false;
}

/* It becomes part of file names, so nothing but letters, digits and dots. */
static bool is_extension(struct json_slice raw)
{
    if (!json_is(raw, '"') || raw.len - 2 >= META_EXTENSION_NBYTES)
        return false;
    for (size_t i = 1; i + 1 < raw.len; i++)
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789.", raw.ptr[i]) == NULL)
            return false;
    return true;
}

static void read_folder(struct meta *meta, struct json_slice object)
{
    struct json_slice value;
    if (json_get(object, "extension", &value) && is_extension(value))
        memcpy(meta->extension, value.ptr + 1, value.len - 2);
    meta->tms =
        json_get(object, "scheme", &value) && json_string_is(value, "tms");
}

enum ibx_status meta_read_source(struct meta *meta, struct bytes section,
                                 struct ibx_err *err)
{
    const char *text = (const char *)section.ptr;
    struct json_slice object = json_trim(text, section.len), value;
    enum ibx_status st = IBX_OK;
    if (!json_valid(text, section.len, NULL) || !read_container(meta, object))
        return not_ours(err);
    read_folder(meta, object);
    if (json_get(object, "header", &value))
        st = read_header(meta, value, err);
    if (st == IBX_OK && json_get(object, "json", &value))
        st = read_json(meta, value, err);
    else if (st == IBX_OK && json_get(object, "rows", &value))
        st = read_rows(meta, value, err);
    return st;
}
