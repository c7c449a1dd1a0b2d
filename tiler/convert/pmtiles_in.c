/* PMTiles v3 as a source. Directories are walked in id order, one leaf at a
 * time, and every claim is checked against the file before it is used. */
#include <stdlib.h>
#include <string.h>

#include "tiler/convert/compress.h"
#include "tiler/convert/file.h"
#include "tiler/convert/source.h"

/* A directory on the way from the root to the current leaf. */
struct level {
    struct buf unpacked;
    struct pmtiles_directory directory;
    uint64_t first_id, end_id; /* ids it may hold */
    uint64_t off;              /* in the file, for messages */
};

struct pmtiles_source {
    struct source base;
    struct window file;
    struct pmtiles_header header;
    struct level levels[PMTILES_DEPTH_MAX];
    int depth;
    struct pmtiles_entry run; /* what of a run was not handed out yet */
};

static const char *path_of(const struct pmtiles_source *s)
{
    return s->base.path;
}

/* Gives the failure a file and, where there is one, a place. */
static enum ibx_status at_place(const struct pmtiles_source *s,
                                enum ibx_status st, const char *place,
                                uint64_t off, struct ibx_err *err)
{
    if (err == NULL || err->file[0] != 0)
        return st;
    struct ibx_err inner = *err;
    return convert_fail(err, st, path_of(s), "%s at byte %llu: %.120s", place,
                        (unsigned long long)off, inner.what);
}

/* ---- directories ------------------------------------------------------- */

static enum ibx_status load(struct pmtiles_source *s, struct level *level,
                            size_t nbytes, struct ibx_err *err)
{
    struct bytes raw;
    enum ibx_status st = window_read(&s->file, level->off, nbytes, &raw, err);
    if (st != IBX_OK)
        return st;
    buf_clear(&level->unpacked);
    st = unpack(s->header.internal, raw, PMTILES_DIRECTORY_NBYTES_MAX,
                &level->unpacked, err);
    if (st == IBX_OK)
        st = pmtiles_directory_open(buf_bytes(&level->unpacked),
                                    &level->directory, err);
    return st;
}

static enum ibx_status load_root(struct pmtiles_source *s, struct ibx_err *err)
{
    struct level *root = &s->levels[0];
    root->off = s->header.root_off;
    root->end_id = ibx_zoom_first_id(IBX_MAX_ZOOM + 1);
    if (s->header.root_nbytes > PMTILES_DIRECTORY_NBYTES_MAX)
        return convert_fail(err, IBX_ERR_TOO_LARGE, path_of(s),
                            "header: the root directory of %llu bytes is "
                            "larger than any may be",
                            (unsigned long long)s->header.root_nbytes);
    enum ibx_status st = load(s, root, (size_t)s->header.root_nbytes, err);
    if (st != IBX_OK)
        return at_place(s, st, "root directory", root->off, err);
    s->depth = 1;
    return IBX_OK;
}

/* The id of the entry behind the current one, where a leaf must end. */
static uint64_t next_entry_id(const struct level *level)
{
    struct pmtiles_directory peek = level->directory;
    struct pmtiles_entry next;
    if (pmtiles_directory_next(&peek, &next, NULL) != IBX_OK)
        return level->end_id; /* the end, or a fault that comes up next */
    return next.id;
}

static enum ibx_status descend(struct pmtiles_source *s,
                               const struct pmtiles_entry *pointer,
                               uint64_t end_id, struct ibx_err *err)
{
    if (s->depth == PMTILES_DEPTH_MAX)
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "leaf directories nest more than %d deep, as in "
                            "a cycle",
                            PMTILES_DEPTH_MAX);
    if (!span_fits(pointer->off, pointer->nbytes, s->header.leaves_nbytes))
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "a leaf directory lies outside the section of "
                            "leaf directories");
    struct level *leaf = &s->levels[s->depth];
    leaf->off = s->header.leaves_off + pointer->off;
    leaf->first_id = pointer->id;
    leaf->end_id = end_id;
    enum ibx_status st = load(s, leaf, pointer->nbytes, err);
    if (st == IBX_OK && leaf->directory.left == 0)
        st = convert_fail(err, IBX_ERR_CORRUPT, NULL,
                          "a leaf directory without entries");
    if (st != IBX_OK)
        return at_place(s, st, "leaf directory", leaf->off, err);
    s->depth++;
    return IBX_OK;
}

static enum ibx_status check_run(const struct pmtiles_source *s,
                                 const struct level *level,
                                 const struct pmtiles_entry *e, uint64_t end_id,
                                 struct ibx_err *err)
{
    if (e->id < level->first_id || e->id >= level->end_id)
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "tile id %llu does not belong into this leaf "
                            "directory",
                            (unsigned long long)e->id);
    if (e->run > 0 && e->run > end_id - e->id)
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "the run from tile id %llu overlaps what follows",
                            (unsigned long long)e->id);
    if (e->run > 0 && !span_fits(e->off, e->nbytes, s->header.tiles_nbytes))
        return convert_fail(err, IBX_ERR_CORRUPT, NULL,
                            "the tile of id %llu (offset %llu, %lu bytes) "
                            "goes beyond the tile data",
                            (unsigned long long)e->id,
                            (unsigned long long)e->off,
                            (unsigned long)e->nbytes);
    return IBX_OK;
}

