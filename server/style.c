/* A MapLibre style that draws a tileset with nothing from outside. */
#include <stdlib.h>
#include <string.h>

#include "server/document.h"
#include "server/json_scan.h"
#include "server/labels.h"

enum { STYLE_LAYERS_MAX = 64 };

/* What lies on what. */
enum rank {
    RANK_LAND,
    RANK_WATER,
    RANK_OTHER,
    RANK_BUILDING,
    RANK_ROAD,
    RANK_BOUNDARY,
    RANK_PLACE,
    NRANKS
};

/* Layers are known by a part of their name, whoever made the tiles. */
static const struct {
    const char *word;
    enum rank rank;
} words[] = {
    {"water", RANK_WATER},     {"ocean", RANK_WATER},
    {"lake", RANK_WATER},      {"river", RANK_WATER},
    {"land", RANK_LAND},       {"park", RANK_LAND},
    {"wood", RANK_LAND},       {"building", RANK_BUILDING},
    {"road", RANK_ROAD},       {"street", RANK_ROAD},
    {"transport", RANK_ROAD},  {"highway", RANK_ROAD},
    {"bound", RANK_BOUNDARY},  {"admin", RANK_BOUNDARY},
    {"countr", RANK_BOUNDARY}, {"state", RANK_BOUNDARY},
    {"place", RANK_PLACE},     {"poi", RANK_PLACE},
    {"label", RANK_PLACE},
};

/* Paints; NULL: in a colour of its own. */
static const struct {
    const char *fill, *line;
} looks[NRANKS] = {
    [RANK_LAND] = {"\"fill-color\":[\"match\",[\"to-string\",[\"get\","
                   "\"class\"]],[\"residential\",\"commercial\",\"school\","
                   "\"hospital\"],\"#ebe6de\",[\"industrial\",\"airport\","
                   "\"parking\",\"military\"],\"#e4e1e6\",[\"wood\","
                   "\"forest\",\"scrub\"],\"#c9dfb6\",[\"ice\"],\"#fff\","
                   "[\"sand\",\"rock\"],\"#efe7c8\",\"#dcebc8\"]",
                   NULL},
    [RANK_WATER] = {"\"fill-color\":\"#a9cfe6\"",
                    "\"line-color\":\"#8fbfdc\",\"line-width\":[\"interpolate"
                    "\",[\"linear\"],[\"zoom\"],6,0.5,14,1.6]"},
    [RANK_BUILDING] = {"\"fill-color\":\"#ddd5c9\",\"fill-outline-color\":"
                       "\"#c4baab\"",
                       NULL},
    [RANK_ROAD] = {"\"fill-color\":\"#eee\"",
                   "\"line-color\":[\"match\",[\"to-string\",[\"get\","
                   "\"class\"]],[\"motorway\",\"trunk\"],\"#dd8a4a\","
                   "[\"primary\"],\"#e5ad62\",[\"secondary\",\"tertiary\"],"
                   "\"#dfc66f\",[\"rail\",\"ferry\"],\"#8f98a6\",\"#b9b2a8\"],"
                   "\"line-width\":[\"interpolate\",[\"exponential\",1.5],"
                   "[\"zoom\"],5,0.4,12,[\"match\",[\"to-string\",[\"get\","
                   "\"class\"]],[\"motorway\",\"trunk\",\"primary\"],2.2,0.9],"
                   "18,[\"match\",[\"to-string\",[\"get\",\"class\"]],["
                   "\"motorway\",\"trunk\",\"primary\",\"secondary\"],14,"
                   "[\"path\",\"track\",\"rail\",\"ferry\"],2,9]]"},
    [RANK_BOUNDARY] = {"\"fill-color\":\"#f0ece2\",\"fill-outline-color\":"
                       "\"#a08fb0\"",
                       "\"line-color\":\"#a08fb0\",\"line-dasharray\":[4,2]"},
};

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

static enum rank rank_of(struct span id)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (memmem(id.ptr, id.len, words[i].word, strlen(words[i].word)) !=
            NULL)
            return words[i].rank;
    }
    return RANK_OTHER;
}

static void put_areas(struct buffer *out, struct span id, enum rank rank)
{
    unsigned hue = hue_of(id);
    put_layer(out, id, "fill", "fill", "Polygon");
    if (looks[rank].fill != NULL)
        buffer_printf(out, "\"paint\":{%s}}", looks[rank].fill);
    else
        buffer_printf(out,
                      "\"paint\":{\"fill-color\":\"hsl(%u,45%%,72%%)\","
                      "\"fill-opacity\":0.5,\"fill-outline-color\":"
                      "\"hsl(%u,45%%,45%%)\"}}",
                      hue, hue);
}

