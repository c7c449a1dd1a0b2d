/* osm_read.h - OpenStreetMap files through the built-in schema. */
#ifndef TILER_VECTOR_OSM_READ_H
#define TILER_VECTOR_OSM_READ_H

#include "tiler/vector/ogr_read.h"

/* Whether GDAL takes the file for OpenStreetMap data. */
bool osm_is_osm(const char *path);

/* Reads the file into the layers of osm_schema.h. Fails as ogr_read() does. */
IBX_MUST_CHECK enum ibx_status osm_read(struct intake *intake,
                                        const struct ogr_source *source,
                                        struct ibx_err *err);

#endif
