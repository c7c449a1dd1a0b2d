#include "tiler/vector/shape.h"

#include <math.h>

static int64_t to_grid(int64_t v, unsigned shift)
{
    if (shift == 0)
        return v;
    /* An arithmetic shift: rounds halves towards the south-east. */
    return (v + (INT64_C(1) << (shift - 1))) >> shift;
}

static struct geom_point snap(struct geom_point p, unsigned shift)
{
    return (struct geom_point){to_grid(p.x, shift), to_grid(p.y, shift)};
}

/* What is needless beside repeated points: in lines, points on the straight
 * line between others; not spikes, for there and back is drawn alike, but is a
 * road with two ends. In rings spikes; points on straight lines only in pieces
 * that are cut, since the border of three may be straight for one of them, and
 * rounding where it is cut would move it away from the other two. */
enum needless { STRAIGHTS = 1, SPIKES = 2 };

/* Whether b adds nothing between a and c. */
static bool is_needless(struct geom_point a, struct geom_point b,
                        struct geom_point c, unsigned needless)
{
    if (geom_point_equal(a, b) || geom_point_equal(b, c))
        return true;
    if (geom_turn(a, b, c) != 0)
        return false;
    bool forth = (c.x - b.x > 0) == (b.x - a.x > 0) &&
                 (c.y - b.y > 0) == (b.y - a.y > 0) &&
                 (c.x - b.x < 0) == (b.x - a.x < 0) &&
                 (c.y - b.y < 0) == (b.y - a.y < 0);
    return (needless & (forth ? STRAIGHTS : SPIKES)) != 0;
}

/* Packs the n points, dropping needless inner ones; returns how many stay. */
static size_t pack_points(struct geom_point *p, size_t n, unsigned needless)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && geom_point_equal(p[kept - 1], p[i]))
            continue;
        while (kept >= 2 &&
               is_needless(p[kept - 2], p[kept - 1], p[i], needless))
            kept--;
        if (kept > 0 && geom_point_equal(p[kept - 1], p[i]))
            continue; /* a spike's other side came back here */
        p[kept++] = p[i];
    }
    return kept;
}

bool shape_end_line(struct geom *lines)
{
    size_t start = geom_part_start(lines, lines->nparts);
    size_t n =
        pack_points(lines->points + start, lines->npoints - start, STRAIGHTS);
    if (n < 2) {
        geom_drop_open(lines);
        return true;
    }
    lines->npoints = start + n;
    return geom_end_part(lines, false);
}

/* Drops needless points where the ring's end meets its begin. Returns the
 * first point that stays; *n becomes how many do. */
static size_t trim_seam(const struct geom_point *p, size_t *n,
                        unsigned needless)
{
    size_t first = 0, last = *n;
    for (bool changed = true; changed && last - first >= 3;) {
        if (is_needless(p[last - 2], p[last - 1], p[first], needless))
            last--;
        else if (is_needless(p[last - 1], p[first], p[first + 1], needless))
            first++;
        else
            changed = false;
    }
    *n = last - first;
    return first;
}

static bool end_ring(struct geom *rings, bool positive, unsigned needless,
                     bool *kept)
{
    size_t start = geom_part_start(rings, rings->nparts);
    struct geom_point *p = rings->points + start;
    size_t n = pack_points(p, rings->npoints - start, needless);
    size_t first = n < 3 ? 0 : trim_seam(p, &n, needless);
    for (size_t i = 0; i < n && first > 0; i++)
        p[i] = p[first + i];
    double area2 = geom_ring_area2(p, n);
    *kept = n >= 3 && (positive ? area2 > 0 : area2 < 0);
    if (!*kept) {
        geom_drop_open(rings);
        return true;
    }
    rings->npoints = start + n;
    return geom_end_part(rings, positive);
}

bool shape_end_ring(struct geom *rings, bool positive, bool *kept)
{
    return end_ring(rings, positive, SPIKES, kept);
}

bool shape_end_cut_ring(struct geom *rings, bool positive, bool *kept)
{
    return end_ring(rings, positive, SPIKES | STRAIGHTS, kept);
}

/* Adds the part's vertices that weigh enough, rounded. */
static bool add_part(const struct geom *base, size_t part, const float *weights,
                     const struct shape_rule *rule, struct geom *out)
{
    for (size_t i = geom_part_start(base, part); i < base->parts[part].end;
         i++) {
        if (weights[i] > rule->tolerance &&
            !geom_add_point(out, snap(base->points[i], rule->shift)))
            return false;
    }
    return true;
}

