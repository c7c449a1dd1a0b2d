#include "tiler/vector/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "tiler/vector/clip.h"

/* Crossing points are rounded, which may make new crossings: this often. */
enum { MAX_ROUNDS = 6 };

struct resolve_edge {
    struct geom_point a, b;
    int64_t min_x, max_x, min_y, max_y;
    int net; /* once merged: how often it runs a-b more than b-a */
    bool used;
};

/* A vertex to be put into an edge. */
struct resolve_split {
    size_t edge;
    struct geom_point at;
};

void resolve_work_free(struct resolve_work *work)
{
    free(work->edges);
    free(work->spare);
    free(work->splits);
    free(work->active);
    free(work->path);
    geom_free(&work->rings);
    *work = (struct resolve_work){0};
}

static bool reserve_edges(struct resolve_edge **edges, size_t *cap, size_t need)
{
    if (need <= *cap)
        return true;
    size_t wanted = need * 2;
    void *bigger = realloc(*edges, wanted * sizeof **edges);
    if (bigger == NULL)
        return false;
    *edges = bigger;
    *cap = wanted;
    return true;
}

static void set_edge(struct resolve_edge *edge, struct geom_point a,
                     struct geom_point b)
{
    *edge = (struct resolve_edge){
        .a = a,
        .b = b,
        .min_x = a.x < b.x ? a.x : b.x,
        .max_x = a.x < b.x ? b.x : a.x,
        .min_y = a.y < b.y ? a.y : b.y,
        .max_y = a.y < b.y ? b.y : a.y,
    };
}

static bool load_edges(struct resolve_work *work, const struct geom *in)
{
    if (!reserve_edges(&work->edges, &work->edges_cap, in->npoints + 1))
        return false;
    work->nedges = 0;
    size_t start = 0;
    for (size_t ring = 0; ring < in->nparts; ring++) {
        size_t n = in->parts[ring].end - start;
        const struct geom_point *p = in->points + start;
        for (size_t i = 0; i < n; i++) {
            if (!geom_point_equal(p[i], p[(i + 1) % n]))
                set_edge(&work->edges[work->nedges++], p[i], p[(i + 1) % n]);
        }
        start = in->parts[ring].end;
    }
    return true;
}

/* ---- a vertex wherever edges meet --------------------------------------- */

static bool add_split(struct resolve_work *work, size_t edge,
                      struct geom_point at)
{
    const struct resolve_edge *e = &work->edges[edge];
    if (geom_point_equal(at, e->a) || geom_point_equal(at, e->b))
        return true;
    if (work->on_crossing != NULL) {
        const struct geom_point ends[2] = {e->a, e->b};
        return work->on_crossing(work->arg, ends, at);
    }
    if (work->nsplits == work->splits_cap) {
        size_t cap = work->splits_cap == 0 ? 64 : work->splits_cap * 2;
        void *splits = realloc(work->splits, cap * sizeof *work->splits);
        if (splits == NULL)
            return false;
        work->splits = splits;
        work->splits_cap = cap;
    }
    work->splits[work->nsplits++] = (struct resolve_split){edge, at};
    return true;
}

static bool box_holds(const struct resolve_edge *e, struct geom_point p)
{
    return p.x >= e->min_x && p.x <= e->max_x && p.y >= e->min_y &&
           p.y <= e->max_y;
}

static int64_t round_ratio(__int128 num, __int128 den)
{
    if (den < 0) {
        num = -num;
        den = -den;
    }
    num = 2 * num + den;
    den = 2 * den;
    __int128 q = num / den;
    if (num % den < 0)
        q--;
    return (int64_t)q;
}

/* The grid point nearest to where two edges cross. Coordinates stay far below
 * 2^40 here, so the triple products fit. */
