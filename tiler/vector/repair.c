#include "tiler/vector/repair.h"

#include <geos_c.h>
#include <math.h>
#include <stdlib.h>

#include "tiler/vector/resolve.h"
#include "tiler/vector/shape.h"
#include "tiler/vector/simple.h"

struct repair {
    GEOSContextHandle_t geos;
    GEOSMakeValidParams *params;
    struct simple_work simple;
    struct resolve_work resolve;
    struct geom rings, result;
};

struct repair *repair_new(void)
{
    struct repair *repair = calloc(1, sizeof *repair);
    if (repair == NULL)
        return NULL;
    /* No message handlers: what fails is counted by the caller. */
    repair->geos = GEOS_init_r();
    if (repair->geos != NULL)
        repair->params = GEOSMakeValidParams_create_r(repair->geos);
    if (repair->params == NULL) {
        repair_free(repair);
        return NULL;
    }
    /* "Structure" joins overlapping polygons; the other method would cut
     * holes where two overlap. */
    GEOSMakeValidParams_setMethod_r(repair->geos, repair->params,
                                    GEOS_MAKE_VALID_STRUCTURE);
    GEOSMakeValidParams_setKeepCollapsed_r(repair->geos, repair->params, 0);
    return repair;
}

void repair_free(struct repair *repair)
{
    if (repair == NULL)
        return;
    if (repair->params != NULL)
        GEOSMakeValidParams_destroy_r(repair->geos, repair->params);
    if (repair->geos != NULL)
        GEOS_finish_r(repair->geos);
    simple_work_free(&repair->simple);
    resolve_work_free(&repair->resolve);
    geom_free(&repair->rings);
    geom_free(&repair->result);
    free(repair);
}

/* ---- to GEOS and back --------------------------------------------------- */

static GEOSGeometry *ring_to_geos(GEOSContextHandle_t geos,
                                  const struct geom_point *p, size_t n)
{
    GEOSCoordSequence *seq = GEOSCoordSeq_create_r(geos, (unsigned)(n + 1), 2);
    if (seq == NULL)
        return NULL;
    for (size_t i = 0; i <= n; i++) {
        struct geom_point at = p[i % n];
        if (!GEOSCoordSeq_setXY_r(geos, seq, (unsigned)i, (double)at.x,
                                  (double)at.y)) {
            GEOSCoordSeq_destroy_r(geos, seq);
            return NULL;
        }
    }
    return GEOSGeom_createLinearRing_r(geos, seq);
}

static GEOSGeometry *part_to_geos(GEOSContextHandle_t geos,
                                  const struct geom *geom, size_t part)
{
    size_t start = geom_part_start(geom, part);
    return ring_to_geos(geos, geom->points + start,
                        geom->parts[part].end - start);
}

static void destroy_all(GEOSContextHandle_t geos, GEOSGeometry **items,
                        size_t n)
{
    for (size_t i = 0; i < n; i++)
        GEOSGeom_destroy_r(geos, items[i]);
    free(items);
}

static GEOSGeometry *polygon_to_geos(GEOSContextHandle_t geos,
                                     const struct geom *geom, size_t first,
                                     size_t last)
{
    size_t nholes = last - first - 1;
    GEOSGeometry **holes = calloc(nholes + 1, sizeof(GEOSGeometry *));
    if (holes == NULL)
        return NULL;
    GEOSGeometry *outer = part_to_geos(geos, geom, first);
    size_t n = 0;
    while (outer != NULL && n < nholes) {
        holes[n] = part_to_geos(geos, geom, first + 1 + n);
        if (holes[n] == NULL)
            break;
        n++;
    }
    if (outer == NULL || n < nholes) {
        if (outer != NULL)
            GEOSGeom_destroy_r(geos, outer);
        destroy_all(geos, holes, n);
        return NULL;
    }
    /* Takes the rings, whether it succeeds or not. */
    GEOSGeometry *polygon =
        GEOSGeom_createPolygon_r(geos, outer, holes, (unsigned)nholes);
    free(holes);
    return polygon;
}

