#include "tiler/vector/simplify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void simplify_work_free(struct simplify_work *work)
{
    free(work->arc);
    free(work->weights);
    free(work->stack);
    *work = (struct simplify_work){0};
}

static bool reserve_arc(struct simplify_work *work, size_t need)
{
    if (need <= work->arc_cap)
        return true;
    size_t cap = need < 64 ? 64 : need * 2;
    struct geom_point *arc = realloc(work->arc, cap * sizeof *arc);
    if (arc != NULL)
        work->arc = arc;
    float *weights = realloc(work->weights, cap * sizeof *weights);
    if (weights != NULL)
        work->weights = weights;
    if (arc == NULL || weights == NULL)
        return false;
    work->arc_cap = cap;
    return true;
}

static bool reserve_stack(struct simplify_work *work, size_t need)
{
    if (need <= work->stack_cap)
        return true;
    size_t cap = need < 64 ? 64 : need * 2;
    size_t *stack = realloc(work->stack, cap * sizeof *stack);
    if (stack == NULL)
        return false;
    work->stack = stack;
    work->stack_cap = cap;
    return true;
}

/* Squared distance from p to the segment a-b. */
static double distance2(struct geom_point p, struct geom_point a,
                        struct geom_point b)
{
    double dx = (double)(b.x - a.x), dy = (double)(b.y - a.y);
    double px = (double)(p.x - a.x), py = (double)(p.y - a.y);
    double length2 = dx * dx + dy * dy;
    if (length2 > 0) {
        double t = (px * dx + py * dy) / length2;
        t = t < 0 ? 0 : t > 1 ? 1 : t;
        px -= t * dx;
        py -= t * dy;
    }
    return px * px + py * py;
}

/* The vertex strictly between `from` and `to` farthest from their chord; the
 * first of several. *weight becomes its distance. */
static size_t farthest(const struct geom_point *arc, size_t from, size_t to,
                       float *weight)
{
    size_t found = from;
    double most = -1;
    for (size_t i = from + 1; i < to; i++) {
        double here = distance2(arc[i], arc[from], arc[to]);
        if (here > most) {
            most = here;
            found = i;
        }
    }
    *weight = (float)sqrt(most);
    return found;
}

/* Weighs the inner vertices of work->arc[0 .. n). A vertex never outweighs
 * the one that split its arc: it is reached only when that one stays. */
static bool weigh_arc(struct simplify_work *work, size_t n)
{
    size_t depth = 0;
    if (!reserve_stack(work, 2))
        return false;
    work->stack[depth++] = 0;
    work->stack[depth++] = n - 1;
    work->weights[0] = work->weights[n - 1] = SIMPLIFY_ALWAYS;
    while (depth > 0) {
        size_t to = work->stack[--depth];
        size_t from = work->stack[--depth];
        if (to - from < 2)
            continue;
        float weight;
        size_t at = farthest(work->arc, from, to, &weight);
        float bound = fminf(work->weights[from], work->weights[to]);
        work->weights[at] = fminf(weight, bound);
        if (!reserve_stack(work, depth + 4))
            return false;
        work->stack[depth++] = from;
        work->stack[depth++] = at;
        work->stack[depth++] = at;
        work->stack[depth++] = to;
    }
    return true;
}

/* Whether an arc reads the other way round: by its ends, or when they are one
 * point by their neighbours, and so on inwards. */
static bool is_backward(const struct geom_point *arc, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        int order = geom_point_compare(arc[i], arc[n - 1 - i]);
        if (order != 0)
            return order > 0;
    }
    return false;
}

static void reverse_weights(float *weights, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        float swap = weights[i];
        weights[i] = weights[n - 1 - i];
        weights[n - 1 - i] = swap;
    }
}

/* Weighs the n vertices of work->arc in their canonical direction and leaves
 * work->weights in the direction given. */
static bool weigh_either_way(struct simplify_work *work, size_t n)
{
    bool backward = is_backward(work->arc, n);
    if (backward)
        geom_reverse(work->arc, n);
    if (!weigh_arc(work, n))
        return false;
    if (backward)
        reverse_weights(work->weights, n);
    return true;
}

