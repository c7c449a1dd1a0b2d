/* WMTS 1.0.0, RESTful: the row comes before the column. */
#include "server/document.h"
#include "server/media.h"

#define MERCATOR_HALF 20037508.342789244
/* Scale denominator of zoom 0 with 256 px tiles (OGC 07-057r7 annex E.4). */
#define SCALE_AT_ZERO 559082264.0287178

static const char head[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<Capabilities xmlns=\"http://www.opengis.net/wmts/1.0\" "
    "xmlns:ows=\"http://www.opengis.net/ows/1.1\" "
    "xmlns:xlink=\"http://www.w3.org/1999/xlink\" "
    "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
    "xsi:schemaLocation=\"http://www.opengis.net/wmts/1.0 "
    "http://schemas.opengis.net/wmts/1.0/wmtsGetCapabilities_response.xsd\" "
    "version=\"1.0.0\">\n"
    "  <ows:ServiceIdentification>\n"
    "    <ows:Title>Imbrex</ows:Title>\n"
    "    <ows:ServiceType>OGC WMTS</ows:ServiceType>\n"
    "    <ows:ServiceTypeVersion>1.0.0</ows:ServiceTypeVersion>\n"
    "  </ows:ServiceIdentification>\n";

static void put_operation(const struct document *doc, const char *name,
                          const char *path)
{
    buffer_printf(doc->out,
                  "    <ows:Operation name=\"%s\">\n      <ows:DCP><ows:HTTP>"
                  "<ows:Get xlink:href=\"",
                  name);
    buffer_xml(doc->out, doc->request->base);
    buffer_printf(doc->out,
                  "%s\"><ows:Constraint name=\"GetEncoding\">"
                  "<ows:AllowedValues><ows:Value>RESTful</ows:Value>"
                  "</ows:AllowedValues></ows:Constraint></ows:Get>"
                  "</ows:HTTP></ows:DCP>\n    </ows:Operation>\n",
                  path);
}

static unsigned px_of(const struct served *served)
{
    return served->info->tile_px == 512 ? 512 : 256;
}

enum { SET_NBYTES = 40 };

/* The id of the matrix set that has a tileset's zooms and no others. Limits per
 * tileset would say the same, but the schema forbids row and column 0 in them
 * (it has positiveInteger there), and many clients do not read them. */
static const char *set_of(const struct served *served, char out[SET_NBYTES])
{
    (void)snprintf(out, SET_NBYTES, "WebMercatorQuad%s_%u-%u",
                   px_of(served) == 512 ? "512" : "", served_min_zoom(served),
                   served_max_zoom(served));
    return out;
}

static void put_resources(const struct document *doc,
                          const struct served *served)
{
    for (uint32_t f = 1; f < 32; f++) {
        enum ibx_format format = (enum ibx_format)f;
        if ((served->info->format_bits & (1u << f)) == 0)
            continue;
        buffer_printf(doc->out,
                      "      <ResourceURL format=\"%s\" "
                      "resourceType=\"tile\" template=\"",
                      media_type(format));
        buffer_xml(doc->out, doc->request->base);
        buffer_printf(doc->out,
                      "/wmts/%s/{TileMatrixSet}/{TileMatrix}/{TileRow}/"
                      "{TileCol}.%s\"/>\n",
                      served->id, media_extension(format));
    }
}

static void put_formats(const struct document *doc, const struct served *served)
{
    bool any = false;
    for (uint32_t f = 1; f < 32; f++) {
        if ((served->info->format_bits & (1u << f)) == 0)
            continue;
        any = true;
        buffer_printf(doc->out, "      <Format>%s</Format>\n",
                      media_type((enum ibx_format)f));
    }
    if (!any) /* the schema wants one */
        buffer_puts(doc->out, "      <Format>image/png</Format>\n");
}

static void put_layer(const struct document *doc, const struct served *served)
{
    struct buffer *out = doc->out;
    const double *b = served->bounds;
    char set[SET_NBYTES];
    buffer_puts(out, "    <Layer>\n      <ows:Title>");
    buffer_xml(out, served->name);
    buffer_puts(out, "</ows:Title>\n      <ows:Abstract>");
    buffer_xml(out, served->description);
    buffer_printf(out,
                  "</ows:Abstract>\n      <ows:WGS84BoundingBox>"
                  "<ows:LowerCorner>%.9g %.9g</ows:LowerCorner>"
                  "<ows:UpperCorner>%.9g %.9g</ows:UpperCorner>"
                  "</ows:WGS84BoundingBox>\n"
                  "      <ows:Identifier>%s</ows:Identifier>\n"
                  "      <Style isDefault=\"true\"><ows:Identifier>default"
                  "</ows:Identifier></Style>\n",
                  b[0], b[1], b[2], b[3], served->id);
    put_formats(doc, served);
    buffer_printf(out,
                  "      <TileMatrixSetLink><TileMatrixSet>%s"
                  "</TileMatrixSet></TileMatrixSetLink>\n",
                  set_of(served, set));
    put_resources(doc, served);
    buffer_puts(out, "    </Layer>\n");
}

static void put_matrix_set(const struct document *doc,
                           const struct served *served)
{
    struct buffer *out = doc->out;
    unsigned px = px_of(served);
    char id[SET_NBYTES];
    buffer_printf(out,
                  "    <TileMatrixSet>\n      <ows:Identifier>%s"
                  "</ows:Identifier>\n      <ows:SupportedCRS>"
                  "urn:ogc:def:crs:EPSG::3857</ows:SupportedCRS>\n",
                  set_of(served, id));
    for (unsigned z = served_min_zoom(served); z <= served_max_zoom(served);
         z++) {
        uint64_t n = UINT64_C(1) << z;
        buffer_printf(out,
                      "      <TileMatrix><ows:Identifier>%u</ows:Identifier>"
                      "<ScaleDenominator>%.15g</ScaleDenominator>"
                      "<TopLeftCorner>%.9f %.9f</TopLeftCorner>"
                      "<TileWidth>%u</TileWidth><TileHeight>%u</TileHeight>"
                      "<MatrixWidth>%llu</MatrixWidth>"
                      "<MatrixHeight>%llu</MatrixHeight></TileMatrix>\n",
                      z, SCALE_AT_ZERO / (double)n * 256 / px, -MERCATOR_HALF,
                      MERCATOR_HALF, px, px, (unsigned long long)n,
                      (unsigned long long)n);
    }
    buffer_puts(out, "    </TileMatrixSet>\n");
}

static bool same_set(const struct served *a, const struct served *b)
{
    return px_of(a) == px_of(b) && served_min_zoom(a) == served_min_zoom(b) &&
           served_max_zoom(a) == served_max_zoom(b);
}

/* Each set once, however many tilesets share it. */
static void put_matrix_sets(const struct document *doc)
{
    const struct catalog *catalog = doc->catalog;
    for (size_t i = 0; i < catalog->nserved; i++) {
        size_t first = 0;
        while (!same_set(catalog->served[first], catalog->served[i]))
            first++;
        if (first == i)
            put_matrix_set(doc, catalog->served[i]);
    }
}

void write_wmts(const struct document *doc)
{
    struct buffer *out = doc->out;
    buffer_puts(out, head);
    buffer_puts(out, "  <ows:OperationsMetadata>\n");
    put_operation(doc, "GetCapabilities", "/wmts/1.0.0/WMTSCapabilities.xml");
    put_operation(doc, "GetTile", "/wmts/");
    buffer_puts(out, "  </ows:OperationsMetadata>\n  <Contents>\n");
    for (size_t i = 0; i < doc->catalog->nserved; i++)
        put_layer(doc, doc->catalog->served[i]);
    put_matrix_sets(doc);
    buffer_puts(out, "  </Contents>\n  <ServiceMetadataURL xlink:href=\"");
    buffer_xml(out, doc->request->base);
    buffer_puts(out, "/wmts/1.0.0/WMTSCapabilities.xml\"/>\n"
                     "</Capabilities>\n");
}
