#include "tiler/vector/stage_cut.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tiler/vector/crossings.h"
#include "tiler/vector/cut.h"
#include "tiler/vector/record.h"
#include "tiler/vector/shape.h"
#include "tiler/vector/simplify.h"

/* Pieces of one feature and zoom held back until their number is known; past
 * this many bytes they go out uncounted. */
enum { HOLD_NBYTES = 8 << 20 };

/* A piece held back; its geometry is in worker->held. */
struct held_piece {
    uint64_t first_id, count;
    size_t offset, nbytes;
    enum geom_kind kind;
};

struct shared {
    struct stage_cut *stage;
    struct crew crew;
    struct junctions *junctions;
    struct crossings *crossings;
    atomic_size_t next_chunk;
    pthread_mutex_t lock; /* guards stage->stats */
};

/* One thread's. */
struct worker {
    struct shared *shared;
    unsigned lane;
    struct ibx_err *err;
    enum ibx_status status; /* of the callback below cut_feature() */
    struct cut *cut;
    struct repair *repair;
    struct simplify_work simplify;
    struct geom base, shape, spare;
    float *weights;
    size_t weights_cap;
    struct bytes chunk, held, record;
    struct held_piece *pieces;
    size_t npieces, pieces_cap;
    uint32_t part;
    bool overflowed, has_cover;
    struct stats stats;
    /* The feature and zoom at hand. */
    struct feature_head head;
    uint8_t zoom;
    float weight;
};

/* ---- pieces to the sorter ----------------------------------------------- */

static enum ibx_status flush_piece(struct worker *worker,
                                   const struct held_piece *piece,
                                   uint32_t npieces)
{
    const struct feature_head *head = &worker->head;
    const struct piece_head out = {
        .attrs = head->attrs,
        .id = head->id,
        .count = piece->count,
        .layer = head->layer,
        .kind = piece->kind,
        .has_id = head->has_id,
        .has_order = head->has_order,
        .order = head->order,
        .weight = worker->weight,
        .npieces = npieces,
    };
    bytes_reset(&worker->record);
    piece_put_head(&worker->record, &out);
    bytes_put(&worker->record, worker->held.ptr + piece->offset, piece->nbytes);
    if (worker->record.failed)
        return err_nomem(worker->err);
    const struct sorter_key key = {piece->first_id, head->seq, worker->part++};
    return sorter_add(worker->shared->stage->sorter, worker->lane, key,
                      worker->record.ptr, worker->record.len, worker->err);
}

/* Sends the held pieces on. Whether a feature that fills whole tiles is lost
 * is not tracked: it is never small. */
static enum ibx_status flush_pieces(struct worker *worker)
{
    bool countable = !worker->overflowed && !worker->has_cover &&
                     worker->npieces <= UINT32_MAX;
    uint32_t npieces = countable ? (uint32_t)worker->npieces : 0;
    enum ibx_status status = IBX_OK;
    for (size_t i = 0; i < worker->npieces && status == IBX_OK; i++)
        status = flush_piece(worker, &worker->pieces[i], npieces);
    worker->npieces = 0;
    bytes_reset(&worker->held);
    return status;
}

static bool reserve_piece(struct worker *worker)
{
    if (worker->npieces < worker->pieces_cap)
        return true;
    size_t cap = worker->pieces_cap == 0 ? 256 : worker->pieces_cap * 2;
    void *pieces = realloc(worker->pieces, cap * sizeof *worker->pieces);
    if (pieces == NULL)
        return false;
    worker->pieces = pieces;
    worker->pieces_cap = cap;
    return true;
}

