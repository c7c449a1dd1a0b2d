/* An Esri compact cache version 2, or one bundle of it, as a source. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tiler/convert/bundle.h"
#include "tiler/convert/file.h"
#include "tiler/convert/source.h"
#include "tiler/convert/tree.h"

/* A bundle lies three folders below conf.xml. */
enum { CONF_NBYTES_MAX = 1 << 20, CONF_LEVELS_UP = 3 };

struct bundle_source {
    struct source base;
    char *root; /* absolute: the level is in the name of a folder */
    struct tree tree;
    struct bundle_levels levels;
    struct window file;
    const char *path; /* of the bundle being read; NULL: none */
    uint8_t *index;   /* BUNDLE_INDEX_NBYTES */
    struct ibx_zxy corner;
    uint32_t place; /* the next one in the bundle */
};

static enum ibx_status in_file(const struct bundle_source *s,
                               enum ibx_status st, struct ibx_err *err)
{
    if (err == NULL || err->file[0] != 0)
        return st;
    struct ibx_err inner = *err;
    return convert_fail(err, st, s->path, "%s", inner.what);
}

static enum ibx_status find_corner(struct bundle_source *s, struct ibx_err *err)
{
    uint32_t level, row, column;
    if (!bundle_parse_path(s->path, &level, &row, &column))
        return convert_fail(err, IBX_ERR_CORRUPT, s->path,
                            "its name is not Lzz/RrrrrCcccc.bundle");
    if (level >= BUNDLE_LEVELS_MAX || s->levels.zooms[level] < 0)
        return convert_fail(err, IBX_ERR_CORRUPT, s->path,
                            "the cache has no level %u", level);
    s->corner = (struct ibx_zxy){(uint8_t)s->levels.zooms[level], column, row};
    if (!ibx_zxy_valid(s->corner) || row % BUNDLE_SIDE != 0 ||
        column % BUNDLE_SIDE != 0)
        return convert_fail(err, IBX_ERR_CORRUPT, s->path,
                            "there is no such bundle in zoom %u", s->corner.z);
    return IBX_OK;
}

static void close_bundle(struct bundle_source *s)
{
    if (s->path != NULL)
        window_close(&s->file);
    s->path = NULL;
}

static enum ibx_status read_index(struct bundle_source *s, struct ibx_err *err)
{
    struct bytes bytes;
    size_t head = s->file.file_nbytes < BUNDLE_HEADER_NBYTES
                      ? (size_t)s->file.file_nbytes
                      : BUNDLE_HEADER_NBYTES;
    enum ibx_status st = window_read(&s->file, 0, head, &bytes, err);
    if (st == IBX_OK)
        st = bundle_check(bytes, s->file.file_nbytes, err);
    if (st == IBX_OK)
        st = window_read(&s->file, BUNDLE_HEADER_NBYTES, BUNDLE_INDEX_NBYTES,
                         &bytes, err);
    if (st == IBX_OK)
        memcpy(s->index, bytes.ptr, BUNDLE_INDEX_NBYTES);
    return st == IBX_OK ? st : in_file(s, st, err);
}

static enum ibx_status next_bundle(struct bundle_source *s, struct ibx_err *err)
{
    const char *path;
    close_bundle(s);
    enum ibx_status st =
        tree_next(&s->tree, ".bundle", &s->base.skipped, &path, err);
    if (st != IBX_OK)
        return st;
    st = window_open(path, &s->file, err);
    if (st != IBX_OK)
        return st;
    s->path = path;
    s->place = 0;
    st = find_corner(s, err);
    return st == IBX_OK ? read_index(s, err) : st;
}

