/* ogr_feature.h - one OGR layer's features into an intake. */
#ifndef TILER_VECTOR_OGR_FEATURE_H
#define TILER_VECTOR_OGR_FEATURE_H

#include "tiler/vector/intake.h"
#include "tiler/vector/ogr_geom.h"
#include "tiler/vector/rule.h"

/* What becomes of an OGR field. */
struct ogr_field {
    uint32_t key; /* UINT32_MAX: not wanted */
    int type;     /* OGRFieldType */
    int subtype;  /* OGRFieldSubType */
};

/* A layer being read. */
struct ogr_layer_map {
    struct intake *intake;
    uint32_t layer; /* tile layer */
    struct ogr_projection projection;
    struct ogr_field *fields;
    int nfields;
    /* Fields with a role; -1: none. FEATURE_ID_FID: OGR's own number. */
    int feature_id, sort, minzoom, maxzoom;
    uint8_t band_min, band_max;
    struct ogr_shapes shapes;
};

enum { FEATURE_ID_FID = -2 };

/* Prepares reading `ogr_layer` into tile layer `layer`. ERR_INVALID names an
 * attribute that the layer has not, or its CRS. Notes in the rule (or NULL)
 * which attributes there are. */
IBX_MUST_CHECK enum ibx_status ogr_layer_map_init(struct ogr_layer_map *map,
                                                  OGRLayerH ogr_layer,
                                                  struct layer_rule *rule,
                                                  struct ibx_err *err);
void ogr_layer_map_fini(struct ogr_layer_map *map);

/* Takes a feature in. Fails as intake_add() does. */
IBX_MUST_CHECK enum ibx_status ogr_take_feature(struct ogr_layer_map *map,
                                                OGRFeatureH feature,
                                                struct ibx_err *err);

/* Takes in the geometry alone, with the attributes in intake->set and what
 * `head` says; counts what is wrong with it. */
IBX_MUST_CHECK enum ibx_status ogr_take_geometry(
    struct ogr_layer_map *map, OGRGeometryH geometry,
    const struct feature_head *head, struct ibx_err *err);

#endif
