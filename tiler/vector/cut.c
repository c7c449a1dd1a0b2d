#include "tiler/vector/cut.h"

#include <stdlib.h>

#include "tiler/vector/shape.h"

/* Cutting points carry this many more bits than the grid, so that cutting
 * again further down does not bend an edge by a unit. */
enum { FINE_BITS = 8 };

/* What a quadrant's children are cut from. */
struct level {
    struct geom column; /* the west or east half */
    struct geom child;
};

struct cut {
    struct clip_work clip;
    struct repair *repair; /* borrowed */
    struct geom fine;      /* the feature with FINE_BITS */
    struct geom piece;     /* a tile's share in tile units */
    struct level levels[CUT_MAX_ZOOM + 2];
    /* Of the feature being cut. */
    const struct cut_job *job;
    int64_t buffer; /* fine units */
    uint64_t nrepaired;
};

/* A quadrant and what lies in it. */
struct node {
    uint8_t z;
    uint32_t x, y;
    const struct geom *geom;
    bool is_cut; /* geom is not the feature's own any more */
};

struct cut *cut_new(struct repair *repair)
{
    struct cut *cut = calloc(1, sizeof *cut);
    if (cut != NULL)
        cut->repair = repair;
    return cut;
}

void cut_free(struct cut *cut)
{
    if (cut == NULL)
        return;
    clip_work_free(&cut->clip);
    geom_free(&cut->fine);
    geom_free(&cut->piece);
    for (size_t i = 0; i < sizeof cut->levels / sizeof cut->levels[0]; i++) {
        geom_free(&cut->levels[i].column);
        geom_free(&cut->levels[i].child);
    }
    free(cut);
}

/* A node's side without buffer, in fine units. */
static int64_t node_side(const struct cut *cut, uint8_t z)
{
    return INT64_C(1) << (cut->job->zoom - z + TILE_EXTENT_LOG2 + FINE_BITS);
}

static struct geom_box node_box(const struct cut *cut, uint8_t z, uint32_t x,
                                uint32_t y)
{
    int64_t side = node_side(cut, z), b = cut->buffer;
    return (struct geom_box){(int64_t)x * side - b, (int64_t)y * side - b,
                             ((int64_t)x + 1) * side + b,
                             ((int64_t)y + 1) * side + b};
}

static int64_t from_fine(int64_t v)
{
    return (v + (1 << (FINE_BITS - 1))) >> FINE_BITS;
}

static struct geom_point to_tile(struct geom_point p, struct node node)
{
    return (struct geom_point){
        from_fine(p.x) - (int64_t)node.x * TILE_EXTENT,
        from_fine(p.y) - (int64_t)node.y * TILE_EXTENT,
    };
}

/* Ends the open part in whichever way suits the kind. */
static bool end_part(struct geom *out, bool outer, bool *kept)
{
    *kept = true;
    if (out->kind == GEOM_POLYGON)
        return shape_end_cut_ring(out, outer, kept);
    if (out->kind == GEOM_LINE)
        return shape_end_line(out);
    return geom_end_part(out, false);
}

/* The node's geometry in tile units. A lost outer ring takes its holes. */
static bool round_piece(struct cut *cut, struct node node)
{
    struct geom *out = &cut->piece;
    geom_reset(out, node.geom->kind);
    bool outer_kept = true;
    size_t start = 0;
    for (size_t i = 0; i < node.geom->nparts; i++) {
        bool outer = node.geom->parts[i].outer, kept;
        size_t end = node.geom->parts[i].end;
        for (size_t k = start; k < end && (outer || outer_kept); k++) {
            if (!geom_add_point(out, to_tile(node.geom->points[k], node)))
                return false;
        }
        start = end;
        if (!outer && !outer_kept)
            continue;
        if (!end_part(out, outer, &kept))
            return false;
        if (outer)
            outer_kept = kept;
    }
    return true;
}

static enum cut_status emit(struct cut *cut, const struct cut_piece *piece)
{
    return cut->job->emit(cut->job->arg, piece) ? CUT_OK : CUT_STOPPED;
}

