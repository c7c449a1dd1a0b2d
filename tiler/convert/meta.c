#include "tiler/convert/meta.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- items ------------------------------------------------------------- */

static void item_free(struct meta_item *item)
{
    free(item->name);
    free(item->text);
}

void meta_free(struct meta *meta)
{
    for (size_t i = 0; i < meta->count; i++)
        item_free(&meta->items[i]);
    free(meta->items);
    free(meta->json);
    *meta = (struct meta){0};
}

static char *copy_text(const void *bytes, size_t nbytes)
{
    char *copy = malloc(nbytes + 1);
    if (copy == NULL)
        return NULL;
    if (nbytes > 0)
        memcpy(copy, bytes, nbytes);
    copy[nbytes] = 0;
    return copy;
}

static bool item_init(struct meta_item *item, const char *name,
                      enum meta_type type, struct bytes text)
{
    *item = (struct meta_item){.nbytes = text.len, .type = type};
    item->name = copy_text(name, strlen(name));
    item->text = copy_text(text.ptr, text.len);
    if (item->name != NULL && item->text != NULL)
        return true;
    item_free(item);
    return false;
}

enum ibx_status meta_add(struct meta *meta, const char *name,
                         enum meta_type type, struct bytes text)
{
    if (meta->count == meta->capacity) {
        size_t capacity = meta->capacity == 0 ? 16 : meta->capacity * 2;
        struct meta_item *grown =
            realloc(meta->items, capacity * sizeof(*grown));
        if (grown == NULL)
            return IBX_ERR_NOMEM;
        meta->items = grown;
        meta->capacity = capacity;
    }
    if (!item_init(&meta->items[meta->count], name, type, text))
        return IBX_ERR_NOMEM;
    meta->count++;
    return IBX_OK;
}

static void drop_json(struct meta *meta)
{
    free(meta->json);
    meta->json = NULL;
    meta->json_nbytes = 0;
}

static struct meta_item *find(const struct meta *meta, const char *name)
{
    for (size_t i = meta->count; i-- > 0;)
        if (strcmp(meta->items[i].name, name) == 0)
            return &meta->items[i];
    return NULL;
}

const struct meta_item *meta_find(const struct meta *meta, const char *name)
{
    return find(meta, name);
}

enum ibx_status meta_set(struct meta *meta, const char *name,
                         enum meta_type type, struct bytes text)
{
    struct meta_item *old = find(meta, name), fresh;
    drop_json(meta);
    if (old == NULL)
        return meta_add(meta, name, type, text);
    if (!item_init(&fresh, name, type, text))
        return IBX_ERR_NOMEM;
    item_free(old);
    *old = fresh;
    return IBX_OK;
}

bool meta_unset(struct meta *meta, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < meta->count; i++) {
        if (strcmp(meta->items[i].name, name) == 0)
            item_free(&meta->items[i]);
        else
            meta->items[kept++] = meta->items[i];
    }
    bool found = kept < meta->count;
    meta->count = kept;
    if (found)
        drop_json(meta);
    return found;
}

/* ---- JSON -------------------------------------------------------------- */

static enum ibx_status add_member(struct meta *meta,
                                  const struct json_member *member)
{
    struct buf name = {0}, text = {0};
    enum ibx_status st = IBX_ERR_NOMEM;
    bool is_text = json_is(member->value, '"');
    json_unescape(member->key, &name);
    if (is_text)
        json_unescape(member->value, &text);
    else
        buf_put(&text, member->value.ptr, member->value.len);
    char *key = buf_take_text(&name);
    if (key != NULL && !text.failed)
        st = meta_add(meta, key, is_text ? META_TEXT : META_RAW,
                      buf_bytes(&text));
    free(key);
    buf_free(&text);
    return st;
}

enum ibx_status meta_from_json(struct meta *meta, struct bytes text,
                               struct ibx_err *err)
{
    const char *chars = (const char *)text.ptr;
    size_t bad_at = 0;
    if (!json_valid(chars, text.len, &bad_at))
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "the metadata is not JSON: wrong at byte %zu",
                            bad_at);
    struct json_slice object = json_trim(chars, text.len);
    if (!json_is(object, '{'))
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "the metadata is not a JSON object");
    struct json_cursor cursor;
    struct json_member member;
    json_begin(object, &cursor);
    while (json_next(&cursor, &member))
        if (add_member(meta, &member) != IBX_OK)
            return convert_no_memory(err, NULL);
    drop_json(meta);
    meta->json = copy_text(chars, text.len);
    meta->json_nbytes = text.len;
    return meta->json == NULL ? convert_no_memory(err, NULL) : IBX_OK;
}

bool meta_raw(const struct meta *meta, const char *key, struct json_slice *out)
{
    const struct meta_item *item = meta_find(meta, key);
    if (item != NULL && item->type == META_RAW) {
        *out = (struct json_slice){item->text, item->nbytes};
        return true;
    }
    item = meta_find(meta, "json");
    if (item == NULL || !json_valid(item->text, item->nbytes, NULL))
        return false;
    return json_get((struct json_slice){item->text, item->nbytes}, key, out);
}

/* ---- numbers ----------------------------------------------------------- */

