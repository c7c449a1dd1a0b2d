#include <inttypes.h>
#include <stdio.h>

#include "tiler/vector/mvt.h"
#include "vector_tile.pb-c.h"

enum { COMMAND_MOVE = 1, COMMAND_LINE = 2, COMMAND_CLOSE = 7 };

/* The decoded message itself. */
struct mvt_tile {
    Mvt__Tile message;
};

struct mvt_tile *mvt_read(const uint8_t *ptr, size_t len)
{
    return (struct mvt_tile *)mvt__tile__unpack(NULL, len, ptr);
}

void mvt_tile_free(struct mvt_tile *tile)
{
    if (tile != NULL)
        mvt__tile__free_unpacked(&tile->message, NULL);
}

size_t mvt_nlayers(const struct mvt_tile *tile)
{
    return tile->message.n_layers;
}

const char *mvt_layer_name(const struct mvt_tile *tile, size_t layer)
{
    return tile->message.layers[layer]->name;
}

size_t mvt_nfeatures(const struct mvt_tile *tile, size_t layer)
{
    return tile->message.layers[layer]->n_features;
}

bool mvt_id(const struct mvt_tile *tile, size_t layer, size_t feature,
            uint64_t *id)
{
    const Mvt__Tile__Feature *f =
        tile->message.layers[layer]->features[feature];
    *id = f->id;
    return f->has_id;
}

/* Where reading a command sequence stands. */
struct reading {
    const uint32_t *at, *end;
    struct geom_point pen;
    struct geom *geom;
    bool open; /* a part has begun */
};

static int64_t unzigzag(uint32_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static bool read_points(struct reading *r, uint32_t count)
{
    if (count == 0 || (size_t)(r->end - r->at) / 2 < count)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        r->pen.x += unzigzag(*r->at++);
        r->pen.y += unzigzag(*r->at++);
        if (!geom_add_point(r->geom, r->pen))
            return false;
    }
    r->open = true;
    return true;
}

static bool end_open(struct reading *r)
{
    if (!r->open)
        return true;
    r->open = false;
    return geom_end_part(r->geom, false);
}

/* Ends a ring: positive area begins a polygon. */
static bool close_ring(struct reading *r)
{
    if (!r->open || r->geom->kind != GEOM_POLYGON)
        return false;
    size_t start = geom_part_start(r->geom, r->geom->nparts);
    double area2 =
        geom_ring_area2(r->geom->points + start, r->geom->npoints - start);
    r->open = false;
    return geom_end_part(r->geom, area2 > 0);
}

static bool read_command(struct reading *r)
{
    uint32_t head = *r->at++;
    switch (head & 7) {
    case COMMAND_MOVE:
        if (r->geom->kind == GEOM_POLYGON && r->open)
            return false;
        return end_open(r) && read_points(r, head >> 3);
    case COMMAND_LINE:
        return r->open && read_points(r, head >> 3);
    case COMMAND_CLOSE:
        return head >> 3 == 1 && close_ring(r);
    default:
        return false;
    }
}

bool mvt_geometry(const struct mvt_tile *tile, size_t layer, size_t feature,
                  struct geom *geom)
{
    const Mvt__Tile__Feature *f =
        tile->message.layers[layer]->features[feature];
    if (f->type < MVT__TILE__GEOM_TYPE__POINT ||
        f->type > MVT__TILE__GEOM_TYPE__POLYGON)
        return false;
    geom_reset(geom, (enum geom_kind)f->type);
    struct reading r = {
        .at = f->geometry, .end = f->geometry + f->n_geometry, .geom = geom};
    while (r.at < r.end) {
        if (!read_command(&r))
            return false;
    }
    if (r.open && geom->kind == GEOM_POLYGON)
        return false;
    return end_open(&r) && geom->nparts > 0;
}

static int print_value(const Mvt__Tile__Value *v, const char *key, char *text,
                       size_t n)
{
    if (v->string_value != NULL)
        return snprintf(text, n, "s:%s=%s", key, v->string_value);
    if (v->has_float_value)
        return snprintf(text, n, "f:%s=%.9g", key, (double)v->float_value);
    if (v->has_double_value)
        return snprintf(text, n, "d:%s=%.17g", key, v->double_value);
    if (v->has_int_value)
        return snprintf(text, n, "i:%s=%" PRId64, key, v->int_value);
    if (v->has_uint_value)
        return snprintf(text, n, "u:%s=%" PRIu64, key, v->uint_value);
    if (v->has_sint_value)
        return snprintf(text, n, "i:%s=%" PRId64, key, v->sint_value);
    if (v->has_bool_value)
        return snprintf(text, n, "b:%s=%d", key, v->bool_value);
    return -1;
}

bool mvt_attribute(const struct mvt_tile *tile, size_t layer, size_t feature,
                   size_t number, char text[MVT_ATTRIBUTE_NBYTES])
{
    const Mvt__Tile__Layer *l = tile->message.layers[layer];
    const Mvt__Tile__Feature *f = l->features[feature];
    if (f->n_tags / 2 <= number)
        return false;
    uint32_t key = f->tags[2 * number], value = f->tags[2 * number + 1];
    if (key >= l->n_keys || value >= l->n_values)
        return false;
    return print_value(l->values[value], l->keys[key], text,
                       MVT_ATTRIBUTE_NBYTES) >= 0;
}
