#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "tiler/vector/attrs.h"
#include "tiler/vector/mvt.h"

enum { COMMAND_MOVE = 1, COMMAND_LINE = 2, COMMAND_CLOSE = 7 };

/* Tags of a protobuf field: its number and how it is encoded. */
enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };
#define TAG(number, how) ((number) << 3 | (how))

enum {
    TILE_LAYER = TAG(3, BYTES),
    LAYER_NAME = TAG(1, BYTES),
    LAYER_FEATURE = TAG(2, BYTES),
    LAYER_KEY = TAG(3, BYTES),
    LAYER_VALUE = TAG(4, BYTES),
    LAYER_EXTENT = TAG(5, VARINT),
    LAYER_VERSION = TAG(15, VARINT),
    FEATURE_ID = TAG(1, VARINT),
    FEATURE_TAGS = TAG(2, BYTES),
    FEATURE_TYPE = TAG(3, VARINT),
    FEATURE_GEOMETRY = TAG(4, BYTES),
    VALUE_STRING = TAG(1, BYTES),
    VALUE_FLOAT = TAG(2, FIXED32),
    VALUE_DOUBLE = TAG(3, FIXED64),
    VALUE_UINT = TAG(5, VARINT),
    VALUE_SINT = TAG(6, VARINT),
    VALUE_BOOL = TAG(7, VARINT),
};

struct slot {
    uint64_t hash;
    uint32_t number_plus_1; /* 0: empty */
};

/* From a hash to a number. Hashes are 64 bits of XXH3 over few enough items
 * of one tile that equal hashes are taken for equal items only after the
 * caller has compared. */
struct table {
    struct slot *slots;
    size_t nslots, count; /* nslots: a power of two */
};

/* Tags shared by all features with one attribute set, packed. */
struct tags {
    uint64_t ref;
    size_t offset, nbytes; /* in writer->tags */
};

/* Everything but the tables is about the layer being made; the parts of its
 * message are collected side by side. */
struct mvt_writer {
    struct table values;  /* a value -> its number in the layer */
    struct table sets;    /* attrs_ref -> its number in tags_of */
    uint32_t *key_number; /* by key: number in the layer + 1 */
    size_t key_cap;
    const struct mvt_layer *from;
    struct bytes features, keys, value_messages, tags;
    struct bytes feature, geometry, value; /* one at a time */
    uint32_t nkeys, nvalues;
    struct cursor *value_bytes; /* by value number, to compare */
    size_t values_cap;
    struct tags *tags_of;
    size_t ntags, tags_cap;
};

struct mvt_writer *mvt_writer_new(void)
{
    return calloc(1, sizeof(struct mvt_writer));
}

void mvt_writer_shrink(struct mvt_writer *writer)
{
    free(writer->values.slots);
    free(writer->sets.slots);
    free(writer->key_number);
    free(writer->value_bytes);
    free(writer->tags_of);
    bytes_free(&writer->features);
    bytes_free(&writer->keys);
    bytes_free(&writer->value_messages);
    bytes_free(&writer->tags);
    bytes_free(&writer->feature);
    bytes_free(&writer->geometry);
    bytes_free(&writer->value);
    *writer = (struct mvt_writer){0};
}

void mvt_writer_free(struct mvt_writer *writer)
{
    if (writer != NULL)
        mvt_writer_shrink(writer);
    free(writer);
}

static void put_bytes(struct bytes *to, unsigned tag, const void *from,
                      size_t n)
{
    bytes_put_varint(to, tag);
    bytes_put_varint(to, n);
    bytes_put(to, from, n);
}

/* ---- tables ------------------------------------------------------------- */

/* A table that one large tile has grown would cost every small one after it
 * the clearing of all its slots. */
static void table_clear(struct table *table)
{
    if (table->nslots > 1024 && table->count < table->nslots / 16) {
        free(table->slots);
        *table = (struct table){0};
    }
    if (table->nslots > 0)
        memset(table->slots, 0, table->nslots * sizeof *table->slots);
    table->count = 0;
}

