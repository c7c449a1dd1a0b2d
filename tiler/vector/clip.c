#include "tiler/vector/clip.h"

#include <assert.h>
#include <stdlib.h>

/* A piece of a ring on the kept side, from where it enters to where it
 * leaves; its points are in work->scrap. */
struct clip_chain {
    size_t first, end;
    size_t next; /* the chain that follows along the side */
    bool used;
};

/* One end of a chain on the side. */
struct clip_end {
    int64_t along;
    size_t chain;
    bool enters;
};

/* A side, seen as "value(p) >= 0 is kept". */
struct half {
    enum clip_side side;
    int64_t at;
};

static int64_t value_of(struct half half, struct geom_point p)
{
    switch (half.side) {
    case CLIP_X_MIN:
        return p.x - half.at;
    case CLIP_X_MAX:
        return half.at - p.x;
    case CLIP_Y_MIN:
        return p.y - half.at;
    default:
        return half.at - p.y;
    }
}

static bool is_vertical(struct half half)
{
    return half.side == CLIP_X_MIN || half.side == CLIP_X_MAX;
}

static int64_t along_of(struct half half, struct geom_point p)
{
    return is_vertical(half) ? p.y : p.x;
}

/* num / den rounded to nearest, halves up; den > 0. */
static int64_t divide_round(__int128 num, __int128 den)
{
    num = 2 * num + den;
    den = 2 * den;
    __int128 q = num / den;
    if (num % den < 0)
        q--;
    return (int64_t)q;
}

/* Where a-b meets the side. Ends are ordered first, so b-a gives the same. */
static struct geom_point crossing(struct half half, struct geom_point a,
                                  struct geom_point b)
{
    if (geom_point_compare(a, b) > 0) {
        struct geom_point swap = a;
        a = b;
        b = swap;
    }
    if (is_vertical(half)) {
        int64_t run = b.x - a.x;
        __int128 part = (__int128)(b.y - a.y) * (half.at - a.x);
        return (struct geom_point){half.at, a.y + divide_round(part, run)};
    }
    __int128 part = (__int128)(b.x - a.x) * (half.at - a.y);
    int64_t run = b.y - a.y;
    if (run < 0) {
        run = -run;
        part = -part;
    }
    return (struct geom_point){a.x + divide_round(part, run), half.at};
}

void clip_work_free(struct clip_work *work)
{
    free(work->chains);
    free(work->ends);
    geom_free(&work->scrap);
    geom_free(&work->rings);
    geom_free(&work->swap);
    *work = (struct clip_work){0};
}

static enum clip_status clip_points(struct half half, const struct geom *in,
                                    struct geom *out)
{
    for (size_t i = 0; i < in->npoints; i++) {
        if (value_of(half, in->points[i]) >= 0 &&
            !geom_add_point(out, in->points[i]))
            return CLIP_NOMEM;
    }
    if (out->npoints > 0 && !geom_end_part(out, false))
        return CLIP_NOMEM;
    return CLIP_OK;
}

/* Ends the open line if it is one; a single point is no line. */
static bool end_line(struct geom *out)
{
    size_t start = geom_part_start(out, out->nparts);
    if (out->npoints - start >= 2)
        return geom_end_part(out, false);
    geom_drop_open(out);
    return true;
}

/* Adds a point unless it repeats the open part's last one. */
static bool add_distinct(struct geom *out, struct geom_point p)
{
    size_t start = geom_part_start(out, out->nparts);
    if (out->npoints > start &&
        geom_point_equal(out->points[out->npoints - 1], p))
        return true;
    return geom_add_point(out, p);
}

static bool clip_line(struct half half, const struct geom_point *p, size_t n,
                      struct geom *out)
{
    bool was_in = false;
    for (size_t i = 0; i < n; i++) {
        bool in = value_of(half, p[i]) >= 0;
        if (i > 0 && in != was_in &&
            !add_distinct(out, crossing(half, p[i - 1], p[i])))
            return false;
        if (in && !add_distinct(out, p[i]))
            return false;
        if (!in && was_in && !end_line(out))
            return false;
        was_in = in;
    }
    return end_line(out);
}

static enum clip_status clip_lines(struct half half, const struct geom *in,
                                   struct geom *out)
{
    size_t start = 0;
    for (size_t i = 0; i < in->nparts; i++) {
        size_t end = in->parts[i].end;
        if (!clip_line(half, in->points + start, end - start, out))
            return CLIP_NOMEM;
        start = end;
    }
    return CLIP_OK;
}