static struct geom_point crossing(const struct resolve_edge *e,
                                  const struct resolve_edge *f)
{
    __int128 ex = e->b.x - e->a.x, ey = e->b.y - e->a.y;
    __int128 fx = f->b.x - f->a.x, fy = f->b.y - f->a.y;
    __int128 den = ex * fy - ey * fx;
    __int128 t = (f->a.x - e->a.x) * fy - (f->a.y - e->a.y) * fx;
    return (struct geom_point){e->a.x + round_ratio(ex * t, den),
                               e->a.y + round_ratio(ey * t, den)};
}

/* Notes the vertices that a pair of edges gives each other. *crossed is set
 * when one of them had to be rounded. */
static bool split_pair(struct resolve_work *work, size_t i, size_t k,
                       bool *crossed)
{
    const struct resolve_edge *e = &work->edges[i], *f = &work->edges[k];
    if (e->min_y > f->max_y || f->min_y > e->max_y)
        return true;
    int a = geom_turn(e->a, e->b, f->a), b = geom_turn(e->a, e->b, f->b);
    if (a * b > 0)
        return true;
    int c = geom_turn(f->a, f->b, e->a), d = geom_turn(f->a, f->b, e->b);
    if (c * d > 0)
        return true;
    bool ok = true;
    if (a * b < 0 && c * d < 0) {
        struct geom_point at = crossing(e, f);
        *crossed = true;
        return add_split(work, i, at) && add_split(work, k, at);
    }
    if (work->on_crossing != NULL)
        return true;
    if (a == 0 && box_holds(e, f->a))
        ok = ok && add_split(work, i, f->a);
    if (b == 0 && box_holds(e, f->b))
        ok = ok && add_split(work, i, f->b);
    if (c == 0 && box_holds(f, e->a))
        ok = ok && add_split(work, k, e->a);
    if (d == 0 && box_holds(f, e->b))
        ok = ok && add_split(work, k, e->b);
    return ok;
}

static int compare_edges(const void *left, const void *right)
{
    const struct resolve_edge *a = left, *b = right;
    if (a->min_x != b->min_x)
        return a->min_x < b->min_x ? -1 : 1;
    int order = geom_point_compare(a->a, b->a);
    return order != 0 ? order : geom_point_compare(a->b, b->b);
}

static bool reserve_active(struct resolve_work *work)
{
    if (work->nedges <= work->active_cap)
        return true;
    size_t cap = work->nedges * 2;
    void *active = realloc(work->active, cap * sizeof *work->active);
    if (active != NULL)
        work->active = active;
    void *path = realloc(work->path, cap * sizeof *work->path);
    if (path != NULL)
        work->path = path;
    if (active == NULL || path == NULL)
        return false;
    work->active_cap = cap;
    return true;
}

/* A sweep from west to east that finds all splits. */
static bool find_splits(struct resolve_work *work, bool *crossed)
{
    if (!reserve_active(work))
        return false;
    qsort(work->edges, work->nedges, sizeof *work->edges, compare_edges);
    work->nsplits = 0;
    size_t nactive = 0;
    for (size_t i = 0; i < work->nedges; i++) {
        size_t kept = 0;
        for (size_t k = 0; k < nactive; k++) {
            size_t other = work->active[k];
            if (work->edges[other].max_x < work->edges[i].min_x)
                continue;
            if (!split_pair(work, i, other, crossed))
                return false;
            work->active[kept++] = other;
        }
        work->active[kept++] = i;
        nactive = kept;
    }
    return true;
}

static int compare_splits(const void *left, const void *right)
{
    const struct resolve_split *a = left, *b = right;
    if (a->edge != b->edge)
        return a->edge < b->edge ? -1 : 1;
    return geom_point_compare(a->at, b->at);
}

/* Replaces an edge by the chain through its splits, in its direction. Along a
 * straight edge the order of points is the order along it. */
static void split_edge(struct resolve_work *work, size_t edge, size_t first,
                       size_t last, size_t *nspare)
{
    struct geom_point a = work->edges[edge].a, b = work->edges[edge].b;
    bool forward = geom_point_compare(a, b) < 0;
    struct geom_point from = a;
    for (size_t i = first; i < last; i++) {
        size_t k = forward ? i : last - 1 - (i - first);
        struct geom_point to = work->splits[k].at;
        if (geom_point_equal(from, to))
            continue;
        set_edge(&work->spare[(*nspare)++], from, to);
        from = to;
    }
    if (!geom_point_equal(from, b))
        set_edge(&work->spare[(*nspare)++], from, b);
}