static bool is_junction(const struct junctions *junctions, struct geom_point at)
{
    return junctions != NULL && junctions_has(junctions, at);
}

static bool weigh_line(struct simplify_work *work, const struct geom_point *p,
                       size_t n, const struct junctions *junctions,
                       float *weights)
{
    for (size_t from = 0; from + 1 < n;) {
        size_t to = from + 1;
        while (to + 1 < n && !is_junction(junctions, p[to]))
            to++;
        size_t count = to - from + 1;
        if (!reserve_arc(work, count))
            return false;
        memcpy(work->arc, p + from, count * sizeof *p);
        if (!weigh_either_way(work, count))
            return false;
        memcpy(weights + from, work->weights, count * sizeof *weights);
        from = to;
    }
    return true;
}

/* Weighs ring vertices from index `from` on, `count` of them, around the end.
 * The last may be the first again. */
static bool weigh_ring_arc(struct simplify_work *work,
                           const struct geom_point *p, size_t n,
                           size_t from_to[2], float *weights)
{
    size_t from = from_to[0];
    size_t count = from_to[1] - from + 1;
    if (!reserve_arc(work, count))
        return false;
    for (size_t i = 0; i < count; i++)
        work->arc[i] = p[(from + i) % n];
    if (!weigh_either_way(work, count))
        return false;
    for (size_t i = 0; i < count; i++)
        weights[(from + i) % n] = work->weights[i];
    return true;
}

/* A ring without junctions is cut at two vertices that do not depend on where
 * it begins: its least one, and the one farthest from that. */
static bool weigh_island(struct simplify_work *work, const struct geom_point *p,
                         size_t n, float *weights)
{
    size_t least = 0;
    for (size_t i = 1; i < n; i++) {
        if (geom_point_compare(p[i], p[least]) < 0)
            least = i;
    }
    size_t far = least;
    double most = -1;
    for (size_t k = 1; k < n; k++) {
        size_t i = (least + k) % n;
        double here = distance2(p[i], p[least], p[least]);
        if (here > most ||
            (here == most && geom_point_compare(p[i], p[far]) < 0)) {
            most = here;
            far = i;
        }
    }
    if (far < least)
        far += n;
    return weigh_ring_arc(work, p, n, (size_t[2]){least, far}, weights) &&
           weigh_ring_arc(work, p, n, (size_t[2]){far, least + n}, weights);
}

static bool weigh_ring(struct simplify_work *work, const struct geom_point *p,
                       size_t n, const struct junctions *junctions,
                       float *weights)
{
    size_t begin = 0;
    while (begin < n && !is_junction(junctions, p[begin]))
        begin++;
    if (begin == n)
        return n == 0 || weigh_island(work, p, n, weights);
    for (size_t from = begin; from < begin + n;) {
        size_t to = from + 1;
        while (to < begin + n && !is_junction(junctions, p[to % n]))
            to++;
        if (!weigh_ring_arc(work, p, n, (size_t[2]){from, to}, weights))
            return false;
        from = to;
    }
    return true;
}

bool simplify_weigh(struct simplify_work *work, const struct geom *geom,
                    const struct junctions *junctions, float *weights)
{
    size_t start = 0;
    for (size_t i = 0; i < geom->nparts; i++) {
        size_t n = geom->parts[i].end - start;
        const struct geom_point *p = geom->points + start;
        bool ok = true;
        if (geom->kind == GEOM_LINE) {
            ok = weigh_line(work, p, n, junctions, weights + start);
        } else if (geom->kind == GEOM_POLYGON) {
            ok = weigh_ring(work, p, n, junctions, weights + start);
        } else {
            for (size_t k = 0; k < n; k++)
                weights[start + k] = SIMPLIFY_ALWAYS;
        }
        if (!ok)
            return false;
        start = geom->parts[i].end;
    }
    return true;
}
