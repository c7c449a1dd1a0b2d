#include "tiler/vector/osm_schema.h"

#include <stdlib.h>
#include <string.h>

const char *osm_ogr_configuration(void)
{
    /* The last two make GDAL 3.6 look at tags as long as they are: without a
     * long entry it takes hardly any closed way for an area. */
    return "closed_ways_are_polygons=aeroway,amenity,building,craft,historic,"
           "landuse,leisure,military,natural,office,place,shop,tourism,water,"
           "wetland,highway=platform,public_transport=platform\n"
           "attribute_name_laundering=no\n"
           "[points]\nosm_id=yes\nattributes=\nother_tags=yes\n"
           "unsignificant=created_by,source\n"
           "[lines]\nosm_id=yes\nattributes=\nother_tags=yes\n"
           "[multipolygons]\nosm_id=yes\nattributes=\nother_tags=yes\n"
           "[multilinestrings]\nosm_id=yes\nattributes=\nother_tags=yes\n"
           "[other_relations]\nosm_id=yes\nattributes=\nother_tags=yes\n";
}

static const char *const layer_names[] = {
#define OSM_LAYER_TEXT(name, text) text,
    OSM_LAYER_LIST(OSM_LAYER_TEXT)
#undef OSM_LAYER_TEXT
};

const char *osm_layer_name(enum osm_layer layer)
{
    return layer_names[layer];
}

const char *osm_tag(const struct osm_tags *tags, const char *key)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (strcmp(tags->items[i].key, key) == 0)
            return tags->items[i].value;
    }
    return NULL;
}

/* A tag that makes a feature appear. The first row that fits decides. */
struct row {
    const char *key, *value; /* value NULL: any but "no" */
    unsigned shapes;         /* bits of enum osm_shape */
    enum osm_layer layer;
    const char *class_name; /* NULL: the value itself */
    uint8_t minzoom;
    float order;
};

