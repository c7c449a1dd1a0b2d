/* TMS 1.0.0: rows count up from the south. */
#include "server/document.h"
#include "server/media.h"

/* Half the length of the equator in Web Mercator, and the width of a 256 px
 * pixel at zoom 0. */
#define MERCATOR_HALF 20037508.342789244
#define PIXEL_AT_ZERO 156543.03392804097

void write_tms_service(const struct document *doc)
{
    struct buffer *out = doc->out;
    buffer_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<TileMapService version=\"1.0.0\">\n"
                     "  <Title>Imbrex</Title>\n  <Abstract/>\n  <TileMaps>\n");
    for (size_t i = 0; i < doc->catalog->nserved; i++) {
        const struct served *served = doc->catalog->served[i];
        buffer_puts(out, "    <TileMap title=\"");
        buffer_xml(out, served->name);
        buffer_puts(out, "\" srs=\"EPSG:3857\" profile=\"global-mercator\" "
                         "href=\"");
        buffer_xml(out, doc->request->base);
        buffer_printf(out, "/tms/1.0.0/%s/tilemapresource.xml\"/>\n",
                      served->id);
    }
    buffer_puts(out, "  </TileMaps>\n</TileMapService>\n");
}

/* A TMS names one extension: the only one, or the first. */
static enum ibx_format first_format(uint32_t format_bits)
{
    for (uint32_t f = 1; f < 32; f++) {
        if ((format_bits & (1u << f)) != 0)
            return (enum ibx_format)f;
    }
    return IBX_FORMAT_PNG;
}

static void put_tile_sets(const struct document *doc)
{
    const struct served *served = doc->served;
    unsigned px = served->info->tile_px == 512 ? 512 : 256;
    for (unsigned z = served_min_zoom(served); z <= served_max_zoom(served);
         z++) {
        double pixel = PIXEL_AT_ZERO / (double)(UINT64_C(1) << z) * 256 / px;
        buffer_puts(doc->out, "    <TileSet href=\"");
        buffer_xml(doc->out, doc->request->base);
        buffer_printf(doc->out,
                      "/tms/1.0.0/%s/%u\" units-per-pixel=\"%.14g\" "
                      "order=\"%u\"/>\n",
                      served->id, z, pixel, z);
    }
}

void write_tms_map(const struct document *doc)
{
    struct buffer *out = doc->out;
    const struct served *served = doc->served;
    enum ibx_format format = first_format(served->info->format_bits);
    unsigned px = served->info->tile_px == 512 ? 512 : 256;
    buffer_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<TileMap version=\"1.0.0\" tilemapservice=\"");
    buffer_xml(out, doc->request->base);
    buffer_puts(out, "/tms/1.0.0/\">\n  <Title>");
    buffer_xml(out, served->name);
    buffer_puts(out, "</Title>\n  <Abstract>");
    buffer_xml(out, served->description);
    buffer_puts(out, "</Abstract>\n  <SRS>EPSG:3857</SRS>\n");
    buffer_printf(out,
                  "  <BoundingBox minx=\"%.9f\" miny=\"%.9f\" maxx=\"%.9f\" "
                  "maxy=\"%.9f\"/>\n"
                  "  <Origin x=\"%.9f\" y=\"%.9f\"/>\n",
                  -MERCATOR_HALF, -MERCATOR_HALF, MERCATOR_HALF, MERCATOR_HALF,
                  -MERCATOR_HALF, -MERCATOR_HALF);
    buffer_printf(out,
                  "  <TileFormat width=\"%u\" height=\"%u\" mime-type=\"%s\" "
                  "extension=\"%s\"/>\n"
                  "  <TileSets profile=\"global-mercator\">\n",
                  px, px, media_type(format), media_extension(format));
    put_tile_sets(doc);
    buffer_puts(out, "  </TileSets>\n</TileMap>\n");
}
