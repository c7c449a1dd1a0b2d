/* cut.h - cuts one feature at one zoom into its tiles.
 *
 * Down the quadtree from the world: a quadrant's geometry is cut from its
 * parent's, with the buffer around it, and where a polygon fills a quadrant
 * with its buffer altogether, all tiles below are one cover: an interval of
 * tile ids, however many. Geometry that reaches past the antimeridian, or to
 * within the buffer of it, comes in again on the other side: a tile then gets
 * more than one piece, and where both are polygons that meet at the
 * antimeridian, their union has no edge there. */
#ifndef TILER_VECTOR_CUT_H
#define TILER_VECTOR_CUT_H

#include "pack/imbrex.h"
#include "tiler/vector/clip.h"
#include "tiler/vector/repair.h"

enum {
    TILE_EXTENT_LOG2 = 12,
    TILE_EXTENT = 1 << TILE_EXTENT_LOG2,
    CUT_MAX_ZOOM = 24,
};

/* One tile's share of a feature, or a cover. */
struct cut_piece {
    uint64_t first_id, count;
    bool cover; /* fills the tiles and their buffer; geom is that box */
    /* Tile units, valid polygons; borrowed until the callback returns. */
    const struct geom *geom;
};

/* Returns false to stop cutting. */
typedef bool (*cut_emit)(void *arg, const struct cut_piece *piece);

struct cut_job {
    uint8_t zoom;    /* 0..CUT_MAX_ZOOM */
    uint32_t buffer; /* tile units, 0..4096 */
    cut_emit emit;
    void *arg;
};

/* One per thread. */
struct cut;

/* Borrows `repair`, of the same thread. NULL: no memory. */
struct cut *cut_new(struct repair *repair);
void cut_free(struct cut *cut);

enum cut_status {
    CUT_OK,
    CUT_NOMEM,
    CUT_STOPPED /* emit said so */
};

/* `geom` is in units of the zoom, (0, 0) the world's north-west corner,
 * polygons valid; it may reach one world beyond either side. Tiles come in
 * quadtree order. *nrepaired grows by the pieces that rounding had made
 * invalid. */
enum cut_status cut_feature(struct cut *cut, const struct geom *geom,
                            const struct cut_job *job, uint64_t *nrepaired);

#endif
