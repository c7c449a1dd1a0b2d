#include "server/scrub.h"

#include "server/clock.h"
#include "server/log.h"

void scrub_end(struct scrubber *scrubber)
{
    ibx_walk_close(scrubber->walk);
    catalog_release(scrubber->catalog);
    scrubber->walk = NULL;
    scrubber->catalog = NULL;
}

static struct served *scrubbed(const struct scrubber *scrubber)
{
    return scrubber->catalog->served[scrubber->next];
}

/* Opens the next tileset's walk; false when there is none. */
static bool scrub_open(struct server *server, struct scrubber *scrubber)
{
    struct ibx_err err;
    if (scrubber->walk != NULL)
        return true;
    scrubber->catalog = library_catalog(server->library);
    if (scrubber->next >= scrubber->catalog->nserved)
        scrubber->next = 0;
    if (scrubber->catalog->nserved > 0 &&
        ibx_walk_open(scrubbed(scrubber)->tileset, 0, &scrubber->walk, &err) ==
            IBX_OK)
        return true;
    scrub_end(scrubber);
    return false;
}

static void report(struct server *server, struct scrubber *scrubber,
                   const struct ibx_err *err)
{
    char text[800];
    counter_add(&server->counters, COUNTER_SCRUB_FAILURES, 1);
    log_describe(err, text, sizeof(text));
    if (log_allows())
        log_line(LOG_ERROR, "%s: found while scrubbing: %s",
                 scrubbed(scrubber)->id, text);
}

/* Reads one blob. False when the walk has come to its end or cannot go on;
 * then the next tileset is next. */
static bool scrub_one(struct server *server, struct scrubber *scrubber,
                      uint64_t *nbytes)
{
    struct ibx_span span;
    struct ibx_tile tile = {0};
    struct ibx_err err = {0};
    enum ibx_status status = ibx_walk_next(scrubber->walk, &span, &err);
    *nbytes = 4096; /* an index entry costs something too */
    if (status == IBX_OK) {
        status = ibx_walk_tile(scrubber->walk, &tile, &err);
        *nbytes += tile.facts.nbytes;
        ibx_tile_release(&tile);
        if (status == IBX_OK || status == IBX_ERR_BUSY)
            return true;
        report(server, scrubber, &err);
        return true; /* the rest may be well */
    }
    if (status != IBX_NOT_FOUND && status != IBX_ERR_BUSY)
        report(server, scrubber, &err);
    return status == IBX_ERR_BUSY;
}

static void add_credit(struct server *server, struct scrubber *scrubber)
{
    uint64_t rate = server->options->scrub_nbytes;
    int64_t now_ms = clock_ms();
    int64_t elapsed = now_ms - scrubber->since_ms;
    /* Not more than a second's worth at once, also after a long stop. */
    elapsed = scrubber->since_ms == 0 || elapsed > 1000 ? 1000 : elapsed;
    scrubber->since_ms = now_ms;
    scrubber->credit_nbytes += rate / 1000 * (uint64_t)elapsed;
    if (scrubber->credit_nbytes > rate)
        scrubber->credit_nbytes = rate;
}

void scrub_some(struct server *server, struct scrubber *scrubber)
{
    uint64_t nbytes = 0;
    add_credit(server, scrubber);
    while (scrubber->credit_nbytes > nbytes && scrub_open(server, scrubber)) {
        scrubber->credit_nbytes -= nbytes;
        if (!scrub_one(server, scrubber, &nbytes)) {
            scrub_end(scrubber);
            scrubber->next++;
            return;
        }
        counter_add(&server->counters, COUNTER_SCRUBBED_NBYTES, nbytes);
    }
}