static GEOSGeometry *to_geos(GEOSContextHandle_t geos, const struct geom *geom)
{
    GEOSGeometry **polygons = calloc(geom->nparts + 1, sizeof(GEOSGeometry *));
    if (polygons == NULL)
        return NULL;
    size_t n = 0;
    for (size_t first = 0; first < geom->nparts;) {
        size_t last = geom_polygon_end(geom, first);
        polygons[n] = polygon_to_geos(geos, geom, first, last);
        if (polygons[n] == NULL) {
            destroy_all(geos, polygons, n);
            return NULL;
        }
        n++;
        first = last;
    }
    GEOSGeometry *all = GEOSGeom_createCollection_r(geos, GEOS_MULTIPOLYGON,
                                                    polygons, (unsigned)n);
    free(polygons);
    return all;
}

/* Appends a ring; positive area when `outer`. */
static bool ring_from_geos(GEOSContextHandle_t geos, const GEOSGeometry *ring,
                           bool outer, struct geom *to)
{
    const GEOSCoordSequence *seq = GEOSGeom_getCoordSeq_r(geos, ring);
    unsigned n = 0;
    if (seq == NULL || !GEOSCoordSeq_getSize_r(geos, seq, &n))
        return false;
    size_t start = to->npoints;
    for (unsigned i = 0; i + 1 < n; i++) {
        double x, y;
        if (!GEOSCoordSeq_getXY_r(geos, seq, i, &x, &y) ||
            !geom_add_point(to, (struct geom_point){llround(x), llround(y)}))
            return false;
    }
    size_t count = to->npoints - start;
    double area2 = geom_ring_area2(to->points + start, count);
    if ((area2 > 0) != outer)
        geom_reverse(to->points + start, count);
    bool kept;
    return shape_end_ring(to, outer, &kept);
}

static bool polygon_from_geos(GEOSContextHandle_t geos,
                              const GEOSGeometry *polygon, struct geom *to)
{
    const GEOSGeometry *outer = GEOSGetExteriorRing_r(geos, polygon);
    size_t before = to->nparts;
    if (outer == NULL || !ring_from_geos(geos, outer, true, to))
        return false;
    if (to->nparts == before)
        return true; /* no area on the grid, so its holes have none either */
    int nholes = GEOSGetNumInteriorRings_r(geos, polygon);
    for (int i = 0; i < nholes; i++) {
        const GEOSGeometry *hole = GEOSGetInteriorRingN_r(geos, polygon, i);
        if (hole == NULL || !ring_from_geos(geos, hole, false, to))
            return false;
    }
    return true;
}

/* Appends the polygons of any geometry and ignores the rest of it. Recursion
 * is as deep as collections nest: once. */
static bool from_geos(GEOSContextHandle_t geos, const GEOSGeometry *from,
                      struct geom *to)
{
    int type = GEOSGeomTypeId_r(geos, from);
    if (type == GEOS_POLYGON) {
        return GEOSisEmpty_r(geos, from) == 1 ||
               polygon_from_geos(geos, from, to);
    }
    if (type != GEOS_MULTIPOLYGON && type != GEOS_GEOMETRYCOLLECTION)
        return true;
    int n = GEOSGetNumGeometries_r(geos, from);
    for (int i = 0; i < n; i++) {
        const GEOSGeometry *item = GEOSGetGeometryN_r(geos, from, i);
        if (item == NULL || !from_geos(geos, item, to))
            return false;
    }
    return true;
}

/* ---- operations --------------------------------------------------------- */

/* Rounds to the unit grid, valid, into `geom`; destroys `valid`. */
static enum repair_status take_rounded(struct repair *repair,
                                       GEOSGeometry *valid, struct geom *geom)
{
    geom_reset(geom, GEOM_POLYGON);
    if (valid == NULL)
        return REPAIR_FAILED;
    GEOSGeometry *rounded =
        GEOSGeom_setPrecision_r(repair->geos, valid, 1.0, 0);
    GEOSGeom_destroy_r(repair->geos, valid);
    if (rounded == NULL)
        return REPAIR_FAILED;
    bool ok = from_geos(repair->geos, rounded, geom);
    GEOSGeom_destroy_r(repair->geos, rounded);
    if (!ok)
        geom_reset(geom, GEOM_POLYGON);
    return ok ? REPAIR_DONE : REPAIR_FAILED;
}

