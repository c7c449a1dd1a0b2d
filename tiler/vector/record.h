/* record.h - features and pieces of features as byte strings. */
#ifndef TILER_VECTOR_RECORD_H
#define TILER_VECTOR_RECORD_H

#include "tiler/vector/bytes.h"
#include "tiler/vector/geom.h"

/* What a feature carries beside its geometry. */
struct feature_head {
    uint64_t seq;   /* number in input order: the final order of everything */
    uint64_t attrs; /* reference into struct attrs */
    uint64_t id;
    uint32_t layer;
    bool has_id;
    uint8_t minzoom, maxzoom;
    bool has_order;
    float order; /* the sort key, when has_order */
};

void feature_put(struct bytes *to, const struct feature_head *head,
                 const struct geom *geom);

/* False when the record is damaged or memory is short. */
bool feature_get(struct cursor *from, struct feature_head *head,
                 struct geom *geom);

/* A feature's share of one tile, or of `count` covered ones. */
struct piece_head {
    uint64_t attrs, id, count;
    uint32_t layer;
    enum geom_kind kind;
    bool has_id, has_order;
    float order;
    float weight;     /* how big the whole feature is at this zoom, units */
    uint32_t npieces; /* of the feature at this zoom; 0: not counted */
};

/* Head first, then geometry. */
void piece_put_head(struct bytes *to, const struct piece_head *head);
void piece_put_geom(struct bytes *to, const struct geom *geom);

/* Reads the head; the cursor then stands before the geometry. */
bool piece_get_head(struct cursor *from, struct piece_head *head);

/* Appends the geometry that follows. */
bool piece_get_geom(struct cursor *from, struct geom *geom);

#endif
