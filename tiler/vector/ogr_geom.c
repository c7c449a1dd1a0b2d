#include "tiler/vector/ogr_geom.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tiler/vector/project.h"

static bool is_authority(OGRSpatialReferenceH srs, const char *code)
{
    const char *name = OSRGetAuthorityName(srs, NULL);
    const char *have = OSRGetAuthorityCode(srs, NULL);
    return name != NULL && have != NULL && strcmp(name, "EPSG") == 0 &&
           strcmp(have, code) == 0;
}

/* WGS 84 and what differs from it by less than map data are exact: the
 * common datums of GPS-era data, in degrees from Greenwich. */
static bool is_lonlat(OGRSpatialReferenceH srs)
{
    const char *name = OSRGetAuthorityName(srs, NULL);
    const char *code = OSRGetAuthorityCode(srs, NULL);
    if (name != NULL && code != NULL && strcmp(name, "OGC") == 0 &&
        strcmp(code, "CRS84") == 0)
        return true;
    return is_authority(srs, "4326") || is_authority(srs, "4979");
}

static OGRCoordinateTransformationH to_lonlat(OGRSpatialReferenceH srs)
{
    OGRSpatialReferenceH wgs84 = OSRNewSpatialReference(NULL);
    if (wgs84 == NULL)
        return NULL;
    OGRCoordinateTransformationH transform = NULL;
    if (OSRImportFromEPSG(wgs84, 4326) == OGRERR_NONE) {
        OSRSetAxisMappingStrategy(wgs84, OAMS_TRADITIONAL_GIS_ORDER);
        transform = OCTNewCoordinateTransformation(srs, wgs84);
    }
    OSRDestroySpatialReference(wgs84);
    return transform;
}

bool ogr_projection_init(struct ogr_projection *projection,
                         OGRSpatialReferenceH srs, unsigned bits)
{
    *projection = (struct ogr_projection){.how = OGR_LONLAT, .bits = bits};
    if (srs == NULL)
        return true;
    /* GIS order whatever the authority says: what OGR's drivers deliver. */
    if (is_lonlat(srs) &&
        OSRGetAxisMappingStrategy(srs) == OAMS_TRADITIONAL_GIS_ORDER)
        return true;
    if (is_authority(srs, "3857")) {
        projection->how = OGR_METRES;
        return true;
    }
    projection->how = OGR_TRANSFORM;
    projection->transform = to_lonlat(srs);
    return projection->transform != NULL;
}

void ogr_projection_fini(struct ogr_projection *projection)
{
    if (projection->transform != NULL)
        OCTDestroyCoordinateTransformation(projection->transform);
    projection->transform = NULL;
}

void ogr_shapes_fini(struct ogr_shapes *shapes)
{
    geom_free(&shapes->points);
    geom_free(&shapes->lines);
    geom_free(&shapes->polygons);
    free(shapes->coords);
    *shapes = (struct ogr_shapes){0};
}

/* Where reading one geometry stands. */
struct reading {
    struct ogr_shapes *shapes;
    const struct ogr_projection *projection;
};

/* Loads n points: x from coords, y from coords + n + PROJECT_POLE_POINTS on. */
static enum ogr_shapes_status load(struct reading *r, OGRGeometryH from,
                                   size_t *n)
{
    struct ogr_shapes *shapes = r->shapes;
    int count = OGR_G_GetPointCount(from);
    *n = count < 0 ? 0 : (size_t)count;
    size_t room = *n + PROJECT_POLE_POINTS;
    if (2 * room > shapes->coords_cap) {
        size_t cap = 4 * room;
        double *coords = realloc(shapes->coords, cap * sizeof *coords);
        if (coords == NULL)
            return OGR_SHAPES_NOMEM;
        shapes->coords = coords;
        shapes->coords_cap = cap;
    }
    if (*n == 0)
        return OGR_SHAPES_OK;
    double *x = shapes->coords, *y = x + room;
    OGR_G_GetPoints(from, x, sizeof *x, y, sizeof *y, NULL, 0);
    if (r->projection->how == OGR_TRANSFORM &&
        !OCTTransform(r->projection->transform, count, x, y, NULL))
        return OGR_SHAPES_BAD_COORDS;
    return OGR_SHAPES_OK;
}

static bool are_places(const struct reading *r, const double *x,
                       const double *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool place = r->projection->how == OGR_METRES
                         ? fabs(x[i]) < 6e7 && fabs(y[i]) < 3e8
                         : project_is_place(x[i], y[i]);
        if (!place)
            return false;
    }
    return true;
}

/* Adds the points of a point, line or ring to the open part of `to`. */
static enum ogr_shapes_status add_points(struct reading *r, OGRGeometryH from,
                                         bool ring, struct geom *to)
{
    size_t n;
    enum ogr_shapes_status status = load(r, from, &n);
    if (status != OGR_SHAPES_OK)
        return status;
    double *x = r->shapes->coords, *y = x + n + PROJECT_POLE_POINTS;
    if (!are_places(r, x, y, n))
        return OGR_SHAPES_BAD_COORDS;
    bool metres = r->projection->how == OGR_METRES;
    unsigned bits = r->projection->bits;
    if (!metres)
        project_unwrap(x, y, n, ring);
    if (!metres && ring)
        n = project_close_pole(x, y, n);
    size_t start = geom_part_start(to, to->nparts);
    for (size_t i = 0; i < n; i++) {
        struct geom_point p = metres ? project_metres(x[i], y[i], bits)
                                     : project_lonlat(x[i], y[i], bits);
        if (to->kind != GEOM_POINT && to->npoints > start &&
            geom_point_equal(to->points[to->npoints - 1], p))
            continue;
        if (!geom_add_point(to, p))
            return OGR_SHAPES_NOMEM;
    }
    if (ring && to->npoints - start > 1 &&
        geom_point_equal(to->points[start], to->points[to->npoints - 1]))
        to->npoints--;
    return OGR_SHAPES_OK;
}