static void table_place(struct table *table, uint64_t hash, uint32_t number)
{
    size_t at = (size_t)hash & (table->nslots - 1);
    while (table->slots[at].number_plus_1 != 0)
        at = (at + 1) & (table->nslots - 1);
    table->slots[at] = (struct slot){hash, number + 1};
}

static bool table_add(struct table *table, uint64_t hash, uint32_t number)
{
    if (table->count * 2 >= table->nslots) {
        size_t nslots = table->nslots == 0 ? 256 : table->nslots * 2;
        struct table bigger = {calloc(nslots, sizeof(struct slot)), nslots,
                               table->count};
        if (bigger.slots == NULL)
            return false;
        for (size_t i = 0; i < table->nslots; i++) {
            const struct slot *slot = &table->slots[i];
            if (slot->number_plus_1 != 0)
                table_place(&bigger, slot->hash, slot->number_plus_1 - 1);
        }
        free(table->slots);
        *table = bigger;
    }
    table_place(table, hash, number);
    table->count++;
    return true;
}

/* Goes through the numbers stored under `hash`: *at begins as the hash and is
 * moved on; false when there are no more. */
static bool table_find(const struct table *table, uint64_t hash, size_t *at,
                       uint32_t *number)
{
    if (table->nslots == 0)
        return false;
    for (;; (*at)++) {
        const struct slot *slot = &table->slots[*at & (table->nslots - 1)];
        if (slot->number_plus_1 == 0)
            return false;
        if (slot->hash != hash)
            continue;
        *number = slot->number_plus_1 - 1;
        (*at)++;
        return true;
    }
}

/* ---- keys and values ---------------------------------------------------- */

static uint32_t number_of_key(struct mvt_writer *writer, uint32_t key)
{
    uint32_t *known = &writer->key_number[key];
    if (*known == 0) {
        const char *name = writer->from->keys[key];
        put_bytes(&writer->keys, LAYER_KEY, name, strlen(name));
        *known = ++writer->nkeys;
    }
    return *known - 1;
}

static void put_value(struct bytes *to, const struct attr *attr)
{
    switch (attr->type) {
    case ATTR_STRING:
        put_bytes(to, VALUE_STRING, attr->value.string.ptr,
                  attr->value.string.len);
        break;
    case ATTR_FLOAT:
        bytes_put_varint(to, VALUE_FLOAT);
        bytes_put_f32(to, attr->value.f32);
        break;
    case ATTR_DOUBLE:
        bytes_put_varint(to, VALUE_DOUBLE);
        bytes_put_f64(to, attr->value.f64);
        break;
    case ATTR_INT:
        bytes_put_varint(to, VALUE_SINT);
        bytes_put_signed(to, attr->value.i64);
        break;
    case ATTR_UINT:
        bytes_put_varint(to, VALUE_UINT);
        bytes_put_varint(to, attr->value.u64);
        break;
    case ATTR_BOOL:
        bytes_put_varint(to, VALUE_BOOL);
        bytes_put_varint(to, attr->value.truth);
        break;
    }
}

static bool add_value(struct mvt_writer *writer, const struct attr *attr,
                      struct cursor bytes)
{
    if (writer->nvalues == writer->values_cap) {
        size_t cap = writer->values_cap == 0 ? 64 : writer->values_cap * 2;
        void *bigger = realloc(writer->value_bytes, cap * sizeof bytes);
        if (bigger == NULL)
            return false;
        writer->value_bytes = bigger;
        writer->values_cap = cap;
    }
    bytes_reset(&writer->value);
    put_value(&writer->value, attr);
    put_bytes(&writer->value_messages, LAYER_VALUE, writer->value.ptr,
              writer->value.len);
    writer->value_bytes[writer->nvalues++] = bytes;
    return !writer->value.failed && !writer->value_messages.failed;
}

static bool same_bytes(struct cursor a, struct cursor b)
{
    size_t n = (size_t)(a.end - a.at);
    return n == (size_t)(b.end - b.at) && memcmp(a.at, b.at, n) == 0;
}

