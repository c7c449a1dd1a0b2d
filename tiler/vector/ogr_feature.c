#include "tiler/vector/ogr_feature.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tiler/cli/json.h"

/* Up to here a double holds every whole number. */
#define EXACT_END 9007199254740992.0

/* ---- preparing ---------------------------------------------------------- */

static enum ibx_status map_fields(struct ogr_layer_map *map,
                                  OGRFeatureDefnH definition,
                                  struct layer_rule *rule, struct ibx_err *err)
{
    struct layer *layer = &map->intake->layers.items[map->layer];
    map->nfields = OGR_FD_GetFieldCount(definition);
    map->fields = calloc((size_t)map->nfields + 1, sizeof *map->fields);
    if (map->fields == NULL)
        return err_nomem(err);
    for (int i = 0; i < map->nfields; i++) {
        OGRFieldDefnH field = OGR_FD_GetFieldDefn(definition, i);
        const char *name = OGR_Fld_GetNameRef(field);
        map->fields[i] = (struct ogr_field){
            .key = UINT32_MAX,
            .type = (int)OGR_Fld_GetType(field),
            .subtype = (int)OGR_Fld_GetSubType(field),
        };
        rule_meet(rule, name);
        if (!rule_wants(rule, name))
            continue;
        map->fields[i].key =
            layer_field_number(layer, rule_renamed(rule, name));
        if (map->fields[i].key == UINT32_MAX)
            return err_nomem(err);
    }
    return IBX_OK;
}

/* Finds the field with a role; `name` may be NULL. */
static enum ibx_status find_field(OGRFeatureDefnH definition, const char *name,
                                  int *index, struct ibx_err *err)
{
    *index = -1;
    if (name == NULL)
        return IBX_OK;
    *index = OGR_FD_GetFieldIndex(definition, name);
    if (*index >= 0)
        return IBX_OK;
    err_say(err, IBX_ERR_INVALID, NULL, "");
    if (err != NULL)
        snprintf(err->what, sizeof err->what, "has no attribute `%s`", name);
    return IBX_ERR_INVALID;
}

static enum ibx_status find_roles(struct ogr_layer_map *map,
                                  OGRFeatureDefnH definition,
                                  const struct layer_rule *rule,
                                  struct ibx_err *err)
{
    map->feature_id = map->sort = map->minzoom = map->maxzoom = -1;
    if (rule == NULL)
        return IBX_OK;
    enum ibx_status status =
        find_field(definition, rule->sort, &map->sort, err);
    if (status == IBX_OK)
        status =
            find_field(definition, rule->minzoom_field, &map->minzoom, err);
    if (status == IBX_OK)
        status =
            find_field(definition, rule->maxzoom_field, &map->maxzoom, err);
    if (status != IBX_OK || rule->feature_id == NULL)
        return status;
    if (strcmp(rule->feature_id, "fid") == 0 &&
        OGR_FD_GetFieldIndex(definition, "fid") < 0) {
        map->feature_id = FEATURE_ID_FID;
        return IBX_OK;
    }
    return find_field(definition, rule->feature_id, &map->feature_id, err);
}

enum ibx_status ogr_layer_map_init(struct ogr_layer_map *map,
                                   OGRLayerH ogr_layer, struct layer_rule *rule,
                                   struct ibx_err *err)
{
    map->band_max = UINT8_MAX;
    if (!ogr_projection_init(&map->projection, OGR_L_GetSpatialRef(ogr_layer),
                             map->intake->bits))
        return err_say(err, IBX_ERR_INVALID, NULL,
                       "has a coordinate system that PROJ cannot convert");
    OGRFeatureDefnH definition = OGR_L_GetLayerDefn(ogr_layer);
    enum ibx_status status = map_fields(map, definition, rule, err);
    return status == IBX_OK ? find_roles(map, definition, rule, err) : status;
}

void ogr_layer_map_fini(struct ogr_layer_map *map)
{
    ogr_projection_fini(&map->projection);
    ogr_shapes_fini(&map->shapes);
    free(map->fields);
    map->fields = NULL;
}

/* ---- attributes --------------------------------------------------------- */

static void put_text(struct ogr_layer_map *map, uint32_t key, const char *text)
{
    if (attrs_put_text(&map->intake->set, key, text))
        intake_count(map->intake, map->layer, READ_BAD_TEXT);
}

static void put_real(struct ogr_layer_map *map, const struct ogr_field *field,
                     double v)
{
    if (!isfinite(v)) { /* JSON-based clients could not read it */
        intake_count(map->intake, map->layer, READ_BAD_VALUE);
        return;
    }
    if (field->subtype == OFSTFloat32)
        attrs_put_float(&map->intake->set, field->key, (float)v);
    else
        attrs_put_double(&map->intake->set, field->key, v);
}

