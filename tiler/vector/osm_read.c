#include "tiler/vector/osm_read.h"

#include <gdal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tiler/vector/ogr_feature.h"
#include "tiler/vector/osm_tags.h"

enum { PROGRESS_STEP = 4096 };
static const char configuration_path[] = "/vsimem/imbrex-osmconf.ini";

/* OSM ids are unique per type only: id x 10 + 1 node, 2 way, 3 relation. */
enum { ID_FACTOR = 10, ID_NODE = 1, ID_WAY = 2, ID_RELATION = 3 };

struct reader {
    struct intake *intake;
    const struct ogr_source *source;
    struct layer_rule *rule;  /* or NULL */
    struct ogr_layer_map map; /* the projection and scratch alone */
    struct osm_tag_list tags;
    uint32_t layers[OSM_NLAYERS]; /* their numbers in the intake */
};

bool osm_is_osm(const char *path)
{
    GDALAllRegister();
    GDALDriverH driver = GDALIdentifyDriver(path, NULL);
    return driver != NULL && strcmp(GDALGetDriverShortName(driver), "OSM") == 0;
}

static GDALDatasetH open_osm(const char *path)
{
    /* GDAL only reads it. */
    GByte *text = (GByte *)(uintptr_t)osm_ogr_configuration();
    VSILFILE *file = VSIFileFromMemBuffer(
        configuration_path, text, strlen(osm_ogr_configuration()), FALSE);
    if (file == NULL || VSIFCloseL(file) != 0)
        return NULL;
    char option[128];
    snprintf(option, sizeof option, "CONFIG_FILE=%s", configuration_path);
    const char *const options[] = {option, "INTERLEAVED_READING=YES", NULL};
    return GDALOpenEx(path, GDAL_OF_VECTOR | GDAL_OF_READONLY, NULL, options,
                      NULL);
}

/* ---- attributes --------------------------------------------------------- */

static void put_value(struct reader *r, uint32_t layer, const char *key,
                      const char *value)
{
    rule_meet(r->rule, key);
    if (!rule_wants(r->rule, key))
        return;
    struct layer *to = &r->intake->layers.items[layer];
    struct bytes *set = &r->intake->set;
    uint32_t number = layer_field_number(to, key);
    if (number == UINT32_MAX) {
        set->failed = true;
        return;
    }
    char *end = NULL;
    long long whole = osm_is_number(key) ? strtoll(value, &end, 10) : 0;
    if (end != NULL && end != value && *end == '\0') {
        attrs_put_integer(set, number, whole);
        to->fields[number].types |= FIELD_NUMBER;
        return;
    }
    if (attrs_put_text(set, number, value))
        intake_count(r->intake, layer, READ_BAD_TEXT);
    to->fields[number].types |= FIELD_STRING;
}

static void put_attributes(struct reader *r, const struct osm_look *look)
{
    uint32_t layer = r->layers[look->layer];
    bytes_reset(&r->intake->set);
    put_value(r, layer, "class", look->class_name);
    if (look->subclass != NULL && strcmp(look->subclass, look->class_name) != 0)
        put_value(r, layer, "subclass", look->subclass);
    for (size_t i = 0; i < r->tags.tags.count; i++) {
        const struct osm_tag *tag = &r->tags.tags.items[i];
        if (osm_wants_tag(look->layer, tag->key))
            put_value(r, layer, tag->key, tag->value);
    }
}

/* ---- features ----------------------------------------------------------- */

static enum ibx_status take_look(struct reader *r, OGRGeometryH geometry,
                                 const struct osm_look *look, uint64_t id,
                                 struct ibx_err *err)
{
    struct feature_head head = {
        .layer = r->layers[look->layer],
        .minzoom = look->minzoom,
        .maxzoom = 30,
        .has_id = look->has_id && id != 0,
        .id = id,
        .has_order = true,
        .order = look->order,
    };
    OGRGeometryH made = NULL;
    if (look->as_point)
        made = OGR_G_PointOnSurface(geometry);
    if (look->as_outline)
        made = OGR_G_Boundary(geometry);
    r->map.layer = head.layer;
    intake_count(r->intake, head.layer, READ_FEATURES);
    put_attributes(r, look);
    enum ibx_status status =
        ogr_take_geometry(&r->map, made != NULL ? made : geometry, &head, err);
    if (made != NULL)
        OGR_G_DestroyGeometry(made);
    return status;
}

static enum osm_shape shape_of(OGRGeometryH geometry)
{
    switch (wkbFlatten(OGR_G_GetGeometryType(geometry))) {
    case wkbPoint:
        return OSM_NODE;
    case wkbPolygon:
    case wkbMultiPolygon:
        return OSM_AREA;
    default:
        return OSM_LINE;
    }
}

static uint64_t field_id(OGRFeatureH feature, const char *name)
{
    int field = OGR_F_GetFieldIndex(feature, name);
    if (field < 0 || !OGR_F_IsFieldSetAndNotNull(feature, field))
        return 0;
    int64_t id = OGR_F_GetFieldAsInteger64(feature, field);
    return id > 0 ? (uint64_t)id : 0;
}

static uint64_t id_of(OGRFeatureH feature, enum osm_shape shape)
{
    uint64_t way = field_id(feature, "osm_way_id");
    if (way != 0)
        return way * ID_FACTOR + ID_WAY;
    uint64_t id = field_id(feature, "osm_id");
    if (id == 0)
        return 0;
    return id * ID_FACTOR + (shape == OSM_NODE   ? ID_NODE
                             : shape == OSM_LINE ? ID_WAY
                                                 : ID_RELATION);
}

