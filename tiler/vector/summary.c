#include "tiler/vector/summary.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "tiler/cli/json.h"
#include "tiler/vector/project.h"

static const char *const zoom_keys[] = {
#define ZOOM_KEY(name, key) key,
    STAT_ZOOM_LIST(ZOOM_KEY)
#undef ZOOM_KEY
};

static const char *const input_keys[] = {
#define INPUT_KEY(name, key) key,
    STAT_INPUT_LIST(INPUT_KEY)
#undef INPUT_KEY
};

/* ---- TileJSON ----------------------------------------------------------- */

struct bounds {
    double west, south, east, north;
};

/* Data across the antimeridian has bounds around the world. */
static struct bounds bounds_of(const struct summary *summary)
{
    struct geom_box box = summary->box;
    int64_t world = INT64_C(1) << summary->bits;
    if (box.min_x > box.max_x)
        return (struct bounds){-180, -85.05112878, 180, 85.05112878};
    if (box.min_x < 0 || box.max_x > world) {
        box.min_x = 0;
        box.max_x = world;
    }
    if (box.min_y < 0)
        box.min_y = 0;
    if (box.max_y > world)
        box.max_y = world;
    return (struct bounds){
        project_lon((double)box.min_x, summary->bits),
        project_lat((double)box.max_y, summary->bits),
        project_lon((double)box.max_x, summary->bits),
        project_lat((double)box.min_y, summary->bits),
    };
}

/* A zoom at which the bounds about fill a screen of two tiles. */
static int center_zoom(const struct summary *summary, struct bounds b)
{
    double width = fmax(b.east - b.west, 2 * (b.north - b.south));
    double zoom = width > 0 ? floor(log2(720 / width)) : summary->maxzoom;
    if (zoom < summary->minzoom)
        return summary->minzoom;
    return zoom > summary->maxzoom ? summary->maxzoom : (int)zoom;
}

static const char *field_type(unsigned types)
{
    if (types == FIELD_NUMBER)
        return "Number";
    return types == FIELD_BOOLEAN ? "Boolean" : "String";
}

static void put_layer(const struct summary *summary, const struct layer *layer,
                      struct json *json)
{
    uint8_t minzoom = layer->minzoom, maxzoom = layer->maxzoom;
    json_object(json, NULL);
    json_text(json, "id", layer->name);
    json_text(json, "description",
              layer->description == NULL ? "" : layer->description);
    json_integer(json, "minzoom",
                 minzoom < summary->minzoom ? summary->minzoom : minzoom);
    json_integer(json, "maxzoom",
                 maxzoom > summary->maxzoom ? summary->maxzoom : maxzoom);
    json_object(json, "fields");
    for (size_t i = 0; i < layer->nfields; i++) {
        if (layer->fields[i].types != 0)
            json_text(json, layer->fields[i].name,
                      field_type(layer->fields[i].types));
    }
    json_end(json, '}');
    json_end(json, '}');
}

/* Six decimals are a decimetre. */
static double rounded(double degrees)
{
    return round(degrees * 1e6) / 1e6;
}

static void put_place(const struct summary *summary, struct json *json)
{
    struct bounds b = bounds_of(summary);
    json_array(json, "bounds");
    json_number(json, NULL, rounded(b.west));
    json_number(json, NULL, rounded(b.south));
    json_number(json, NULL, rounded(b.east));
    json_number(json, NULL, rounded(b.north));
    json_end(json, ']');
    json_array(json, "center");
    json_number(json, NULL, rounded((b.west + b.east) / 2));
    json_number(json, NULL, rounded((b.south + b.north) / 2));
    json_integer(json, NULL, (uint64_t)center_zoom(summary, b));
    json_end(json, ']');
}

char *summary_tilejson(const struct summary *summary)
{
    struct json json = {0};
    json_object(&json, NULL);
    json_text(&json, "tilejson", "3.0.0");
    if (summary->name != NULL)
        json_text(&json, "name", summary->name);
    if (summary->description != NULL)
        json_text(&json, "description", summary->description);
    if (summary->attribution != NULL)
        json_text(&json, "attribution", summary->attribution);
    json_text(&json, "scheme", "xyz");
    json_integer(&json, "minzoom", summary->minzoom);
    json_integer(&json, "maxzoom", summary->maxzoom);
    put_place(summary, &json);
    json_array(&json, "vector_layers");
    for (size_t i = 0; i < summary->layers->count; i++) {
        if (summary->layers->items[i].kinds != 0)
            put_layer(summary, &summary->layers->items[i], &json);
    }
    json_end(&json, ']');
    json_end(&json, '}');
    return json_take(&json, NULL);
}