/* As RFC 3339 has it: date, time, and an offset where there is one. */
static void put_time(struct ogr_layer_map *map, OGRFeatureH feature, int i)
{
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, zone = 0;
    float second = 0;
    OGR_F_GetFieldAsDateTimeEx(feature, i, &year, &month, &day, &hour, &minute,
                               &second, &zone);
    char date[32], time[32], offset[16] = "", text[96];
    snprintf(date, sizeof date, "%04d-%02d-%02d", year, month, day);
    snprintf(time, sizeof time, "%02d:%02d:%0*.*f", hour, minute,
             second == floorf(second) ? 2 : 6, second == floorf(second) ? 0 : 3,
             (double)second);
    if (zone > 1) { /* 0 is unknown, 1 local, 100 UTC, a quarter hour a unit */
        int minutes = (zone - 100) * 15;
        snprintf(offset, sizeof offset, "%c%02d:%02d", minutes < 0 ? '-' : '+',
                 abs(minutes) / 60, abs(minutes) % 60);
    }
    int type = map->fields[i].type;
    snprintf(text, sizeof text, "%s%s%s%s", type == OFTTime ? "" : date,
             type == OFTDateTime ? "T" : "", type == OFTDate ? "" : time,
             type == OFTDate ? "" : offset);
    put_text(map, map->fields[i].key, text);
}

static void put_whole(struct json *json, int64_t v)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, v);
    json_raw(json, NULL, text);
}

/* JSON has no other word for what is not finite. */
static void put_number(struct json *json, double v)
{
    char text[40];
    snprintf(text, sizeof text, "%.17g", v);
    json_raw(json, NULL, isfinite(v) ? text : "null");
}

/* The numbers or strings of a list field as JSON. */
static void list_to_json(OGRFeatureH feature, int i, int type,
                         struct json *json)
{
    int n = 0;
    json_array(json, NULL);
    if (type == OFTIntegerList) {
        const int *v = OGR_F_GetFieldAsIntegerList(feature, i, &n);
        for (int k = 0; k < n; k++)
            put_whole(json, v[k]);
    } else if (type == OFTInteger64List) {
        const GIntBig *v = OGR_F_GetFieldAsInteger64List(feature, i, &n);
        for (int k = 0; k < n; k++)
            put_whole(json, v[k]);
    } else if (type == OFTRealList) {
        const double *v = OGR_F_GetFieldAsDoubleList(feature, i, &n);
        for (int k = 0; k < n; k++)
            put_number(json, v[k]);
    } else {
        char **v = OGR_F_GetFieldAsStringList(feature, i);
        for (; v != NULL && *v != NULL; v++)
            json_text(json, NULL, *v);
    }
    json_end(json, ']');
}

/* Tiles have no lists: the array as text, as other tools write it. */
static void put_list(struct ogr_layer_map *map, OGRFeatureH feature, int i)
{
    struct json json = {0};
    list_to_json(feature, i, map->fields[i].type, &json);
    char *text = json_take(&json, NULL);
    if (text == NULL)
        map->intake->set.failed = true;
    else
        put_text(map, map->fields[i].key, text);
    free(text);
}

static void put_field(struct ogr_layer_map *map, OGRFeatureH feature, int i)
{
    const struct ogr_field *field = &map->fields[i];
    struct bytes *set = &map->intake->set;
    unsigned type = FIELD_STRING;
    switch (field->type) {
    case OFTInteger:
    case OFTInteger64:
        type = field->subtype == OFSTBoolean ? FIELD_BOOLEAN : FIELD_NUMBER;
        if (type == FIELD_BOOLEAN)
            attrs_put_bool(set, field->key,
                           OGR_F_GetFieldAsInteger(feature, i) != 0);
        else
            attrs_put_integer(set, field->key,
                              OGR_F_GetFieldAsInteger64(feature, i));
        break;
    case OFTReal:
        type = FIELD_NUMBER;
        put_real(map, field, OGR_F_GetFieldAsDouble(feature, i));
        break;
    case OFTBinary:
        intake_count(map->intake, map->layer, READ_BAD_VALUE);
        return;
    case OFTString:
        put_text(map, field->key, OGR_F_GetFieldAsString(feature, i));
        break;
    case OFTDate:
    case OFTTime:
    case OFTDateTime:
        put_time(map, feature, i);
        break;
    default:
        put_list(map, feature, i);
    }
    map->intake->layers.items[map->layer].fields[field->key].types |= type;
}

static void collect_attributes(struct ogr_layer_map *map, OGRFeatureH feature)
{
    bytes_reset(&map->intake->set);
    for (int i = 0; i < map->nfields; i++) {
        if (map->fields[i].key != UINT32_MAX &&
            OGR_F_IsFieldSetAndNotNull(feature, i))
            put_field(map, feature, i);
    }
}

