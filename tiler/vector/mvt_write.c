#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "tiler/vector/arena.h"
#include "tiler/vector/attrs.h"
#include "tiler/vector/mvt.h"
#include "vector_tile.pb-c.h"

enum { COMMAND_MOVE = 1, COMMAND_LINE = 2, COMMAND_CLOSE = 7 };

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

struct mvt_writer {
    struct arena arena;
    struct table values;  /* encoded value -> number in the layer */
    struct table sets;    /* attrs_ref -> number in `tags` */
    uint32_t *key_number; /* by key: number in the layer + 1 */
    size_t key_cap;
};

/* Tags shared by all features with one attribute set. */
struct tags {
    uint32_t *numbers;
    size_t n;
    uint64_t ref;
};

/* A layer being made. */
struct draft {
    struct mvt_writer *writer;
    const struct mvt_layer *from;
    Mvt__Tile__Layer *layer;
    struct cursor *value_bytes; /* by value number, to compare */
    size_t values_cap;
    struct tags *tags;
    size_t ntags, tags_cap;
};

struct mvt_writer *mvt_writer_new(void)
{
    return calloc(1, sizeof(struct mvt_writer));
}

void mvt_writer_free(struct mvt_writer *writer)
{
    if (writer == NULL)
        return;
    arena_free(&writer->arena);
    free(writer->values.slots);
    free(writer->sets.slots);
    free(writer->key_number);
    free(writer);
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

static bool number_of_key(struct draft *draft, uint32_t key, uint32_t *number)
{
    uint32_t *known = &draft->writer->key_number[key];
    if (*known == 0) {
        Mvt__Tile__Layer *layer = draft->layer;
        layer->keys[layer->n_keys] = (char *)(uintptr_t)draft->from->keys[key];
        layer->n_keys++;
        *known = (uint32_t)layer->n_keys;
    }
    *number = *known - 1;
    return true;
}

static bool set_string(struct draft *draft, Mvt__Tile__Value *value,
                       const struct attr *attr)
{
    size_t n = attr->value.string.len;
    char *copy = arena_alloc(&draft->writer->arena, n + 1);
    if (copy == NULL)
        return false;
    memcpy(copy, attr->value.string.ptr, n);
    copy[n] = '\0';
    value->string_value = copy;
    return true;
}

static bool set_value(struct draft *draft, Mvt__Tile__Value *value,
                      const struct attr *attr)
{
    switch (attr->type) {
    case ATTR_STRING:
        return set_string(draft, value, attr);
    case ATTR_FLOAT:
        value->has_float_value = 1;
        value->float_value = attr->value.f32;
        break;
    case ATTR_DOUBLE:
        value->has_double_value = 1;
        value->double_value = attr->value.f64;
        break;
    case ATTR_INT:
        value->has_sint_value = 1;
        value->sint_value = attr->value.i64;
        break;
    case ATTR_UINT:
        value->has_uint_value = 1;
        value->uint_value = attr->value.u64;
        break;
    case ATTR_BOOL:
        value->has_bool_value = 1;
        value->bool_value = attr->value.truth;
        break;
    }
    return true;
}

static bool reserve_values(struct draft *draft)
{
    Mvt__Tile__Layer *layer = draft->layer;
    if (layer->n_values < draft->values_cap)
        return true;
    size_t cap = draft->values_cap == 0 ? 64 : draft->values_cap * 2;
    void *values =
        arena_alloc(&draft->writer->arena, cap * sizeof *layer->values);
    void *bytes =
        arena_alloc(&draft->writer->arena, cap * sizeof *draft->value_bytes);
    if (values == NULL || bytes == NULL)
        return false;
    if (layer->n_values > 0) {
        memcpy(values, layer->values, layer->n_values * sizeof *layer->values);
        memcpy(bytes, draft->value_bytes,
               layer->n_values * sizeof *draft->value_bytes);
    }
    layer->values = values;
    draft->value_bytes = bytes;
    draft->values_cap = cap;
    return true;
}

static bool add_value(struct draft *draft, const struct attr *attr,
                      struct cursor bytes)
{
    Mvt__Tile__Layer *layer = draft->layer;
    Mvt__Tile__Value *value = arena_alloc(&draft->writer->arena, sizeof *value);
    if (value == NULL || !reserve_values(draft))
        return false;
    mvt__tile__value__init(value);
    if (!set_value(draft, value, attr))
        return false;
    draft->value_bytes[layer->n_values] = bytes;
    layer->values[layer->n_values++] = value;
    return true;
}

static bool same_bytes(struct cursor a, struct cursor b)
{
    size_t n = (size_t)(a.end - a.at);
    return n == (size_t)(b.end - b.at) && memcmp(a.at, b.at, n) == 0;
}

/* `bytes` is the value as it stands in the set, type included. */
static bool number_of_value(struct draft *draft, const struct attr *attr,
                            struct cursor bytes, uint32_t *number)
{
    uint64_t hash = XXH3_64bits(bytes.at, (size_t)(bytes.end - bytes.at));
    struct table *table = &draft->writer->values;
    size_t at = (size_t)hash;
    while (table_find(table, hash, &at, number)) {
        if (same_bytes(draft->value_bytes[*number], bytes))
            return true;
    }
    *number = (uint32_t)draft->layer->n_values;
    return add_value(draft, attr, bytes) && table_add(table, hash, *number);
}

static bool make_tags(struct draft *draft, struct cursor set, struct tags *tags)
{
    size_t cap = 0;
    struct attr attr;
    for (struct cursor look = set; attrs_next(&look, &attr);)
        cap += 2;
    tags->numbers =
        arena_alloc(&draft->writer->arena, (cap + 1) * sizeof(uint32_t));
    if (tags->numbers == NULL)
        return false;
    for (;;) {
        struct cursor bytes = set;
        if (!attrs_next(&set, &attr))
            return true;
        if (attr.key >= draft->from->nkeys)
            continue;
        cursor_varint(&bytes); /* past the key */
        bytes.end = set.at;
        uint32_t *to = tags->numbers + tags->n;
        if (!number_of_key(draft, attr.key, &to[0]) ||
            !number_of_value(draft, &attr, bytes, &to[1]))
            return false;
        tags->n += 2;
    }
}

static bool reserve_tags(struct draft *draft)
{
    if (draft->ntags < draft->tags_cap)
        return true;
    size_t cap = draft->tags_cap == 0 ? 64 : draft->tags_cap * 2;
    struct tags *tags = arena_alloc(&draft->writer->arena, cap * sizeof *tags);
    if (tags == NULL)
        return false;
    if (draft->ntags > 0)
        memcpy(tags, draft->tags, draft->ntags * sizeof *tags);
    draft->tags = tags;
    draft->tags_cap = cap;
    return true;
}

/* The tags of a feature, made once per attribute set. */
static const struct tags *tags_of(struct draft *draft,
                                  const struct mvt_feature *feature)
{
    uint64_t hash = XXH3_64bits(&feature->attrs_ref, sizeof(uint64_t));
    struct table *table = &draft->writer->sets;
    size_t at = (size_t)hash;
    uint32_t number;
    while (table_find(table, hash, &at, &number)) {
        if (draft->tags[number].ref == feature->attrs_ref)
            return &draft->tags[number];
    }
    struct tags tags = {.ref = feature->attrs_ref};
    if (!make_tags(draft, feature->attrs, &tags) || !reserve_tags(draft))
        return NULL;
    draft->tags[draft->ntags] = tags;
    if (!table_add(table, hash, (uint32_t)draft->ntags))
        return NULL;
    return &draft->tags[draft->ntags++];
}

/* ---- geometry ----------------------------------------------------------- */

struct pen {
    uint32_t *to;
    struct geom_point at;
};

static void pen_command(struct pen *pen, unsigned command, size_t count)
{
    *pen->to++ = (uint32_t)(count << 3 | command);
}

static uint32_t zigzag(int64_t v)
{
    return ((uint32_t)v << 1) ^ (v < 0 ? UINT32_MAX : 0);
}

static void pen_go(struct pen *pen, struct geom_point to)
{
    *pen->to++ = zigzag(to.x - pen->at.x);
    *pen->to++ = zigzag(to.y - pen->at.y);
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

static bool draw(struct mvt_writer *writer, const struct geom *geom,
                 Mvt__Tile__Feature *feature)
{
    size_t cap = 2 * geom->npoints + 3 * geom->nparts + 1;
    struct pen pen = {.to =
                          arena_alloc(&writer->arena, cap * sizeof(uint32_t))};
    if (pen.to == NULL)
        return false;
    feature->geometry = pen.to;
    if (geom->kind == GEOM_POINT) {
        pen_command(&pen, COMMAND_MOVE, geom->npoints);
        for (size_t i = 0; i < geom->npoints; i++)
            pen_go(&pen, geom->points[i]);
    } else {
        for (size_t i = 0; i < geom->nparts; i++)
            draw_part(&pen, geom, i);
    }
    feature->n_geometry = (size_t)(pen.to - feature->geometry);
    return true;
}

/* ---- layers ------------------------------------------------------------- */

static Mvt__Tile__Feature *make_feature(struct draft *draft,
                                        const struct mvt_feature *from)
{
    Mvt__Tile__Feature *feature =
        arena_alloc(&draft->writer->arena, sizeof *feature);
    const struct tags *tags = tags_of(draft, from);
    if (feature == NULL || tags == NULL)
        return NULL;
    mvt__tile__feature__init(feature);
    feature->has_id = from->has_id;
    feature->id = from->id;
    feature->has_type = 1;
    feature->type = (Mvt__Tile__GeomType)from->geom->kind;
    feature->tags = tags->numbers;
    feature->n_tags = tags->n;
    return draw(draft->writer, from->geom, feature) ? feature : NULL;
}

static bool begin_layer(struct draft *draft)
{
    struct mvt_writer *writer = draft->writer;
    const struct mvt_layer *from = draft->from;
    table_clear(&writer->values);
    table_clear(&writer->sets);
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
    Mvt__Tile__Layer *layer = arena_alloc(&writer->arena, sizeof *layer);
    if (layer == NULL)
        return false;
    mvt__tile__layer__init(layer);
    layer->version = 2;
    layer->name = (char *)(uintptr_t)from->name;
    layer->has_extent = 1;
    layer->extent = 4096;
    layer->features = arena_alloc(&writer->arena, (from->nfeatures + 1) *
                                                      sizeof *layer->features);
    layer->keys =
        arena_alloc(&writer->arena, (from->nkeys + 1) * sizeof *layer->keys);
    draft->layer = layer;
    return layer->features != NULL && layer->keys != NULL;
}

static Mvt__Tile__Layer *make_layer(struct mvt_writer *writer,
                                    const struct mvt_layer *from)
{
    struct draft draft = {.writer = writer, .from = from};
    if (!begin_layer(&draft))
        return NULL;
    for (size_t i = 0; i < from->nfeatures; i++) {
        Mvt__Tile__Feature *feature = make_feature(&draft, &from->features[i]);
        if (feature == NULL)
            return NULL;
        draft.layer->features[draft.layer->n_features++] = feature;
    }
    return draft.layer;
}

bool mvt_write(struct mvt_writer *writer, const struct mvt_layer *layers,
               size_t nlayers, struct bytes *out)
{
    arena_reset(&writer->arena);
    Mvt__Tile tile = MVT__TILE__INIT;
    tile.layers =
        arena_alloc(&writer->arena, (nlayers + 1) * sizeof *tile.layers);
    if (tile.layers == NULL)
        return false;
    for (size_t i = 0; i < nlayers; i++) {
        if (layers[i].nfeatures == 0)
            continue;
        Mvt__Tile__Layer *layer = make_layer(writer, &layers[i]);
        if (layer == NULL)
            return false;
        tile.layers[tile.n_layers++] = layer;
    }
    size_t n = mvt__tile__get_packed_size(&tile);
    bytes_reset(out);
    if (n > out->cap) {
        uint8_t *bigger = realloc(out->ptr, n);
        if (bigger == NULL)
            return false;
        out->ptr = bigger;
        out->cap = n;
    }
    if (n > 0)
        out->len = mvt__tile__pack(&tile, out->ptr);
    return true;
}