/* ---- polygons ----------------------------------------------------------- */

static bool reserve_chain(struct clip_work *work)
{
    if (work->nchains < work->chains_cap)
        return true;
    size_t cap = work->chains_cap == 0 ? 16 : work->chains_cap * 2;
    void *chains = realloc(work->chains, cap * sizeof *work->chains);
    if (chains == NULL)
        return false;
    work->chains = chains;
    work->chains_cap = cap;
    return true;
}

/* Closes the chain whose points are open in scrap. A chain that never leaves
 * the side has no area behind it and is forgotten. */
static bool end_chain(struct clip_work *work, struct half half)
{
    struct geom *scrap = &work->scrap;
    size_t first = geom_part_start(scrap, scrap->nparts);
    bool flat = true;
    for (size_t i = first; i < scrap->npoints && flat; i++)
        flat = value_of(half, scrap->points[i]) == 0;
    if (flat) {
        geom_drop_open(scrap);
        return true;
    }
    if (!reserve_chain(work) || !geom_end_part(scrap, false))
        return false;
    work->chains[work->nchains++] =
        (struct clip_chain){.first = first, .end = scrap->npoints};
    return true;
}

/* Cuts a ring that lies on both sides into chains. */
static bool chains_of_ring(struct clip_work *work, struct half half,
                           const struct geom_point *p, size_t n)
{
    size_t begin = 0;
    while (value_of(half, p[begin]) >= 0)
        begin++;
    struct geom_point last = p[begin];
    bool was_in = false;
    for (size_t k = 1; k <= n; k++) {
        struct geom_point here = p[(begin + k) % n];
        bool in = value_of(half, here) >= 0;
        if (in != was_in &&
            !add_distinct(&work->scrap, crossing(half, last, here)))
            return false;
        if (in && !add_distinct(&work->scrap, here))
            return false;
        if (!in && was_in && !end_chain(work, half))
            return false;
        last = here;
        was_in = in;
    }
    return true;
}

static int compare_ends(const void *left, const void *right)
{
    const struct clip_end *a = left, *b = right;
    if (a->along != b->along)
        return a->along < b->along ? -1 : 1;
    if (a->enters != b->enters)
        return a->enters ? -1 : 1;
    return (a->chain > b->chain) - (a->chain < b->chain);
}

/* Where several chains end in one point their order along the side is free:
 * makes ends 2i and 2i+1 one that leaves and one that enters, if possible. */
static bool pair_ends(struct clip_end *ends, size_t n)
{
    for (size_t i = 0; i + 1 < n; i += 2) {
        size_t k = i + 1;
        while (k < n && ends[k].enters == ends[i].enters)
            k++;
        if (k == n || ends[k].along != ends[i + 1].along)
            return false;
        struct clip_end swap = ends[i + 1];
        ends[i + 1] = ends[k];
        ends[k] = swap;
    }
    return n % 2 == 0;
}

/* Finds for every chain the one that follows it along the side. */
static enum clip_status link_chains(struct clip_work *work, struct half half)
{
    size_t n = 2 * work->nchains;
    if (n > work->ends_cap) {
        void *ends = realloc(work->ends, n * sizeof *work->ends);
        if (ends == NULL)
            return CLIP_NOMEM;
        work->ends = ends;
        work->ends_cap = n;
    }
    for (size_t i = 0; i < work->nchains; i++) {
        const struct clip_chain *chain = &work->chains[i];
        const struct geom_point *p = work->scrap.points;
        work->ends[2 * i] =
            (struct clip_end){along_of(half, p[chain->first]), i, true};
        work->ends[2 * i + 1] =
            (struct clip_end){along_of(half, p[chain->end - 1]), i, false};
    }
    qsort(work->ends, n, sizeof *work->ends, compare_ends);
    if (!pair_ends(work->ends, n))
        return CLIP_INVALID;
    for (size_t i = 0; i < n; i += 2) {
        const struct clip_end *a = &work->ends[i], *b = &work->ends[i + 1];
        if (a->enters)
            work->chains[b->chain].next = a->chain;
        else
            work->chains[a->chain].next = b->chain;
    }
    return CLIP_OK;
}

