#include "server/keeper.h"

#include <stdlib.h>
#include <time.h>

#include "server/clock.h"
#include "server/log.h"
#include "server/scrub.h"

enum { PROBE_EVERY_MS = 500, FOREVER_MS = 3600 * 1000 };

struct keeper {
    struct server *server;
    struct scrubber scrubber;
    pthread_t thread;
    pthread_mutex_t lock; /* guards the three below */
    pthread_cond_t changed;
    bool stopping, woken, ended;
};

void keeper_reload(struct server *server, bool force,
                   struct library_result *result)
{
    uint64_t before = library_version(server->library);
    library_reload(server->library, force, result);
    if (library_version(server->library) == before)
        return;
    /* Idle loops still hold the old catalog. */
    for (unsigned i = 0; i < server->nloops; i++)
        inbox_wake(&server->loops[i].inbox);
}

static void probe(struct server *server)
{
    bool ready = library_probe(server->library);
    if (atomic_exchange(&server->ready, ready) != ready)
        log_line(ready ? LOG_DEBUG : LOG_ERROR, "%s",
                 ready ? "every tileset can be read"
                       : "not every tileset can be read");
}

static void deadline_after(int64_t ms, struct timespec *out)
{
    int64_t at_ms = clock_ms() + ms;
    out->tv_sec = (time_t)(at_ms / 1000);
    out->tv_nsec = (long)(at_ms % 1000) * 1000000;
}

/* Sleeps; returns true when woken to reload. Sets *stop at the end. */
static bool keeper_sleep(struct keeper *keeper, int64_t ms, bool *stop)
{
    struct timespec until;
    int waited = 0;
    deadline_after(ms, &until);
    pthread_mutex_lock(&keeper->lock);
    while (!keeper->stopping && !keeper->woken && waited == 0)
        waited =
            pthread_cond_timedwait(&keeper->changed, &keeper->lock, &until);
    bool woken = keeper->woken;
    keeper->woken = false;
    *stop = keeper->stopping;
    pthread_mutex_unlock(&keeper->lock);
    return woken;
}

static int64_t sleep_time(const struct keeper *keeper)
{
    const struct options *options = keeper->server->options;
    int64_t ms = (int64_t)options->reload_interval_s * 1000;
    if (!atomic_load(&keeper->server->ready) &&
        (ms == 0 || ms > PROBE_EVERY_MS))
        return PROBE_EVERY_MS;
    if (options->scrub_nbytes > 0 && (ms == 0 || ms > SCRUB_EVERY_MS))
        return SCRUB_EVERY_MS;
    return ms == 0 ? FOREVER_MS : ms;
}

static void *keeper_thread(void *arg)
{
    struct keeper *keeper = arg;
    struct server *server = keeper->server;
    struct library_result result;
    int64_t reloaded_ms = clock_ms();
    bool stop = false;
    probe(server);
    while (!stop) {
        bool woken = keeper_sleep(keeper, sleep_time(keeper), &stop);
        int64_t every_ms = (int64_t)server->options->reload_interval_s * 1000;
        bool due = every_ms > 0 && clock_ms() - reloaded_ms >= every_ms;
        if (!stop && (woken || due)) {
            keeper_reload(server, woken, &result);
            reloaded_ms = clock_ms();
        }
        if (!stop)
            probe(server);
        if (!stop && server->options->scrub_nbytes > 0)
            scrub_some(server, &keeper->scrubber);
    }
    scrub_end(&keeper->scrubber);
    pthread_mutex_lock(&keeper->lock);
    keeper->ended = true;
    pthread_cond_signal(&keeper->changed);
    pthread_mutex_unlock(&keeper->lock);
    return NULL;
}

struct keeper *keeper_open(struct server *server)
{
    pthread_condattr_t monotonic;
    struct keeper *keeper = calloc(1, sizeof(*keeper));
    if (keeper == NULL)
        return NULL;
    keeper->server = server;
    (void)pthread_mutex_init(&keeper->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&keeper->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    if (thread_start(&keeper->thread, server->budget.stack_nbytes,
                     keeper_thread, keeper))
        return keeper;
    free(keeper);
    return NULL;
}

void keeper_wake(struct keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    keeper->woken = true;
    pthread_cond_signal(&keeper->changed);
    pthread_mutex_unlock(&keeper->lock);
}

bool keeper_close(struct keeper *keeper, int64_t wait_ms)
{
    struct timespec until;
    int waited = 0;
    if (keeper == NULL)
        return true;
    deadline_after(wait_ms, &until);
    pthread_mutex_lock(&keeper->lock);
    keeper->stopping = true;
    pthread_cond_signal(&keeper->changed);
    while (!keeper->ended && waited == 0)
        waited =
            pthread_cond_timedwait(&keeper->changed, &keeper->lock, &until);
    bool ended = keeper->ended;
    pthread_mutex_unlock(&keeper->lock);
    if (!ended)
        return false;
    (void)pthread_join(keeper->thread, NULL);
    (void)pthread_mutex_destroy(&keeper->lock);
    (void)pthread_cond_destroy(&keeper->changed);
    free(keeper);
    return true;
}
