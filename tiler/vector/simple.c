#include "tiler/vector/simple.h"

#include <stdlib.h>

/* An edge by its two ends. There may be millions: its box is worked out. */
struct simple_edge {
    struct geom_point a, b;
    uint32_t ring, index;
};

static int64_t min_x(const struct simple_edge *e)
{
    return e->a.x < e->b.x ? e->a.x : e->b.x;
}

static int64_t max_x(const struct simple_edge *e)
{
    return e->a.x < e->b.x ? e->b.x : e->a.x;
}

static int64_t min_y(const struct simple_edge *e)
{
    return e->a.y < e->b.y ? e->a.y : e->b.y;
}

static int64_t max_y(const struct simple_edge *e)
{
    return e->a.y < e->b.y ? e->b.y : e->a.y;
}

struct simple_poly {
    struct geom_box box;
    size_t ring, ring_end;
};

void simple_work_free(struct simple_work *work)
{
    free(work->edges);
    free(work->active);
    free(work->polys);
    *work = (struct simple_work){0};
}

static bool reserve_edges(struct simple_work *work, size_t need)
{
    if (need <= work->cap)
        return true;
    free(work->edges);
    free(work->active);
    size_t cap = need * 2;
    work->edges = malloc(cap * sizeof *work->edges);
    work->active = malloc(cap * sizeof *work->active);
    work->cap = work->edges != NULL && work->active != NULL ? cap : 0;
    return work->cap != 0;
}

static size_t list_edges(struct simple_edge *edges, const struct geom *geom)
{
    size_t count = 0, start = 0;
    for (size_t ring = 0; ring < geom->nparts; ring++) {
        size_t n = geom->parts[ring].end - start;
        const struct geom_point *p = geom->points + start;
        for (size_t i = 0; i < n; i++) {
            edges[count++] = (struct simple_edge){
                p[i], p[i + 1 == n ? 0 : i + 1], (uint32_t)ring, (uint32_t)i};
        }
        start = geom->parts[ring].end;
    }
    return count;
}

static int compare_edges(const void *left, const void *right)
{
    const struct simple_edge *a = left, *b = right;
    int64_t p = min_x(a), q = min_x(b);
    return (p > q) - (p < q);
}

static bool are_neighbours(const struct geom *geom, const struct simple_edge *a,
                           const struct simple_edge *b)
{
    if (a->ring != b->ring)
        return false;
    size_t n = geom->parts[a->ring].end - geom_part_start(geom, a->ring);
    size_t gap =
        a->index < b->index ? b->index - a->index : a->index - b->index;
    return gap == 1 || gap == n - 1;
}

/* Whether two edges whose boxes meet have a point in common. */
static bool edges_meet(const struct simple_edge *e, const struct simple_edge *f)
{
    int a = geom_turn(e->a, e->b, f->a), b = geom_turn(e->a, e->b, f->b);
    if (a * b > 0)
        return false;
    int c = geom_turn(f->a, f->b, e->a), d = geom_turn(f->a, f->b, e->b);
    if (c * d > 0)
        return false;
    /* On one line: their boxes meet, so they do. Else an end lies on the
     * other's line and, by the other test, between its ends or beyond. */
    return true;
}

/* Neighbours in a ring may share one point only; folding back is no ring. */
static bool folds_back(const struct simple_edge *e, const struct simple_edge *f)
{
    struct geom_point from = e->a, via = e->b, to = f->b;
    if (!geom_point_equal(e->b, f->a)) {
        from = f->a;
        via = f->b;
        to = e->b;
    }
    if (geom_turn(from, via, to) != 0)
        return false;
    double dot = (double)(via.x - from.x) * (double)(to.x - via.x) +
                 (double)(via.y - from.y) * (double)(to.y - via.y);
    return dot < 0;
}

static bool conflict(const struct geom *geom, const struct simple_edge *e,
                     const struct simple_edge *f)
{
    if (min_y(e) > max_y(f) || min_y(f) > max_y(e))
        return false;
    if (are_neighbours(geom, e, f))
        return folds_back(e, f);
    return edges_meet(e, f);
}

/* A sweep from west to east over edges that reach the current one's x. */
static bool edges_conflict(struct simple_work *work, const struct geom *geom,
                           size_t n)
{
    size_t nactive = 0;
    for (size_t i = 0; i < n; i++) {
        const struct simple_edge *edge = &work->edges[i];
        int64_t here = min_x(edge);
        size_t kept = 0;
        for (size_t k = 0; k < nactive; k++) {
            const struct simple_edge *other = &work->edges[work->active[k]];
            if (max_x(other) < here)
                continue;
            if (conflict(geom, edge, other))
                return true;
            work->active[kept++] = work->active[k];
        }
        work->active[kept++] = i;
        nactive = kept;
    }
    return false;
}