static bool apply_splits(struct resolve_work *work)
{
    if (!reserve_edges(&work->spare, &work->spare_cap,
                       work->nedges + work->nsplits))
        return false;
    if (work->nsplits > 0)
        qsort(work->splits, work->nsplits, sizeof *work->splits,
              compare_splits);
    size_t nspare = 0, split = 0;
    for (size_t i = 0; i < work->nedges; i++) {
        size_t first = split;
        while (split < work->nsplits && work->splits[split].edge == i)
            split++;
        split_edge(work, i, first, split, &nspare);
    }
    struct resolve_edge *swap = work->edges;
    size_t swap_cap = work->edges_cap;
    work->edges = work->spare;
    work->edges_cap = work->spare_cap;
    work->nedges = nspare;
    work->spare = swap;
    work->spare_cap = swap_cap;
    return true;
}

static enum resolve_status node_edges(struct resolve_work *work)
{
    for (int round = 0; round < MAX_ROUNDS; round++) {
        bool crossed = false;
        if (!find_splits(work, &crossed) || !apply_splits(work))
            return RESOLVE_NOMEM;
        if (!crossed)
            return RESOLVE_OK;
    }
    return RESOLVE_UNSURE;
}

/* ---- what separates inside from outside --------------------------------- */

static int compare_begins(const void *left, const void *right)
{
    const struct resolve_edge *a = left, *b = right;
    int order = geom_point_compare(a->a, b->a);
    return order != 0 ? order : geom_point_compare(a->b, b->b);
}

static void reverse_edge(struct resolve_edge *edge)
{
    struct geom_point swap = edge->a;
    edge->a = edge->b;
    edge->b = swap;
}

/* One edge for all that join the same two points, from west to east (upright
 * ones by rising y); those that run both ways equally often go. */
static void merge_edges(struct resolve_work *work)
{
    struct resolve_edge *edges = work->edges;
    for (size_t i = 0; i < work->nedges; i++) {
        bool backward = geom_point_compare(edges[i].a, edges[i].b) > 0;
        edges[i].net = backward ? -1 : 1;
        if (backward)
            reverse_edge(&edges[i]);
    }
    qsort(edges, work->nedges, sizeof *edges, compare_begins);
    size_t kept = 0;
    for (size_t i = 0; i < work->nedges;) {
        struct resolve_edge edge = edges[i];
        size_t end = i + 1;
        while (end < work->nedges && compare_begins(&edge, &edges[end]) == 0)
            edge.net += edges[end++].net;
        if (edge.net != 0)
            edges[kept++] = edge;
        i = end;
    }
    work->nedges = kept;
}

/* The middle of an edge in doubled coordinates. */
static struct geom_point middle_of(const struct resolve_edge *edge)
{
    return (struct geom_point){edge->a.x + edge->b.x, edge->a.y + edge->b.y};
}

static struct geom_point doubled(struct geom_point p)
{
    return (struct geom_point){2 * p.x, 2 * p.y};
}

/* How often the area just left of an edge's middle is covered, by what a ray
 * in the direction of rising y meets: an edge to the west covers once, one to
 * the east uncovers. The ray stands a hair west of the middle, which settles
 * which of the edges ending there count, and upright edges never do. */
static int cover_left_of(const struct resolve_work *work, size_t nactive,
                         size_t edge)
{
    struct geom_point at = middle_of(&work->edges[edge]);
    int cover = 0;
    for (size_t i = 0; i < nactive; i++) {
        const struct resolve_edge *other = &work->edges[work->active[i]];
        if (work->active[i] == edge || 2 * other->min_x >= at.x ||
            2 * other->max_x < at.x)
            continue;
        if (geom_turn(doubled(other->a), doubled(other->b), at) < 0)
            cover -= other->net;
    }
    return cover;
}

