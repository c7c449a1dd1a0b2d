/* tile_maker.h - private to tile.c, tile_limit.c and tile_encode.c. */
#ifndef TILER_VECTOR_TILE_MAKER_H
#define TILER_VECTOR_TILE_MAKER_H

#include <libdeflate.h>

#include "tiler/vector/mvt.h"
#include "tiler/vector/repair.h"
#include "tiler/vector/tile.h"

/* A feature in the tile: one or more pieces. */
struct share {
    uint64_t seq;
    struct piece_head head;
    size_t geom;     /* number in maker->geoms */
    double priority; /* the larger, the longer it is kept */
    size_t rank;     /* 0 is the layer's most important share */
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
    struct geom *geoms; /* decoded; reused from tile to tile */
    size_t ngeoms, geoms_cap;
    struct geom *made; /* merged, coalesced or coarser, per encoding */
    size_t nmade, made_cap;
    struct group *groups;
    size_t ngroups, groups_cap;
    size_t *order; /* scratch, as long as shares */

    struct mvt_feature *features;
    struct mvt_layer *layers;
    size_t *made_of;   /* feature number -> geom number in made, or SIZE_MAX */
    const char **keys; /* of all layers, one after another */
    size_t *first_key;

    struct bytes raw, out;
    bool nomem;
};

/* A cleared geometry of the pool; SIZE_MAX: no memory. Pools move. */
size_t maker_new_made(struct tile_maker *maker, enum geom_kind kind);

/* Ranks the shares of every group by its layer's policy. */
void maker_rank(struct tile_maker *maker);

/* Encodes the kept shares into maker->out. False: no memory. */
bool maker_encode(struct tile_maker *maker);

/* Makes the tile fit the limits: sets `kept` and encodes. */
enum tile_status maker_fit(struct tile_maker *maker,
                           const struct tile_job *job);

#endif
