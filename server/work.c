#include "server/work.h"

#include <stdlib.h>
#include <string.h>

#include "server/clock.h"
#include "server/gzip.h"

static enum ibx_status unpack_failed(enum gzip_status status,
                                     struct ibx_err *err)
{
    memset(err, 0, sizeof(*err));
    err->status = status == GZIP_BAD     ? IBX_ERR_CORRUPT
                  : status == GZIP_NOMEM ? IBX_ERR_NOMEM
                                         : IBX_ERR_TOO_LARGE;
    (void)snprintf(err->what, sizeof(err->what), "%s",
                   status == GZIP_BAD ? "its gzip encoding is broken"
                                      : "unpacked, it is too large: raise "
                                        "--max-documents");
    return err->status;
}

enum ibx_status work_unpack(struct server *server, const struct ibx_tile *tile,
                            void **out, size_t *out_nbytes, struct ibx_err *err)
{
    struct span packed = {(const char *)tile->bytes, tile->facts.nbytes};
    uint64_t cap = server->max_document_nbytes;
    /* The whole bound is reserved while unpacking, since what the tile says of
     * its size may be wrong; small tiles say so truly or fail. */
    size_t hint = gzip_hint(packed);
    if (hint > 0 && hint < cap / 4)
        cap = cap / 4;
    if (!gauge_take(&server->documents, cap, server->budget.documents)) {
        err->status = IBX_ERR_BUSY;
        return IBX_ERR_BUSY;
    }
    enum gzip_status status = gzip_unpack(packed, (size_t)cap, out, out_nbytes);
    gauge_give(&server->documents, status == GZIP_OK ? cap - *out_nbytes : cap);
    return status == GZIP_OK ? IBX_OK : unpack_failed(status, err);
}

/* On a helper thread, which may wait for the budget. */
static void decode(struct work *work)
{
    static const struct timespec pause = {.tv_nsec = 1000000};
    int64_t deadline_ms = clock_ms() + (int64_t)work->server->options->wait_ms;
    do {
        work->status = work_unpack(work->server, &work->tile, &work->decoded,
                                   &work->decoded_nbytes, &work->err);
    } while (work->status == IBX_ERR_BUSY && clock_ms() < deadline_ms &&
             nanosleep(&pause, NULL) == 0);
    if (work->status == IBX_OK)
        work->facts = work->tile.facts;
    ibx_tile_release(&work->tile);
}

/* The generation asked for, held; a pinned one that is not served is opened
 * for this one tile. */
static enum ibx_status open_generation(struct work *work,
                                       struct ibx_tileset **out)
{
    struct ibx_tileset *served = work->served->tileset;
    if (work->generation[0] == '\0') {
        *out = ibx_tileset_hold(served);
        return IBX_OK;
    }
    return ibx_tileset_open(work->server->cache, ibx_tileset_folder(served),
                            work->generation, out, &work->err);
}

static void read_tile(struct work *work)
{
    struct ibx_tileset *tileset;
    work->status = open_generation(work, &tileset);
    if (work->status != IBX_OK) {
        /* Only a manifest that is not there means that it is gone. */
        work->generation_gone = work->status == IBX_ERR_MISSING;
        return;
    }
    work->modified_s = ibx_tileset_info(tileset)->modified_s;
    if (work->kind == WORK_STAT)
        work->status = ibx_tile_stat_for(tileset, work->at, work->asker,
                                         &work->facts, &work->err);
    else
        work->status = ibx_tile_get_for(tileset, work->at, work->asker,
                                        &work->tile, &work->err);
    ibx_tileset_release(tileset);
    if (work->kind == WORK_STAT || work->status != IBX_OK)
        return;
    work->facts = work->tile.facts;
    if (work->decode && work->facts.encoding == IBX_ENCODING_GZIP &&
        work->facts.nbytes > 0)
        decode(work);
}

static void work_run(struct job *job)
{
    struct work *work = (struct work *)(void *)job;
    switch (work->kind) {
    case WORK_STAT:
    case WORK_TILE:
        read_tile(work);
        break;
    case WORK_DECODE:
        decode(work);
        break;
    case WORK_DOCUMENT:
        document_make(work->server, work->catalog, work->served,
                      &work->document, &work->result);
        break;
    }
}

struct work *work_new(struct server *server, struct exchange *x,
                      enum work_kind kind, struct catalog *catalog,
                      struct served *served)
{
    struct work *work = calloc(1, sizeof(*work));
    if (work == NULL)
        return NULL;
    work->job.run = work_run;
    work->job.inbox = &x->loop->inbox;
    work->job.deadline_ms = clock_ms() + x->loop->options.wait_ms;
    work->server = server;
    work->exchange = x;
    work->kind = kind;
    work->catalog = catalog_hold(catalog);
    work->served = served;
    if (served != NULL)
        work->modified_s = served->info->modified_s;
    return work;
}

bool work_submit(struct work *work)
{
    struct exchange *x = work->exchange;
    /* Before it is submitted: a helper may be done with it at any time. */
    x->work = work;
    if (pool_submit(work->server->pool, &work->job))
        return true;
    x->work = NULL;
    work_free(work);
    return false;
}

void work_free(struct work *work)
{
    struct gauge *documents = &work->server->documents;
    ibx_tile_release(&work->tile);
    if (work->decoded != NULL)
        gauge_give(documents, work->decoded_nbytes);
    if (work->result.bytes != NULL)
        gauge_give(documents, work->result.nbytes);
    free(work->decoded);
    free(work->result.bytes);
    catalog_release(work->catalog);
    free(work);
}
