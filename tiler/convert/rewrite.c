#include "tiler/convert/rewrite.h"

#include <ftw.h>
#include <stdio.h>

#include "tiler/cli/stop.h"

enum ibx_status rewrite_span(struct ibx_writer *writer, struct ibx_walk *walk,
                             const struct ibx_span *span, struct recode *recode,
                             struct ibx_err *err)
{
    struct ibx_tile tile;
    enum ibx_status st = ibx_walk_tile(walk, &tile, err);
    if (st != IBX_OK)
        return st;
    struct bytes bytes = {tile.bytes, tile.facts.nbytes};
    struct tile_kind kind = {tile.facts.format, tile.facts.encoding};
    st = recode_tile(recode, &bytes, &kind, err);
    if (st == IBX_OK) {
        struct ibx_writer_tile out = {
            .first_id = span->first_id,
            .count = span->count,
            .bytes = bytes.ptr,
            .nbytes = bytes.len,
            .format = kind.format,
            .encoding = kind.encoding,
        };
        st = ibx_writer_add(writer, &out, err);
    }
    ibx_tile_release(&tile);
    return st;
}

static enum ibx_status rewrite_all(struct ibx_tileset *tileset,
                                   struct ibx_writer *writer,
                                   enum recompress how, struct ibx_err *err)
{
    struct recode recode = {.recompress = how};
    struct ibx_walk *walk;
    struct ibx_span span;
    enum ibx_status st = ibx_walk_open(tileset, 0, &walk, err);
    if (st != IBX_OK)
        return st;
    while ((st = ibx_walk_next(walk, &span, err)) == IBX_OK) {
        st = rewrite_span(writer, walk, &span, &recode, err);
        if (st != IBX_OK)
            break;
    }
    ibx_walk_close(walk);
    recode_free(&recode);
    return st == IBX_NOT_FOUND ? IBX_OK : st;
}

/* Everything a manifest says, as it was. */
static enum ibx_status copy_texts(struct ibx_tileset *tileset,
                                  struct ibx_writer *writer,
                                  struct ibx_err *err)
{
    struct buf texts[3] = {{0}};
    enum ibx_status st = IBX_OK;
    for (int i = 0; i < 3 && st == IBX_OK; i++) {
        char *text;
        size_t nbytes;
        st = ibx_tileset_text(tileset, (enum ibx_text)i, &text, &nbytes, err);
        if (st == IBX_OK)
            texts[i] = (struct buf){(uint8_t *)text, nbytes, nbytes + 1, false};
    }
    if (st == IBX_OK) {
        struct ibx_writer_result result;
        struct ibx_writer_meta meta = {
            .tilejson = (const char *)texts[IBX_TEXT_TILEJSON].ptr,
            .report = (const char *)texts[IBX_TEXT_REPORT].ptr,
            .source = texts[IBX_TEXT_SOURCE].ptr,
            .source_nbytes = texts[IBX_TEXT_SOURCE].len,
            .tile_px = ibx_tileset_info(tileset)->tile_px,
        };
        st = ibx_writer_finish(writer, &meta, &result, err);
    }
    for (int i = 0; i < 3; i++)
        buf_free(&texts[i]);
    return st;
}

enum ibx_status rewrite_recompressed(const char *from, const char *to,
                                     enum recompress how, struct ibx_err *err)
{
    struct tileset_in in;
    struct ibx_writer *writer;
    struct ibx_writer_options options;
    enum ibx_status st = tileset_in_open(from, IBX_VERIFY_ALWAYS, &in, err);
    if (st != IBX_OK)
        return st;
    ibx_writer_options_init(&options);
    options.stop = stop_install();
    st = ibx_writer_open(to, &options, &writer, err);
    if (st == IBX_OK) {
        st = rewrite_all(in.tileset, writer, how, err);
        if (st == IBX_OK)
            st = copy_texts(in.tileset, writer, err);
        ibx_writer_close(writer, IBX_WRITER_DISCARD);
    }
    tileset_in_close(&in);
    return st;
}

static int remove_entry(const char *path, const struct stat *info, int kind,
                        struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    (void)remove(path);
    return 0;
}

void rewrite_remove(const char *folder)
{
    (void)nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