static enum cut_status emit_tile(struct cut *cut, struct node node)
{
    if (!round_piece(cut, node))
        return CUT_NOMEM;
    /* What was not cut is as valid as the feature itself. */
    if (node.is_cut && cut->piece.kind == GEOM_POLYGON) {
        enum repair_status status = repair_rounded(cut->repair, &cut->piece);
        if (status == REPAIR_NOMEM)
            return CUT_NOMEM;
        if (status != REPAIR_FINE)
            cut->nrepaired++;
    }
    if (cut->piece.nparts == 0)
        return CUT_OK;
    const struct cut_piece piece = {
        .first_id = ibx_tile_id((struct ibx_zxy){node.z, node.x, node.y}),
        .count = 1,
        .geom = &cut->piece,
    };
    return emit(cut, &piece);
}

static enum cut_status emit_cover(struct cut *cut, struct node node)
{
    uint8_t zoom = cut->job->zoom;
    unsigned below = 2 * (unsigned)(zoom - node.z);
    uint64_t rank = ibx_tile_id((struct ibx_zxy){node.z, node.x, node.y}) -
                    ibx_zoom_first_id(node.z);
    int64_t low = -(int64_t)cut->job->buffer;
    int64_t high = TILE_EXTENT + (int64_t)cut->job->buffer;
    struct geom_point corners[4] = {
        {low, low}, {high, low}, {high, high}, {low, high}};
    struct geom_part part = {.end = 4, .outer = true};
    const struct geom box = {.kind = GEOM_POLYGON,
                             .points = corners,
                             .npoints = 4,
                             .parts = &part,
                             .nparts = 1};
    const struct cut_piece piece = {
        .first_id = ibx_zoom_first_id(zoom) + (rank << below),
        .count = UINT64_C(1) << below,
        .cover = true,
        .geom = &box,
    };
    return emit(cut, &piece);
}

/* Cuts a polygon that clip.h found invalid by GEOS. */
static enum clip_status clip_by_repair(struct cut *cut, const struct geom *in,
                                       struct geom_box box, struct geom *out)
{
    geom_reset(out, in->kind);
    if (!geom_add_parts(out, in, 0, in->nparts))
        return CLIP_NOMEM;
    cut->nrepaired++;
    return repair_clip(cut->repair, out, box) == REPAIR_NOMEM ? CLIP_NOMEM
                                                              : CLIP_OK;
}

static enum cut_status cut_node(struct cut *cut, struct node node);

/* Cuts the child's rows from its column and goes down. */
static enum cut_status cut_child(struct cut *cut, const struct node *parent,
                                 struct node child)
{
    struct geom_box box = node_box(cut, child.z, child.x, child.y);
    struct geom_box have = geom_box_of(child.geom);
    if (child.geom->npoints == 0 || !geom_box_meets(box, have))
        return CUT_OK;
    if (!geom_box_holds(box, have)) {
        struct geom *out = &cut->levels[child.z].child;
        bool north = child.y % 2 == 0;
        enum clip_status status =
            clip_half(&cut->clip, child.geom, north ? CLIP_Y_MAX : CLIP_Y_MIN,
                      north ? box.max_y : box.min_y, out);
        if (status == CLIP_INVALID)
            status = clip_by_repair(cut, parent->geom, box, out);
        if (status == CLIP_NOMEM)
            return CUT_NOMEM;
        child.geom = out;
        child.is_cut = true;
    }
    return child.geom->nparts == 0 ? CUT_OK : cut_node(cut, child);
}