/* Moves to the next run of tiles, through leaves as they come. */
static enum ibx_status next_run(struct pmtiles_source *s, struct ibx_err *err)
{
    while (s->depth > 0) {
        struct level *level = &s->levels[s->depth - 1];
        struct pmtiles_entry e;
        enum ibx_status st = pmtiles_directory_next(&level->directory, &e, err);
        if (st == IBX_NOT_FOUND) {
            s->depth--;
            continue;
        }
        uint64_t end_id = next_entry_id(level);
        if (st == IBX_OK)
            st = check_run(s, level, &e, end_id, err);
        if (st == IBX_OK && e.run > 0) {
            s->run = e;
            return IBX_OK;
        }
        if (st == IBX_OK)
            st = descend(s, &e, end_id, err);
        if (st != IBX_OK)
            return at_place(s, st, "directory", level->off, err);
    }
    return IBX_NOT_FOUND;
}

/* ---- tiles ------------------------------------------------------------- */

static enum ibx_status pmtiles_next(struct source *source,
                                    struct source_tile *out,
                                    struct ibx_err *err)
{
    struct pmtiles_source *s = (struct pmtiles_source *)source;
    enum ibx_status st = s->run.run > 0 ? IBX_OK : next_run(s, err);
    if (st != IBX_OK)
        return st;
    st = window_read(&s->file, s->header.tiles_off + s->run.off, s->run.nbytes,
                     &out->bytes, err);
    if (st != IBX_OK)
        return st;
    /* A run may go from one zoom into the next; ours may not. */
    uint8_t zoom = ibx_tile_zxy(s->run.id).z;
    uint64_t zoom_left = ibx_zoom_first_id((uint8_t)(zoom + 1)) - s->run.id;
    uint32_t count = s->run.run > zoom_left ? (uint32_t)zoom_left : s->run.run;
    out->first_id = s->run.id;
    out->count = count;
    out->declared = source->declared;
    s->run.id += count;
    s->run.run -= count;
    return IBX_OK;
}

/* ---- opening ----------------------------------------------------------- */

static enum ibx_status read_header(struct pmtiles_source *s,
                                   struct ibx_err *err)
{
    struct bytes raw;
    size_t nbytes = s->file.file_nbytes < PMTILES_HEADER_NBYTES
                        ? (size_t)s->file.file_nbytes
                        : PMTILES_HEADER_NBYTES;
    enum ibx_status st = window_read(&s->file, 0, nbytes, &raw, err);
    if (st != IBX_OK)
        return st;
    st = pmtiles_header_read(raw, s->file.file_nbytes, &s->header, err);
    if (st != IBX_OK) {
        struct ibx_err inner = {0};
        if (err != NULL)
            inner = *err;
        return convert_fail(err, st, path_of(s), "%s", inner.what);
    }
    s->base.meta.has_header = true;
    s->base.meta.header = s->header;
    s->base.declared = s->header.kind;
    s->base.encoding_declared = s->header.encoding_known;
    s->base.tiles_expected = s->header.addressed_count;
    return IBX_OK;
}

static enum ibx_status read_metadata(struct pmtiles_source *s,
                                     struct ibx_err *err)
{
    struct bytes raw;
    struct buf text = {0};
    uint64_t nbytes = s->header.metadata_nbytes;
    if (nbytes == 0)
        return IBX_OK;
    if (nbytes > PMTILES_METADATA_NBYTES_MAX)
        return convert_fail(err, IBX_ERR_TOO_LARGE, path_of(s),
                            "header: metadata of %llu bytes is larger than "
                            "any may be",
                            (unsigned long long)nbytes);
    enum ibx_status st = window_read(&s->file, s->header.metadata_off,
                                     (size_t)nbytes, &raw, err);
    if (st == IBX_OK)
        st = unpack(s->header.internal, raw, PMTILES_METADATA_NBYTES_MAX, &text,
                    err);
    if (st == IBX_OK)
        st = meta_from_json(&s->base.meta, buf_bytes(&text), err);
    buf_free(&text);
    if (st == IBX_OK)
        return st;
    return at_place(s, st, "metadata", s->header.metadata_off, err);
}

static void pmtiles_close(struct source *source)
{
    struct pmtiles_source *s = (struct pmtiles_source *)source;
    for (int i = 0; i < PMTILES_DEPTH_MAX; i++)
        buf_free(&s->levels[i].unpacked);
    window_close(&s->file);
    meta_free(&s->base.meta);
    free(s);
}

static const struct source_ops pmtiles_ops = {pmtiles_next, NULL,
                                              pmtiles_close};

enum ibx_status pmtiles_source_open(const char *path,
                                    const struct source_options *options,
                                    struct source **out, struct ibx_err *err)
{
    (void)options;
    struct pmtiles_source *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return convert_no_memory(err, path);
    s->base.ops = &pmtiles_ops;
    s->base.path = path;
    s->base.meta.container = META_PMTILES;
    enum ibx_status st = window_open(path, &s->file, err);
    if (st != IBX_OK) {
        free(s);
        return st;
    }
    st = read_header(s, err);
    if (st == IBX_OK)
        st = load_root(s, err);
    if (st == IBX_OK)
        st = read_metadata(s, err);
    if (st == IBX_OK)
        *out = &s->base;
    else
        pmtiles_close(&s->base);
    return st;
}
