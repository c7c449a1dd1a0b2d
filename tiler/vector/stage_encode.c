#include "tiler/vector/stage_encode.h"

#include <stdio.h>
#include <stdlib.h>

#include "tiler/vector/batch.h"

enum { LARGE_NBYTES = 1 << 20 };

struct shared {
    struct stage_encode *stage;
    struct crew crew;
    pthread_mutex_t source_lock; /* guards source */
    pthread_mutex_t large_lock;  /* held while a large tile is made */
    struct batch_source source;
    pthread_mutex_t result_lock; /* guards stage->stats and drops */
    struct tile_drops drops;
};

/* One thread's. */
struct worker {
    struct shared *shared;
    struct ibx_err *err;
    struct tile_maker *maker;
    struct batch batch;
    struct stats stats;      /* of all its batches */
    struct stats unit_stats; /* of the batch at hand */
    struct tile_drops drops, unit_drops;
    struct bytes tiles, state;
    struct ibx_writer_tile *out;
    size_t *out_offsets;
    size_t nout, out_cap;
};

/* ---- drops -------------------------------------------------------------- */

static bool append_drops(struct tile_drops *to, const struct tile_drop *from,
                         size_t n)
{
    if (to->count + n > to->cap) {
        size_t cap = 2 * (to->count + n);
        void *items = realloc(to->items, cap * sizeof *to->items);
        if (items == NULL)
            return false;
        to->items = items;
        to->cap = cap;
    }
    for (size_t i = 0; i < n; i++)
        to->items[to->count++] = from[i];
    return true;
}

static int compare_drops(const void *left, const void *right)
{
    const struct tile_drop *a = left, *b = right;
    if (a->zoom != b->zoom)
        return a->zoom < b->zoom ? -1 : 1;
    return (a->seq > b->seq) - (a->seq < b->seq);
}

/* A feature all of whose pieces were dropped at a zoom is lost there. */
static void count_lost(struct tile_drops *drops, struct stats *stats)
{
    if (drops->count > 0)
        qsort(drops->items, drops->count, sizeof *drops->items, compare_drops);
    for (size_t i = 0; i < drops->count;) {
        size_t end = i + 1;
        while (end < drops->count &&
               compare_drops(&drops->items[i], &drops->items[end]) == 0)
            end++;
        const struct tile_drop *drop = &drops->items[i];
        if (end - i == drop->npieces)
            stats->layers[drop->layer].zoom[drop->zoom][STAT_LOST_LIMIT]++;
        i = end;
    }
}

/* ---- a unit's state ----------------------------------------------------- */

static bool put_state(struct worker *worker)
{
    bytes_reset(&worker->state);
    stats_put(&worker->state, &worker->unit_stats);
    bytes_put_varint(&worker->state, worker->unit_drops.count);
    for (size_t i = 0; i < worker->unit_drops.count; i++) {
        const struct tile_drop *drop = &worker->unit_drops.items[i];
        bytes_put_varint(&worker->state, drop->seq);
        bytes_put_varint(&worker->state, drop->layer);
        bytes_put_varint(&worker->state, drop->npieces);
        bytes_put_u8(&worker->state, drop->zoom);
    }
    return !worker->state.failed;
}

static enum ibx_status get_drops(struct worker *worker, struct cursor *from)
{
    uint64_t n = cursor_varint(from);
    for (uint64_t i = 0; i < n && !from->bad; i++) {
        struct tile_drop drop = {.seq = cursor_varint(from)};
        drop.layer = (uint32_t)cursor_varint(from);
        drop.npieces = (uint32_t)cursor_varint(from);
        drop.zoom = cursor_u8(from);
        if (from->bad || drop.zoom >= STATS_NZOOMS ||
            drop.layer >= worker->stats.nlayers)
            break;
        if (!append_drops(&worker->drops, &drop, 1))
            return err_nomem(worker->err);
    }
    return from->bad ? err_say(worker->err, IBX_ERR_CORRUPT, NULL,
                               "the unfinished build is damaged: "
                               "use --restart")
                     : IBX_OK;
}