/* `bytes` is the value as it stands in the set, type included. */
static bool number_of_value(struct mvt_writer *writer, const struct attr *attr,
                            struct cursor bytes, uint32_t *number)
{
    uint64_t hash = XXH3_64bits(bytes.at, (size_t)(bytes.end - bytes.at));
    size_t at = (size_t)hash;
    while (table_find(&writer->values, hash, &at, number)) {
        if (same_bytes(writer->value_bytes[*number], bytes))
            return true;
    }
    *number = writer->nvalues;
    return add_value(writer, attr, bytes) &&
           table_add(&writer->values, hash, *number);
}

/* Appends the set's key and value numbers to writer->tags. */
static bool put_tags(struct mvt_writer *writer, struct cursor set)
{
    for (;;) {
        struct attr attr;
        struct cursor bytes = set;
        uint32_t value;
        if (!attrs_next(&set, &attr))
            return !writer->tags.failed;
        if (attr.key >= writer->from->nkeys)
            continue;
        cursor_varint(&bytes); /* past the key */
        bytes.end = set.at;
        if (!number_of_value(writer, &attr, bytes, &value))
            return false;
        bytes_put_varint(&writer->tags, number_of_key(writer, attr.key));
        bytes_put_varint(&writer->tags, value);
    }
}

static bool add_tags(struct mvt_writer *writer,
                     const struct mvt_feature *feature)
{
    if (writer->ntags == writer->tags_cap) {
        size_t cap = writer->tags_cap == 0 ? 64 : writer->tags_cap * 2;
        void *bigger = realloc(writer->tags_of, cap * sizeof(struct tags));
        if (bigger == NULL)
            return false;
        writer->tags_of = bigger;
        writer->tags_cap = cap;
    }
    size_t offset = writer->tags.len;
    if (!put_tags(writer, feature->attrs))
        return false;
    writer->tags_of[writer->ntags++] =
        (struct tags){feature->attrs_ref, offset, writer->tags.len - offset};
    return true;
}

/* The tags of a feature, made once per attribute set; NULL: no memory. */
static const struct tags *tags_for(struct mvt_writer *writer,
                                   const struct mvt_feature *feature)
{
    uint64_t hash = XXH3_64bits(&feature->attrs_ref, sizeof(uint64_t));
    size_t at = (size_t)hash;
    uint32_t number;
    while (table_find(&writer->sets, hash, &at, &number)) {
        if (writer->tags_of[number].ref == feature->attrs_ref)
            return &writer->tags_of[number];
    }
    number = (uint32_t)writer->ntags;
    if (!add_tags(writer, feature) || !table_add(&writer->sets, hash, number))
        return NULL;
    return &writer->tags_of[number];
}

/* ---- geometry ----------------------------------------------------------- */

struct pen {
    struct bytes *to;
    struct geom_point at;
};

static void pen_command(struct pen *pen, unsigned command, size_t count)
{
    bytes_put_varint(pen->to, (uint32_t)(count << 3 | command));
}

static uint32_t zigzag(int64_t v)
{
    return ((uint32_t)v << 1) ^ (v < 0 ? UINT32_MAX : 0);
}

static void pen_go(struct pen *pen, struct geom_point to)
{
    bytes_put_varint(pen->to, zigzag(to.x - pen->at.x));
    bytes_put_varint(pen->to, zigzag(to.y - pen->at.y));
    pen->at = to;
}

static void draw_part(struct pen *pen, const struct geom *geom, size_t part)
{
    size_t start = geom_part_start(geom, part);
    size_t n = geom->parts[part].end - start;
    pen_command(pen, COMMAND_MOVE, 1);
    pen_go(pen, geom->points[start]);
    pen_command(pen, COMMAND_LINE, n - 1);
    for (size_t i = 1; i < n; i++)
        pen_go(pen, geom->points[start + i]);
    if (geom->kind == GEOM_POLYGON)
        pen_command(pen, COMMAND_CLOSE, 1);
}

