#include "tiler/vector/store.h"

#include <math.h>
#include <stdlib.h>

enum { CHUNK_NBYTES = 128 << 10 };

enum ibx_status store_open(struct store *store, struct temp_space *space,
                           struct ibx_err *err)
{
    *store = (struct store){.file.fd = -1, .box = geom_box_empty()};
    return temp_open(&store->file, space, err);
}

void store_close(struct store *store)
{
    temp_close(&store->file);
    bytes_free(&store->open);
    free(store->chunks);
    store->chunks = NULL;
}

static enum ibx_status end_chunk(struct store *store, struct ibx_err *err)
{
    if (store->open.len == 0)
        return IBX_OK;
    if (store->nchunks == store->chunks_cap) {
        size_t cap = store->chunks_cap == 0 ? 64 : store->chunks_cap * 2;
        void *chunks = realloc(store->chunks, cap * sizeof *store->chunks);
        if (chunks == NULL)
            return err_nomem(err);
        store->chunks = chunks;
        store->chunks_cap = cap;
    }
    store->chunks[store->nchunks++] = (struct store_chunk){
        .offset = store->file.nbytes,
        .nbytes = store->open.len,
        .nfeatures = store->open_nfeatures,
    };
    enum ibx_status status =
        temp_write(&store->file, store->open.ptr, store->open.len, err);
    bytes_reset(&store->open);
    store->open_nfeatures = 0;
    return status;
}

static void measure_part(struct store *store, const struct geom_point *p,
                         size_t n)
{
    for (size_t i = 1; i < n; i++) {
        double dx = (double)(p[i].x - p[i - 1].x);
        double dy = (double)(p[i].y - p[i - 1].y);
        double length2 = dx * dx + dy * dy;
        if (length2 <= 0)
            continue;
        store->log_length_sum += log2(length2) / 2;
        store->nsegments++;
    }
}

static void measure(struct store *store, const struct geom *geom)
{
    struct geom_box box = geom_box_of(geom);
    geom_box_add(&store->box, (struct geom_point){box.min_x, box.min_y});
    geom_box_add(&store->box, (struct geom_point){box.max_x, box.max_y});
    store->nvertices += geom->npoints;
    if (geom->kind == GEOM_POINT) {
        store->npoint_features++;
        return;
    }
    size_t start = 0;
    for (size_t i = 0; i < geom->nparts; i++) {
        measure_part(store, geom->points + start, geom->parts[i].end - start);
        start = geom->parts[i].end;
    }
}

enum ibx_status store_add(struct store *store, struct feature_head *head,
                          const struct geom *geom, struct ibx_err *err)
{
    head->seq = store->nfeatures++;
    feature_put(&store->open, head, geom);
    store->open_nfeatures++;
    if (store->open.failed)
        return err_nomem(err);
    measure(store, geom);
    return store->open.len < CHUNK_NBYTES ? IBX_OK : end_chunk(store, err);
}

enum ibx_status store_seal(struct store *store, struct ibx_err *err)
{
    enum ibx_status status = end_chunk(store, err);
    bytes_free(&store->open);
    return status == IBX_OK ? temp_flush(&store->file, err) : status;
}

enum ibx_status store_read(const struct store *store, size_t number,
                           struct bytes *to, struct ibx_err *err)
{
    const struct store_chunk *chunk = &store->chunks[number];
    bytes_reset(to);
    if (chunk->nbytes > to->cap) {
        uint8_t *bigger = realloc(to->ptr, (size_t)chunk->nbytes);
        if (bigger == NULL)
            return err_nomem(err);
        to->ptr = bigger;
        to->cap = (size_t)chunk->nbytes;
    }
    to->len = (size_t)chunk->nbytes;
    return temp_read(&store->file, chunk->offset, to->ptr, to->len, err);
}