/* Takes the counts of a batch that an interrupted run has finished. */
static enum ibx_status restore(struct worker *worker, uint64_t key)
{
    uint8_t *state;
    size_t nbytes;
    enum ibx_status status = ibx_writer_unit_state(
        worker->shared->stage->writer, key, &state, &nbytes, worker->err);
    if (status != IBX_OK)
        return status;
    struct cursor from = cursor_of(state, nbytes);
    if (!stats_get(&from, &worker->stats))
        from.bad = true;
    status = get_drops(worker, &from);
    free(state);
    return status;
}

/* ---- a batch ------------------------------------------------------------ */

static bool add_out(struct worker *worker, const struct batch_tile *tile,
                    const struct bytes *made)
{
    if (worker->nout == worker->out_cap) {
        size_t cap = worker->out_cap == 0 ? 256 : worker->out_cap * 2;
        void *out = realloc(worker->out, cap * sizeof *worker->out);
        if (out != NULL)
            worker->out = out;
        void *offsets = realloc(worker->out_offsets, cap * sizeof(size_t));
        if (offsets != NULL)
            worker->out_offsets = offsets;
        if (out == NULL || offsets == NULL)
            return false;
        worker->out_cap = cap;
    }
    worker->out_offsets[worker->nout] = worker->tiles.len;
    worker->out[worker->nout++] = (struct ibx_writer_tile){
        .first_id = tile->first_id,
        .count = tile->count,
        .nbytes = made->len,
        .format = IBX_FORMAT_MVT,
        .encoding = IBX_ENCODING_GZIP,
    };
    bytes_put(&worker->tiles, made->ptr, made->len);
    return !worker->tiles.failed;
}

static enum ibx_status say_too_large(struct worker *worker, struct ibx_zxy at)
{
    char what[96];
    snprintf(what, sizeof what,
             "tile %u/%u/%u exceeds a limit and the policy is `error`", at.z,
             at.x, at.y);
    return err_say(worker->err, IBX_ERR_TOO_LARGE, NULL, what);
}

/* A tile in the making takes about ten times its pieces, so large ones are
 * made one at a time while others go on with small ones. */
static enum tile_status make_alone(struct worker *worker,
                                   const struct tile_job *job,
                                   const struct bytes **made)
{
    size_t nbytes = 0;
    for (size_t i = 0; i < job->nrecords; i++)
        nbytes += job->records[i].len;
    if (nbytes < LARGE_NBYTES)
        return tile_make(worker->maker, job, made);
    pthread_mutex_lock(&worker->shared->large_lock);
    enum tile_status status = tile_make(worker->maker, job, made);
    tile_maker_shrink(worker->maker);
    pthread_mutex_unlock(&worker->shared->large_lock);
    return status;
}

static enum ibx_status make_tile(struct worker *worker,
                                 const struct batch_tile *tile)
{
    struct ibx_zxy at = ibx_tile_zxy(tile->first_id);
    const struct tile_job job = {
        .zoom = at.z,
        .count = tile->count,
        .records = worker->batch.records + tile->first_record,
        .nrecords = tile->nrecords,
        .stats = &worker->unit_stats,
        .drops = &worker->unit_drops,
    };
    const struct bytes *made;
    switch (make_alone(worker, &job, &made)) {
    case TILE_OK:
        return add_out(worker, tile, made) ? IBX_OK : err_nomem(worker->err);
    case TILE_EMPTY:
        return IBX_OK;
    case TILE_CORRUPT:
        return err_say(worker->err, IBX_ERR_CORRUPT, NULL,
                       "a temporary file has changed");
    case TILE_TOO_LARGE:
        return say_too_large(worker, at);
    case TILE_NOMEM:
        break;
    }
    return err_nomem(worker->err);
}

static enum ibx_status commit(struct worker *worker, uint64_t key)
{
    struct ibx_writer *writer = worker->shared->stage->writer;
    if (!put_state(worker))
        return err_nomem(worker->err);
    stats_add(&worker->stats, &worker->unit_stats);
    if (!append_drops(&worker->drops, worker->unit_drops.items,
                      worker->unit_drops.count))
        return err_nomem(worker->err);
    if (writer == NULL)
        return IBX_OK;
    for (size_t i = 0; i < worker->nout; i++)
        worker->out[i].bytes = worker->tiles.ptr + worker->out_offsets[i];
    const struct ibx_writer_unit unit = {
        .key = key,
        .tiles = worker->out,
        .ntiles = worker->nout,
        .state = worker->state.ptr,
        .state_nbytes = worker->state.len,
    };
    return ibx_writer_commit(writer, &unit, worker->err);
}

