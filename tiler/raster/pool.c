#include "tiler/raster/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "tiler/cli/report.h"
#include "tiler/cli/stop.h"
#include "tiler/raster/emit.h"
#include "tiler/raster/pyramid.h"
#include "tiler/raster/unit.h"

struct pool {
    const struct job *job;
    struct ibx_writer *writer;
    struct progress *progress;
    pthread_mutex_t lock; /* guards what follows */
    struct job_walk walk;
    struct tally tally;
    bool failed;
};

static uint64_t tally_seen(const struct tally *tally)
{
    struct tally_zoom all = tally_total(tally);
    return all.tiles + all.transparent;
}

/* The next unit to make; false when there is none, or no reason to go on. */
static bool take_unit(struct pool *pool, struct ibx_zxy *at)
{
    pthread_mutex_lock(&pool->lock);
    bool taken =
        !pool->failed && !stop_requested() && job_walk_next(&pool->walk, at);
    pthread_mutex_unlock(&pool->lock);
    return taken;
}

static void hand_in(struct pool *pool, const struct tally *tally, bool ok)
{
    pthread_mutex_lock(&pool->lock);
    tally_add(&pool->tally, tally);
    pool->failed = pool->failed || !ok;
    pthread_mutex_unlock(&pool->lock);
}

static void *work(void *arg)
{
    struct pool *pool = arg;
    struct unit_maker *maker = unit_maker_new(pool->job, pool->writer);
    struct ibx_zxy at;
    if (maker == NULL)
        hand_in(pool, &(struct tally){0}, false);
    while (maker != NULL && take_unit(pool, &at)) {
        struct tally tally = {0};
        bool found = false;
        bool ok = unit_make(maker, at, &tally, &found);
        hand_in(pool, &tally, ok);
        if (found)
            progress_skip(pool->progress, tally_seen(&tally));
        else
            progress_add(pool->progress, tally_seen(&tally));
    }
    unit_maker_free(maker);
    return NULL;
}

/* Runs work() in the job's threads, of which this one is the first. */
static void run(struct pool *pool)
{
    unsigned started = 0;
    pthread_t *threads = calloc(pool->job->nthreads, sizeof(*threads));
    while (threads != NULL && started + 1 < pool->job->nthreads &&
           pthread_create(&threads[started], NULL, work, pool) == 0)
        started++;
    /* Fewer threads than wanted only take longer. */
    (void)work(pool);
    for (unsigned i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
    free(threads);
}

bool pool_make_units(const struct job *job, struct ibx_writer *writer,
                     struct progress *progress, struct tally *tally)
{
    struct pool pool = {.job = job,
                        .writer = writer,
                        .progress = progress,
                        .walk = {.job = job, .zoom = job->unit_zoom}};
    (void)pthread_mutex_init(&pool.lock, NULL);
    run(&pool);
    (void)pthread_mutex_destroy(&pool.lock);
    tally_add(tally, &pool.tally);
    return !pool.failed && !stop_requested();
}

/* ---- the zooms above ----------------------------------------------------- */

static bool write_tiles(struct ibx_writer *writer, struct emitted *emitted)
{
    for (size_t i = 0; i < emitted->count; i++) {
        struct ibx_err err = {0};
        enum ibx_status status =
            ibx_writer_add(writer, &emitted->tiles[i], &err);
        if (status == IBX_OK)
            continue;
        if (status != IBX_ERR_INTERRUPTED)
            report_err(&err);
        return false;
    }
    return true;
}

/* All subtrees from the smallest zoom down to the units. */
static bool make_tops(const struct job *job, struct pyramid *pyramid,
                      struct ibx_writer *writer, struct emitted *emitted,
                      struct tally *tally)
{
    struct job_walk walk = {.job = job, .zoom = job->min_zoom};
    struct ibx_zxy at;
    struct pixels top;
    while (job_walk_next(&walk, &at)) {
        emitted_clear(emitted);
        if (!pyramid_make(pyramid, at, &top) || !write_tiles(writer, emitted))
            return false;
        tally_add(tally, &emitted->tally);
    }
    return true;
}

bool pool_make_upper(const struct job *job, struct ibx_writer *writer,
                     struct progress *progress, struct tally *tally)
{
    if (job->min_zoom >= job->unit_zoom)
        return true;
    struct tally upper = {0};
    struct unit_maker *maker = unit_maker_new(job, writer);
    struct emitted emitted = {.encoder = encoder_new(&job->encoder)};
    const struct pyramid_settings settings = {
        .job = job,
        .top_zoom = job->min_zoom,
        .leaf_zoom = job->unit_zoom,
        .leaf = unit_top,
        .leaf_arg = maker,
        .emitted = &emitted,
    };
    struct pyramid *pyramid = maker != NULL && emitted.encoder != NULL
                                  ? pyramid_new(&settings)
                                  : NULL;
    bool ok =
        pyramid != NULL && make_tops(job, pyramid, writer, &emitted, &upper);
    pyramid_free(pyramid);
    emitted_fini(&emitted);
    encoder_free(emitted.encoder);
    unit_maker_free(maker);
    progress_add(progress, tally_seen(&upper));
    tally_add(tally, &upper);
    return ok;
}