/* ---- the report --------------------------------------------------------- */

static uint64_t features_out(const uint64_t zoom[STAT_NZOOM])
{
    return zoom[STAT_IN] - zoom[STAT_TOO_SMALL] - zoom[STAT_NOT_REPAIRED] -
           zoom[STAT_LOST_LIMIT];
}

static void put_zoom(const uint64_t zoom[STAT_NZOOM], unsigned z,
                     struct json *json)
{
    json_object(json, NULL);
    json_integer(json, "zoom", z);
    for (unsigned i = 0; i < STAT_NZOOM; i++) {
        uint64_t value = i == STAT_OUT ? features_out(zoom) : zoom[i];
        if (i <= STAT_OUT || value > 0)
            json_integer(json, zoom_keys[i], value);
    }
    json_end(json, '}');
}

static void put_layer_report(const struct layer *layer,
                             const struct stats_layer *stats, struct json *json)
{
    json_object(json, NULL);
    json_text(json, "id", layer->name);
    json_text(json, "oversize", layer_policy_word(layer->policy));
    json_object(json, "input");
    for (unsigned i = 0; i < STAT_NINPUT; i++) {
        if (i <= READ_TAKEN || stats->input[i] > 0)
            json_integer(json, input_keys[i], stats->input[i]);
    }
    json_end(json, '}');
    json_array(json, "zooms");
    for (unsigned z = 0; z < STATS_NZOOMS; z++) {
        if (stats->zoom[z][STAT_IN] > 0)
            put_zoom(stats->zoom[z], z, json);
    }
    json_end(json, ']');
    json_end(json, '}');
}

static void put_tiles(const struct summary *summary, struct json *json)
{
    json_array(json, "tiles");
    for (unsigned z = 0; z < STATS_NZOOMS; z++) {
        const struct stats_zoom *zoom = &summary->stats->zooms[z];
        if (zoom->tiles == 0)
            continue;
        json_object(json, NULL);
        json_integer(json, "zoom", z);
        json_integer(json, "tiles", zoom->tiles);
        json_integer(json, "bytes", zoom->nbytes);
        json_integer(json, "largest_bytes", zoom->largest_nbytes);
        json_integer(json, "over_limit", zoom->over_limit);
        json_end(json, '}');
    }
    json_end(json, ']');
}

char *summary_report(const struct summary *summary)
{
    struct json json = {0};
    json_object(&json, NULL);
    json_text(&json, "kind", "vector");
    json_integer(&json, "minzoom", summary->minzoom);
    json_integer(&json, "maxzoom", summary->maxzoom);
    json_integer(&json, "max_tile_bytes", summary->max_tile_nbytes);
    json_integer(&json, "max_tile_features", summary->max_tile_features);
    json_boolean(&json, "loss", stats_has_loss(summary->stats));
    put_tiles(summary, &json);
    json_array(&json, "layers");
    for (size_t i = 0; i < summary->layers->count; i++)
        put_layer_report(&summary->layers->items[i], &summary->stats->layers[i],
                         &json);
    json_end(&json, ']');
    json_end(&json, '}');
    return json_take(&json, NULL);
}

/* ---- for people --------------------------------------------------------- */

static uint64_t sum_zoom(const struct stats *stats, enum stat_zoom what)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < stats->nlayers; i++) {
        for (int z = 0; z < STATS_NZOOMS; z++)
            sum += stats->layers[i].zoom[z][what];
    }
    return sum;
}

static uint64_t sum_input(const struct stats *stats, enum stat_input what)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < stats->nlayers; i++)
        sum += stats->layers[i].input[what];
    return sum;
}

struct phrase {
    uint64_t count;
    const char *text;
};

