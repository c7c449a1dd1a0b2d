#include "tiler/convert/mvt_layers.h"

#include <stdlib.h>
#include <string.h>

#include "tiler/convert/compress.h"
#include "tiler/convert/json.h"
#include "tiler/convert/proto.h"

/* Field numbers of the Vector Tile Specification 2.1. */
enum { TILE_LAYERS = 3 };
enum { LAYER_NAME = 1, LAYER_FEATURES, LAYER_KEYS, LAYER_VALUES };
enum { FEATURE_TAGS = 2 };
enum { VALUE_STRING = 1, VALUE_BOOL = 7 };
enum { PLAIN_NBYTES_MAX = 64 << 20 };

enum field_type { FIELD_UNSEEN, FIELD_STRING, FIELD_NUMBER, FIELD_BOOLEAN };

struct field {
    char *name;
    enum field_type type;
};

struct layer {
    char *name;
    uint8_t min_zoom, max_zoom;
    struct field *fields;
    size_t nfields;
};

/* Keys and values of the layer being read, by number. */
struct table {
    struct bytes *items;
    size_t count, capacity;
};

struct mvt_layers {
    struct layer layers[MVT_LAYERS_MAX];
    size_t count;
    struct buf plain;
    struct table keys, values;
};

struct mvt_layers *mvt_layers_new(void)
{
    return calloc(1, sizeof(struct mvt_layers));
}

void mvt_layers_free(struct mvt_layers *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->count; i++) {
        for (size_t f = 0; f < m->layers[i].nfields; f++)
            free(m->layers[i].fields[f].name);
        free(m->layers[i].fields);
        free(m->layers[i].name);
    }
    free(m->keys.items);
    free(m->values.items);
    buf_free(&m->plain);
    free(m);
}

static bool table_add(struct table *table, struct bytes item)
{
    if (table->count == table->capacity) {
        size_t capacity = table->capacity * 2 + 64;
        struct bytes *grown = realloc(table->items, capacity * sizeof(*grown));
        if (grown == NULL)
            return false;
        table->items = grown;
        table->capacity = capacity;
    }
    table->items[table->count++] = item;
    return true;
}

static bool named(const char *name, struct bytes text)
{
    return text.ptr != NULL && strlen(name) == text.len &&
           memcmp(name, text.ptr, text.len) == 0;
}

/* A copy of a name that can stand in JSON; NULL for others. */
static char *copy_name(struct bytes text)
{
    const char *chars = (const char *)text.ptr;
    if (text.len == 0 || !json_utf8_valid(chars, text.len) ||
        memchr(chars, 0, text.len) != NULL)
        return NULL;
    return strndup(chars, text.len);
}

static struct layer *layer_named(struct mvt_layers *m, struct bytes name,
                                 uint8_t z)
{
    for (size_t i = 0; i < m->count; i++) {
        struct layer *layer = &m->layers[i];
        if (!named(layer->name, name))
            continue;
        layer->min_zoom = z < layer->min_zoom ? z : layer->min_zoom;
        layer->max_zoom = z > layer->max_zoom ? z : layer->max_zoom;
        return layer;
    }
    char *copy = m->count < MVT_LAYERS_MAX ? copy_name(name) : NULL;
    if (copy == NULL)
        return NULL;
    struct layer *fresh = &m->layers[m->count++];
    *fresh = (struct layer){.name = copy, .min_zoom = z, .max_zoom = z};
    return fresh;
}

static struct field *field_named(struct layer *layer, struct bytes name)
{
    for (size_t i = 0; i < layer->nfields; i++)
        if (named(layer->fields[i].name, name))
            return &layer->fields[i];
    if (layer->nfields == MVT_FIELDS_MAX)
        return NULL;
    struct field *grown =
        realloc(layer->fields, (layer->nfields + 1) * sizeof(*layer->fields));
    if (grown == NULL)
        return NULL;
    layer->fields = grown;
    char *copy = copy_name(name);
    if (copy == NULL)
        return NULL;
    grown[layer->nfields] = (struct field){copy, FIELD_UNSEEN};
    return &grown[layer->nfields++];
}

