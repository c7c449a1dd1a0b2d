/* tile_maker.h - private to tile.c, tile_limit.c and tile_encode.c. */
#ifndef TILER_VECTOR_TILE_MAKER_H
#define TILER_VECTOR_TILE_MAKER_H

#include <libdeflate.h>

#include "tiler/vector/arena.h"
#include "tiler/vector/mvt.h"
#include "tiler/vector/repair.h"
#include "tiler/vector/tile.h"

/* A feature in the tile: one or more pieces. */
struct share {
    uint64_t seq;
    struct piece_head head;
    const struct geom *geom; /* in maker->pieces */
    uint32_t njoined;        /* pieces it is made of */
    double priority;         /* the larger, the longer it is kept */
    size_t rank;             /* 0 is the layer's most important share */
    bool kept;
};

/* The shares of one layer, shares[first .. end). */
struct group {
    uint32_t layer;
    size_t first, end;
    size_t nkept;
    bool coalesce;    /* what is not kept joins what is */
    unsigned coarse;  /* simplify-more: units of 2^coarse */
    uint64_t nmerged; /* lines merged by the last encoding */
};

struct tile_maker {
    const struct tile_settings *settings;
    struct libdeflate_compressor *gzip;
    struct mvt_writer *mvt;
    struct repair *repair;

    struct share *shares;
    size_t nshares, shares_cap;
    struct arena pieces;    /* geometry of the shares, per tile */
    struct arena made;      /* merged, coalesced or coarser, per encoding */
    struct geom open, join; /* scratch: what is about to be kept */
    struct group *groups;
    size_t ngroups, groups_cap;

    struct mvt_feature *features;
    struct mvt_layer *layers;
    const struct geom **made_of; /* by feature number; NULL: its own */
    const char **keys;           /* of all layers, one after another */
    size_t *first_key;

    struct bytes raw, out;
    bool nomem;
};

/* Ranks the shares of every group by its layer's policy. */
void maker_rank(struct tile_maker *maker);

/* Encodes the kept shares into maker->out. False: no memory. */
bool maker_encode(struct tile_maker *maker);

/* Makes the tile fit the limits: sets `kept` and encodes. */
enum tile_status maker_fit(struct tile_maker *maker,
                           const struct tile_job *job);

#endif