static bool shape_points(const struct geom *base, const struct shape_rule *rule,
                         struct geom *out)
{
    for (size_t i = 0; i < base->npoints; i++) {
        struct geom_point p = snap(base->points[i], rule->shift);
        if (out->npoints > 0 &&
            geom_point_equal(out->points[out->npoints - 1], p))
            continue;
        if (!geom_add_point(out, p))
            return false;
    }
    return out->npoints == 0 || geom_end_part(out, false);
}

static bool shape_lines(const struct geom *base, const float *weights,
                        const struct shape_rule *rule, struct geom *out)
{
    for (size_t i = 0; i < base->nparts; i++) {
        if (!add_part(base, i, weights, rule, out) || !shape_end_line(out))
            return false;
    }
    if (out->nparts > 0 || !rule->keep_all || base->npoints == 0)
        return true;
    struct geom_point p = snap(base->points[0], rule->shift);
    return geom_add_point(out, p) &&
           geom_add_point(out, (struct geom_point){p.x + 1, p.y}) &&
           geom_end_part(out, false);
}

/* A number in [0, 1) for polygon `number` of the feature. Consecutive features
 * get well-spread numbers (multiples of the golden ratio), so the squares that
 * stay are spread evenly too. */
static double share_of(const struct shape_rule *rule, size_t number)
{
    uint64_t bits = rule->seq * UINT64_C(0x9e3779b97f4a7c15) +
                    (uint64_t)number * UINT64_C(0xd1b54a32d192ed03);
    return (double)(bits >> 11) / 9007199254740992.0;
}

static bool add_square(struct geom_point center, int64_t side, struct geom *out)
{
    int64_t x = center.x - side / 2, y = center.y - side / 2;
    const struct geom_point corners[4] = {
        {x, y}, {x + side, y}, {x + side, y + side}, {x, y + side}};
    for (int i = 0; i < 4; i++) {
        if (!geom_add_point(out, corners[i]))
            return false;
    }
    return geom_end_part(out, true);
}

/* Area of the rings [first, last), in square base units. */
static double area_of(const struct geom *base, size_t first, size_t last)
{
    double sum = 0;
    for (size_t i = first; i < last; i++) {
        size_t start = geom_part_start(base, i);
        sum +=
            geom_ring_area2(base->points + start, base->parts[i].end - start);
    }
    return fabs(sum) / 2;
}

/* Stands in for a polygon that is too small: a square, or nothing. */
static bool add_tiny(const struct geom *base, size_t first, double area,
                     const struct shape_rule *rule, struct geom *out)
{
    size_t start = geom_part_start(base, first);
    struct geom_box box = geom_box_of_points(base->points + start,
                                             base->parts[first].end - start);
    struct geom_point center = {box.min_x + (box.max_x - box.min_x) / 2,
                                box.min_y + (box.max_y - box.min_y) / 2};
    center = snap(center, rule->shift);
    if (rule->keep_all)
        return add_square(center, 1, out);
    double square = SHAPE_TINY_SIDE * SHAPE_TINY_SIDE;
    if (share_of(rule, first) < area / square)
        return add_square(center, SHAPE_TINY_SIDE, out);
    return true;
}

static bool shape_polygon(const struct geom *base, size_t first,
                          const float *weights, const struct shape_rule *rule,
                          struct geom *out)
{
    size_t last = geom_polygon_end(base, first);
    double unit = ldexp(1.0, (int)rule->shift);
    double area = area_of(base, first, last) / (unit * unit);
    bool kept = false;
    if (!add_part(base, first, weights, rule, out) ||
        !shape_end_ring(out, true, &kept))
        return false;
    if (!kept)
        return add_tiny(base, first, area, rule, out);
    for (size_t i = first + 1; i < last; i++) {
        if (!add_part(base, i, weights, rule, out) ||
            !shape_end_ring(out, false, &kept))
            return false;
    }
    return true;
}

bool shape_at_zoom(const struct geom *base, const float *weights,
                   const struct shape_rule *rule, struct geom *out)
{
    geom_reset(out, base->kind);
    if (base->kind == GEOM_POINT)
        return shape_points(base, rule, out);
    if (base->kind == GEOM_LINE)
        return shape_lines(base, weights, rule, out);
    for (size_t first = 0; first < base->nparts;) {
        if (!shape_polygon(base, first, weights, rule, out))
            return false;
        first = geom_polygon_end(base, first);
    }
    return true;
}
