/* ogr_geom.h - OGR geometries to world units. */
#ifndef TILER_VECTOR_OGR_GEOM_H
#define TILER_VECTOR_OGR_GEOM_H

#include <ogr_api.h>
#include <ogr_srs_api.h>

#include "tiler/vector/geom.h"

/* How a layer's coordinates become world units. */
struct ogr_projection {
    enum { OGR_LONLAT, OGR_METRES, OGR_TRANSFORM } how;
    OGRCoordinateTransformationH transform; /* to longitude, latitude */
    unsigned bits;
};

/* For coordinates in `srs` (NULL: taken for longitude, latitude). False: PROJ
 * knows no way. Free with ogr_projection_fini(). */
bool ogr_projection_init(struct ogr_projection *projection,
                         OGRSpatialReferenceH srs, unsigned bits);
void ogr_projection_fini(struct ogr_projection *projection);

/* A feature's geometry by kinds: a collection may have all three. */
struct ogr_shapes {
    struct geom points, lines, polygons;
    double *coords; /* scratch */
    size_t coords_cap;
};

void ogr_shapes_fini(struct ogr_shapes *shapes);

enum ogr_shapes_status {
    OGR_SHAPES_OK, /* kinds without parts are not there */
    OGR_SHAPES_NOMEM,
    OGR_SHAPES_BAD_COORDS, /* not finite, off the earth, not projectable */
    OGR_SHAPES_BAD_KIND    /* no geometry that a map could show */
};

enum ogr_shapes_status ogr_shapes_read(struct ogr_shapes *shapes,
                                       OGRGeometryH geometry,
                                       const struct ogr_projection *projection);

#endif