static enum ibx_status take_feature(struct reader *r, OGRFeatureH feature,
                                    struct ibx_err *err)
{
    OGRGeometryH geometry = OGR_F_GetGeometryRef(feature);
    int field = OGR_F_GetFieldIndex(feature, "other_tags");
    if (geometry == NULL || field < 0 ||
        !OGR_F_IsFieldSetAndNotNull(feature, field))
        return IBX_OK;
    if (!osm_tags_parse(&r->tags, OGR_F_GetFieldAsString(feature, field)))
        return err_nomem(err);
    enum osm_shape shape = shape_of(geometry);
    struct osm_look looks[OSM_MAX_LOOKS];
    size_t n = osm_looks(&r->tags.tags, shape, looks);
    enum ibx_status status = IBX_OK;
    for (size_t i = 0; i < n && status == IBX_OK; i++)
        status = take_look(r, geometry, &looks[i], id_of(feature, shape), err);
    return status;
}

/* OSM files give features of all layers mixed: a layer after the other would
 * read the file again for each. Collections of lines (routes) are left out:
 * their ways come by themselves. */
static enum ibx_status read_all(struct reader *r, GDALDatasetH dataset,
                                struct ibx_err *err)
{
    enum ibx_status status = IBX_OK;
    OGRLayerH layer = NULL;
    OGRFeatureH feature;
    uint64_t n = 0;
    while (status == IBX_OK && (feature = GDALDatasetGetNextFeature(
                                    dataset, &layer, NULL, NULL, NULL))) {
        const char *name = OGR_L_GetName(layer);
        if (strcmp(name, "points") == 0 || strcmp(name, "lines") == 0 ||
            strcmp(name, "multipolygons") == 0)
            status = take_feature(r, feature, err);
        OGR_F_Destroy(feature);
        if (++n % PROGRESS_STEP != 0)
            continue;
        if (r->source->progress != NULL)
            progress_add(r->source->progress, PROGRESS_STEP);
        if (r->source->stop != NULL && *r->source->stop != 0)
            return err_say(err, IBX_ERR_INTERRUPTED, NULL, "interrupted");
    }
    return status;
}

static enum ibx_status make_layers(struct reader *r, struct ibx_err *err)
{
    struct layer_rule *rule = r->rule = rule_for(r->source->rules, "");
    if (rule != NULL)
        rule->is_met = true;
    for (unsigned i = 0; i < OSM_NLAYERS; i++) {
        bool is_new;
        enum ibx_status status =
            intake_layer(r->intake, osm_layer_name((enum osm_layer)i),
                         &r->layers[i], &is_new, err);
        if (status != IBX_OK)
            return status;
        if (is_new && !rule_apply(rule, &r->intake->layers.items[r->layers[i]]))
            return err_nomem(err);
    }
    return IBX_OK;
}

static enum ibx_status say_gdal(const struct ogr_source *source,
                                enum ibx_status status, const char *what,
                                struct ibx_err *err)
{
    err_say(err, status, source->path, what);
    if (err != NULL)
        snprintf(err->what, sizeof err->what, "%s (%s)", what,
                 CPLGetLastErrorMsg());
    return status;
}

/* The number of the field that holds the first block's data: how it is
 * compressed. 0: not a PBF file. */
static unsigned first_compression(const char *path)
{
    uint8_t begin[4096];
    VSILFILE *file = VSIFOpenL(path, "rb");
    if (file == NULL)
        return 0;
    size_t n = VSIFReadL(begin, 1, sizeof begin, file);
    VSIFCloseL(file);
    if (n < 4 || begin[0] != 0 || begin[1] != 0)
        return 0;
    size_t skip = 4 + ((size_t)begin[2] << 8 | begin[3]);
    struct cursor at = cursor_of(begin + skip, skip < n ? n - skip : 0);
    unsigned tag = cursor_u8(&at);
    if (tag == 2 << 3) { /* the size when unpacked */
        (void)cursor_varint(&at);
        tag = cursor_u8(&at);
    }
    return at.bad ? 0 : tag >> 3;
}

/* GDAL skips blocks that it cannot unpack without a word. */
static bool is_unknown_compression(const char *path)
{
    enum { RAW = 1, ZLIB = 3 };
    unsigned how = first_compression(path);
    return how != 0 && how != RAW && how != ZLIB;
}

enum ibx_status osm_read(struct intake *intake, const struct ogr_source *source,
                         struct ibx_err *err)
{
    struct reader r = {.intake = intake, .source = source};
    r.map.intake = intake;
    r.map.projection.bits = intake->bits;
    if (is_unknown_compression(source->path))
        return err_say(err, IBX_ERR_INVALID, source->path,
                       "its blocks are compressed in a way that GDAL does not "
                       "read (lz4, zstd): repack it with `osmium cat`");
    enum ibx_status status = make_layers(&r, err);
    if (status != IBX_OK)
        return status;
    CPLErrorReset();
    CPLPushErrorHandler(CPLQuietErrorHandler);
    GDALDatasetH dataset = open_osm(source->path);
    if (dataset == NULL) {
        status = say_gdal(source, IBX_ERR_INVALID, "cannot be opened", err);
    } else {
        CPLErrorReset();
        status = read_all(&r, dataset, err);
        if (status == IBX_OK && CPLGetLastErrorType() >= CE_Failure)
            status = say_gdal(source, IBX_ERR_CORRUPT,
                              "cannot be read to its end", err);
        GDALClose(dataset);
    }
    CPLPopErrorHandler();
    VSIUnlink(configuration_path);
    osm_tag_list_free(&r.tags);
    ogr_layer_map_fini(&r.map);
    return status;
}
