#include "tiler/vector/record.h"

enum { HAS_ID = 1, HAS_ORDER = 2, KIND_SHIFT = 2 };

static void put_geom(struct bytes *to, const struct geom *geom)
{
    bytes_put_varint(to, geom->nparts);
    struct geom_point last = {0, 0};
    size_t start = 0;
    for (size_t i = 0; i < geom->nparts; i++) {
        size_t n = geom->parts[i].end - start;
        bytes_put_varint(to, (uint64_t)n << 1 | geom->parts[i].outer);
        for (size_t k = start; k < geom->parts[i].end; k++) {
            bytes_put_signed(to, geom->points[k].x - last.x);
            bytes_put_signed(to, geom->points[k].y - last.y);
            last = geom->points[k];
        }
        start = geom->parts[i].end;
    }
}

static bool get_geom(struct cursor *from, struct geom *geom)
{
    uint64_t nparts = cursor_varint(from);
    struct geom_point at = {0, 0};
    for (uint64_t i = 0; i < nparts && !from->bad; i++) {
        uint64_t head = cursor_varint(from);
        for (uint64_t n = head >> 1; n > 0 && !from->bad; n--) {
            at.x = (int64_t)((uint64_t)at.x + (uint64_t)cursor_signed(from));
            at.y = (int64_t)((uint64_t)at.y + (uint64_t)cursor_signed(from));
            if (!geom_add_point(geom, at))
                return false;
        }
        if (!geom_end_part(geom, (head & 1) != 0))
            return false;
    }
    return !from->bad;
}

static uint8_t flags_of(enum geom_kind kind, bool has_id, bool has_order)
{
    return (uint8_t)((has_id ? HAS_ID : 0) | (has_order ? HAS_ORDER : 0) |
                     (unsigned)kind << KIND_SHIFT);
}

void feature_put(struct bytes *to, const struct feature_head *head,
                 const struct geom *geom)
{
    bytes_put_u8(to, flags_of(geom->kind, head->has_id, head->has_order));
    bytes_put_varint(to, head->seq);
    bytes_put_varint(to, head->attrs);
    bytes_put_varint(to, head->layer);
    bytes_put_u8(to, head->minzoom);
    bytes_put_u8(to, head->maxzoom);
    if (head->has_id)
        bytes_put_varint(to, head->id);
    if (head->has_order)
        bytes_put_f32(to, head->order);
    put_geom(to, geom);
}

bool feature_get(struct cursor *from, struct feature_head *head,
                 struct geom *geom)
{
    uint8_t flags = cursor_u8(from);
    *head = (struct feature_head){
        .has_id = (flags & HAS_ID) != 0,
        .has_order = (flags & HAS_ORDER) != 0,
    };
    head->seq = cursor_varint(from);
    head->attrs = cursor_varint(from);
    head->layer = (uint32_t)cursor_varint(from);
    head->minzoom = cursor_u8(from);
    head->maxzoom = cursor_u8(from);
    if (head->has_id)
        head->id = cursor_varint(from);
    if (head->has_order)
        head->order = cursor_f32(from);
    unsigned kind = flags >> KIND_SHIFT;
    if (from->bad || kind < GEOM_POINT || kind > GEOM_POLYGON)
        return false;
    geom_reset(geom, (enum geom_kind)kind);
    return get_geom(from, geom);
}

void piece_put_head(struct bytes *to, const struct piece_head *head)
{
    bytes_put_u8(to, flags_of(head->kind, head->has_id, head->has_order));
    bytes_put_varint(to, head->count);
    bytes_put_varint(to, head->attrs);
    bytes_put_varint(to, head->layer);
    bytes_put_varint(to, head->npieces);
    bytes_put_f32(to, head->weight);
    if (head->has_id)
        bytes_put_varint(to, head->id);
    if (head->has_order)
        bytes_put_f32(to, head->order);
}

void piece_put_geom(struct bytes *to, const struct geom *geom)
{
    put_geom(to, geom);
}

bool piece_get_head(struct cursor *from, struct piece_head *head)
{
    uint8_t flags = cursor_u8(from);
    *head = (struct piece_head){
        .kind = (enum geom_kind)(flags >> KIND_SHIFT),
        .has_id = (flags & HAS_ID) != 0,
        .has_order = (flags & HAS_ORDER) != 0,
    };
    head->count = cursor_varint(from);
    head->attrs = cursor_varint(from);
    head->layer = (uint32_t)cursor_varint(from);
    head->npieces = (uint32_t)cursor_varint(from);
    head->weight = cursor_f32(from);
    if (head->has_id)
        head->id = cursor_varint(from);
    if (head->has_order)
        head->order = cursor_f32(from);
    return !from->bad;
}

bool piece_get_geom(struct cursor *from, struct geom *geom)
{
    return get_geom(from, geom);
}