static enum ibx_status bundle_next(struct source *source,
                                   struct source_tile *out, struct ibx_err *err)
{
    struct bundle_source *s = (struct bundle_source *)source;
    enum ibx_status st = IBX_NOT_FOUND;
    struct bundle_tile tile = {0};
    uint32_t place = 0;
    while (st == IBX_NOT_FOUND) {
        if (s->path == NULL || s->place == BUNDLE_NPLACES) {
            st = next_bundle(s, err);
            if (st != IBX_OK)
                return st;
        }
        place = s->place++;
        st = bundle_place(s->index, place, s->file.file_nbytes, &tile, err);
    }
    struct ibx_zxy at = {s->corner.z, s->corner.x + place % BUNDLE_SIDE,
                         s->corner.y + place / BUNDLE_SIDE};
    if (st == IBX_OK && !ibx_zxy_valid(at))
        st = convert_fail(err, IBX_ERR_CORRUPT, NULL,
                          "tile %u lies outside zoom %u", place, at.z);
    if (st == IBX_OK)
        st = window_read(&s->file, tile.off, tile.nbytes, &out->bytes, err);
    if (st != IBX_OK)
        return in_file(s, st, err);
    out->first_id = ibx_tile_id(at);
    out->count = 1;
    out->declared = source->declared;
    return IBX_OK;
}

/* ---- opening ----------------------------------------------------------- */

/* conf.xml lies in the cache's folder, its level folders in `_alllayers` in
 * it; people point at either, or at a level, or at a bundle. */
static enum ibx_status read_levels(struct bundle_source *s, struct ibx_err *err)
{
    struct buf xml = {0}, name = {0};
    enum ibx_status st = IBX_ERR_MISSING;
    size_t len = strlen(s->root);
    bundle_levels_plain(&s->levels);
    for (int i = 0; i <= CONF_LEVELS_UP && st == IBX_ERR_MISSING; i++) {
        buf_clear(&name);
        buf_printf(&name, "%.*s/conf.xml", (int)len, s->root);
        if (name.failed)
            break;
        st = file_read_at(AT_FDCWD, (const char *)name.ptr, CONF_NBYTES_MAX,
                          &xml, err);
        if (st == IBX_ERR_SYSTEM) /* a bundle is no folder */
            st = IBX_ERR_MISSING;
        while (len > 0 && s->root[--len] != '/')
            continue;
    }
    if (st == IBX_OK) {
        char *text = buf_take_text(&xml);
        st = text == NULL ? convert_no_memory(err, s->root)
                          : bundle_levels_read(text, &s->levels, err);
        if (st == IBX_ERR_UNSUPPORTED && err != NULL) {
            struct ibx_err inner = *err;
            (void)convert_fail(err, st, (const char *)name.ptr, "%s",
                               inner.what);
        }
        free(text);
    }
    buf_free(&xml);
    buf_free(&name);
    return st == IBX_ERR_MISSING ? IBX_OK : st;
}

static void bundle_close(struct source *source)
{
    struct bundle_source *s = (struct bundle_source *)source;
    close_bundle(s);
    tree_close(&s->tree);
    meta_free(&s->base.meta);
    free(s->index);
    free(s->root);
    free(s);
}

static const struct source_ops bundle_ops = {bundle_next, NULL, bundle_close};

enum ibx_status bundle_source_open(const char *path,
                                   const struct source_options *options,
                                   struct source **out, struct ibx_err *err)
{
    (void)options;
    struct bundle_source *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return convert_no_memory(err, path);
    s->base.ops = &bundle_ops;
    s->base.path = path;
    s->base.meta.container = META_BUNDLE;
    s->root = realpath(path, NULL);
    s->index = malloc(BUNDLE_INDEX_NBYTES);
    enum ibx_status st = IBX_OK;
    if (s->root == NULL)
        st = convert_fail(err, IBX_ERR_SYSTEM, path, "cannot be opened");
    else if (s->index == NULL)
        st = convert_no_memory(err, path);
    if (st == IBX_OK)
        st = tree_open(s->root, &s->tree, err);
    if (st == IBX_OK)
        st = read_levels(s, err);
    if (st == IBX_OK)
        *out = &s->base;
    else
        bundle_close(&s->base);
    return st;
}
