#include "tiler/raster/describe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tiler/cli/json.h"

/* The folder's name without ".imbrex", for want of a better title. */
static void put_default_name(struct json *j, const char *folder)
{
    static const char suffix[] = ".imbrex";
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/')
        n--;
    size_t start = n;
    while (start > 0 && folder[start - 1] != '/')
        start--;
    if (n - start > strlen(suffix) &&
        memcmp(folder + n - strlen(suffix), suffix, strlen(suffix)) == 0)
        n -= strlen(suffix);
    char *name = strndup(folder + start, n - start);
    j->failed = j->failed || name == NULL;
    if (name != NULL)
        json_text(j, "name", name);
    free(name);
}

static void put_texts(struct json *j, const struct build_options *o)
{
    if (o->name != NULL)
        json_text(j, "name", o->name);
    else
        put_default_name(j, o->output);
    if (o->description != NULL)
        json_text(j, "description", o->description);
    if (o->attribution != NULL)
        json_text(j, "attribution", o->attribution);
}

/* TileJSON 3.0.0, 3.5: bounds must not wrap, so an area across the
 * antimeridian goes round the world; the centre is the true one. */
static void put_bounds(struct json *j, const struct job *job)
{
    const struct area *a = &job->area;
    bool wraps = a->east > 180;
    json_array(j, "bounds");
    json_number(j, NULL, wraps ? -180 : a->west);
    json_number(j, NULL, a->south);
    json_number(j, NULL, wraps ? 180 : a->east);
    json_number(j, NULL, a->north);
    json_end(j, ']');
}

static void put_center(struct json *j, const struct job *job)
{
    const struct area *a = &job->area;
    double lon = (a->west + a->east) / 2;
    uint8_t zoom = (uint8_t)(area_one_tile_zoom(a, job->grid.zoom) + 1);
    zoom = zoom < job->min_zoom ? job->min_zoom : zoom;
    zoom = zoom > job->grid.zoom ? job->grid.zoom : zoom;
    double y_m = (grid_y_m(a->south) + grid_y_m(a->north)) / 2;
    json_array(j, "center");
    json_number(j, NULL, lon > 180 ? lon - 360 : lon);
    json_number(j, NULL, grid_lat(y_m));
    json_integer(j, NULL, zoom);
    json_end(j, ']');
}

/* Named only where all tiles have it. */
static void put_format(struct json *j, const struct tally *tally)
{
    static const char *const names[3] = {"png", "jpg", "webp"};
    struct tally_zoom all = tally_total(tally);
    for (int i = 0; i < 3; i++) {
        if (all.tiles > 0 && all.formats[i] == all.tiles)
            json_text(j, "format", names[i]);
    }
}

char *describe_tilejson(const struct job *job, const struct tally *tally)
{
    static const char *const encodings[3] = {NULL, "terrarium", "mapbox"};
    struct json j = {0};
    json_object(&j, NULL);
    json_text(&j, "tilejson", "3.0.0");
    put_texts(&j, job->options);
    put_bounds(&j, job);
    put_center(&j, job);
    json_integer(&j, "minzoom", job->min_zoom);
    json_integer(&j, "maxzoom", job->grid.zoom);
    put_format(&j, tally);
    if (encodings[job->encoder.encoding] != NULL)
        json_text(&j, "encoding", encodings[job->encoder.encoding]);
    json_end(&j, '}');
    return json_take(&j, NULL);
}

static void put_zoom(struct json *j, unsigned zoom, const struct tally_zoom *z)
{
    json_object(j, NULL);
    json_integer(j, "zoom", zoom);
    json_integer(j, "tiles", z->tiles);
    json_integer(j, "transparent", z->transparent);
    json_integer(j, "flattened", z->flattened);
    json_integer(j, "bytes", z->nbytes);
    json_end(j, '}');
}

char *describe_report(const struct job *job, const struct tally *tally)
{
    struct tally_zoom all = tally_total(tally);
    bool cut = false;
    for (size_t i = 0; i < job->nsources; i++)
        cut = cut || job->sources[i].cut_by_mercator;
    struct json j = {0};
    json_object(&j, NULL);
    json_text(&j, "kind", "raster");
    json_integer(&j, "tiles", all.tiles);
    json_integer(&j, "transparent", all.transparent);
    json_integer(&j, "flattened", all.flattened);
    json_integer(&j, "bytes", all.nbytes);
    json_boolean(&j, "cut_at_85_degrees", cut);
    json_array(&j, "zooms");
    for (unsigned z = job->min_zoom; z <= job->grid.zoom; z++)
        put_zoom(&j, z, &tally->zooms[z]);
    json_end(&j, ']');
    json_end(&j, '}');
    return json_take(&j, NULL);
}