/* clang-format off */
static const struct row rows[] = {
    /* roads */
    {"highway", "motorway", OSM_LINE, OSM_ROADS, "motorway", 4, 20},
    {"highway", "motorway_link", OSM_LINE, OSM_ROADS, "motorway", 9, 19},
    {"highway", "trunk", OSM_LINE, OSM_ROADS, "trunk", 6, 18},
    {"highway", "trunk_link", OSM_LINE, OSM_ROADS, "trunk", 10, 17},
    {"highway", "primary", OSM_LINE, OSM_ROADS, "primary", 7, 16},
    {"highway", "primary_link", OSM_LINE, OSM_ROADS, "primary", 11, 15},
    {"highway", "secondary", OSM_LINE, OSM_ROADS, "secondary", 9, 14},
    {"highway", "secondary_link", OSM_LINE, OSM_ROADS, "secondary", 11, 13},
    {"highway", "tertiary", OSM_LINE, OSM_ROADS, "tertiary", 10, 12},
    {"highway", "tertiary_link", OSM_LINE, OSM_ROADS, "tertiary", 12, 11},
    {"highway", "unclassified", OSM_LINE, OSM_ROADS, "minor", 12, 10},
    {"highway", "residential", OSM_LINE, OSM_ROADS, "minor", 12, 10},
    {"highway", "living_street", OSM_LINE, OSM_ROADS, "minor", 12, 9},
    {"highway", "road", OSM_LINE, OSM_ROADS, "minor", 12, 9},
    {"highway", "pedestrian", OSM_LINE, OSM_ROADS, "path", 13, 7},
    {"highway", "service", OSM_LINE, OSM_ROADS, "service", 13, 6},
    {"highway", "track", OSM_LINE, OSM_ROADS, "track", 13, 5},
    {"highway", "footway", OSM_LINE, OSM_ROADS, "path", 13, 3},
    {"highway", "cycleway", OSM_LINE, OSM_ROADS, "path", 13, 4},
    {"highway", "bridleway", OSM_LINE, OSM_ROADS, "path", 13, 3},
    {"highway", "path", OSM_LINE, OSM_ROADS, "path", 13, 3},
    {"highway", "steps", OSM_LINE, OSM_ROADS, "path", 14, 2},
    {"highway", "construction", OSM_LINE, OSM_ROADS, "construction", 13, 1},
    {"railway", "rail", OSM_LINE, OSM_ROADS, "rail", 8, 14},
    {"railway", "light_rail", OSM_LINE, OSM_ROADS, "rail", 11, 8},
    {"railway", "subway", OSM_LINE, OSM_ROADS, "rail", 12, 8},
    {"railway", "tram", OSM_LINE, OSM_ROADS, "rail", 12, 7},
    {"railway", "funicular", OSM_LINE, OSM_ROADS, "rail", 12, 7},
    {"railway", "narrow_gauge", OSM_LINE, OSM_ROADS, "rail", 10, 7},
    {"route", "ferry", OSM_LINE, OSM_ROADS, "ferry", 8, 6},
    {"aerialway", NULL, OSM_LINE, OSM_ROADS, "aerialway", 12, 5},
    {"aeroway", "runway", OSM_LINE, OSM_ROADS, "runway", 11, 9},
    {"aeroway", "taxiway", OSM_LINE, OSM_ROADS, "taxiway", 13, 4},
    /* water */
    {"waterway", "river", OSM_LINE, OSM_WATER, "river", 8, 4},
    {"waterway", "canal", OSM_LINE, OSM_WATER, "canal", 10, 3},
    {"waterway", "stream", OSM_LINE, OSM_WATER, "stream", 12, 2},
    {"waterway", "ditch", OSM_LINE, OSM_WATER, "ditch", 14, 1},
    {"waterway", "drain", OSM_LINE, OSM_WATER, "drain", 14, 1},
    {"natural", "water", OSM_AREA, OSM_WATER, "lake", 0, 0},
    {"natural", "bay", OSM_AREA, OSM_WATER, "ocean", 6, 0},
    {"natural", "glacier", OSM_AREA, OSM_LANDUSE, "ice", 2, 0},
    {"waterway", "riverbank", OSM_AREA, OSM_WATER, "river", 4, 0},
    {"waterway", "dock", OSM_AREA, OSM_WATER, "dock", 10, 0},
    {"landuse", "reservoir", OSM_AREA, OSM_WATER, "lake", 4, 0},
    {"landuse", "basin", OSM_AREA, OSM_WATER, "lake", 10, 0},
    {"leisure", "swimming_pool", OSM_AREA, OSM_WATER, "pool", 14, 0},
    /* land use and land cover */
    {"natural", "wood", OSM_AREA, OSM_LANDUSE, "wood", 6, 0},
    {"landuse", "forest", OSM_AREA, OSM_LANDUSE, "wood", 6, 0},
    {"natural", "scrub", OSM_AREA, OSM_LANDUSE, "scrub", 9, 0},
    {"natural", "heath", OSM_AREA, OSM_LANDUSE, "scrub", 9, 0},
    {"natural", "grassland", OSM_AREA, OSM_LANDUSE, "grass", 9, 0},
    {"landuse", "grass", OSM_AREA, OSM_LANDUSE, "grass", 11, 0},
    {"landuse", "meadow", OSM_AREA, OSM_LANDUSE, "grass", 9, 0},
    {"landuse", "farmland", OSM_AREA, OSM_LANDUSE, "farmland", 8, 0},
    {"landuse", "orchard", OSM_AREA, OSM_LANDUSE, "farmland", 9, 0},
    {"landuse", "vineyard", OSM_AREA, OSM_LANDUSE, "farmland", 9, 0},
    {"natural", "wetland", OSM_AREA, OSM_LANDUSE, "wetland", 8, 0},
    {"natural", "sand", OSM_AREA, OSM_LANDUSE, "sand", 9, 0},
    {"natural", "beach", OSM_AREA, OSM_LANDUSE, "sand", 10, 0},
    {"natural", "bare_rock", OSM_AREA, OSM_LANDUSE, "rock", 8, 0},
    {"natural", "scree", OSM_AREA, OSM_LANDUSE, "rock", 9, 0},
    {"leisure", "park", OSM_AREA, OSM_LANDUSE, "park", 10, 1},
    {"leisure", "garden", OSM_AREA, OSM_LANDUSE, "park", 13, 1},
    {"leisure", "nature_reserve", OSM_AREA, OSM_LANDUSE, "reserve", 8, 1},
    {"boundary", "national_park", OSM_AREA, OSM_LANDUSE, "reserve", 6, 1},
    {"leisure", "golf_course", OSM_AREA, OSM_LANDUSE, "golf", 11, 1},
    {"leisure", "pitch", OSM_AREA, OSM_LANDUSE, "pitch", 13, 2},
    {"leisure", "playground", OSM_AREA, OSM_LANDUSE, "pitch", 14, 2},
    {"leisure", "stadium", OSM_AREA, OSM_LANDUSE, "pitch", 12, 2},
    {"landuse", "residential", OSM_AREA, OSM_LANDUSE, "residential", 8, -1},
    {"landuse", "commercial", OSM_AREA, OSM_LANDUSE, "commercial", 10, -1},
    {"landuse", "retail", OSM_AREA, OSM_LANDUSE, "commercial", 10, -1},
    {"landuse", "industrial", OSM_AREA, OSM_LANDUSE, "industrial", 9, -1},
    {"landuse", "quarry", OSM_AREA, OSM_LANDUSE, "industrial", 10, -1},
    {"landuse", "railway", OSM_AREA, OSM_LANDUSE, "industrial", 11, -1},
    {"landuse", "cemetery", OSM_AREA, OSM_LANDUSE, "cemetery", 11, 0},
    {"landuse", "military", OSM_AREA, OSM_LANDUSE, "military", 9, 0},
    {"landuse", "allotments", OSM_AREA, OSM_LANDUSE, "farmland", 12, 0},
    {"amenity", "school", OSM_AREA, OSM_LANDUSE, "school", 12, 1},
    {"amenity", "university", OSM_AREA, OSM_LANDUSE, "school", 11, 1},
    {"amenity", "hospital", OSM_AREA, OSM_LANDUSE, "hospital", 11, 1},
    {"amenity", "parking", OSM_AREA, OSM_LANDUSE, "parking", 14, 1},
    {"aeroway", "aerodrome", OSM_AREA, OSM_LANDUSE, "airport", 10, 0},
    {"aeroway", "apron", OSM_AREA, OSM_LANDUSE, "airport", 12, 1},
    /* buildings */
    {"building", NULL, OSM_AREA, OSM_BUILDINGS, NULL, 13, 0},
    /* places */
    {"place", "country", OSM_NODE, OSM_PLACES, NULL, 1, 90},
    {"place", "state", OSM_NODE, OSM_PLACES, NULL, 3, 80},
    {"place", "province", OSM_NODE, OSM_PLACES, NULL, 4, 75},
    {"place", "city", OSM_NODE, OSM_PLACES, NULL, 4, 70},
    {"place", "town", OSM_NODE, OSM_PLACES, NULL, 7, 60},
    {"place", "village", OSM_NODE, OSM_PLACES, NULL, 10, 50},
    {"place", "suburb", OSM_NODE, OSM_PLACES, NULL, 11, 45},
    {"place", "quarter", OSM_NODE, OSM_PLACES, NULL, 12, 42},
    {"place", "island", OSM_NODE | OSM_AREA, OSM_PLACES, NULL, 9, 41},
    {"place", "hamlet", OSM_NODE, OSM_PLACES, NULL, 12, 40},
    {"place", "neighbourhood", OSM_NODE, OSM_PLACES, NULL, 13, 35},
    {"place", "islet", OSM_NODE | OSM_AREA, OSM_PLACES, NULL, 13, 30},
    {"place", "square", OSM_NODE, OSM_PLACES, NULL, 14, 25},
    {"place", "isolated_dwelling", OSM_NODE, OSM_PLACES, NULL, 13, 20},
    {"place", "locality", OSM_NODE, OSM_PLACES, NULL, 13, 10},
    {"natural", "peak", OSM_NODE, OSM_PLACES, "peak", 11, 30},
    {"mountain_pass", "yes", OSM_NODE, OSM_PLACES, "pass", 12, 20},
    /* points of interest */
    {"aeroway", "aerodrome", OSM_NODE | OSM_AREA, OSM_POIS, "airport", 10, 20},
    {"railway", "station", OSM_NODE | OSM_AREA, OSM_POIS, "station", 12, 18},
    {"railway", "halt", OSM_NODE, OSM_POIS, "station", 13, 16},
    {"amenity", "ferry_terminal", OSM_NODE | OSM_AREA, OSM_POIS, "harbour", 12, 15},
    {"leisure", "marina", OSM_NODE | OSM_AREA, OSM_POIS, "harbour", 12, 15},
    {"amenity", "hospital", OSM_NODE | OSM_AREA, OSM_POIS, "hospital", 13, 14},
    {"amenity", "townhall", OSM_NODE | OSM_AREA, OSM_POIS, "public", 14, 12},
    {"amenity", "police", OSM_NODE | OSM_AREA, OSM_POIS, "public", 14, 12},
    {"amenity", "fire_station", OSM_NODE | OSM_AREA, OSM_POIS, "public", 14, 12},
    {"amenity", "university", OSM_NODE | OSM_AREA, OSM_POIS, "education", 13, 12},
    {"amenity", "school", OSM_NODE | OSM_AREA, OSM_POIS, "education", 14, 10},
    {"amenity", "library", OSM_NODE | OSM_AREA, OSM_POIS, "education", 14, 10},
    {"amenity", "place_of_worship", OSM_NODE | OSM_AREA, OSM_POIS, "worship", 14, 9},
    {"amenity", "pharmacy", OSM_NODE | OSM_AREA, OSM_POIS, "health", 14, 9},
    {"amenity", "doctors", OSM_NODE | OSM_AREA, OSM_POIS, "health", 14, 8},
    {"amenity", "restaurant", OSM_NODE | OSM_AREA, OSM_POIS, "food", 14, 7},
    {"amenity", "cafe", OSM_NODE | OSM_AREA, OSM_POIS, "food", 14, 7},
    {"amenity", "fast_food", OSM_NODE | OSM_AREA, OSM_POIS, "food", 14, 6},
    {"amenity", "bar", OSM_NODE | OSM_AREA, OSM_POIS, "food", 14, 6},
    {"amenity", "pub", OSM_NODE | OSM_AREA, OSM_POIS, "food", 14, 6},
    {"amenity", "fuel", OSM_NODE | OSM_AREA, OSM_POIS, "fuel", 14, 8},
    {"amenity", "bank", OSM_NODE | OSM_AREA, OSM_POIS, "money", 14, 6},
    {"amenity", "post_office", OSM_NODE | OSM_AREA, OSM_POIS, "public", 14, 8},
    {"amenity", "theatre", OSM_NODE | OSM_AREA, OSM_POIS, "culture", 14, 8},
    {"amenity", "cinema", OSM_NODE | OSM_AREA, OSM_POIS, "culture", 14, 8},
    {"tourism", "museum", OSM_NODE | OSM_AREA, OSM_POIS, "culture", 13, 11},
    {"tourism", "attraction", OSM_NODE | OSM_AREA, OSM_POIS, "attraction", 13, 11},
    {"tourism", "viewpoint", OSM_NODE, OSM_POIS, "attraction", 14, 8},
    {"tourism", "hotel", OSM_NODE | OSM_AREA, OSM_POIS, "lodging", 14, 8},
    {"tourism", "alpine_hut", OSM_NODE | OSM_AREA, OSM_POIS, "lodging", 13, 10},
    {"tourism", "camp_site", OSM_NODE | OSM_AREA, OSM_POIS, "lodging", 13, 9},
    {"historic", "castle", OSM_NODE | OSM_AREA, OSM_POIS, "attraction", 13, 11},
    {"historic", "monument", OSM_NODE | OSM_AREA, OSM_POIS, "attraction", 14, 8},
    {"highway", "bus_stop", OSM_NODE, OSM_POIS, "bus_stop", 14, 3},
    {"shop", NULL, OSM_NODE | OSM_AREA, OSM_POIS, "shop", 14, 5},
};
/* clang-format on */