/* The west (0) or east (1) half of a node, then its two rows. */
static enum cut_status cut_column(struct cut *cut, const struct node *parent,
                                  struct geom_box have, uint32_t east)
{
    struct node child = {
        .z = (uint8_t)(parent->z + 1),
        .x = 2 * parent->x + east,
        .y = 2 * parent->y,
        .geom = parent->geom,
        .is_cut = parent->is_cut,
    };
    struct geom_box box = node_box(cut, child.z, child.x, child.y);
    if (have.min_x > box.max_x || have.max_x < box.min_x)
        return CUT_OK;
    if (have.min_x < box.min_x || have.max_x > box.max_x) {
        struct geom *out = &cut->levels[child.z].column;
        enum clip_status status = clip_half(
            &cut->clip, parent->geom, east == 0 ? CLIP_X_MAX : CLIP_X_MIN,
            east == 0 ? box.max_x : box.min_x, out);
        if (status == CLIP_INVALID) {
            box.min_y = have.min_y;
            box.max_y = have.max_y;
            status = clip_by_repair(cut, parent->geom, box, out);
        }
        if (status == CLIP_NOMEM)
            return CUT_NOMEM;
        child.geom = out;
        child.is_cut = true;
    }
    enum cut_status status = cut_child(cut, parent, child);
    if (status != CUT_OK)
        return status;
    child.y++;
    return cut_child(cut, parent, child);
}

/* Recursion is at most CUT_MAX_ZOOM deep. Each level has its own geometry, so
 * a child's never overwrites what its siblings are still to be cut from. */
static enum cut_status cut_node(struct cut *cut, struct node node)
{
    if (clip_is_whole_box(node.geom, node_box(cut, node.z, node.x, node.y)))
        return emit_cover(cut, node);
    if (node.z == cut->job->zoom)
        return emit_tile(cut, node);
    struct geom_box have = geom_box_of(node.geom);
    enum cut_status status = cut_column(cut, &node, have, 0);
    return status == CUT_OK ? cut_column(cut, &node, have, 1) : status;
}

/* Copies the feature, moved by whole worlds, with FINE_BITS. */
static bool copy_fine(struct cut *cut, const struct geom *geom, int64_t move)
{
    geom_reset(&cut->fine, geom->kind);
    if (!geom_add_parts(&cut->fine, geom, 0, geom->nparts))
        return false;
    for (size_t i = 0; i < cut->fine.npoints; i++) {
        struct geom_point *p = &cut->fine.points[i];
        p->x = (p->x + move) * (1 << FINE_BITS);
        p->y = p->y * (1 << FINE_BITS);
    }
    return true;
}

/* Cuts the feature where it lies, moved by `move` units. */
static enum cut_status cut_world(struct cut *cut, const struct geom *geom,
                                 int64_t move)
{
    if (!copy_fine(cut, geom, move))
        return CUT_NOMEM;
    struct node root = {.geom = &cut->fine};
    struct geom_box box = node_box(cut, 0, 0, 0);
    if (!geom_box_holds(box, geom_box_of(&cut->fine))) {
        struct geom *out = &cut->levels[CUT_MAX_ZOOM + 1].child;
        enum clip_status status = clip_box(&cut->clip, &cut->fine, box, out);
        if (status == CLIP_INVALID)
            status = clip_by_repair(cut, &cut->fine, box, out);
        if (status == CLIP_NOMEM)
            return CUT_NOMEM;
        root.geom = out;
        root.is_cut = true;
    }
    return root.geom->nparts == 0 ? CUT_OK : cut_node(cut, root);
}

enum cut_status cut_feature(struct cut *cut, const struct geom *geom,
                            const struct cut_job *job, uint64_t *nrepaired)
{
    cut->job = job;
    cut->buffer = (int64_t)job->buffer << FINE_BITS;
    cut->nrepaired = 0;
    if (geom->nparts == 0)
        return CUT_OK;
    int64_t world = INT64_C(1) << (job->zoom + TILE_EXTENT_LOG2);
    struct geom_box have = geom_box_of(geom);
    /* The buffer beyond the antimeridian is the other side of the world. */
    int64_t b = job->buffer;
    struct geom_box all = {-b, -b, world + b, world + b};
    enum cut_status status = CUT_OK;
    for (int64_t turn = -1; turn <= 1 && status == CUT_OK; turn++) {
        struct geom_box here = have;
        here.min_x += turn * world;
        here.max_x += turn * world;
        if (geom_box_meets(here, all))
            status = cut_world(cut, geom, turn * world);
    }
    *nrepaired += cut->nrepaired;
    return status;
}
