#include "tiler/convert/tileset_in.h"

#include <stdlib.h>
#include <string.h>

#include "tiler/cli/value.h"
#include "tiler/convert/file.h"

/* A tool has the machine to itself more than a server has: caps are wide
 * enough for any tile that can be stored, and still caps. */
static void set_caps(struct ibx_cache_options *options)
{
    options->max_mapped_nbytes =
        sizeof(void *) > 4 ? (uint64_t)1 << 40 : (uint64_t)1 << 29;
    options->max_views = 8;
    options->max_handles = 16;
    options->max_copy_nbytes = UINT32_MAX;
    options->max_index_nbytes = 32 << 20;
}

enum ibx_status tileset_in_open(const char *folder, enum ibx_verify verify,
                                struct tileset_in *out, struct ibx_err *err)
{
    struct ibx_cache_options options;
    struct tileset_in in = {0};
    ibx_cache_options_init(&options);
    set_caps(&options);
    options.verify = verify;
    options.evict = IBX_EVICT_NONE; /* what is read may be read again */
    enum ibx_status st = ibx_cache_open(&options, &in.cache, err);
    if (st == IBX_OK)
        st = ibx_tileset_open(in.cache, folder, NULL, &in.tileset, err);
    if (st == IBX_OK)
        *out = in;
    else
        tileset_in_close(&in);
    return st;
}

void tileset_in_close(struct tileset_in *in)
{
    if (in->tileset != NULL)
        ibx_tileset_release(in->tileset);
    ibx_cache_close(in->cache);
    *in = (struct tileset_in){0};
}

enum ibx_status tileset_tilejson(struct ibx_tileset *tileset, struct meta *out,
                                 struct ibx_err *err)
{
    char *text;
    size_t nbytes;
    enum ibx_status st =
        ibx_tileset_text(tileset, IBX_TEXT_TILEJSON, &text, &nbytes, err);
    if (st != IBX_OK)
        return st;
    if (nbytes > 0)
        st = meta_from_json(out, (struct bytes){(const uint8_t *)text, nbytes},
                            err);
    free(text);
    return st;
}

/* A TileJSON's numbers have their own places; `tilejson` is no metadata. */
static void drop_structure(struct meta *meta)
{
    (void)meta_unset(meta, "tilejson");
    (void)meta_unset(meta, "minzoom");
    (void)meta_unset(meta, "maxzoom");
}

enum ibx_status tileset_meta(struct ibx_tileset *tileset, struct meta *out,
                             struct ibx_err *err)
{
    char *text;
    size_t nbytes;
    enum ibx_status st =
        ibx_tileset_text(tileset, IBX_TEXT_SOURCE, &text, &nbytes, err);
    if (st != IBX_OK)
        return st;
    struct bytes section = {(const uint8_t *)text, nbytes};
    st =
        nbytes == 0 ? IBX_ERR_UNSUPPORTED : meta_read_source(out, section, err);
    free(text);
    if (st != IBX_ERR_UNSUPPORTED)
        return st;
    meta_free(out);
    st = tileset_tilejson(tileset, out, err);
    drop_structure(out);
    return st;
}

char *name_of_path(const char *path)
{
    size_t end = file_name_len(path), start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    for (size_t i = end; i > start + 1; i--)
        if (path[i - 1] == '.') {
            end = i - 1;
            break;
        }
    return strndup(path + start, end - start);
}

void meta_tiles_from(const struct coverage *coverage, const struct kinds *kinds,
                     const char *name, struct meta_tiles *out)
{
    double bounds[4] = {0};
    *out = (struct meta_tiles){.fallback_name = name};
    out->kind = kinds_main(kinds);
    out->any = coverage_zooms(coverage, &out->min_zoom, &out->max_zoom);
    if (out->any)
        coverage_bounds(coverage, bounds);
    out->west = bounds[0];
    out->south = bounds[1];
    out->east = bounds[2];
    out->north = bounds[3];
}

int64_t source_date_epoch(void)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");
    int64_t value = 0;
    if (text == NULL || !value_integer(text, &value) || value < 0)
        return 0;
    return value;
}