struct resolve_order {
    int64_t key;
    size_t edge;
};

static int compare_orders(const void *left, const void *right)
{
    const struct resolve_order *a = left, *b = right;
    return (a->key > b->key) - (a->key < b->key);
}

static int is_covered(enum resolve_how how, int cover)
{
    return how == RESOLVE_NONZERO ? cover != 0 : cover > 0;
}

/* Sets path[edge] to 2 or 0 when the covered side is left or right of the
 * edge, and to 1 when both sides are alike. A sweep over the middles. */
static void mark_borders(struct resolve_work *work, enum resolve_how how,
                         struct resolve_order *middles)
{
    size_t nactive = 0, next = 0;
    for (size_t i = 0; i < work->nedges; i++)
        middles[i] = (struct resolve_order){middle_of(&work->edges[i]).x, i};
    qsort(middles, work->nedges, sizeof *middles, compare_orders);
    for (size_t i = 0; i < work->nedges; i++) {
        size_t kept = 0;
        for (size_t k = 0; k < nactive; k++) {
            if (2 * work->edges[work->active[k]].max_x >= middles[i].key)
                work->active[kept++] = work->active[k];
        }
        nactive = kept;
        /* Edges are sorted by where they begin in the west. */
        while (next < work->nedges &&
               2 * work->edges[next].min_x < middles[i].key)
            work->active[nactive++] = next++;
        size_t edge = middles[i].edge;
        int left = cover_left_of(work, nactive, edge);
        int right = left - work->edges[edge].net;
        int sides = is_covered(how, left) - is_covered(how, right);
        work->path[edge] = sides < 0 ? 0 : sides == 0 ? 1 : 2;
    }
}

/* Keeps the edges between what is covered and what is not, directed with the
 * covered side on their left (with y up). */
static bool keep_borders(struct resolve_work *work, enum resolve_how how)
{
    struct resolve_order *middles =
        malloc((work->nedges + 1) * sizeof *middles);
    if (middles == NULL)
        return false;
    mark_borders(work, how, middles);
    free(middles);
    size_t kept = 0;
    for (size_t i = 0; i < work->nedges; i++) {
        struct resolve_edge edge = work->edges[i];
        if (work->path[i] == 1)
            continue;
        if (work->path[i] == 0)
            reverse_edge(&edge);
        edge.used = false;
        work->edges[kept++] = edge;
    }
    work->nedges = kept;
    return true;
}

/* ---- tracing ------------------------------------------------------------ */