enum { NROWS = sizeof rows / sizeof rows[0] };

static bool row_fits(const struct row *row, const struct osm_tags *tags,
                     enum osm_shape shape, const char **value)
{
    if ((row->shapes & shape) == 0)
        return false;
    *value = osm_tag(tags, row->key);
    if (*value == NULL)
        return false;
    return row->value == NULL ? strcmp(*value, "no") != 0
                              : strcmp(*value, row->value) == 0;
}

static struct osm_look look_of(const struct row *row, enum osm_shape shape,
                               const char *value)
{
    bool generic = row->class_name == NULL;
    bool is_label = row->layer == OSM_PLACES || row->layer == OSM_POIS;
    struct osm_look look = {
        .layer = row->layer,
        .class_name = generic ? value : row->class_name,
        .subclass = generic ? NULL : value,
        .minzoom = row->minzoom,
        .order = row->order,
        .as_point = shape == OSM_AREA && is_label,
        .has_id = shape != OSM_LINE,
    };
    /* Most buildings are tagged "yes", which is no class. */
    if (row->layer == OSM_BUILDINGS && strcmp(value, "yes") == 0)
        look.class_name = "building";
    return look;
}

/* Administrative boundaries, from tagged ways and from relations, which OGR
 * gives as areas: lines in either case. */
