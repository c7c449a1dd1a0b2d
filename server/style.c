/* A MapLibre style that draws a tileset with nothing from outside. */
#include <stdlib.h>

#include "server/document.h"
#include "server/json_scan.h"
#include "server/labels.h"

enum { STYLE_LAYERS_MAX = 64 };

/* A colour that is the same for the same layer everywhere: its name decides
 * the hue. */
static unsigned hue_of(struct span name)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.ptr[i]) * 16777619u;
    return hash % 360;
}

static void put_source(const struct document *doc)
{
    const struct served *served = doc->served;
    buffer_printf(doc->out,
                  "\"sources\":{\"tiles\":{\"type\":\"%s\",\"url\":"
                  "\"%s/%s.json\"",
                  served->vector ? "vector" : "raster", doc->request->base,
                  served->id);
    if (!served->vector)
        buffer_printf(doc->out, ",\"tileSize\":%u",
                      served->info->tile_px == 512 ? 512u : 256u);
    buffer_puts(doc->out, "}}");
}

/* One style layer over the geometries of one kind. */
static void put_layer(struct buffer *out, struct span id, const char *suffix,
                      const char *type, const char *geometry)
{
    buffer_puts(out, ",{\"id\":\"");
    buffer_add(out, id.ptr, id.len);
    buffer_printf(out,
                  "-%s\",\"type\":\"%s\",\"source\":\"tiles\","
                  "\"source-layer\":\"",
                  suffix, type);
    buffer_add(out, id.ptr, id.len);
    buffer_printf(out, "\",\"filter\":[\"==\",[\"geometry-type\"],\"%s\"],",
                  geometry);
}

static void put_vector_layer(struct buffer *out, struct span id)
{
    unsigned hue = hue_of(id);
    put_layer(out, id, "fill", "fill", "Polygon");
    buffer_printf(out,
                  "\"paint\":{\"fill-color\":\"hsl(%u,45%%,72%%)\","
                  "\"fill-opacity\":0.5,\"fill-outline-color\":"
                  "\"hsl(%u,45%%,45%%)\"}}",
                  hue, hue);
    put_layer(out, id, "line", "line", "LineString");
    buffer_printf(out,
                  "\"paint\":{\"line-color\":\"hsl(%u,55%%,45%%)\","
                  "\"line-width\":[\"interpolate\",[\"linear\"],[\"zoom\"],"
                  "4,0.6,12,1.2,18,4]}}",
                  hue);
    put_layer(out, id, "point", "circle", "Point");
    buffer_printf(out,
                  "\"paint\":{\"circle-color\":\"hsl(%u,60%%,42%%)\","
                  "\"circle-radius\":2.5}}",
                  hue);
}

/* Names, along lines and in the middle of everything else. */
static void put_names(struct buffer *out, struct span id, bool along,
                      const struct labels *labels)
{
    buffer_puts(out, ",{\"id\":\"");
    buffer_add(out, id.ptr, id.len);
    buffer_printf(out,
                  "-%s\",\"type\":\"symbol\",\"source\":\"tiles\","
                  "\"source-layer\":\"",
                  along ? "name" : "label");
    buffer_add(out, id.ptr, id.len);
    buffer_printf(
        out,
        "\",\"filter\":[\"all\",[\"has\",\"name\"],[\"%s\","
        "[\"geometry-type\"],\"LineString\"]],\"layout\":{%s"
        "\"text-field\":[\"get\",\"name\"],\"text-font\":[",
        along ? "==" : "!=", along ? "\"symbol-placement\":\"line\"," : "");
    put_json_string(out, labels->stack);
    buffer_printf(out, "],\"text-size\":%s", along ? "11" : "13");
    if (!along)
        buffer_puts(out, ",\"text-anchor\":\"top\",\"text-offset\":"
                         "[0,0.6],\"text-max-width\":8");
    buffer_puts(out, "},\"paint\":{\"text-color\":\"#222\","
                     "\"text-halo-color\":\"#fff\",\"text-halo-width\":1.4}}");
}

/* The icon that has the name of the feature's class, else a dot. */
static void put_icons(struct buffer *out, struct span id)
{
    put_layer(out, id, "icon", "symbol", "Point");
    buffer_puts(out, "\"layout\":{\"icon-image\":[\"coalesce\","
                     "[\"image\",[\"to-string\",[\"get\",\"class\"]]],"
                     "[\"image\",\"dot\"]],\"icon-padding\":1}}");
}

static void put_vector_layers(struct buffer *out, struct span text,
                              const struct labels *labels)
{
    struct json_walk walk;
    struct span key, layer;
    unsigned n = 0;
    if (!json_enter(json_member(text, "vector_layers"), &walk) || walk.object)
        return;
    while (n < STYLE_LAYERS_MAX && json_next(&walk, &key, &layer)) {
        struct span id = json_member(layer, "id");
        struct span fields = json_member(layer, "fields");
        if (id.len < 3 || id.ptr[0] != '"')
            continue;
        /* Still escaped, as it goes between quotes again. */
        id = (struct span){id.ptr + 1, id.len - 2};
        put_vector_layer(out, id);
        if (labels->sprite && json_member(fields, "class").ptr != NULL)
            put_icons(out, id);
        if (labels->stack[0] != '\0' &&
            json_member(fields, "name").ptr != NULL) {
            put_names(out, id, true, labels);
            put_names(out, id, false, labels);
        }
        n++;
    }
}

enum refusal write_style(const struct document *doc,
                         const struct labels *labels)
{
    struct served *served = doc->served;
    struct buffer *out = doc->out;
    struct ibx_err err;
    char *text = NULL;
    size_t nbytes = 0;
    if (served->tilejson_nbytes > out->cap / 2)
        return REFUSAL_TOO_LARGE;
    if (ibx_tileset_text(served->tileset, IBX_TEXT_TILEJSON, &text, &nbytes,
                         &err) != IBX_OK)
        return REFUSAL_UNREADABLE;
    buffer_puts(out, "{\"version\":8,\"name\":");
    put_json_string(out, served->name);
    buffer_printf(out, ",\"center\":[%.7g,%.7g],\"zoom\":%g,",
                  served->center[0], served->center[1], served->center[2]);
    if (labels->sprite)
        buffer_printf(out, "\"sprite\":\"%s/sprites/sprite\",",
                      doc->request->base);
    if (labels->stack[0] != '\0')
        buffer_printf(out, "\"glyphs\":\"%s/fonts/{fontstack}/{range}.pbf\",",
                      doc->request->base);
    put_source(doc);
    buffer_puts(out, ",\"layers\":[{\"id\":\"background\",\"type\":"
                     "\"background\",\"paint\":{\"background-color\":"
                     "\"#f4f4f0\"}}");
    if (served->vector)
        put_vector_layers(out, (struct span){text, nbytes}, labels);
    else
        buffer_puts(out, ",{\"id\":\"tiles\",\"type\":\"raster\","
                         "\"source\":\"tiles\"}");
    buffer_puts(out, "]}\n");
    free(text);
    return REFUSAL_NONE;
}
