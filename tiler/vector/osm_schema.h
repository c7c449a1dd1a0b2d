/* osm_schema.h - what a map shows of OpenStreetMap: from tags to tile layers.
 * Pure tables; docs/vector.md lists them for map makers. */
#ifndef TILER_VECTOR_OSM_SCHEMA_H
#define TILER_VECTOR_OSM_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct osm_tag {
    const char *key, *value;
};

/* Borrowed strings. */
struct osm_tags {
    const struct osm_tag *items;
    size_t count;
};

/* The value of a key, or NULL. */
const char *osm_tag(const struct osm_tags *tags, const char *key);

enum osm_shape { OSM_NODE = 1, OSM_LINE = 2, OSM_AREA = 4 };

#define OSM_LAYER_LIST(X)                                                      \
    X(OSM_ROADS, "roads")                                                      \
    X(OSM_WATER, "water")                                                      \
    X(OSM_LANDUSE, "landuse")                                                  \
    X(OSM_BUILDINGS, "buildings")                                              \
    X(OSM_BOUNDARIES, "boundaries")                                            \
    X(OSM_PLACES, "places")                                                    \
    X(OSM_POIS, "pois")

enum osm_layer {
#define OSM_LAYER_ENUM(name, text) name,
    OSM_LAYER_LIST(OSM_LAYER_ENUM)
#undef OSM_LAYER_ENUM
        OSM_NLAYERS
};

const char *osm_layer_name(enum osm_layer layer);

/* One appearance of a feature. */
struct osm_look {
    enum osm_layer layer;
    const char *class_name; /* the attribute `class`; borrowed */
    const char *subclass;   /* the tag's value, or NULL where it is the class */
    uint8_t minzoom;
    float order;     /* more important ones are larger; draws later */
    bool as_point;   /* an area shown by a point inside it */
    bool as_outline; /* an area shown by its rings */
    bool has_id;     /* lines have none, so that pieces can be merged */
};

enum { OSM_MAX_LOOKS = 3 };

/* Fills looks[] and returns how many there are. */
size_t osm_looks(const struct osm_tags *tags, enum osm_shape shape,
                 struct osm_look looks[OSM_MAX_LOOKS]);

/* Whether a tag becomes an attribute in a layer, besides class. Names (`name`
 * and `name:xx`) do wherever things have names. */
bool osm_wants_tag(enum osm_layer layer, const char *key);

/* Whether its value is written as a whole number when it is one. */
bool osm_is_number(const char *key);

/* OGR's configuration for OSM files: which tags make a closed way an area,
 * and all tags in one attribute. Constant, NUL-terminated. */
const char *osm_ogr_configuration(void);

#endif
