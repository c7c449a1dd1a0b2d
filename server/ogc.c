/* OGC API - Tiles, part 1: core, tileset, tilesets list, geodata tilesets. A
 * tileset is a collection; vector ones are under tiles, raster ones under
 * map/tiles. Rows come before columns. */
#include "server/document.h"
#include "server/media.h"

#define SCHEME_URI "http://www.opengis.net/def/tilematrixset/OGC/1.0/"
#define CRS_URI    "http://www.opengis.net/def/crs/EPSG/0/3857"

struct link {
    const char *rel, *type, *path, *title;
};

static void put_links(const struct document *doc, const struct link *links,
                      size_t n)
{
    buffer_puts(doc->out, "\"links\":[");
    for (size_t i = 0; i < n; i++) {
        buffer_printf(doc->out,
                      "%s{\"rel\":\"%s\",\"type\":\"%s\",\"title\":\"%s\","
                      "\"href\":\"",
                      i > 0 ? "," : "", links[i].rel, links[i].type,
                      links[i].title);
        buffer_puts(doc->out, doc->request->base);
        buffer_printf(doc->out, "%s\"}", links[i].path);
    }
    buffer_puts(doc->out, "]");
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void write_ogc_landing(const struct document *doc)
{
    static const struct link links[] = {
        {"self", "application/json", "/ogc/", "This document"},
        {"service-desc", "application/vnd.oai.openapi+json;version=3.0",
         "/ogc/api", "The API's definition"},
        {"conformance", "application/json", "/ogc/conformance",
         "Conformance classes"},
        {"http://www.opengis.net/def/rel/ogc/1.0/conformance",
         "application/json", "/ogc/conformance", "Conformance classes"},
        {"data", "application/json", "/ogc/collections", "Collections"},
        {"http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes",
         "application/json", "/ogc/tileMatrixSets", "Tile matrix sets"},
    };
    buffer_puts(doc->out, "{\"title\":\"Imbrex\",\"description\":\"Tilesets "
                          "as OGC API - Tiles\",");
    put_links(doc, links, COUNT(links));
    buffer_puts(doc->out, "}\n");
}

void write_ogc_conformance(const struct document *doc)
{
    buffer_puts(
        doc->out,
        "{\"conformsTo\":["
        "\"http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core\","
        "\"http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/json\","
        "\"http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections\","
        "\"http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/core\","
        "\"http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tileset\","
        "\"http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tilesets-list\","
        "\"http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/"
        "geodata-tilesets\","
        "\"http://www.opengis.net/spec/tms/2.0/conf/tilematrixset\","
        "\"http://www.opengis.net/spec/tms/2.0/conf/json-tilematrixset\"]}\n");
}

/* One path of the API's definition. */
struct operation {
    const char *path, *id, *summary, *type;
    const char *parameters; /* names, separated by spaces */
};

static void put_operation(struct buffer *out, const struct operation *op)
{
    struct span rest = span_of(op->parameters);
    bool first = true;
    buffer_printf(out,
                  "\"%s\":{\"get\":{\"operationId\":\"%s\",\"summary\":\"%s\","
                  "\"parameters\":[",
                  op->path, op->id, op->summary);
    while (rest.ptr != NULL && rest.len > 0) {
        struct span name = span_cut(&rest, ' ');
        buffer_printf(out, "%s{\"$ref\":\"#/components/parameters/%.*s\"}",
                      first ? "" : ",", (int)name.len, name.ptr);
        first = false;
    }
    buffer_printf(out,
                  "],\"responses\":{\"200\":{\"description\":\"%s\","
                  "\"content\":{\"%s\":{}}},\"404\":{\"description\":"
                  "\"There is no such thing\"}}}}",
                  op->summary, op->type);
}

static void put_parameter(struct buffer *out, const char *name,
                          const char *type)
{
    buffer_printf(out,
                  "\"%s\":{\"name\":\"%s\",\"in\":\"path\",\"required\":true,"
                  "\"schema\":{\"type\":\"%s\"}}",
                  name, name, type);
}

void write_ogc_api(const struct document *doc)
{
    static const char json[] = "application/json";
    static const char set[] = "collectionId tileMatrixSetId";
    static const char tile[] =
        "collectionId tileMatrixSetId tileMatrix tileRow tileCol";
    static const struct operation operations[] = {
        {"/", "landing", "Landing page", json, ""},
        {"/conformance", "conformance", "Conformance classes", json, ""},
        {"/collections", "collections", "All tilesets", json, ""},
        {"/collections/{collectionId}", "collection", "A tileset", json,
         "collectionId"},
        {"/tileMatrixSets", "schemes", "Tile matrix sets", json, ""},
        {"/tileMatrixSets/{tileMatrixSetId}", "scheme", "A tile matrix set",
         json, "tileMatrixSetId"},
        {"/collections/{collectionId}/tiles", "vectorTilesets",
         "Vector tilesets", json, "collectionId"},
        {"/collections/{collectionId}/tiles/{tileMatrixSetId}", "vectorTileset",
         "A vector tileset", json, set},
        {"/collections/{collectionId}/tiles/{tileMatrixSetId}/{tileMatrix}/"
         "{tileRow}/{tileCol}",
         "vectorTile", "A vector tile", "application/vnd.mapbox-vector-tile",
         tile},
        {"/collections/{collectionId}/map/tiles", "mapTilesets",
         "Raster tilesets", json, "collectionId"},
        {"/collections/{collectionId}/map/tiles/{tileMatrixSetId}",
         "mapTileset", "A raster tileset", json, set},
        {"/collections/{collectionId}/map/tiles/{tileMatrixSetId}/"
         "{tileMatrix}/{tileRow}/{tileCol}",
         "mapTile", "A raster tile", "image/png", tile},
    };
    static const char *const parameters[][2] = {
        {"collectionId", "string"}, {"tileMatrixSetId", "string"},
        {"tileMatrix", "string"},   {"tileRow", "integer"},
        {"tileCol", "integer"},
    };
    struct buffer *out = doc->out;
    buffer_printf(out,
                  "{\"openapi\":\"3.0.3\",\"info\":{\"title\":\"Imbrex\","
                  "\"version\":\"%s\"},\"servers\":[{\"url\":\"%s/ogc\"}],"
                  "\"paths\":{",
                  IBX_VERSION, doc->request->base);
    for (size_t i = 0; i < COUNT(operations); i++) {
        buffer_puts(out, i > 0 ? "," : "");
        put_operation(out, &operations[i]);
    }
    buffer_puts(out, "},\"components\":{\"parameters\":{");
    for (size_t i = 0; i < COUNT(parameters); i++) {
        buffer_puts(out, i > 0 ? "," : "");
        put_parameter(out, parameters[i][0], parameters[i][1]);
    }
    buffer_puts(out, "}}}\n");
}

/* ---- collections --------------------------------------------------------- */

static const char *kind_path(const struct served *served)
{
    return served->vector ? "tiles" : "map/tiles";
}

static const char *tilesets_rel(const struct served *served)
{
    return served->vector
               ? "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector"
               : "http://www.opengis.net/def/rel/ogc/1.0/tilesets-map";
}

static void put_collection(const struct document *doc,
                           const struct served *served)
{
    const double *b = served->bounds;
    char self[128], tilesets[160];
    (void)snprintf(self, sizeof(self), "/ogc/collections/%s", served->id);
    (void)snprintf(tilesets, sizeof(tilesets), "%s/%s", self,
                   kind_path(served));
    const struct link links[] = {
        {"self", "application/json", self, "This collection"},
        {tilesets_rel(served), "application/json", tilesets, "Its tilesets"},
    };
    buffer_printf(doc->out, "{\"id\":\"%s\",\"title\":", served->id);
    put_json_string(doc->out, served->name);
    buffer_puts(doc->out, ",\"description\":");
    put_json_string(doc->out, served->description);
    buffer_printf(doc->out,
                  ",\"extent\":{\"spatial\":{\"bbox\":[[%.9g,%.9g,%.9g,%.9g]],"
                  "\"crs\":\"http://www.opengis.net/def/crs/OGC/1.3/CRS84\"}},",
                  b[0], b[1], b[2], b[3]);
    put_links(doc, links, COUNT(links));
    buffer_puts(doc->out, "}");
}

void write_ogc_collections(const struct document *doc)
{
    static const struct link links[] = {
        {"self", "application/json", "/ogc/collections", "This document"},
    };
    buffer_puts(doc->out, "{");
    put_links(doc, links, COUNT(links));
    buffer_puts(doc->out, ",\"collections\":[");
    for (size_t i = 0; i < doc->catalog->nserved; i++) {
        buffer_puts(doc->out, i > 0 ? "," : "");
        put_collection(doc, doc->catalog->served[i]);
    }
    buffer_puts(doc->out, "]}\n");
}

void write_ogc_collection(const struct document *doc)
{
    put_collection(doc, doc->served);
    buffer_puts(doc->out, "\n");
}

/* ---- tilesets ------------------------------------------------------------ */

static const char *scheme_of(const struct served *served)
{
    return served->info->tile_px == 512 ? "WebMercatorQuad512"
                                        : "WebMercatorQuad";
}

static void put_tileset_head(const struct document *doc)
{
    const struct served *served = doc->served;
    buffer_puts(doc->out, "\"title\":");
    put_json_string(doc->out, served->name);
    buffer_printf(doc->out,
                  ",\"dataType\":\"%s\",\"crs\":\"" CRS_URI "\","
                  "\"tileMatrixSetId\":\"%s\",\"tileMatrixSetURI\":"
                  "\"" SCHEME_URI "%s\",",
                  served->vector ? "vector" : "map", scheme_of(served),
                  scheme_of(served));
}

void write_ogc_tilesets(const struct document *doc)
{
    char tilesets[160], self[200];
    const struct served *served = doc->served;
    (void)snprintf(tilesets, sizeof(tilesets), "/ogc/collections/%s/%s",
                   served->id, kind_path(served));
    (void)snprintf(self, sizeof(self), "%s/%s", tilesets, scheme_of(served));
    const struct link own[] = {
        {"self", "application/json", tilesets, "This document"},
    };
    const struct link item[] = {
        {"self", "application/json", self, "The tileset"},
    };
    buffer_puts(doc->out, "{");
    put_links(doc, own, COUNT(own));
    buffer_puts(doc->out, ",\"tilesets\":[{");
    put_tileset_head(doc);
    put_links(doc, item, COUNT(item));
    buffer_puts(doc->out, "}]}\n");
}

void write_ogc_tileset(const struct document *doc)
{
    const struct served *served = doc->served;
    const double *b = served->bounds, *c = served->center;
    enum ibx_format only = media_only(served->info->format_bits);
    char self[200], tile[260], extension[16], scheme[64];
    (void)snprintf(self, sizeof(self), "/ogc/collections/%s/%s/%s", served->id,
                   kind_path(served), scheme_of(served));
    (void)snprintf(tile, sizeof(tile), "%s/{tileMatrix}/{tileRow}/{tileCol}%s",
                   self, served_extension(served, extension));
    (void)snprintf(scheme, sizeof(scheme), "/ogc/tileMatrixSets/%s",
                   scheme_of(served));
    const struct link links[] = {
        {"self", "application/json", self, "This document"},
        {"http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme",
         "application/json", scheme, "The tile matrix set"},
    };
    buffer_puts(doc->out, "{");
    put_tileset_head(doc);
    put_links(doc, links, COUNT(links));
    doc->out->len--; /* one more link, which is a template */
    buffer_printf(doc->out,
                  ",{\"rel\":\"item\",\"type\":\"%s\",\"templated\":true,"
                  "\"title\":\"A tile\",\"href\":\"%s",
                  media_type(only), doc->request->base);
    buffer_printf(doc->out,
                  "%s\"}],\"boundingBox\":{\"lowerLeft\":[%.9g,%.9g],"
                  "\"upperRight\":[%.9g,%.9g],\"crs\":"
                  "\"http://www.opengis.net/def/crs/OGC/1.3/CRS84\"},"
                  "\"centerPoint\":{\"coordinates\":[%.9g,%.9g],"
                  "\"crs\":\"http://www.opengis.net/def/crs/OGC/1.3/CRS84\","
                  "\"tileMatrix\":\"%u\"}}\n",
                  tile, b[0], b[1], b[2], b[3], c[0], c[1], (unsigned)c[2]);
}

/* ---- tile matrix sets ---------------------------------------------------- */

static bool any_512(const struct document *doc)
{
    for (size_t i = 0; i < doc->catalog->nserved; i++) {
        if (doc->catalog->served[i]->info->tile_px == 512)
            return true;
    }
    return false;
}

static void put_scheme_item(const struct document *doc, const char *id)
{
    buffer_printf(doc->out,
                  "{\"id\":\"%s\",\"title\":\"%s\",\"crs\":\"" CRS_URI "\","
                  "\"links\":[{\"rel\":\"self\",\"type\":\"application/json\","
                  "\"href\":\"",
                  id, id);
    buffer_printf(doc->out, "%s/ogc/tileMatrixSets/%s\"}]}", doc->request->base,
                  id);
}

void write_ogc_schemes(const struct document *doc)
{
    buffer_puts(doc->out, "{\"tileMatrixSets\":[");
    put_scheme_item(doc, "WebMercatorQuad");
    if (any_512(doc)) {
        buffer_puts(doc->out, ",");
        put_scheme_item(doc, "WebMercatorQuad512");
    }
    buffer_puts(doc->out, "]}\n");
}

void write_ogc_scheme(const struct document *doc)
{
    struct buffer *out = doc->out;
    bool large = span_is(span_of(doc->request->name), "WebMercatorQuad512");
    unsigned px = large ? 512 : 256;
    buffer_printf(out,
                  "{\"id\":\"WebMercatorQuad%s\",\"title\":\"Web Mercator, "
                  "quadtree, %u px\",%s\"crs\":\"" CRS_URI "\","
                  "\"orderedAxes\":[\"X\",\"Y\"],\"tileMatrices\":[",
                  large ? "512" : "", px,
                  large ? ""
                        : "\"uri\":\"" SCHEME_URI "WebMercatorQuad\","
                          "\"wellKnownScaleSet\":\"http://www.opengis.net/def/"
                          "wkss/OGC/1.0/GoogleMapsCompatible\",");
    for (unsigned z = 0; z <= IBX_MAX_ZOOM; z++) {
        double n = (double)(UINT64_C(1) << z);
        buffer_printf(out,
                      "%s{\"id\":\"%u\",\"scaleDenominator\":%.15g,"
                      "\"cellSize\":%.15g,\"pointOfOrigin\":"
                      "[-20037508.342789244,20037508.342789244],"
                      "\"tileWidth\":%u,\"tileHeight\":%u,"
                      "\"matrixWidth\":%.0f,\"matrixHeight\":%.0f}",
                      z > 0 ? "," : "", z, 559082264.028717 * 256 / px / n,
                      156543.033928041 * 256 / px / n, px, px, n, n);
    }
    buffer_puts(out, "]}\n");
}