static bool boundary_look(const struct osm_tags *tags, enum osm_shape shape,
                          struct osm_look *look)
{
    const char *kind = osm_tag(tags, "boundary");
    const char *level = osm_tag(tags, "admin_level");
    if (shape == OSM_NODE || kind == NULL || level == NULL ||
        strcmp(kind, "administrative") != 0)
        return false;
    long number = strtol(level, NULL, 10);
    if (number < 1 || number > 10)
        return false;
    static const uint8_t minzooms[] = {0, 0, 0, 3, 4, 6, 8, 9, 10, 11, 12};
    *look = (struct osm_look){
        .layer = OSM_BOUNDARIES,
        .class_name = "administrative",
        .minzoom = minzooms[number],
        .order = (float)(11 - number),
        .as_outline = shape == OSM_AREA,
    };
    return true;
}

static bool has_layer(const struct osm_look *looks, size_t n,
                      enum osm_layer layer)
{
    for (size_t i = 0; i < n; i++) {
        if (looks[i].layer == layer)
            return true;
    }
    return false;
}

size_t osm_looks(const struct osm_tags *tags, enum osm_shape shape,
                 struct osm_look looks[OSM_MAX_LOOKS])
{
    size_t n = boundary_look(tags, shape, &looks[0]) ? 1 : 0;
    for (size_t i = 0; i < NROWS && n < OSM_MAX_LOOKS; i++) {
        const char *value;
        if (!row_fits(&rows[i], tags, shape, &value) ||
            has_layer(looks, n, rows[i].layer))
            continue;
        looks[n++] = look_of(&rows[i], shape, value);
    }
    return n;
}

