/* mvt_json.h - a vector tile as GeoJSON, for people and scripts. */
#ifndef IBX_CONVERT_MVT_JSON_H
#define IBX_CONVERT_MVT_JSON_H

#include "tiler/convert/buf.h"

/* Appends a FeatureCollection in degrees. Each feature has `id` where it has
 * one, its layer's name as member `layer`, and its attributes as properties.
 * IBX_ERR_CORRUPT when the tile breaks the Vector Tile Specification 2.1,
 * IBX_ERR_NOMEM. */
IBX_MUST_CHECK enum ibx_status mvt_to_geojson(struct bytes tile,
                                              struct ibx_zxy at,
                                              struct buf *out,
                                              struct ibx_err *err);

#endif