static bool hold_piece(void *arg, const struct cut_piece *piece)
{
    struct worker *worker = arg;
    size_t offset = worker->held.len;
    piece_put_geom(&worker->held, piece->geom);
    if (worker->held.failed || !reserve_piece(worker)) {
        worker->status = err_nomem(worker->err);
        return false;
    }
    worker->pieces[worker->npieces++] = (struct held_piece){
        .first_id = piece->first_id,
        .count = piece->count,
        .offset = offset,
        .nbytes = worker->held.len - offset,
        .kind = piece->geom->kind,
    };
    if (piece->cover)
        worker->has_cover = true;
    if (worker->held.len > HOLD_NBYTES) {
        worker->overflowed = true;
        worker->status = flush_pieces(worker);
    }
    return worker->status == IBX_OK && crew_goes_on(&worker->shared->crew);
}

/* ---- a feature at a zoom ------------------------------------------------ */

/* The deepest zoom the feature is shown at. */
static uint8_t deepest(const struct worker *worker, const struct layer *layer)
{
    uint8_t zoom = worker->shared->stage->maxzoom;
    if (layer->maxzoom < zoom)
        zoom = layer->maxzoom;
    return worker->head.maxzoom < zoom ? worker->head.maxzoom : zoom;
}

static float weight_of(const struct geom *shape)
{
    if (shape->kind == GEOM_POLYGON)
        return (float)geom_area(shape);
    return shape->kind == GEOM_LINE ? (float)geom_length(shape) : 0.0F;
}

/* The zoom's shape, as rounding left it. */
static bool round_shape(struct worker *worker, const struct layer *layer,
                        bool keep_all)
{
    const struct stage_cut *stage = worker->shared->stage;
    unsigned shift = stage->bits - TILE_EXTENT_LOG2 - worker->zoom;
    const struct shape_rule rule = {
        .shift = shift,
        .tolerance =
            keep_all ? 0.0F : (float)ldexp(layer->simplification, (int)shift),
        .keep_all = keep_all,
        .seq = worker->head.seq,
    };
    return shape_at_zoom(&worker->base, worker->weights, &rule, &worker->shape);
}

/* The zoom's shape, valid; without parts when nothing can be seen. */
static enum ibx_status make_shape(struct worker *worker,
                                  const struct layer *layer, bool keep_all)
{
    uint64_t *counts =
        worker->stats.layers[worker->head.layer].zoom[worker->zoom];
    if (!round_shape(worker, layer, keep_all))
        return err_nomem(worker->err);
    if (worker->shape.nparts == 0) {
        counts[STAT_TOO_SMALL]++;
        return IBX_OK;
    }
    if (worker->shape.kind != GEOM_POLYGON)
        return IBX_OK;
    if (!crossings_apply(worker->shared->crossings, worker->zoom,
                         &worker->shape, &worker->spare))
        return err_nomem(worker->err);
    enum repair_status status = repair_rounded(worker->repair, &worker->shape);
    if (status == REPAIR_NOMEM)
        return err_nomem(worker->err);
    if (worker->shape.nparts == 0)
        counts[status == REPAIR_DONE ? STAT_TOO_SMALL : STAT_NOT_REPAIRED]++;
    else if (status == REPAIR_DONE)
        counts[STAT_REPAIRED]++;
    return IBX_OK;
}

static bool note_crossing(void *arg, const struct geom_point edge[2],
                          struct geom_point at)
{
    struct worker *worker = arg;
    return crossings_add(worker->shared->crossings, worker->zoom, edge, at);
}

/* Finds where the shape crosses itself, before any shape is mended. */
static enum ibx_status look_at_zoom(struct worker *worker,
                                    const struct layer *layer, bool keep_all)
{
    if (!round_shape(worker, layer, keep_all) ||
        !repair_crossings(worker->repair, &worker->shape, note_crossing,
                          worker))
        return err_nomem(worker->err);
    return IBX_OK;
}