static void put_lines(struct buffer *out, struct span id, enum rank rank)
{
    put_layer(out, id, "line", "line", "LineString");
    buffer_puts(out, "\"layout\":{\"line-cap\":\"round\",\"line-join\":"
                     "\"round\"},");
    if (looks[rank].line != NULL)
        buffer_printf(out, "\"paint\":{%s}}", looks[rank].line);
    else
        buffer_printf(out,
                      "\"paint\":{\"line-color\":\"hsl(%u,55%%,45%%)\","
                      "\"line-width\":[\"interpolate\",[\"linear\"],"
                      "[\"zoom\"],4,0.6,12,1.2,18,4]}}",
                      hue_of(id));
}

static void put_points(struct buffer *out, struct span id)
{
    put_layer(out, id, "point", "circle", "Point");
    buffer_printf(out,
                  "\"paint\":{\"circle-color\":\"hsl(%u,60%%,42%%)\","
                  "\"circle-radius\":2.5}}",
                  hue_of(id));
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

/* A layer of the tiles, as its TileJSON tells. */
struct tile_layer {
    struct span id; /* still escaped, as it goes between quotes again */
    enum rank rank;
    bool named, classed;
};

static size_t read_layers(struct span text,
                          struct tile_layer layers[STYLE_LAYERS_MAX])
{
    struct json_walk walk;
    struct span key, layer;
    size_t n = 0;
    if (!json_enter(json_member(text, "vector_layers"), &walk) || walk.object)
        return 0;
    while (n < STYLE_LAYERS_MAX && json_next(&walk, &key, &layer)) {
        struct span id = json_member(layer, "id");
        struct span fields = json_member(layer, "fields");
        if (id.len < 3 || id.ptr[0] != '"')
            continue;
        layers[n].id = (struct span){id.ptr + 1, id.len - 2};
        layers[n].rank = rank_of(layers[n].id);
        layers[n].named = json_member(fields, "name").ptr != NULL;
        layers[n].classed = json_member(fields, "class").ptr != NULL;
        n++;
    }
    return n;
}

static void put_drawing(struct buffer *out, const struct tile_layer *layer,
                        bool icons)
{
    if (layer->rank != RANK_BOUNDARY)
        put_areas(out, layer->id, layer->rank);
    put_lines(out, layer->id, layer->rank);
    if (!icons || !layer->classed)
        put_points(out, layer->id);
}

/* Later ones win where there is no room for all. */
static void put_symbols(struct buffer *out, const struct tile_layer *layer,
                        const struct labels *labels)
{
    if (labels->sprite && layer->classed)
        put_icons(out, layer->id);
    /* Every house of a town has a name that nobody looks for. */
    if (labels->stack[0] == '\0' || !layer->named ||
        layer->rank == RANK_BUILDING)
        return;
    put_names(out, layer->id, true, labels);
    put_names(out, layer->id, false, labels);
}

static void put_vector_layers(struct buffer *out, struct span text,
                              const struct labels *labels)
{
    struct tile_layer layers[STYLE_LAYERS_MAX];
    size_t n = read_layers(text, layers);
    /* Countries are the ground on which all else lies. */
    for (size_t i = 0; i < n; i++) {
        if (layers[i].rank == RANK_BOUNDARY)
            put_areas(out, layers[i].id, RANK_BOUNDARY);
    }
    for (unsigned pass = 0; pass < 2 * NRANKS; pass++) {
        for (size_t i = 0; i < n; i++) {
            if ((unsigned)layers[i].rank != pass % NRANKS)
                continue;
            if (pass < NRANKS)
                put_drawing(out, &layers[i], labels->sprite);
            else
                put_symbols(out, &layers[i], labels);
        }
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
    /* ol-mapbox-style would fetch web fonts from elsewhere. */
    buffer_puts(out, "{\"version\":8,\"metadata\":{\"ol:webfonts\":\"data:"
                     "text/css,\"},\"name\":");
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
                     "\"#f6f3ec\"}}");
    if (served->vector)
        put_vector_layers(out, (struct span){text, nbytes}, labels);
    else
        buffer_puts(out, ",{\"id\":\"tiles\",\"type\":\"raster\","
                         "\"source\":\"tiles\"}");
    buffer_puts(out, "]}\n");
    free(text);
    return REFUSAL_NONE;
}
