#include "tiler/vector/batch.h"

#include <stdlib.h>

/* A batch ends with the tile that reaches one of these. */
enum { BATCH_NTILES = 256, BATCH_NBYTES = 512 << 10 };

struct cover {
    uint64_t end; /* one past its last tile */
    uint64_t seq;
    uint8_t *ptr;
    size_t len;
};

void batch_free(struct batch *batch)
{
    free(batch->tiles);
    free(batch->records);
    free(batch->offsets);
    bytes_free(&batch->bytes);
    *batch = (struct batch){0};
}

void batch_source_free(struct batch_source *source)
{
    for (size_t i = 0; i < source->ncovers; i++)
        free(source->covers[i].ptr);
    free(source->covers);
    source->covers = NULL;
    source->ncovers = 0;
}

static enum ibx_status advance(struct batch_source *source, struct ibx_err *err)
{
    enum ibx_status status = sorter_next(source->sorter, &source->pending, err);
    source->ended = status == IBX_NOT_FOUND;
    if (status != IBX_OK)
        return source->ended ? IBX_OK : status;
    struct cursor from = cursor_of(source->pending.ptr, source->pending.len);
    struct piece_head head;
    if (!piece_get_head(&from, &head) || head.count == 0)
        return err_say(err, IBX_ERR_CORRUPT, NULL,
                       "a temporary file has changed");
    source->pending_count = head.count;
    return IBX_OK;
}

static bool add_record(struct batch *batch, uint64_t seq, const uint8_t *ptr,
                       size_t len)
{
    if (batch->nrecords == batch->records_cap) {
        size_t cap = batch->records_cap == 0 ? 1024 : batch->records_cap * 2;
        void *records = realloc(batch->records, cap * sizeof *batch->records);
        if (records != NULL)
            batch->records = records;
        void *offsets = realloc(batch->offsets, cap * sizeof *batch->offsets);
        if (offsets != NULL)
            batch->offsets = offsets;
        if (records == NULL || offsets == NULL)
            return false;
        batch->records_cap = cap;
    }
    batch->offsets[batch->nrecords] = batch->bytes.len;
    batch->records[batch->nrecords++] =
        (struct tile_record){.seq = seq, .len = len};
    bytes_put(&batch->bytes, ptr, len);
    return !batch->bytes.failed;
}

static bool add_cover(struct batch_source *source)
{
    if (source->ncovers == source->covers_cap) {
        size_t cap = source->covers_cap == 0 ? 16 : source->covers_cap * 2;
        void *covers = realloc(source->covers, cap * sizeof *source->covers);
        if (covers == NULL)
            return false;
        source->covers = covers;
        source->covers_cap = cap;
    }
    uint8_t *copy = malloc(source->pending.len + 1);
    if (copy == NULL)
        return false;
    for (size_t i = 0; i < source->pending.len; i++)
        copy[i] = source->pending.ptr[i];
    /* Kept in order of seq, which tiles want. */
    size_t at = source->ncovers++;
    while (at > 0 && source->covers[at - 1].seq > source->pending.key.seq) {
        source->covers[at] = source->covers[at - 1];
        at--;
    }
    source->covers[at] = (struct cover){
        .end = source->pending.key.id + source->pending_count,
        .seq = source->pending.key.seq,
        .ptr = copy,
        .len = source->pending.len,
    };
    return true;
}

/* Drops covers that end here. */
static void end_covers(struct batch_source *source)
{
    size_t kept = 0;
    for (size_t i = 0; i < source->ncovers; i++) {
        if (source->covers[i].end <= source->at)
            free(source->covers[i].ptr);
        else
            source->covers[kept++] = source->covers[i];
    }
    source->ncovers = kept;
}

