#include "tiler/vector/geom.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Grows `*array` of `size`-byte items to hold at least `need`. */
static bool grow(void **array, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return true;
    /* Small at first: a tile holds thousands of small geometries. */
    size_t wanted = *cap == 0 ? 4 : *cap * 2;
    if (wanted < need)
        wanted = need;
    if (wanted > SIZE_MAX / size)
        return false;
    void *bigger = realloc(*array, wanted * size);
    if (bigger == NULL)
        return false;
    *array = bigger;
    *cap = wanted;
    return true;
}

static bool reserve_points(struct geom *geom, size_t need)
{
    void *array = geom->points;
    bool ok = grow(&array, &geom->points_cap, need, sizeof *geom->points);
    geom->points = array;
    return ok;
}

static bool reserve_parts(struct geom *geom, size_t need)
{
    void *array = geom->parts;
    bool ok = grow(&array, &geom->parts_cap, need, sizeof *geom->parts);
    geom->parts = array;
    return ok;
}

void geom_free(struct geom *geom)
{
    free(geom->points);
    free(geom->parts);
    *geom = (struct geom){.kind = geom->kind};
}

void geom_reset(struct geom *geom, enum geom_kind kind)
{
    geom->kind = kind;
    geom->npoints = 0;
    geom->nparts = 0;
}

bool geom_add_point(struct geom *geom, struct geom_point point)
{
    if (!reserve_points(geom, geom->npoints + 1))
        return false;
    geom->points[geom->npoints++] = point;
    return true;
}

bool geom_end_part(struct geom *geom, bool outer)
{
    if (!reserve_parts(geom, geom->nparts + 1))
        return false;
    geom->parts[geom->nparts++] =
        (struct geom_part){.end = geom->npoints, .outer = outer};
    return true;
}

void geom_drop_open(struct geom *geom)
{
    geom->npoints = geom->nparts == 0 ? 0 : geom->parts[geom->nparts - 1].end;
}

size_t geom_part_start(const struct geom *geom, size_t number)
{
    return number == 0 ? 0 : geom->parts[number - 1].end;
}

bool geom_add_parts(struct geom *geom, const struct geom *from, size_t first,
                    size_t last)
{
    if (first >= last)
        return true;
    size_t start = geom_part_start(from, first);
    size_t n = from->parts[last - 1].end - start;
    if (!reserve_points(geom, geom->npoints + n) ||
        !reserve_parts(geom, geom->nparts + (last - first)))
        return false;
    if (n > 0)
        memcpy(geom->points + geom->npoints, from->points + start,
               n * sizeof *geom->points);
    for (size_t i = first; i < last; i++) {
        geom->parts[geom->nparts++] = (struct geom_part){
            .end = geom->npoints + (from->parts[i].end - start),
            .outer = from->parts[i].outer,
        };
    }
    geom->npoints += n;
    return true;
}

size_t geom_polygon_end(const struct geom *geom, size_t first)
{
    size_t last = first + 1;
    while (last < geom->nparts && !geom->parts[last].outer)
        last++;
    return last;
}

struct geom_box geom_box_empty(void)
{
    return (struct geom_box){INT64_MAX, INT64_MAX, INT64_MIN, INT64_MIN};
}

void geom_box_add(struct geom_box *box, struct geom_point point)
{
    if (point.x < box->min_x)
        box->min_x = point.x;
    if (point.x > box->max_x)
        box->max_x = point.x;
    if (point.y < box->min_y)
        box->min_y = point.y;
    if (point.y > box->max_y)
        box->max_y = point.y;
}

struct geom_box geom_box_of_points(const struct geom_point *points, size_t n)
{
    struct geom_box box = geom_box_empty();
    for (size_t i = 0; i < n; i++)
        geom_box_add(&box, points[i]);
    return box;
}

struct geom_box geom_box_of(const struct geom *geom)
{
    return geom_box_of_points(geom->points, geom->npoints);
}

bool geom_box_meets(struct geom_box a, struct geom_box b)
{
    return a.min_x <= b.max_x && b.min_x <= a.max_x && a.min_y <= b.max_y &&
           b.min_y <= a.max_y;
}

bool geom_box_holds(struct geom_box outer, struct geom_box inner)
{
    return inner.min_x >= outer.min_x && inner.max_x <= outer.max_x &&
           inner.min_y >= outer.min_y && inner.max_y <= outer.max_y;
}

double geom_ring_area2(const struct geom_point *points, size_t n)
{
    if (n < 3)
        return 0;
    /* Relative to the first point: small numbers, exact sums. */
    __int128 sum = 0;
    struct geom_point o = points[0];
    for (size_t i = 1; i + 1 < n; i++) {
        sum += (__int128)(points[i].x - o.x) * (points[i + 1].y - o.y) -
               (__int128)(points[i].y - o.y) * (points[i + 1].x - o.x);
    }
    return (double)sum;
}

double geom_area(const struct geom *geom)
{
    double sum = 0;
    size_t start = 0;
    for (size_t i = 0; i < geom->nparts; i++) {
        sum +=
            geom_ring_area2(geom->points + start, geom->parts[i].end - start);
        start = geom->parts[i].end;
    }
    return sum / 2;
}

double geom_length(const struct geom *geom)
{
    double sum = 0;
    size_t start = 0;
    for (size_t i = 0; i < geom->nparts; i++) {
        for (size_t k = start + 1; k < geom->parts[i].end; k++) {
            double dx = (double)(geom->points[k].x - geom->points[k - 1].x);
            double dy = (double)(geom->points[k].y - geom->points[k - 1].y);
            sum += sqrt(dx * dx + dy * dy);
        }
        start = geom->parts[i].end;
    }
    return sum;
}

void geom_reverse(struct geom_point *points, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct geom_point swap = points[i];
        points[i] = points[n - 1 - i];
        points[n - 1 - i] = swap;
    }
}

/* Whether `at` lies on the segment a-b, ends included. */
static bool on_segment(struct geom_point a, struct geom_point b,
                       struct geom_point at)
{
    struct geom_box box = geom_box_empty();
    geom_box_add(&box, a);
    geom_box_add(&box, b);
    struct geom_box here = {at.x, at.y, at.x, at.y};
    return geom_box_holds(box, here) && geom_turn(a, b, at) == 0;
}

bool geom_ring_contains(const struct geom_point *points, size_t n,
                        struct geom_point at)
{
    bool inside = false;
    for (size_t i = 0, k = n - 1; i < n; k = i++) {
        struct geom_point a = points[k], b = points[i];
        if (on_segment(a, b, at))
            return true;
        if ((a.y > at.y) == (b.y > at.y))
            continue;
        /* A ray to the east: upward edges count when `at` is on their left. */
        int turn = geom_turn(a, b, at);
        if ((b.y > a.y) ? turn > 0 : turn < 0)
            inside = !inside;
    }
    return inside;
}