/* The first edge that begins at `at`, or nedges. */
static size_t first_from(const struct resolve_work *work, struct geom_point at)
{
    size_t low = 0, high = work->nedges;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (geom_point_compare(work->edges[middle].a, at) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether direction v-p comes before v-q when turning clockwise (with y up)
 * from direction v-u. */
static bool comes_before(struct geom_point u, struct geom_point v,
                         struct geom_point p, struct geom_point q)
{
    int p_side = geom_turn(v, u, p), q_side = geom_turn(v, u, q);
    /* Clockwise of v-u (negative) within half a turn, straight on, beyond. */
    int p_half = p_side < 0 ? 0 : p_side == 0 ? 1 : 2;
    int q_half = q_side < 0 ? 0 : q_side == 0 ? 1 : 2;
    if (p_half != q_half)
        return p_half < q_half;
    return geom_turn(v, p, q) < 0;
}

/* The edge that goes on from `edge` with the area on the left, or nedges. */
static size_t follow(const struct resolve_work *work, size_t edge)
{
    struct geom_point u = work->edges[edge].a, v = work->edges[edge].b;
    size_t best = work->nedges;
    for (size_t i = first_from(work, v);
         i < work->nedges && geom_point_equal(work->edges[i].a, v); i++) {
        if (work->edges[i].used)
            continue;
        if (best == work->nedges ||
            comes_before(u, v, work->edges[i].b, work->edges[best].b))
            best = i;
    }
    return best;
}

/* Puts the edges path[from .. to) down as a ring, unless it has no area. */
static bool add_ring(struct resolve_work *work, size_t from, size_t to)
{
    struct geom *rings = &work->rings;
    size_t start = rings->npoints;
    for (size_t i = from; i < to; i++) {
        if (!geom_add_point(rings, work->edges[work->path[i]].a))
            return false;
    }
    if (geom_ring_area2(rings->points + start, to - from) != 0)
        return geom_end_part(rings, false);
    geom_drop_open(rings);
    return true;
}

/* Where on the path an edge begins at `at`; `n` when none does. */
static size_t find_on_path(const struct resolve_work *work, size_t n,
                           struct geom_point at)
{
    for (size_t i = n; i > 0; i--) {
        if (geom_point_equal(work->edges[work->path[i - 1]].a, at))
            return i - 1;
    }
    return n;
}

/* How many edges begin at `at`: 1 almost everywhere, and then no path that
 * came through can come back. */
static bool is_meeting(const struct resolve_work *work, struct geom_point at)
{
    size_t i = first_from(work, at);
    return i + 1 < work->nedges && geom_point_equal(work->edges[i + 1].a, at);
}

/* Follows edges from `edge` until they close, taking off every loop on the
 * way as a ring of its own. */
static enum resolve_status trace(struct resolve_work *work, size_t edge)
{
    size_t n = 0;
    struct geom_point begin = work->edges[edge].a;
    while (edge < work->nedges) {
        work->edges[edge].used = true;
        work->path[n++] = edge;
        struct geom_point at = work->edges[edge].b;
        if (geom_point_equal(at, begin) || is_meeting(work, at)) {
            size_t loop = find_on_path(work, n, at);
            if (loop < n && !add_ring(work, loop, n))
                return RESOLVE_NOMEM;
            if (loop < n)
                n = loop;
            if (n == 0)
                return RESOLVE_OK;
        }
        edge = follow(work, work->path[n > 0 ? n - 1 : 0]);
        if (n > 0 && edge < work->nedges &&
            !geom_point_equal(work->edges[edge].a,
                              work->edges[work->path[n - 1]].b))
            return RESOLVE_UNSURE;
    }
    return RESOLVE_UNSURE; /* a loose end: edges did not balance */
}

static enum resolve_status trace_all(struct resolve_work *work)
{
    geom_reset(&work->rings, GEOM_POLYGON);
    qsort(work->edges, work->nedges, sizeof *work->edges, compare_begins);
    for (size_t i = 0; i < work->nedges; i++) {
        if (work->edges[i].used)
            continue;
        enum resolve_status status = trace(work, i);
        if (status != RESOLVE_OK)
            return status;
    }
    return RESOLVE_OK;
}

enum resolve_status resolve_polygons(struct resolve_work *work,
                                     const struct geom *in,
                                     enum resolve_how how, struct geom *out)
{
    geom_reset(out, GEOM_POLYGON);
    if (!load_edges(work, in))
        return RESOLVE_NOMEM;
    enum resolve_status status = node_edges(work);
    if (status != RESOLVE_OK)
        return status;
    /* Splitting has made more edges than there was room for indexes to. */
    if (!reserve_active(work))
        return RESOLVE_NOMEM;
    merge_edges(work);
    if (!keep_borders(work, how))
        return RESOLVE_NOMEM;
    status = trace_all(work);
    if (status != RESOLVE_OK)
        return status;
    return clip_nest_rings(&work->rings, out) ? RESOLVE_OK : RESOLVE_NOMEM;
}

enum resolve_status resolve_crossings(
    struct resolve_work *work, const struct geom *in,
    bool (*on_crossing)(void *arg, const struct geom_point edge[2],
                        struct geom_point at),
    void *arg)
{
    bool crossed = false;
    if (!load_edges(work, in))
        return RESOLVE_NOMEM;
    work->on_crossing = on_crossing;
    work->arg = arg;
    bool ok = find_splits(work, &crossed);
    work->on_crossing = NULL;
    return ok ? RESOLVE_OK : RESOLVE_NOMEM;
}