static enum field_type type_of(struct bytes value)
{
    struct proto_field f;
    if (proto_next(&value, &f) != IBX_OK)
        return FIELD_UNSEEN;
    return f.number == VALUE_STRING ? FIELD_STRING
           : f.number == VALUE_BOOL ? FIELD_BOOLEAN
                                    : FIELD_NUMBER;
}

static void note_tags(const struct mvt_layers *m, struct layer *layer,
                      struct bytes tags)
{
    uint64_t key, value;
    while (proto_varint(&tags, &key) && proto_varint(&tags, &value)) {
        if (key >= m->keys.count || value >= m->values.count)
            return;
        struct field *field = field_named(layer, m->keys.items[key]);
        enum field_type type = type_of(m->values.items[value]);
        if (field == NULL || field->type == type)
            continue;
        /* What is a number here and a text there is best shown as text. */
        field->type = field->type == FIELD_UNSEEN ? type : FIELD_STRING;
    }
}

static void note_features(const struct mvt_layers *m, struct layer *layer,
                          struct bytes raw)
{
    struct proto_field f, part;
    while (proto_next(&raw, &f) == IBX_OK) {
        struct bytes feature = f.bytes;
        if (f.number != LAYER_FEATURES)
            continue;
        while (proto_next(&feature, &part) == IBX_OK)
            if (part.number == FEATURE_TAGS)
                note_tags(m, layer, part.bytes);
    }
}

static enum ibx_status note_layer(struct mvt_layers *m, struct bytes raw,
                                  uint8_t z)
{
    struct bytes rest = raw, name = {0};
    struct proto_field f;
    m->keys.count = m->values.count = 0;
    while (proto_next(&rest, &f) == IBX_OK) {
        bool kept = true;
        if (f.number == LAYER_NAME)
            name = f.bytes;
        else if (f.number == LAYER_KEYS)
            kept = table_add(&m->keys, f.bytes);
        else if (f.number == LAYER_VALUES)
            kept = table_add(&m->values, f.bytes);
        if (!kept)
            return IBX_ERR_NOMEM;
    }
    struct layer *layer = layer_named(m, name, z);
    if (layer != NULL)
        note_features(m, layer, raw);
    return IBX_OK;
}

enum ibx_status mvt_layers_add(struct mvt_layers *m, struct bytes tile,
                               enum ibx_encoding encoding, uint8_t z)
{
    struct proto_field f;
    buf_clear(&m->plain);
    enum ibx_status st =
        unpack(encoding, tile, PLAIN_NBYTES_MAX, &m->plain, NULL);
    if (st != IBX_OK)
        return st == IBX_ERR_NOMEM ? st : IBX_OK;
    struct bytes plain = buf_bytes(&m->plain);
    while (st == IBX_OK && proto_next(&plain, &f) == IBX_OK)
        if (f.number == TILE_LAYERS && f.wire == PROTO_BYTES)
            st = note_layer(m, f.bytes, z);
    return st;
}

static int by_name(const void *a, const void *b)
{
    /* Both structures begin with their name. */
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_layer(const struct layer *layer, struct buf *out)
{
    static const char *const types[] = {"String", "String", "Number",
                                        "Boolean"};
    if (layer->nfields > 0)
        qsort(layer->fields, layer->nfields, sizeof(*layer->fields), by_name);
    buf_puts(out, "{\"id\":");
    json_put_string(out, layer->name, strlen(layer->name));
    buf_puts(out, ",\"fields\":{");
    for (size_t i = 0; i < layer->nfields; i++) {
        const struct field *field = &layer->fields[i];
        buf_puts(out, i == 0 ? "" : ",");
        json_put_string(out, field->name, strlen(field->name));
        buf_printf(out, ":\"%s\"", types[field->type]);
    }
    buf_printf(out, "},\"minzoom\":%u,\"maxzoom\":%u}", layer->min_zoom,
               layer->max_zoom);
}

void mvt_layers_put(struct mvt_layers *m, struct buf *out)
{
    if (m->count == 0)
        return;
    qsort(m->layers, m->count, sizeof(m->layers[0]), by_name);
    for (size_t i = 0; i < m->count; i++) {
        buf_puts(out, i == 0 ? "[" : ",");
        put_layer(&m->layers[i], out);
    }
    buf_puts(out, "]");
}