static enum ibx_status do_batch(struct worker *worker)
{
    struct stage_encode *stage = worker->shared->stage;
    uint64_t key = worker->batch.tiles[0].first_id;
    enum ibx_status status = IBX_OK;
    if (stage->writer != NULL && ibx_writer_has_unit(stage->writer, key)) {
        status = restore(worker, key);
    } else {
        worker->nout = 0;
        worker->unit_drops.count = 0;
        bytes_reset(&worker->tiles);
        stats_clear(&worker->unit_stats);
        for (size_t i = 0; i < worker->batch.ntiles && status == IBX_OK; i++)
            status = make_tile(worker, &worker->batch.tiles[i]);
        if (status == IBX_OK)
            status = commit(worker, key);
    }
    if (stage->progress != NULL)
        progress_add(stage->progress, worker->batch.npieces);
    return status;
}

/* ---- threads ------------------------------------------------------------ */

static enum ibx_status work(struct worker *worker)
{
    struct shared *shared = worker->shared;
    while (crew_goes_on(&shared->crew)) {
        pthread_mutex_lock(&shared->source_lock);
        enum ibx_status status =
            batch_next(&shared->source, &worker->batch, worker->err);
        pthread_mutex_unlock(&shared->source_lock);
        if (status == IBX_NOT_FOUND)
            return IBX_OK;
        if (status == IBX_OK)
            status = do_batch(worker);
        if (status != IBX_OK)
            return status;
    }
    return IBX_OK;
}

static enum ibx_status hand_in(struct worker *worker)
{
    struct shared *shared = worker->shared;
    pthread_mutex_lock(&shared->result_lock);
    stats_add(shared->stage->stats, &worker->stats);
    bool ok =
        append_drops(&shared->drops, worker->drops.items, worker->drops.count);
    pthread_mutex_unlock(&shared->result_lock);
    return ok ? IBX_OK : err_nomem(worker->err);
}

static void worker_fini(struct worker *worker)
{
    tile_maker_free(worker->maker);
    batch_free(&worker->batch);
    stats_fini(&worker->stats);
    stats_fini(&worker->unit_stats);
    free(worker->drops.items);
    free(worker->unit_drops.items);
    bytes_free(&worker->tiles);
    bytes_free(&worker->state);
    free(worker->out);
    free(worker->out_offsets);
}

static enum ibx_status run_worker(void *arg, unsigned number,
                                  struct ibx_err *err)
{
    (void)number;
    struct shared *shared = arg;
    size_t nlayers = shared->stage->settings->layers->count;
    struct worker worker = {.shared = shared, .err = err};
    worker.maker = tile_maker_new(shared->stage->settings);
    enum ibx_status status = IBX_OK;
    if (!stats_init(&worker.stats, nlayers) ||
        !stats_init(&worker.unit_stats, nlayers) || worker.maker == NULL)
        status = err_nomem(err);
    if (status == IBX_OK)
        status = work(&worker);
    if (status == IBX_OK)
        status = hand_in(&worker);
    worker_fini(&worker);
    return status;
}

enum ibx_status stage_encode_run(struct stage_encode *stage,
                                 struct ibx_err *err)
{
    struct shared shared = {.stage = stage,
                            .source = {.sorter = stage->sorter}};
    shared.crew = (struct crew){
        .nthreads = stage->nthreads,
        .stop = stage->stop,
        .work = run_worker,
        .arg = &shared,
    };
    /* Without attributes it cannot fail. */
    (void)pthread_mutex_init(&shared.source_lock, NULL);
    (void)pthread_mutex_init(&shared.result_lock, NULL);
    (void)pthread_mutex_init(&shared.large_lock, NULL);
    enum ibx_status status = crew_run(&shared.crew, err);
    if (status == IBX_OK)
        count_lost(&shared.drops, stage->stats);
    free(shared.drops.items);
    batch_source_free(&shared.source);
    pthread_mutex_destroy(&shared.source_lock);
    pthread_mutex_destroy(&shared.result_lock);
    pthread_mutex_destroy(&shared.large_lock);
    return status;
}