/* ---- features ----------------------------------------------------------- */

static bool text_to_id(const char *text, uint64_t *id)
{
    if (text[0] < '0' || text[0] > '9')
        return false;
    char *end;
    errno = 0;
    *id = strtoull(text, &end, 10);
    return *end == '\0' && errno == 0;
}

static bool field_to_id(const struct ogr_layer_map *map, OGRFeatureH feature,
                        uint64_t *id)
{
    int i = map->feature_id;
    int64_t whole;
    double real;
    switch (map->fields[i].type) {
    case OFTInteger:
    case OFTInteger64:
        whole = OGR_F_GetFieldAsInteger64(feature, i);
        *id = (uint64_t)whole;
        return whole >= 0;
    case OFTReal:
        real = OGR_F_GetFieldAsDouble(feature, i);
        if (!(real >= 0 && real < EXACT_END && real == floor(real)))
            return false;
        *id = (uint64_t)real;
        return true;
    default:
        return text_to_id(OGR_F_GetFieldAsString(feature, i), id);
    }
}

/* Ids are unsigned in tiles; others stay attributes only. */
static void set_id(const struct ogr_layer_map *map, OGRFeatureH feature,
                   struct feature_head *head)
{
    if (map->feature_id == FEATURE_ID_FID) {
        int64_t id = OGR_F_GetFID(feature);
        head->has_id = id >= 0;
        head->id = id >= 0 ? (uint64_t)id : 0;
    } else if (map->feature_id >= 0 &&
               OGR_F_IsFieldSetAndNotNull(feature, map->feature_id)) {
        head->has_id = field_to_id(map, feature, &head->id);
        if (!head->has_id)
            intake_count(map->intake, map->layer, READ_BAD_ID);
    }
}

static uint8_t zoom_of(OGRFeatureH feature, int field, uint8_t otherwise)
{
    if (field < 0 || !OGR_F_IsFieldSetAndNotNull(feature, field))
        return otherwise;
    double zoom = floor(OGR_F_GetFieldAsDouble(feature, field));
    return zoom < 0 ? 0 : zoom > 30 ? 30 : (uint8_t)zoom;
}

static enum ibx_status take_shape(struct ogr_layer_map *map, struct geom *geom,
                                  const struct feature_head *head,
                                  struct ibx_err *err)
{
    if (geom->nparts == 0)
        return IBX_OK;
    struct feature_head own = *head;
    return intake_add(map->intake, &own, geom, err);
}

enum ibx_status ogr_take_geometry(struct ogr_layer_map *map,
                                  OGRGeometryH geometry,
                                  const struct feature_head *head,
                                  struct ibx_err *err)
{
    if (geometry == NULL) {
        intake_count(map->intake, map->layer, READ_NO_GEOMETRY);
        return IBX_OK;
    }
    struct ogr_shapes *shapes = &map->shapes;
    switch (ogr_shapes_read(shapes, geometry, &map->projection)) {
    case OGR_SHAPES_NOMEM:
        return err_nomem(err);
    case OGR_SHAPES_BAD_COORDS:
        intake_count(map->intake, map->layer, READ_BAD_COORDS);
        return IBX_OK;
    case OGR_SHAPES_BAD_KIND:
        intake_count(map->intake, map->layer, READ_BAD_KIND);
        return IBX_OK;
    case OGR_SHAPES_OK:
        break;
    }
    if (shapes->points.nparts + shapes->lines.nparts +
            shapes->polygons.nparts ==
        0)
        intake_count(map->intake, map->layer, READ_EMPTY);
    enum ibx_status status = take_shape(map, &shapes->polygons, head, err);
    if (status == IBX_OK)
        status = take_shape(map, &shapes->lines, head, err);
    if (status == IBX_OK)
        status = take_shape(map, &shapes->points, head, err);
    return status;
}

enum ibx_status ogr_take_feature(struct ogr_layer_map *map, OGRFeatureH feature,
                                 struct ibx_err *err)
{
    struct feature_head head = {
        .layer = map->layer,
        .minzoom = zoom_of(feature, map->minzoom, 0),
        .maxzoom = zoom_of(feature, map->maxzoom, 30),
    };
    if (head.minzoom < map->band_min)
        head.minzoom = map->band_min;
    if (head.maxzoom > map->band_max)
        head.maxzoom = map->band_max;
    set_id(map, feature, &head);
    if (map->sort >= 0 && OGR_F_IsFieldSetAndNotNull(feature, map->sort)) {
        head.has_order = true;
        head.order = (float)OGR_F_GetFieldAsDouble(feature, map->sort);
    }
    intake_count(map->intake, map->layer, READ_FEATURES);
    collect_attributes(map, feature);
    return ogr_take_geometry(map, OGR_F_GetGeometryRef(feature), &head, err);
}