/* Specification 4.3. */
static void draw(const struct geom *geom, struct bytes *to)
{
    struct pen pen = {.to = to};
    bytes_reset(to);
    if (geom->kind == GEOM_POINT) {
        pen_command(&pen, COMMAND_MOVE, geom->npoints);
        for (size_t i = 0; i < geom->npoints; i++)
            pen_go(&pen, geom->points[i]);
        return;
    }
    for (size_t i = 0; i < geom->nparts; i++)
        draw_part(&pen, geom, i);
}

/* ---- layers ------------------------------------------------------------- */

static bool put_feature(struct mvt_writer *writer,
                        const struct mvt_feature *from)
{
    const struct tags *tags = tags_for(writer, from);
    if (tags == NULL)
        return false;
    struct bytes *to = &writer->feature, *geometry = &writer->geometry;
    draw(from->geom, geometry);
    bytes_reset(to);
    if (from->has_id) {
        bytes_put_varint(to, FEATURE_ID);
        bytes_put_varint(to, from->id);
    }
    if (tags->nbytes > 0)
        put_bytes(to, FEATURE_TAGS, writer->tags.ptr + tags->offset,
                  tags->nbytes);
    bytes_put_varint(to, FEATURE_TYPE);
    bytes_put_varint(to, from->geom->kind);
    put_bytes(to, FEATURE_GEOMETRY, geometry->ptr, geometry->len);
    put_bytes(&writer->features, LAYER_FEATURE, to->ptr, to->len);
    return !geometry->failed && !to->failed && !writer->features.failed;
}

static bool begin_layer(struct mvt_writer *writer, const struct mvt_layer *from)
{
    writer->from = from;
    writer->nkeys = writer->nvalues = 0;
    writer->ntags = 0;
    table_clear(&writer->values);
    table_clear(&writer->sets);
    bytes_reset(&writer->features);
    bytes_reset(&writer->keys);
    bytes_reset(&writer->value_messages);
    bytes_reset(&writer->tags);
    if (from->nkeys > writer->key_cap) {
        void *numbers =
            realloc(writer->key_number, from->nkeys * sizeof(uint32_t));
        if (numbers == NULL)
            return false;
        writer->key_number = numbers;
        writer->key_cap = from->nkeys;
    }
    if (from->nkeys > 0)
        memset(writer->key_number, 0, from->nkeys * sizeof(uint32_t));
    return true;
}

static size_t varint_nbytes(uint64_t v)
{
    size_t n = 1;
    while (v >= 0x80) {
        v >>= 7;
        n++;
    }
    return n;
}

/* Puts the collected parts together as one message. */
static void put_layer(const struct mvt_writer *writer, struct bytes *to)
{
    enum { VERSION = 2, EXTENT = 4096 };
    const char *name = writer->from->name;
    size_t name_nbytes = strlen(name);
    size_t n = 1 + varint_nbytes(name_nbytes) + name_nbytes +
               writer->features.len + writer->keys.len +
               writer->value_messages.len + 1 + varint_nbytes(EXTENT) + 1 +
               varint_nbytes(VERSION);
    bytes_put_varint(to, TILE_LAYER);
    bytes_put_varint(to, n);
    put_bytes(to, LAYER_NAME, name, name_nbytes);
    bytes_put(to, writer->features.ptr, writer->features.len);
    bytes_put(to, writer->keys.ptr, writer->keys.len);
    bytes_put(to, writer->value_messages.ptr, writer->value_messages.len);
    bytes_put_varint(to, LAYER_EXTENT);
    bytes_put_varint(to, EXTENT);
    bytes_put_varint(to, LAYER_VERSION);
    bytes_put_varint(to, VERSION);
}

bool mvt_write(struct mvt_writer *writer, const struct mvt_layer *layers,
               size_t nlayers, struct bytes *out)
{
    bytes_reset(out);
    for (size_t i = 0; i < nlayers; i++) {
        if (layers[i].nfeatures == 0)
            continue;
        if (!begin_layer(writer, &layers[i]))
            return false;
        for (size_t k = 0; k < layers[i].nfeatures; k++) {
            if (!put_feature(writer, &layers[i].features[k]))
                return false;
        }
        if (writer->keys.failed)
            return false;
        put_layer(writer, out);
    }
    return !out->failed;
}
