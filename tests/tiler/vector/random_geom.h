/* random_geom.h - geometry from a fixed, printed seed. */
#ifndef TESTS_TILER_VECTOR_RANDOM_GEOM_H
#define TESTS_TILER_VECTOR_RANDOM_GEOM_H

#include <math.h>
#include <stdint.h>

#include "tiler/vector/geom.h"

struct random_state {
    uint64_t state;
};

static inline uint64_t random_next(struct random_state *r)
{
    r->state = r->state * UINT64_C(6364136223846793005) + 1442695040888963407;
    uint64_t v = r->state;
    v ^= v >> 33;
    return v * UINT64_C(0xff51afd7ed558ccd) >> 11;
}

/* 0 .. n-1 */
static inline int64_t random_below(struct random_state *r, int64_t n)
{
    return (int64_t)(random_next(r) % (uint64_t)n);
}

/* A ring around (cx, cy) whose radius changes at every step: simple, wound as
 * an outer ring, with deep bays. */
static inline void random_star(struct random_state *r, struct geom *geom,
                               struct geom_point center, int64_t radius,
                               bool outer)
{
    int n = 5 + (int)random_below(r, 40);
    struct geom_point first = {0, 0}, last = {0, 0};
    for (int i = 0; i < n; i++) {
        double angle = 6.283185307179586 * i / n;
        double reach = (double)(radius / 4 + random_below(r, radius * 3 / 4));
        if (!outer)
            angle = -angle;
        struct geom_point p = {center.x + (int64_t)(cos(angle) * reach),
                               center.y + (int64_t)(sin(angle) * reach)};
        if (i > 0 && (geom_point_equal(p, last) || geom_point_equal(p, first)))
            continue;
        if (i == 0)
            first = p;
        last = p;
        if (!geom_add_point(geom, p))
            return;
    }
    (void)geom_end_part(geom, outer);
}

#endif