/* How many tiles from here on hold the covers and nothing else. */
static uint64_t run_length(const struct batch_source *source)
{
    uint64_t end = source->ended ? UINT64_MAX : source->pending.key.id;
    for (size_t i = 0; i < source->ncovers; i++) {
        if (source->covers[i].end < end)
            end = source->covers[i].end;
    }
    return end - source->at;
}

static int compare_seqs(const void *left, const void *right)
{
    const struct tile_record *a = left, *b = right;
    return (a->seq > b->seq) - (a->seq < b->seq);
}

/* The records' bytes have stopped moving: point at them, and put the covers
 * among the others in order. */
static void finish_records(struct batch *batch)
{
    for (size_t i = 0; i < batch->nrecords; i++)
        batch->records[i].ptr = batch->bytes.ptr + batch->offsets[i];
    for (size_t i = 0; i < batch->ntiles; i++) {
        const struct batch_tile *tile = &batch->tiles[i];
        qsort(batch->records + tile->first_record, tile->nrecords,
              sizeof *batch->records, compare_seqs);
    }
}

/* Takes the pieces that begin at source->at: covers to the covers, others
 * into the batch. */
static enum ibx_status take_here(struct batch_source *source,
                                 struct batch *batch, size_t *nsingles,
                                 struct ibx_err *err)
{
    while (!source->ended && source->pending.key.id == source->at) {
        bool ok;
        if (source->pending_count > 1) {
            ok = add_cover(source);
        } else {
            ok = add_record(batch, source->pending.key.seq, source->pending.ptr,
                            source->pending.len);
            (*nsingles)++;
        }
        batch->npieces++;
        if (!ok)
            return err_nomem(err);
        enum ibx_status status = advance(source, err);
        if (status != IBX_OK)
            return status;
    }
    return IBX_OK;
}

static bool reserve_tile(struct batch *batch)
{
    if (batch->ntiles < batch->tiles_cap)
        return true;
    size_t cap = batch->tiles_cap == 0 ? BATCH_NTILES : batch->tiles_cap * 2;
    void *tiles = realloc(batch->tiles, cap * sizeof *batch->tiles);
    if (tiles == NULL)
        return false;
    batch->tiles = tiles;
    batch->tiles_cap = cap;
    return true;
}

static enum ibx_status add_tile(struct batch_source *source,
                                struct batch *batch, struct ibx_err *err)
{
    if (source->ncovers == 0)
        source->at = source->pending.key.id;
    struct batch_tile tile = {.first_id = source->at,
                              .first_record = batch->nrecords};
    size_t nsingles = 0;
    enum ibx_status status = take_here(source, batch, &nsingles, err);
    if (status != IBX_OK)
        return status;
    for (size_t i = 0; i < source->ncovers; i++) {
        const struct cover *cover = &source->covers[i];
        if (!add_record(batch, cover->seq, cover->ptr, cover->len))
            return err_nomem(err);
    }
    tile.count = nsingles > 0 ? 1 : run_length(source);
    tile.nrecords = batch->nrecords - tile.first_record;
    source->at += tile.count;
    end_covers(source);
    if (!reserve_tile(batch))
        return err_nomem(err);
    batch->tiles[batch->ntiles++] = tile;
    return IBX_OK;
}

enum ibx_status batch_next(struct batch_source *source, struct batch *batch,
                           struct ibx_err *err)
{
    batch->ntiles = batch->nrecords = 0;
    batch->npieces = 0;
    bytes_reset(&batch->bytes);
    if (!source->begun) {
        source->begun = true;
        enum ibx_status status = advance(source, err);
        if (status != IBX_OK)
            return status;
    }
    while (!(source->ended && source->ncovers == 0) &&
           batch->ntiles < BATCH_NTILES && batch->bytes.len < BATCH_NBYTES) {
        enum ibx_status status = add_tile(source, batch, err);
        if (status != IBX_OK)
            return status;
    }
    if (batch->ntiles == 0)
        return IBX_NOT_FOUND;
    finish_records(batch);
    return IBX_OK;
}