/* Rings do not meet, so one point tells for a whole ring. */
static bool ring_in_ring(const struct geom *geom, size_t inner, size_t outer)
{
    size_t start = geom_part_start(geom, outer);
    return geom_ring_contains(geom->points + start,
                              geom->parts[outer].end - start,
                              geom->points[geom_part_start(geom, inner)]);
}

static struct geom_box ring_box(const struct geom *geom, size_t ring)
{
    size_t start = geom_part_start(geom, ring);
    return geom_box_of_points(geom->points + start,
                              geom->parts[ring].end - start);
}

static bool holes_are_inside(const struct geom *geom, size_t first, size_t last)
{
    for (size_t i = first + 1; i < last; i++) {
        if (!ring_in_ring(geom, i, first))
            return false;
        struct geom_box box = ring_box(geom, i);
        for (size_t k = first + 1; k < last; k++) {
            if (k != i && geom_box_holds(ring_box(geom, k), box) &&
                ring_in_ring(geom, i, k))
                return false;
        }
    }
    return true;
}

static bool poly_in_poly(const struct geom *geom,
                         const struct simple_poly *inner,
                         const struct simple_poly *outer)
{
    if (!geom_box_holds(outer->box, inner->box) ||
        !ring_in_ring(geom, inner->ring, outer->ring))
        return false;
    for (size_t hole = outer->ring + 1; hole < outer->ring_end; hole++) {
        if (ring_in_ring(geom, inner->ring, hole))
            return false;
    }
    return true;
}

static int compare_polys(const void *left, const void *right)
{
    const struct simple_poly *a = left, *b = right;
    return (a->box.min_x > b->box.min_x) - (a->box.min_x < b->box.min_x);
}

/* A sweep over the polygons' boxes, as over the edges. */
static bool polys_nest(struct simple_work *work, const struct geom *geom,
                       size_t npolys)
{
    qsort(work->polys, npolys, sizeof *work->polys, compare_polys);
    size_t nactive = 0;
    for (size_t i = 0; i < npolys; i++) {
        const struct simple_poly *poly = &work->polys[i];
        size_t kept = 0;
        for (size_t k = 0; k < nactive; k++) {
            const struct simple_poly *other = &work->polys[work->active[k]];
            if (other->box.max_x < poly->box.min_x)
                continue;
            if (poly_in_poly(geom, poly, other) ||
                poly_in_poly(geom, other, poly))
                return true;
            work->active[kept++] = work->active[k];
        }
        work->active[kept++] = i;
        nactive = kept;
    }
    return false;
}

/* Lists the polygons; false in *inside when a hole is out of place. */
static bool list_polys(struct simple_work *work, const struct geom *geom,
                       size_t *npolys, bool *inside)
{
    *npolys = 0;
    *inside = true;
    if (geom->nparts > work->polys_cap) {
        void *polys = realloc(work->polys, geom->nparts * sizeof *work->polys);
        if (polys == NULL)
            return false;
        work->polys = polys;
        work->polys_cap = geom->nparts;
    }
    for (size_t first = 0; first < geom->nparts && *inside;) {
        size_t last = geom_polygon_end(geom, first);
        work->polys[(*npolys)++] = (struct simple_poly){
            .box = ring_box(geom, first),
            .ring = first,
            .ring_end = last,
        };
        *inside = holes_are_inside(geom, first, last);
        first = last;
    }
    return true;
}

enum simple_answer simple_polygons(struct simple_work *work,
                                   const struct geom *geom)
{
    if (!reserve_edges(work, geom->npoints + 1))
        return SIMPLE_NOMEM;
    size_t n = list_edges(work->edges, geom);
    qsort(work->edges, n, sizeof *work->edges, compare_edges);
    if (edges_conflict(work, geom, n))
        return SIMPLE_UNSURE;
    if (geom->nparts == 1)
        return SIMPLE_YES;
    size_t npolys;
    bool inside;
    if (!list_polys(work, geom, &npolys, &inside))
        return SIMPLE_NOMEM;
    if (!inside || (npolys > 1 && polys_nest(work, geom, npolys)))
        return SIMPLE_UNSURE;
    return SIMPLE_YES;
}
