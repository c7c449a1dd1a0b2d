/* geom.h - points, lines and polygons on an integer grid.
 *
 * One growable structure serves every step of a vector build. Coordinates are
 * grid units; x grows east, y grows SOUTH, as in tiles. The module knows no
 * zoom: callers say what a unit is. Magnitudes stay below 2^46 so that
 * differences fit a double exactly and products fit 128 bits.
 *
 * Parts: a point geometry has one part with all its points; each line is a
 * part; each ring is a part, not closed (the first point is not repeated). A
 * ring with `outer` set begins a polygon, the rings after it without are its
 * holes. Outer rings have positive area by geom_ring_area2(), holes negative.
 *
 * Functions that grow memory return false when there is none; the geometry
 * then holds a valid but unspecified value. Not thread-safe per object. */
#ifndef TILER_VECTOR_GEOM_H
#define TILER_VECTOR_GEOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum geom_kind { GEOM_POINT = 1, GEOM_LINE = 2, GEOM_POLYGON = 3 };

struct geom_point {
    int64_t x, y;
};

struct geom_part {
    size_t end; /* one past its last point in `points` */
    bool outer; /* begins a polygon; false for points and lines */
};

struct geom {
    enum geom_kind kind;
    struct geom_point *points;
    size_t npoints, points_cap;
    struct geom_part *parts;
    size_t nparts, parts_cap;
};

/* Inclusive on all sides. Empty when min_x > max_x. */
struct geom_box {
    int64_t min_x, min_y, max_x, max_y;
};

/* An all-zero struct geom is empty and valid. */
void geom_free(struct geom *geom);

/* Empties `geom`, keeps its memory, and sets the kind. */
void geom_reset(struct geom *geom, enum geom_kind kind);

bool geom_add_point(struct geom *geom, struct geom_point point);

/* Ends the part that began after the previous one. */
bool geom_end_part(struct geom *geom, bool outer);

/* Forgets points added since the last ended part. */
void geom_drop_open(struct geom *geom);

/* Index of the first point of part `number`. */
size_t geom_part_start(const struct geom *geom, size_t number);

/* Appends parts [first, last) of `from`. */
bool geom_add_parts(struct geom *geom, const struct geom *from, size_t first,
                    size_t last);

/* One past the last ring of the polygon whose outer ring is `first`. */
size_t geom_polygon_end(const struct geom *geom, size_t first);

struct geom_box geom_box_empty(void);
struct geom_box geom_box_of(const struct geom *geom);
struct geom_box geom_box_of_points(const struct geom_point *points, size_t n);
void geom_box_add(struct geom_box *box, struct geom_point point);
bool geom_box_meets(struct geom_box a, struct geom_box b);
bool geom_box_holds(struct geom_box outer, struct geom_box inner);

/* Twice the signed area. Exact below 2^53. */
double geom_ring_area2(const struct geom_point *points, size_t n);

/* Sum over all rings, so holes count negative; square units, not doubled. */
double geom_area(const struct geom *geom);

/* Total length of all lines, in units. */
double geom_length(const struct geom *geom);

/* Reverses the order of n points. */
void geom_reverse(struct geom_point *points, size_t n);

/* True when `at` is inside the ring or on it. */
bool geom_ring_contains(const struct geom_point *points, size_t n,
                        struct geom_point at);

static inline bool geom_point_equal(struct geom_point a, struct geom_point b)
{
    return a.x == b.x && a.y == b.y;
}

/* A total order of points, used wherever a direction must be canonical. */
static inline int geom_point_compare(struct geom_point a, struct geom_point b)
{
    if (a.x != b.x)
        return a.x < b.x ? -1 : 1;
    return (a.y > b.y) - (a.y < b.y);
}

/* Sign of the turn a-b-c: -1, 0 or 1, exact. */
static inline int geom_turn(struct geom_point a, struct geom_point b,
                            struct geom_point c)
{
    __int128 left = (__int128)(b.x - a.x) * (c.y - a.y);
    __int128 right = (__int128)(b.y - a.y) * (c.x - a.x);
    return (left > right) - (left < right);
}

#endif