static enum ogr_shapes_status read_line(struct reading *r, OGRGeometryH from)
{
    struct geom *lines = &r->shapes->lines;
    enum ogr_shapes_status status = add_points(r, from, false, lines);
    if (status != OGR_SHAPES_OK)
        return status;
    size_t start = geom_part_start(lines, lines->nparts);
    if (lines->npoints == start)
        return OGR_SHAPES_OK;
    /* A line without length is still a feature: two equal points. */
    if (lines->npoints - start == 1 &&
        !geom_add_point(lines, lines->points[start]))
        return OGR_SHAPES_NOMEM;
    return geom_end_part(lines, false) ? OGR_SHAPES_OK : OGR_SHAPES_NOMEM;
}

/* Moves the open ring by whole worlds to where its outer ring is. */
static void follow_outer(struct geom *to, size_t outer, unsigned bits)
{
    size_t first = geom_part_start(to, outer);
    size_t start = geom_part_start(to, to->nparts);
    struct geom_box around =
        geom_box_of_points(to->points + first, to->parts[outer].end - first);
    struct geom_box here =
        geom_box_of_points(to->points + start, to->npoints - start);
    int64_t world = INT64_C(1) << bits, move = 0;
    if (here.max_x < around.min_x)
        move = world;
    if (here.min_x > around.max_x)
        move = -world;
    for (size_t i = start; i < to->npoints; i++)
        to->points[i].x += move;
}

static enum ogr_shapes_status read_polygon(struct reading *r, OGRGeometryH from)
{
    struct geom *to = &r->shapes->polygons;
    size_t outer = to->nparts;
    int nrings = OGR_G_GetGeometryCount(from);
    for (int i = 0; i < nrings; i++) {
        enum ogr_shapes_status status =
            add_points(r, OGR_G_GetGeometryRef(from, i), true, to);
        if (status != OGR_SHAPES_OK)
            return status;
        if (to->npoints == geom_part_start(to, to->nparts)) {
            if (i == 0)
                return OGR_SHAPES_OK; /* an empty polygon */
            continue;
        }
        if (i > 0)
            follow_outer(to, outer, r->projection->bits);
        if (!geom_end_part(to, i == 0))
            return OGR_SHAPES_NOMEM;
    }
    return OGR_SHAPES_OK;
}

/* Nested deeper than this, a collection is an attack, not a map. */
enum { MAX_NESTING = 16 };

static enum ogr_shapes_status read_any(struct reading *r, OGRGeometryH from,
                                       int depth);

static enum ogr_shapes_status read_members(struct reading *r, OGRGeometryH from,
                                           int depth)
{
    if (depth >= MAX_NESTING)
        return OGR_SHAPES_BAD_KIND;
    int n = OGR_G_GetGeometryCount(from);
    for (int i = 0; i < n; i++) {
        enum ogr_shapes_status status =
            read_any(r, OGR_G_GetGeometryRef(from, i), depth + 1);
        if (status != OGR_SHAPES_OK)
            return status;
    }
    return OGR_SHAPES_OK;
}

/* Curves become lines of short segments first. */
static enum ogr_shapes_status read_curve(struct reading *r, OGRGeometryH from,
                                         int depth)
{
    OGRGeometryH linear = OGR_G_GetLinearGeometry(from, 0, NULL);
    if (linear == NULL)
        return OGR_SHAPES_BAD_KIND;
    bool still = OGR_GT_IsNonLinear(OGR_G_GetGeometryType(linear)) != 0;
    enum ogr_shapes_status status =
        still ? OGR_SHAPES_BAD_KIND : read_any(r, linear, depth);
    OGR_G_DestroyGeometry(linear);
    return status;
}

static enum ogr_shapes_status read_any(struct reading *r, OGRGeometryH from,
                                       int depth)
{
    if (from == NULL)
        return OGR_SHAPES_OK;
    if (OGR_GT_IsNonLinear(OGR_G_GetGeometryType(from)))
        return read_curve(r, from, depth);
    switch (wkbFlatten(OGR_G_GetGeometryType(from))) {
    case wkbPoint:
        return add_points(r, from, false, &r->shapes->points);
    case wkbLineString:
        return read_line(r, from);
    case wkbPolygon:
    case wkbTriangle:
        return read_polygon(r, from);
    case wkbMultiPoint:
    case wkbMultiLineString:
    case wkbMultiPolygon:
    case wkbGeometryCollection:
    case wkbPolyhedralSurface:
    case wkbTIN:
        return read_members(r, from, depth);
    default:
        return OGR_SHAPES_BAD_KIND;
    }
}

enum ogr_shapes_status ogr_shapes_read(struct ogr_shapes *shapes,
                                       OGRGeometryH geometry,
                                       const struct ogr_projection *projection)
{
    geom_reset(&shapes->points, GEOM_POINT);
    geom_reset(&shapes->lines, GEOM_LINE);
    geom_reset(&shapes->polygons, GEOM_POLYGON);
    struct reading r = {shapes, projection};
    enum ogr_shapes_status status = read_any(&r, geometry, 0);
    if (status == OGR_SHAPES_OK && shapes->points.npoints > 0 &&
        !geom_end_part(&shapes->points, false))
        return OGR_SHAPES_NOMEM;
    return status;
}
