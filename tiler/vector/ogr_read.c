#include "tiler/vector/ogr_read.h"

#include <gdal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tiler/cli/stdin.h"
#include "tiler/vector/ogr_feature.h"

enum { PROGRESS_STEP = 1024, NAME_NBYTES = 256 };

/* Fills err with what GDAL said last. */
static enum ibx_status say_gdal(const struct ogr_source *source,
                                enum ibx_status status, const char *what,
                                struct ibx_err *err)
{
    const char *why = CPLGetLastErrorMsg();
    err_say(err, status, source->path, what);
    if (err != NULL && why != NULL && why[0] != '\0')
        snprintf(err->what, sizeof err->what, "%s (%s)", what, why);
    return status;
}

void ogr_layer_name(const char *ogr_name, char *name, size_t nbytes)
{
    static const char *const endings[] = {".gz",      ".zip",  ".geojsonl",
                                          ".geojson", ".json", ".geojsons"};
    snprintf(name, nbytes, "%s", ogr_name);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t n = strlen(name), m = strlen(endings[i]);
        if (n > m && strcmp(name + n - m, endings[i]) == 0)
            name[n - m] = '\0';
    }
}

static bool stopped(const struct ogr_source *source)
{
    return source->stop != NULL && *source->stop != 0;
}

/* Features up to the layer's end. */
static enum ibx_status read_features(const struct ogr_source *source,
                                     struct ogr_layer_map *map, OGRLayerH layer,
                                     struct ibx_err *err)
{
    enum ibx_status status = IBX_OK;
    OGRFeatureH feature;
    uint64_t n = 0;
    CPLErrorReset();
    OGR_L_ResetReading(layer);
    while (status == IBX_OK && (feature = OGR_L_GetNextFeature(layer))) {
        status = ogr_take_feature(map, feature, err);
        OGR_F_Destroy(feature);
        if (++n % PROGRESS_STEP != 0)
            continue;
        if (source->progress != NULL)
            progress_add(source->progress, PROGRESS_STEP);
        if (stopped(source))
            return err_say(err, IBX_ERR_INTERRUPTED, NULL, "interrupted");
    }
    if (status == IBX_OK && CPLGetLastErrorType() >= CE_Failure)
        return say_gdal(source, IBX_ERR_CORRUPT, "cannot be read to its end",
                        err);
    return status;
}

/* One pass over the layer under a condition, for a band of zooms. */
static enum ibx_status read_band(const struct ogr_source *source,
                                 struct ogr_layer_map *map, OGRLayerH layer,
                                 const struct rule_band *band,
                                 struct ibx_err *err)
{
    CPLErrorReset();
    if (OGR_L_SetAttributeFilter(layer, band->where) != OGRERR_NONE)
        return say_gdal(source, IBX_ERR_INVALID, "the condition is not valid",
                        err);
    map->band_min = band->minzoom;
    map->band_max = band->maxzoom;
    return read_features(source, map, layer, err);
}

static enum ibx_status read_bands(const struct ogr_source *source,
                                  struct ogr_layer_map *map, OGRLayerH layer,
                                  const struct layer_rule *rule,
                                  struct ibx_err *err)
{
    if (rule == NULL || rule->nbands == 0) {
        const struct rule_band all = {0, 30, rule == NULL ? NULL : rule->where};
        return read_band(source, map, layer, &all, err);
    }
    enum ibx_status status = IBX_OK;
    for (size_t i = 0; i < rule->nbands && status == IBX_OK; i++)
        status = read_band(source, map, layer, &rule->bands[i], err);
    return status;
}

/* A rule for the layer as OGR names it, or by the name it will have. */
static struct layer_rule *find_rule(const struct ogr_source *source,
                                    const char *ogr_name, const char *name)
{
    struct layer_rule *rule = rule_for(source->rules, ogr_name);
    if (rule == NULL || rule->source == NULL)
        rule = rule_for(source->rules, name);
    if (rule != NULL)
        rule->is_met = true;
    return rule;
}

static enum ibx_status read_layer(struct intake *intake,
                                  const struct ogr_source *source,
                                  OGRLayerH layer, struct ibx_err *err)
{
    const char *ogr_name = OGR_L_GetName(layer);
    /* GDAL names a nameless layer by its file, here a number. */
    if (stdin_is_spool(source->path) && ogr_name[0] >= '0' &&
        ogr_name[0] <= '9')
        ogr_name = STDIN_LAYER;
    char name[NAME_NBYTES];
    ogr_layer_name(ogr_name, name, sizeof name);
    struct layer_rule *rule = find_rule(source, ogr_name, name);
    if (rule != NULL && rule->skip)
        return IBX_OK;
    struct ogr_layer_map map = {.intake = intake};
    bool is_new;
    enum ibx_status status = intake_layer(
        intake, rule != NULL && rule->name != NULL ? rule->name : name,
        &map.layer, &is_new, err);
    if (status != IBX_OK)
        return status;
    if (is_new && !rule_apply(rule, &intake->layers.items[map.layer]))
        return err_nomem(err);
    status = ogr_layer_map_init(&map, layer, rule, err);
    if (status == IBX_OK)
        status = read_bands(source, &map, layer, rule, err);
    ogr_layer_map_fini(&map);
    return status;
}

/* Columns by which a table of places is known as one. Other drivers would only
 * warn of options that they do not know. */
static const char *const csv_options[] = {
    "X_POSSIBLE_NAMES=lon,lng,long,longitude,x,easting",
    "Y_POSSIBLE_NAMES=lat,latitude,y,northing",
    "GEOM_POSSIBLE_NAMES=wkt,the_geom,geom,geometry,way",
    "AUTODETECT_TYPE=YES",
    NULL,
};

static bool is_table(const char *path)
{
    static const char *const endings[] = {".csv", ".tsv", ".csv.gz", ".tsv.gz"};
    size_t n = strlen(path);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t m = strlen(endings[i]);
        if (n > m && strcasecmp(path + n - m, endings[i]) == 0)
            return true;
    }
    return false;
}

enum ibx_status ogr_read(struct intake *intake, const struct ogr_source *source,
                         struct ibx_err *err)
{
    GDALAllRegister();
    CPLErrorReset();
    CPLPushErrorHandler(CPLQuietErrorHandler);
    GDALDatasetH dataset =
        GDALOpenEx(source->path, GDAL_OF_VECTOR | GDAL_OF_READONLY, NULL,
                   is_table(source->path) ? csv_options : NULL, NULL);
    enum ibx_status status = IBX_OK;
    if (dataset == NULL)
        status = say_gdal(source, IBX_ERR_INVALID, "cannot be opened", err);
    int nlayers = dataset == NULL ? 0 : GDALDatasetGetLayerCount(dataset);
    for (int i = 0; i < nlayers && status == IBX_OK; i++)
        status =
            read_layer(intake, source, GDALDatasetGetLayer(dataset, i), err);
    if (dataset != NULL)
        GDALClose(dataset);
    CPLPopErrorHandler();
    if (status != IBX_OK && err != NULL && err->file[0] == '\0' &&
        status == IBX_ERR_INVALID)
        snprintf(err->file, sizeof err->file, "%s", source->path);
    return status;
}
