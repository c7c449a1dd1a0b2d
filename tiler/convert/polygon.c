#include "tiler/convert/polygon.h"

#include <gdal.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>
#include <stdlib.h>

#include "tiler/convert/buf.h"

struct polygon {
    OGRGeometryH geometry;
    OGRPreparedGeometryH prepared;
    OGREnvelope envelope;
};

void polygon_free(struct polygon *polygon)
{
    if (polygon == NULL)
        return;
    if (polygon->prepared != NULL)
        OGRDestroyPreparedGeometry(polygon->prepared);
    OGR_G_DestroyGeometry(polygon->geometry);
    free(polygon);
}

/* Longitude and latitude, in this order. */
static bool to_degrees(OGRGeometryH geometry, OGRSpatialReferenceH from)
{
    if (from == NULL)
        return true; /* nothing said: degrees, as in GeoJSON */
    OGRSpatialReferenceH wgs84 = OSRNewSpatialReference(NULL);
    bool good = OSRImportFromEPSG(wgs84, 4326) == OGRERR_NONE;
    OSRSetAxisMappingStrategy(wgs84, OAMS_TRADITIONAL_GIS_ORDER);
    OGRCoordinateTransformationH way =
        good ? OCTNewCoordinateTransformation(from, wgs84) : NULL;
    good = way != NULL && OGR_G_Transform(geometry, way) == OGRERR_NONE;
    OCTDestroyCoordinateTransformation(way);
    OSRRelease(wgs84);
    return good;
}

static bool is_polygon(OGRGeometryH geometry)
{
    OGRwkbGeometryType type = wkbFlatten(OGR_G_GetGeometryType(geometry));
    return type == wkbPolygon || type == wkbMultiPolygon;
}

static void add_parts(OGRGeometryH all, OGRGeometryH geometry)
{
    if (wkbFlatten(OGR_G_GetGeometryType(geometry)) == wkbPolygon) {
        OGR_G_AddGeometry(all, geometry);
        return;
    }
    for (int i = 0; i < OGR_G_GetGeometryCount(geometry); i++)
        OGR_G_AddGeometry(all, OGR_G_GetGeometryRef(geometry, i));
}

static bool collect_layer(OGRLayerH layer, OGRGeometryH all)
{
    OGRSpatialReferenceH srs = OGR_L_GetSpatialRef(layer);
    OGRFeatureH feature;
    bool good = true;
    OGR_L_ResetReading(layer);
    while (good && (feature = OGR_L_GetNextFeature(layer)) != NULL) {
        OGRGeometryH geometry = OGR_F_GetGeometryRef(feature);
        if (geometry != NULL && is_polygon(geometry)) {
            good = to_degrees(geometry, srs);
            add_parts(all, geometry);
        }
        OGR_F_Destroy(feature);
    }
    return good;
}

/* All polygons of all layers, in degrees, in one multipolygon. */
static bool collect(GDALDatasetH dataset, OGRGeometryH all)
{
    bool good = true;
    for (int i = 0; i < GDALDatasetGetLayerCount(dataset) && good; i++)
        good = collect_layer(GDALDatasetGetLayer(dataset, i), all);
    return good;
}

static OGRGeometryH read_union(const char *path)
{
    GDALAllRegister();
    GDALDatasetH dataset =
        GDALOpenEx(path, GDAL_OF_VECTOR | GDAL_OF_READONLY, NULL, NULL, NULL);
    if (dataset == NULL)
        return NULL;
    OGRGeometryH all = OGR_G_CreateGeometry(wkbMultiPolygon);
    OGRGeometryH joined = NULL;
    if (collect(dataset, all) && OGR_G_GetGeometryCount(all) > 0)
        joined = OGR_G_UnionCascaded(all);
    OGR_G_DestroyGeometry(all);
    GDALClose(dataset);
    return joined;
}

enum ibx_status polygon_read(const char *path, struct polygon **out,
                             struct ibx_err *err)
{
    struct polygon *polygon = calloc(1, sizeof(*polygon));
    if (polygon == NULL)
        return convert_no_memory(err, path);
    polygon->geometry = read_union(path);
    if (polygon->geometry != NULL)
        polygon->prepared = OGRCreatePreparedGeometry(polygon->geometry);
    if (polygon->prepared == NULL) {
        polygon_free(polygon);
        return convert_fail(err, IBX_ERR_CORRUPT, path,
                            "no polygon can be read from it");
    }
    OGR_G_GetEnvelope(polygon->geometry, &polygon->envelope);
    *out = polygon;
    return IBX_OK;
}

static OGRGeometryH rectangle(const struct box *b)
{
    const double corners[5][2] = {{b->west, b->south},
                                  {b->east, b->south},
                                  {b->east, b->north},
                                  {b->west, b->north},
                                  {b->west, b->south}};
    OGRGeometryH ring = OGR_G_CreateGeometry(wkbLinearRing);
    OGRGeometryH polygon = OGR_G_CreateGeometry(wkbPolygon);
    for (int i = 0; i < 5; i++)
        OGR_G_AddPoint_2D(ring, corners[i][0], corners[i][1]);
    OGR_G_AddGeometryDirectly(polygon, ring);
    return polygon;
}

static enum cover shape(void *arg, const struct box *box)
{
    struct polygon *polygon = arg;
    OGRGeometryH r = rectangle(box);
    enum cover cover = COVER_NONE;
    if (OGRPreparedGeometryContains(polygon->prepared, r))
        cover = COVER_ALL;
    else if (OGRPreparedGeometryIntersects(polygon->prepared, r))
        cover = COVER_SOME;
    OGR_G_DestroyGeometry(r);
    return cover;
}

void polygon_to_region(struct polygon *polygon, struct region *region)
{
    region->shape = shape;
    region->shape_arg = polygon;
    region->shape_box =
        (struct box){polygon->envelope.MinX, polygon->envelope.MinY,
                     polygon->envelope.MaxX, polygon->envelope.MaxY};
}