/* Ends the open part as a ring, or drops it when it has no area. */
static bool end_ring(struct geom *rings)
{
    size_t start = geom_part_start(rings, rings->nparts);
    struct geom_point *p = rings->points + start;
    if (rings->npoints - start > 1 &&
        geom_point_equal(p[0], rings->points[rings->npoints - 1]))
        rings->npoints--;
    size_t n = rings->npoints - start;
    if (n >= 3 && geom_ring_area2(rings->points + start, n) != 0)
        return geom_end_part(rings, false);
    geom_drop_open(rings);
    return true;
}

static bool add_chain(struct clip_work *work, const struct clip_chain *chain)
{
    for (size_t k = chain->first; k < chain->end; k++) {
        if (!add_distinct(&work->rings, work->scrap.points[k]))
            return false;
    }
    return true;
}

/* Walks the linked chains into closed rings. */
static bool rings_of_chains(struct clip_work *work)
{
    for (size_t i = 0; i < work->nchains; i++) {
        size_t at = i;
        while (!work->chains[at].used) {
            struct clip_chain *chain = &work->chains[at];
            chain->used = true;
            if (!add_chain(work, chain))
                return false;
            at = chain->next;
        }
        if (!end_ring(&work->rings))
            return false;
    }
    return true;
}

/* The outer ring, among the positive ones of `rings`, that holds the hole:
 * the last one whose box and ring hold a point of it that is not on both. */
static size_t ring_around(const struct geom *rings, size_t hole)
{
    size_t start = geom_part_start(rings, hole);
    size_t found = SIZE_MAX;
    double found_area2 = 0;
    for (size_t i = 0; i < rings->nparts; i++) {
        size_t first = geom_part_start(rings, i);
        size_t n = rings->parts[i].end - first;
        double area2 = geom_ring_area2(rings->points + first, n);
        if (area2 <= 0 || (found != SIZE_MAX && area2 >= found_area2))
            continue;
        bool around = true;
        for (size_t k = start; k < rings->parts[hole].end && around; k++)
            around =
                geom_ring_contains(rings->points + first, n, rings->points[k]);
        if (around) {
            found = i;
            found_area2 = area2;
        }
    }
    return found;
}

static bool add_outer(struct geom *out, const struct geom *rings, size_t i)
{
    if (!geom_add_parts(out, rings, i, i + 1))
        return false;
    out->parts[out->nparts - 1].outer = true;
    return true;
}

static double area2_of(const struct geom *rings, size_t i)
{
    size_t start = geom_part_start(rings, i);
    return geom_ring_area2(rings->points + start, rings->parts[i].end - start);
}

/* One outer ring: everything else is its hole. */
static bool nest_in_one(const struct geom *rings, size_t outer,
                        struct geom *out)
{
    if (!add_outer(out, rings, outer))
        return false;
    for (size_t i = 0; i < rings->nparts; i++) {
        if (i == outer)
            continue;
        if (!geom_add_parts(out, rings, i, i + 1))
            return false;
        out->parts[out->nparts - 1].outer = false;
    }
    return true;
}

static bool nest_in_many(const struct geom *rings, struct geom *out)
{
    size_t *around = malloc(rings->nparts * sizeof *around);
    if (around == NULL)
        return false;
    for (size_t i = 0; i < rings->nparts; i++)
        around[i] = area2_of(rings, i) < 0 ? ring_around(rings, i) : SIZE_MAX;
    bool ok = true;
    for (size_t i = 0; i < rings->nparts && ok; i++) {
        if (area2_of(rings, i) <= 0)
            continue;
        ok = add_outer(out, rings, i);
        for (size_t k = 0; k < rings->nparts && ok; k++) {
            if (around[k] != i)
                continue;
            ok = geom_add_parts(out, rings, k, k + 1);
            if (ok)
                out->parts[out->nparts - 1].outer = false;
        }
    }
    free(around);
    return ok;
}

bool clip_nest_rings(const struct geom *rings, struct geom *out)
{
    size_t nouter = 0, outer = 0;
    for (size_t i = 0; i < rings->nparts; i++) {
        if (area2_of(rings, i) > 0) {
            nouter++;
            outer = i;
        }
    }
    if (nouter == 0)
        return true;
    return nouter == 1 ? nest_in_one(rings, outer, out)
                       : nest_in_many(rings, out);
}

/* Which sides a ring touches. */
struct sides {
    bool in, out;
};

static struct sides sides_of(struct half half, const struct geom_point *p,
                             size_t n)
{
    struct sides sides = {false, false};
    for (size_t i = 0; i < n && !(sides.in && sides.out); i++) {
        if (value_of(half, p[i]) >= 0)
            sides.in = true;
        else
            sides.out = true;
    }
    return sides;
}