static bool is_one_of(const char *key, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcmp(*words, key) == 0)
            return true;
    }
    return false;
}

bool osm_wants_tag(enum osm_layer layer, const char *key)
{
    static const char *const wanted[][12] = {
        [OSM_ROADS] = {"ref", "oneway", "bridge", "tunnel", "layer", "surface",
                       "maxspeed", "service", "access", "toll", NULL},
        [OSM_WATER] = {"intermittent", "tunnel", "bridge", NULL},
        [OSM_LANDUSE] = {"wetland", "sport", NULL},
        [OSM_BUILDINGS] = {"height", "min_height", "building:levels", NULL},
        [OSM_BOUNDARIES] = {"admin_level", "maritime", "disputed", NULL},
        [OSM_PLACES] = {"population", "capital", "ele", "wikidata", NULL},
        [OSM_POIS] = {"ref", "iata", "cuisine", "religion", "operator",
                      "wheelchair", "opening_hours", "website", NULL},
    };
    bool named = layer != OSM_BOUNDARIES;
    if (named && (strcmp(key, "name") == 0 || strncmp(key, "name:", 5) == 0))
        return true;
    return is_one_of(key, wanted[layer]);
}

bool osm_is_number(const char *key)
{
    static const char *const numbers[] = {
        "admin_level", "population",      "layer",    "ele", "height",
        "min_height",  "building:levels", "maxspeed", NULL};
    return is_one_of(key, numbers);
}