static enum ibx_status cut_at_zoom(struct worker *worker,
                                   const struct layer *layer, bool keep_all)
{
    uint64_t *counts =
        worker->stats.layers[worker->head.layer].zoom[worker->zoom];
    counts[STAT_IN]++;
    enum ibx_status status = make_shape(worker, layer, keep_all);
    if (status != IBX_OK || worker->shape.nparts == 0)
        return status;
    worker->weight = weight_of(&worker->shape);
    worker->part = 0;
    worker->overflowed = worker->has_cover = false;
    worker->status = IBX_OK;
    const struct cut_job job = {
        .zoom = worker->zoom,
        .buffer = layer->buffer,
        .emit = hold_piece,
        .arg = worker,
    };
    enum cut_status cut =
        cut_feature(worker->cut, &worker->shape, &job, &counts[STAT_REPAIRED]);
    if (cut == CUT_NOMEM)
        return err_nomem(worker->err);
    if (worker->status != IBX_OK)
        return worker->status;
    return flush_pieces(worker);
}

static bool reserve_weights(struct worker *worker, size_t need)
{
    if (need <= worker->weights_cap)
        return true;
    float *weights = realloc(worker->weights, 2 * need * sizeof *weights);
    if (weights == NULL)
        return false;
    worker->weights = weights;
    worker->weights_cap = 2 * need;
    return true;
}

typedef enum ibx_status (*do_zoom)(struct worker *worker,
                                   const struct layer *layer, bool keep_all);

static enum ibx_status each_zoom(struct worker *worker, do_zoom what)
{
    const struct stage_cut *stage = worker->shared->stage;
    const struct layer *layer = &stage->layers->items[worker->head.layer];
    if (!reserve_weights(worker, worker->base.npoints) ||
        !simplify_weigh(&worker->simplify, &worker->base,
                        worker->shared->junctions, worker->weights))
        return err_nomem(worker->err);
    uint8_t first = stage->minzoom, last = deepest(worker, layer);
    if (worker->head.minzoom > first)
        first = worker->head.minzoom;
    enum ibx_status status = IBX_OK;
    for (unsigned z = first; z <= last && status == IBX_OK; z++) {
        worker->zoom = (uint8_t)z;
        status = what(worker, layer, z == last);
    }
    return status;
}

static enum ibx_status cut_one(struct worker *worker)
{
    return each_zoom(worker, cut_at_zoom);
}

static enum ibx_status look_at_one(struct worker *worker)
{
    return worker->base.kind == GEOM_POLYGON ? each_zoom(worker, look_at_zoom)
                                             : IBX_OK;
}

/* ---- chunks ------------------------------------------------------------- */

typedef enum ibx_status (*do_feature)(struct worker *worker);

static enum ibx_status note_one(struct worker *worker)
{
    junctions_note(worker->shared->junctions, &worker->base);
    return IBX_OK;
}

static enum ibx_status each_feature(struct worker *worker, do_feature what)
{
    struct cursor from = cursor_of(worker->chunk.ptr, worker->chunk.len);
    while (from.at < from.end) {
        if (!feature_get(&from, &worker->head, &worker->base))
            return from.bad ? err_say(worker->err, IBX_ERR_CORRUPT, NULL,
                                      "a temporary file has changed")
                            : err_nomem(worker->err);
        enum ibx_status status = what(worker);
        if (status != IBX_OK)
            return status;
        if (!crew_goes_on(&worker->shared->crew))
            return IBX_OK;
    }
    return IBX_OK;
}

static enum ibx_status each_chunk(struct worker *worker, do_feature what)
{
    struct shared *shared = worker->shared;
    const struct stage_cut *stage = shared->stage;
    size_t step = stage->sample > 1 ? stage->sample : 1;
    while (crew_goes_on(&shared->crew)) {
        size_t number = atomic_fetch_add(&shared->next_chunk, step);
        if (number >= stage->store->nchunks)
            return IBX_OK;
        enum ibx_status status =
            store_read(stage->store, number, &worker->chunk, worker->err);
        if (status == IBX_OK)
            status = each_feature(worker, what);
        if (status != IBX_OK)
            return status;
        if (stage->progress != NULL && what == cut_one)
            progress_add(stage->progress,
                         stage->store->chunks[number].nfeatures);
    }
    return IBX_OK;
}