/* Up to `max` numbers, "1,2,3" or "[1, 2, 3]"; -1 when it is neither. */
static int parse_numbers(const struct meta_item *item, double *out, int max)
{
    struct json_slice s = json_trim(item->text, item->nbytes);
    int count = 0;
    if (item->type == META_BLOB)
        return -1;
    if (item->type == META_RAW && json_is(s, '[')) {
        s.ptr++;
        s.len -= 2;
    }
    while (count < max) {
        char number[64], *end;
        const char *comma = memchr(s.ptr, ',', s.len);
        size_t len = comma == NULL ? s.len : (size_t)(comma - s.ptr);
        struct json_slice part = json_trim(s.ptr, len);
        if (part.len == 0 || part.len >= sizeof(number))
            return -1;
        memcpy(number, part.ptr, part.len);
        number[part.len] = 0;
        out[count] = strtod(number, &end);
        if (*end != 0 || !isfinite(out[count++]))
            return -1;
        if (comma == NULL)
            return count;
        s.ptr = comma + 1;
        s.len -= len + 1;
    }
    return -1;
}

/* An item without text is as good as none. */
static const struct meta_item *given(const struct meta *meta, const char *name)
{
    const struct meta_item *item = meta_find(meta, name);
    bool nothing = item == NULL ||
                   json_trim(item->text, item->nbytes).len == 0 ||
                   (item->type == META_RAW && strcmp(item->text, "null") == 0);
    return nothing ? NULL : item;
}

static bool read_zoom(const struct meta *meta, const char *name, int *out)
{
    const struct meta_item *item = given(meta, name);
    double value = 0;
    if (item == NULL || parse_numbers(item, &value, 1) != 1 || value < 0 ||
        value > IBX_MAX_ZOOM || value != floor(value))
        return false;
    *out = (int)value;
    return true;
}

static bool bounds_make_sense(const double b[4])
{
    return b[0] >= -360 && b[2] <= 360 && b[1] >= -90 && b[3] <= 90 &&
           b[1] <= b[3];
}

static void place_from_items(const struct meta *meta, struct meta_place *p)
{
    double n[4];
    const struct meta_item *bounds = given(meta, "bounds");
    const struct meta_item *center = given(meta, "center");
    if (bounds != NULL && parse_numbers(bounds, n, 4) == 4 &&
        bounds_make_sense(n)) {
        p->has_bounds = true;
        p->west = n[0];
        p->south = n[1];
        p->east = n[2];
        p->north = n[3];
    }
    int count = center == NULL ? -1 : parse_numbers(center, n, 3);
    if (count >= 2 && fabs(n[0]) <= 360 && fabs(n[1]) <= 90) {
        p->has_center = true;
        p->lon = n[0];
        p->lat = n[1];
        if (count == 3 && n[2] >= 0 && n[2] <= IBX_MAX_ZOOM)
            p->center_zoom = (int)n[2];
    }
    p->has_zooms = read_zoom(meta, "minzoom", &p->min_zoom) &&
                   read_zoom(meta, "maxzoom", &p->max_zoom) &&
                   p->min_zoom <= p->max_zoom;
}

static void place_from_header(const struct pmtiles_header *h,
                              struct meta_place *p)
{
    p->has_zooms = true;
    p->min_zoom = h->min_zoom;
    p->max_zoom = h->max_zoom;
    if (h->west_e7 < h->east_e7 && h->south_e7 < h->north_e7) {
        p->has_bounds = true;
        p->west = h->west_e7 / 1e7;
        p->south = h->south_e7 / 1e7;
        p->east = h->east_e7 / 1e7;
        p->north = h->north_e7 / 1e7;
    }
    /* Writers leave 0,0,0 where they know no better. */
    if (h->center_zoom != 0 || h->center_lon_e7 != 0 || h->center_lat_e7 != 0) {
        p->has_center = true;
        p->lon = h->center_lon_e7 / 1e7;
        p->lat = h->center_lat_e7 / 1e7;
        p->center_zoom = h->center_zoom;
    }
}

void meta_place(const struct meta *meta, struct meta_place *out)
{
    *out = (struct meta_place){.center_zoom = -1};
    place_from_items(meta, out);
    if (meta->has_header)
        place_from_header(&meta->header, out);
}

static enum ibx_status bad_value(const struct meta_item *item, const char *want,
                                 struct ibx_err *err)
{
    return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                        "metadata \"%.40s\" is \"%.60s\", not %s", item->name,
                        item->text, want);
}

static enum ibx_status check_json_row(const struct meta *meta,
                                      struct ibx_err *err)
{
    const struct meta_item *item = given(meta, "json");
    size_t bad_at = 0;
    if (item == NULL || item->type == META_RAW ||
        json_valid(item->text, item->nbytes, &bad_at))
        return IBX_OK;
    return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                        "metadata \"json\" is not JSON: wrong at byte %zu",
                        bad_at);
}

enum ibx_status meta_check(const struct meta *meta, struct ibx_err *err)
{
    static const char *const zooms[] = {"minzoom", "maxzoom"};
    double n[4];
    int zoom;
    for (int i = 0; i < 2; i++) {
        const struct meta_item *item = given(meta, zooms[i]);
        if (item != NULL && !read_zoom(meta, zooms[i], &zoom))
            return bad_value(item, "a zoom from 0 to 30", err);
    }
    const struct meta_item *bounds = given(meta, "bounds");
    if (bounds != NULL && parse_numbers(bounds, n, 4) != 4)
        return bad_value(bounds, "four numbers", err);
    const struct meta_item *center = given(meta, "center");
    if (center != NULL && parse_numbers(center, n, 3) < 2)
        return bad_value(center, "two or three numbers", err);
    return check_json_row(meta, err);
}

enum ibx_format meta_format(const struct meta *meta)
{
    const struct meta_item *item = given(meta, "format");
    if (item == NULL || item->type != META_TEXT)
        return IBX_FORMAT_UNKNOWN;
    return format_from_name(item->text);
}
