/* A mod_tile cache, or one file of it, as a source. Where a metatile lies is
 * told by its header; the hashed names of its folders are not needed. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "tiler/convert/file.h"
#include "tiler/convert/metatile.h"
#include "tiler/convert/source.h"
#include "tiler/convert/tree.h"

enum { METATILE_NBYTES_MAX = 64 << 20 };

struct metatile_source {
    struct source base;
    struct tree tree;
    struct buf file;
    struct metatile metatile;
    const char *path; /* of the file being read */
    uint32_t index;   /* of the next tile in it */
};

static enum ibx_status in_file(const struct metatile_source *s,
                               enum ibx_status st, struct ibx_err *err)
{
    if (err == NULL || err->file[0] != 0)
        return st;
    struct ibx_err inner = *err;
    return convert_fail(err, st, s->path, "%s", inner.what);
}

static enum ibx_status next_file(struct metatile_source *s, struct ibx_err *err)
{
    enum ibx_status st =
        tree_next(&s->tree, ".meta", &s->base.skipped, &s->path, err);
    if (st != IBX_OK)
        return st;
    buf_clear(&s->file);
    s->index = 0;
    s->metatile.side = 0;
    st = file_read_at(AT_FDCWD, s->path, METATILE_NBYTES_MAX, &s->file, err);
    if (st == IBX_OK)
        st = metatile_open(buf_bytes(&s->file), &s->metatile, err);
    return st == IBX_OK ? st : in_file(s, st, err);
}

static enum ibx_status metatile_next(struct source *source,
                                     struct source_tile *out,
                                     struct ibx_err *err)
{
    struct metatile_source *s = (struct metatile_source *)source;
    enum ibx_status st = IBX_NOT_FOUND;
    struct ibx_zxy at;
    while (st == IBX_NOT_FOUND) {
        uint32_t count = s->metatile.side * s->metatile.side;
        if (s->index == count) {
            st = next_file(s, err);
            if (st != IBX_OK)
                return st;
            st = IBX_NOT_FOUND;
            continue;
        }
        st = metatile_get(&s->metatile, s->index++, &at, &out->bytes, err);
    }
    if (st != IBX_OK)
        return in_file(s, st, err);
    out->first_id = ibx_tile_id(at);
    out->count = 1;
    out->declared = (struct tile_kind){IBX_FORMAT_UNKNOWN,
                                       s->metatile.packed ? IBX_ENCODING_GZIP
                                                          : IBX_ENCODING_NONE};
    return IBX_OK;
}

static void metatile_close(struct source *source)
{
    struct metatile_source *s = (struct metatile_source *)source;
    tree_close(&s->tree);
    buf_free(&s->file);
    meta_free(&s->base.meta);
    free(s);
}

static const struct source_ops metatile_ops = {metatile_next, NULL,
                                               metatile_close};

enum ibx_status metatile_source_open(const char *path,
                                     const struct source_options *options,
                                     struct source **out, struct ibx_err *err)
{
    (void)options;
    struct metatile_source *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return convert_no_memory(err, path);
    s->base.ops = &metatile_ops;
    s->base.path = path;
    s->base.meta.container = META_METATILE;
    enum ibx_status st = tree_open(path, &s->tree, err);
    if (st == IBX_OK)
        *out = &s->base;
    else
        metatile_close(&s->base);
    return st;
}