static bool worker_init(struct worker *worker, struct shared *shared,
                        unsigned lane, struct ibx_err *err)
{
    *worker = (struct worker){.shared = shared, .lane = lane, .err = err};
    worker->repair = repair_new();
    worker->cut = cut_new(worker->repair);
    return stats_init(&worker->stats, shared->stage->layers->count) &&
           worker->cut != NULL && worker->repair != NULL;
}

static void worker_fini(struct worker *worker)
{
    cut_free(worker->cut);
    repair_free(worker->repair);
    simplify_work_free(&worker->simplify);
    geom_free(&worker->base);
    geom_free(&worker->shape);
    geom_free(&worker->spare);
    free(worker->weights);
    free(worker->pieces);
    bytes_free(&worker->chunk);
    bytes_free(&worker->held);
    bytes_free(&worker->record);
    stats_fini(&worker->stats);
}

static enum ibx_status run_worker(void *arg, unsigned number,
                                  struct ibx_err *err, do_feature what)
{
    struct shared *shared = arg;
    struct worker worker;
    enum ibx_status status = worker_init(&worker, shared, number, err)
                                 ? each_chunk(&worker, what)
                                 : err_nomem(err);
    if (status == IBX_OK && what == cut_one)
        status = sorter_end_lane(shared->stage->sorter, number, err);
    if (status == IBX_OK) {
        pthread_mutex_lock(&shared->lock);
        stats_add(shared->stage->stats, &worker.stats);
        pthread_mutex_unlock(&shared->lock);
    }
    worker_fini(&worker);
    return status;
}

static enum ibx_status note_worker(void *arg, unsigned number,
                                   struct ibx_err *err)
{
    return run_worker(arg, number, err, note_one);
}

static enum ibx_status look_worker(void *arg, unsigned number,
                                   struct ibx_err *err)
{
    return run_worker(arg, number, err, look_at_one);
}

static enum ibx_status cut_worker(void *arg, unsigned number,
                                  struct ibx_err *err)
{
    return run_worker(arg, number, err, cut_one);
}

static enum ibx_status run(struct shared *shared,
                           enum ibx_status (*work)(void *, unsigned,
                                                   struct ibx_err *),
                           struct ibx_err *err)
{
    atomic_store(&shared->next_chunk, 0);
    shared->crew = (struct crew){
        .nthreads = shared->stage->nthreads,
        .stop = shared->stage->stop,
        .work = work,
        .arg = shared,
    };
    return crew_run(&shared->crew, err);
}

static bool has_polygons(const struct layer_list *layers)
{
    for (size_t i = 0; i < layers->count; i++) {
        if ((layers->items[i].kinds & 1U << GEOM_POLYGON) != 0)
            return true;
    }
    return false;
}

static enum ibx_status run_all(struct shared *shared, struct ibx_err *err)
{
    enum ibx_status status = IBX_OK;
    unsigned npasses = junctions_npasses(shared->junctions);
    for (unsigned pass = 0; pass < npasses && status == IBX_OK; pass++) {
        junctions_begin(shared->junctions, pass);
        status = run(shared, note_worker, err);
        junctions_end(shared->junctions);
    }
    if (status == IBX_OK && has_polygons(shared->stage->layers))
        status = run(shared, look_worker, err);
    crossings_seal(shared->crossings);
    return status == IBX_OK ? run(shared, cut_worker, err) : status;
}

enum ibx_status stage_cut_run(struct stage_cut *stage, struct ibx_err *err)
{
    struct shared shared = {.stage = stage};
    shared.junctions =
        junctions_new(INT64_C(1) << stage->bits, stage->store->nvertices,
                      stage->junction_nbytes);
    shared.crossings = crossings_new();
    enum ibx_status status;
    if (shared.junctions == NULL || shared.crossings == NULL ||
        pthread_mutex_init(&shared.lock, NULL) != 0) {
        status = err_nomem(err);
    } else {
        status = run_all(&shared, err);
        pthread_mutex_destroy(&shared.lock);
    }
    crossings_free(shared.crossings);
    junctions_free(shared.junctions);
    return status;
}