/* Cuts the polygon whose outer ring is `first`. */
static enum clip_status clip_polygon(struct clip_work *work, struct half half,
                                     const struct geom *in, size_t first,
                                     struct geom *out)
{
    size_t last = geom_polygon_end(in, first);
    geom_reset(&work->rings, GEOM_POLYGON);
    geom_reset(&work->scrap, GEOM_LINE);
    work->nchains = 0;
    for (size_t i = first; i < last; i++) {
        size_t start = geom_part_start(in, i);
        size_t n = in->parts[i].end - start;
        struct sides sides = sides_of(half, in->points + start, n);
        bool ok = true;
        if (sides.in && sides.out)
            ok = chains_of_ring(work, half, in->points + start, n);
        else if (sides.in)
            ok = geom_add_parts(&work->rings, in, i, i + 1);
        if (!ok)
            return CLIP_NOMEM;
    }
    if (work->nchains > 0) {
        enum clip_status status = link_chains(work, half);
        if (status != CLIP_OK)
            return status;
        if (!rings_of_chains(work))
            return CLIP_NOMEM;
    }
    return clip_nest_rings(&work->rings, out) ? CLIP_OK : CLIP_NOMEM;
}

static enum clip_status clip_polygons(struct clip_work *work, struct half half,
                                      const struct geom *in, struct geom *out)
{
    enum clip_status worst = CLIP_OK;
    for (size_t first = 0; first < in->nparts;) {
        size_t last = geom_polygon_end(in, first);
        size_t start = geom_part_start(in, first);
        /* The outer ring decides for all when it is on one side. */
        struct sides sides =
            sides_of(half, in->points + start, in->parts[first].end - start);
        enum clip_status status = CLIP_OK;
        if (sides.in && sides.out)
            status = clip_polygon(work, half, in, first, out);
        else if (sides.in)
            status =
                geom_add_parts(out, in, first, last) ? CLIP_OK : CLIP_NOMEM;
        if (status == CLIP_NOMEM)
            return status;
        if (status == CLIP_INVALID)
            worst = status;
        first = last;
    }
    return worst;
}

enum clip_status clip_half(struct clip_work *work, const struct geom *in,
                           enum clip_side side, int64_t at, struct geom *out)
{
    assert(in != out);
    struct half half = {side, at};
    geom_reset(out, in->kind);
    switch (in->kind) {
    case GEOM_POINT:
        return clip_points(half, in, out);
    case GEOM_LINE:
        return clip_lines(half, in, out);
    default:
        return clip_polygons(work, half, in, out);
    }
}

enum clip_status clip_box(struct clip_work *work, const struct geom *in,
                          struct geom_box box, struct geom *out)
{
    enum clip_status a = clip_half(work, in, CLIP_X_MIN, box.min_x, out);
    if (a == CLIP_NOMEM)
        return a;
    enum clip_status b =
        clip_half(work, out, CLIP_X_MAX, box.max_x, &work->swap);
    if (b == CLIP_NOMEM)
        return b;
    enum clip_status c =
        clip_half(work, &work->swap, CLIP_Y_MIN, box.min_y, out);
    if (c == CLIP_NOMEM)
        return c;
    enum clip_status d =
        clip_half(work, out, CLIP_Y_MAX, box.max_y, &work->swap);
    if (d == CLIP_NOMEM)
        return d;
    struct geom done = work->swap;
    work->swap = *out;
    *out = done;
    bool invalid = a != CLIP_OK || b != CLIP_OK || c != CLIP_OK || d != CLIP_OK;
    return invalid ? CLIP_INVALID : CLIP_OK;
}

static bool is_corner(struct geom_box box, struct geom_point p)
{
    return (p.x == box.min_x || p.x == box.max_x) &&
           (p.y == box.min_y || p.y == box.max_y);
}

bool clip_is_whole_box(const struct geom *geom, struct geom_box box)
{
    if (geom->kind != GEOM_POLYGON || geom->nparts != 1 || geom->npoints != 4)
        return false;
    for (size_t i = 0; i < 4; i++) {
        if (!is_corner(box, geom->points[i]))
            return false;
    }
    double area =
        (double)(box.max_x - box.min_x) * (double)(box.max_y - box.min_y);
    return geom_area(geom) == area;
}