/* Lets GEOS judge and repair. */
static enum repair_status repair_by_geos(struct repair *repair,
                                         struct geom *geom)
{
    GEOSGeometry *all = to_geos(repair->geos, geom);
    if (all == NULL) {
        geom_reset(geom, GEOM_POLYGON);
        return REPAIR_FAILED;
    }
    if (GEOSisValid_r(repair->geos, all) == 1) {
        GEOSGeom_destroy_r(repair->geos, all);
        return REPAIR_FINE;
    }
    GEOSGeometry *valid =
        GEOSMakeValidWithParams_r(repair->geos, all, repair->params);
    GEOSGeom_destroy_r(repair->geos, all);
    return take_rounded(repair, valid, geom);
}

/* REPAIR_DONE: something is to be done. */
static enum repair_status look(struct repair *repair, const struct geom *geom)
{
    if (geom->nparts == 0)
        return REPAIR_FINE;
    switch (simple_polygons(&repair->simple, geom)) {
    case SIMPLE_YES:
        return REPAIR_FINE;
    case SIMPLE_NOMEM:
        return REPAIR_NOMEM;
    case SIMPLE_UNSURE:
        break;
    }
    return REPAIR_DONE;
}

/* Rings that touch where they may come out as they went in, or with a vertex
 * more where one of them touches an edge of another. */
static bool is_same(const struct geom *before, const struct geom *after)
{
    return after->nparts == before->nparts &&
           after->npoints >= before->npoints &&
           geom_area(after) == geom_area(before);
}

static enum repair_status mend(struct repair *repair, struct geom *geom,
                               enum resolve_how how)
{
    enum repair_status status = look(repair, geom);
    if (status != REPAIR_DONE)
        return status;
    switch (resolve_polygons(&repair->resolve, geom, how, &repair->result)) {
    case RESOLVE_NOMEM:
        return REPAIR_NOMEM;
    case RESOLVE_UNSURE:
        return repair_by_geos(repair, geom);
    case RESOLVE_OK:
        break;
    }
    bool same = is_same(geom, &repair->result);
    struct geom swap = *geom;
    *geom = repair->result;
    repair->result = swap;
    return same ? REPAIR_FINE : REPAIR_DONE;
}

/* A ring that crosses itself in the source encloses both of its lobes. */
enum repair_status repair_polygons(struct repair *repair, struct geom *geom)
{
    return mend(repair, geom, RESOLVE_NONZERO);
}

enum repair_status repair_rounded(struct repair *repair, struct geom *geom)
{
    return mend(repair, geom, RESOLVE_POSITIVE);
}

bool repair_crossings(struct repair *repair, const struct geom *geom,
                      bool (*on_crossing)(void *arg,
                                          const struct geom_point edge[2],
                                          struct geom_point at),
                      void *arg)
{
    enum repair_status status = look(repair, geom);
    if (status != REPAIR_DONE)
        return status == REPAIR_FINE;
    return resolve_crossings(&repair->resolve, geom, on_crossing, arg) ==
           RESOLVE_OK;
}

enum repair_status repair_union(struct repair *repair, struct geom *geom)
{
    GEOSGeometry *all = to_geos(repair->geos, geom);
    GEOSGeometry *joined =
        all == NULL ? NULL : GEOSUnaryUnionPrec_r(repair->geos, all, 1.0);
    if (all != NULL)
        GEOSGeom_destroy_r(repair->geos, all);
    return take_rounded(repair, joined, geom);
}

enum repair_status repair_clip(struct repair *repair, struct geom *geom,
                               struct geom_box box)
{
    GEOSGeometry *all = to_geos(repair->geos, geom);
    GEOSGeometry *valid =
        all == NULL
            ? NULL
            : GEOSMakeValidWithParams_r(repair->geos, all, repair->params);
    if (all != NULL)
        GEOSGeom_destroy_r(repair->geos, all);
    if (valid == NULL)
        return take_rounded(repair, NULL, geom);
    GEOSGeometry *cut = GEOSClipByRect_r(repair->geos, valid, (double)box.min_x,
                                         (double)box.min_y, (double)box.max_x,
                                         (double)box.max_y);
    GEOSGeom_destroy_r(repair->geos, valid);
    /* The cut may be invalid where rings met on the side of the box. */
    GEOSGeometry *fixed =
        cut == NULL
            ? NULL
            : GEOSMakeValidWithParams_r(repair->geos, cut, repair->params);
    if (cut != NULL)
        GEOSGeom_destroy_r(repair->geos, cut);
    return take_rounded(repair, fixed, geom);
}