void summary_loss(const struct summary *summary, char *text, size_t nbytes)
{
    const struct stats *s = summary->stats;
    const struct phrase phrases[] = {
        {sum_input(s, READ_NO_GEOMETRY) + sum_input(s, READ_EMPTY),
         "features without geometry"},
        {sum_input(s, READ_BAD_COORDS), "with coordinates off the earth"},
        {sum_input(s, READ_OUTSIDE), "outside the map"},
        {sum_input(s, READ_BAD_KIND), "of unknown geometry"},
        {sum_input(s, READ_NOT_REPAIRED), "that cannot be repaired"},
        {sum_input(s, READ_BAD_TEXT), "texts that were not UTF-8"},
        {sum_input(s, READ_BAD_VALUE), "values that tiles cannot hold"},
        {sum_input(s, READ_BAD_ID), "ids that are no whole numbers"},
        {sum_zoom(s, STAT_DROPPED_BYTES) + sum_zoom(s, STAT_DROPPED_COUNT),
         "pieces dropped from tiles over a limit"},
        {sum_zoom(s, STAT_COALESCED), "pieces coalesced"},
        {sum_zoom(s, STAT_SIMPLIFIED), "tiles simplified more"},
    };
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        if (phrases[i].count == 0 || at >= nbytes)
            continue;
        int n =
            snprintf(text + at, nbytes - at, "%s%" PRIu64 " %s",
                     at == 0 ? "" : ", ", phrases[i].count, phrases[i].text);
        at += n < 0 ? 0 : (size_t)n;
    }
}

static bool misses_input(const struct stats_layer *layer)
{
    for (unsigned i = READ_TAKEN + 1; i < STAT_NINPUT; i++) {
        if (layer->input[i] > 0)
            return true;
    }
    return false;
}

static void print_input(const char *name, const struct stats_layer *layer,
                        FILE *to)
{
    fprintf(to, "layer %s:", name);
    for (unsigned i = 0; i < STAT_NINPUT; i++) {
        if (i > READ_TAKEN && layer->input[i] == 0)
            continue;
        fprintf(to, "%s %" PRIu64 " ", i == 0 ? "" : ",", layer->input[i]);
        for (const char *c = input_keys[i]; *c != '\0'; c++)
            fputc(*c == '_' ? ' ' : *c, to);
    }
    fputc('\n', to);
}

static uint64_t dropped(const uint64_t zoom[STAT_NZOOM])
{
    return zoom[STAT_DROPPED_BYTES] + zoom[STAT_DROPPED_COUNT] +
           zoom[STAT_COALESCED];
}

static void print_zooms(const struct stats_layer *layer, bool all, FILE *to)
{
    bool has_head = false;
    for (unsigned z = 0; z < STATS_NZOOMS; z++) {
        const uint64_t *zoom = layer->zoom[z];
        bool misses = features_out(zoom) < zoom[STAT_IN] || dropped(zoom) > 0 ||
                      zoom[STAT_SIMPLIFIED] > 0;
        if (zoom[STAT_IN] == 0 || (!all && !misses))
            continue;
        if (!has_head)
            fprintf(to, "%6s%12s%12s%12s%12s%12s%12s\n", "zoom", "features",
                    "drawn", "too small", "broken", "over limit", "pieces off");
        has_head = true;
        fprintf(to,
                "%6u%12" PRIu64 "%12" PRIu64 "%12" PRIu64 "%12" PRIu64
                "%12" PRIu64 "%12" PRIu64 "\n",
                z, zoom[STAT_IN], features_out(zoom), zoom[STAT_TOO_SMALL],
                zoom[STAT_NOT_REPAIRED], zoom[STAT_LOST_LIMIT], dropped(zoom));
    }
}

void summary_print(const struct summary *summary, bool all, FILE *to)
{
    for (size_t i = 0; i < summary->layers->count; i++) {
        const struct stats_layer *layer = &summary->stats->layers[i];
        bool misses = misses_input(layer);
        for (unsigned z = 0; z < STATS_NZOOMS; z++)
            misses = misses || layer->zoom[z][STAT_TOO_SMALL] > 0 ||
                     dropped(layer->zoom[z]) > 0 ||
                     layer->zoom[z][STAT_SIMPLIFIED] > 0;
        if (!all && !misses)
            continue;
        print_input(summary->layers->items[i].name, layer, to);
        print_zooms(layer, all, to);
    }
}
