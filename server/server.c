#include "server/server.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/admin.h"
#include "server/clock.h"
#include "server/host.h"
#include "server/keeper.h"
#include "server/listen.h"
#include "server/log.h"
#include "server/serve.h"

enum { STUCK_MS = 1500 }; /* how long a hanging read delays the end */

/* What is open beside the server itself. */
struct sockets {
    struct listener public[LOOP_LISTENERS_MAX], admin[1];
    size_t npublic, nadmin;
};

void server_counters(struct server *server, struct counters *out)
{
    memset(out, 0, sizeof(*out));
    counters_sum(out, &server->counters);
    for (unsigned i = 0; i < server->nloops; i++)
        counters_sum(out, &server->loops[i].counters);
}

static bool failed(const char *text)
{
    log_line(LOG_ERROR, "%s", text);
    return false;
}

/* ---- opening ------------------------------------------------------------- */

/* At least 256 KiB. */
static int clamp(uint64_t nbytes, int most)
{
    return nbytes < 256 << 10        ? 256 << 10
           : nbytes > (uint64_t)most ? most
                                     : (int)nbytes;
}

/* What large bodies have used stays with the process, up to half of what they
 * may use: giving it back to the system after each one costs a page fault for
 * every 4 KB of the next. */
static void keep_heap(const struct budget *budget)
{
    (void)mallopt(M_TRIM_THRESHOLD, clamp(budget->bodies / 2, 64 << 20));
    (void)mallopt(M_MMAP_THRESHOLD, clamp(budget->bodies / 8, 16 << 20));
}

static bool open_budget(struct server *server, const struct host_limits *host)
{
    char text[OPTIONS_ERROR_NBYTES];
    if (!budget_plan(server->options, host, &server->budget, text))
        return failed(text);
    /* Half of the documents' memory, so that two large ones fit. */
    server->max_document_nbytes = server->budget.documents / 2;
    keep_heap(&server->budget);
    budget_describe(&server->budget, text, sizeof(text));
    log_line(LOG_INFO, "budget: %s", text);
    return true;
}

/* Every arena reserves address space for itself. */
static void bound_heap(const struct host_limits *host)
{
    bool tight = host->address_space != UINT64_MAX || sizeof(void *) == 4;
    (void)mallopt(M_ARENA_MAX, tight ? 1 : 2);
}

static bool open_cache(struct server *server)
{
    const struct options *options = server->options;
    const struct budget *budget = &server->budget;
    struct ibx_cache_options out;
    struct ibx_err err = {0};
    char text[800];
    ibx_cache_options_init(&out);
    out.max_mapped_nbytes = budget->mapped;
    out.max_views = (uint32_t)budget->views;
    out.max_handles = (uint32_t)budget->cache_handles;
    out.max_copy_nbytes = budget->bodies;
    out.max_index_nbytes = budget->index;
    out.wait_ms = (uint32_t)options->wait_ms;
    out.prefetch_nbytes = (uint32_t)options->prefetch_nbytes;
    out.verify = (enum ibx_verify)options->verify;
    out.evict = (enum ibx_evict)options->evict;
    if (ibx_cache_open(&out, &server->cache, &err) == IBX_OK)
        return true;
    log_describe(&err, text, sizeof(text));
    return failed(text);
}

static void take_policies(struct server *server)
{
    const struct options *options = server->options;
    server->origin.public_url =
        options->public_url == NULL ? "" : options->public_url;
    server->origin.base_path =
        options->base_path == NULL ? "" : options->base_path;
    server->origin.allowed_hosts =
        options->allowed_hosts == NULL ? "" : options->allowed_hosts;
    if (options->trusted_proxies != NULL &&
        !proxy_list_parse(options->trusted_proxies, &server->origin.trusted))
        log_line(LOG_ERROR, "--trusted-proxies was not understood");
    server->cors.origins = options->cors == NULL ? "*" : options->cors;
    if (strcmp(server->cors.origins, "none") == 0)
        server->cors.origins = "";
}

static bool open_helpers(struct server *server)
{
    const struct options *options = server->options;
    const struct budget *budget = &server->budget;
    const struct pool_options pool = {.nthreads = budget->io_threads,
                                      .stack_nbytes = budget->stack_nbytes,
                                      .capacity = budget->queue,
                                      .jobs = &server->jobs};
    const struct address_limits limits = {options->address_connections,
                                          options->address_rate,
                                          options->address_burst};
    server->pool = pool_open(&pool);
    if (server->pool == NULL)
        return failed("cannot start helper threads");
    if (limits.connections > 0 || limits.rate > 0) {
        server->addresses = address_table_new(&limits);
        if (server->addresses == NULL)
            return failed("no memory for the limits per address");
    }
    if (options->access_log == ACCESS_LOG_OFF)
        return true;
    server->access_logger =
        access_logger_open((enum access_log)options->access_log,
                           &server->counters, budget->stack_nbytes);
    return server->access_logger != NULL ||
           failed("cannot start the access log");
}

static void common_loop_options(const struct server *server,
                                struct loop_options *out)
{
    const struct options *options = server->options;
    memset(out, 0, sizeof(*out));
    out->pool_nbytes = BUDGET_POOL_NBYTES;
    out->stack_nbytes = server->budget.stack_nbytes;
    out->header_ms = (int64_t)options->header_timeout_s * 1000;
    out->idle_ms = (int64_t)options->idle_timeout_s * 1000;
    out->send_ms = (int64_t)options->send_timeout_s * 1000;
    out->wait_ms = (int64_t)options->wait_ms;
}

/* Answers are kept only where every copy is verified: in the other modes the
 * bytes would go stale with their medium, and last longer than it. */
static struct loop_own *loop_own_new(struct server *server)
{
    struct loop_own *own = calloc(1, sizeof(*own));
    if (own != NULL && server->options->verify == IBX_VERIFY_ALWAYS &&
        !reply_cors_varies(&server->cors))
        own->prepared =
            prepared_open(server->budget.prepared / server->budget.threads,
                          &server->prepared, web_response_drop);
    return own;
}

static void loop_own_free(struct loop_own *own)
{
    if (own != NULL)
        prepared_close(own->prepared);
    free(own);
}

static bool open_loops(struct server *server, const struct sockets *sockets)
{
    struct loop_options options;
    common_loop_options(server, &options);
    serve_handler(server, &server->public_handler);
    options.handler = &server->public_handler;
    options.connections = &server->connections;
    options.max_connections = server->budget.connections;
    options.addresses = server->addresses;
    options.nlisteners = sockets->npublic;
    for (size_t i = 0; i < sockets->npublic; i++)
        options.listen_fds[i] = sockets->public[i].fd;
    server->loops =
        aligned_alloc(64, server->budget.threads * sizeof(struct loop));
    if (server->loops == NULL)
        return failed("no memory for event loops");
    options.siblings = server->loops;
    options.nsiblings = server->budget.threads;
    memset(server->loops, 0, server->budget.threads * sizeof(struct loop));
    for (unsigned i = 0; i < server->budget.threads; i++) {
        struct loop *loop = &server->loops[i];
        if (!loop_init(loop, &options))
            return failed("cannot set up an event loop");
        server->nloops++;
        loop->user = loop_own_new(server);
        if (loop->user == NULL)
            return failed("no memory for event loops");
    }
    return true;
}

static bool open_admin(struct server *server, const struct sockets *sockets)
{
    struct loop_options options;
    if (sockets->nadmin == 0)
        return true;
    common_loop_options(server, &options);
    admin_handler(server, &server->admin_handler);
    options.handler = &server->admin_handler;
    options.connections = &server->admin_connections;
    options.max_connections = BUDGET_ADMIN_CONNECTIONS;
    options.nlisteners = 1;
    options.listen_fds[0] = sockets->admin[0].fd;
    server->has_admin = loop_init(&server->admin, &options);
    return server->has_admin || failed("cannot set up the admin listener");
}

static bool open_sockets(const struct options *options, struct sockets *out)
{
    char error[OPTIONS_ERROR_NBYTES];
    if (!listen_public(options, out->public, LOOP_LISTENERS_MAX, &out->npublic,
                       error) ||
        !listen_admin(options, out->admin, &out->nadmin, error))
        return failed(error);
    return true;
}

static bool start_threads(struct server *server)
{
    for (unsigned i = 0; i < server->nloops; i++) {
        if (!loop_start(&server->loops[i]))
            return failed("cannot start an event loop");
    }
    if (server->has_admin && !loop_start(&server->admin))
        return failed("cannot start the admin listener");
    server->keeper = keeper_open(server);
    return server->keeper != NULL || failed("cannot start the keeper");
}

static bool server_open(struct server *server, struct sockets *sockets)
{
    struct host_limits host;
    char error[OPTIONS_ERROR_NBYTES];
    server->started_ms = clock_ms();
    host_limits_read(&host);
    bound_heap(&host);
    take_policies(server);
    if (!labels_find(server->options, &server->labels, error))
        return failed(error);
    if (!open_budget(server, &host) || !open_cache(server))
        return false;
    server->library =
        library_open(server->options, server->cache, &server->counters, error);
    if (server->library == NULL)
        return failed(error);
    return open_sockets(server->options, sockets) && open_helpers(server) &&
           open_loops(server, sockets) && open_admin(server, sockets) &&
           start_threads(server);
}

static void announce(struct server *server, const struct sockets *sockets)
{
    struct catalog *catalog = library_catalog(server->library);
    const char *base = server->origin.base_path;
    for (size_t i = 0; i < sockets->npublic; i++)
        log_line(LOG_INFO, "serving %zu tilesets on %s%s%s", catalog->nserved,
                 sockets->public[i].name, base,
                 sockets->public[i].name[0] == 'h' ? "/" : "");
    for (size_t i = 0; i < sockets->nadmin; i++)
        log_line(LOG_INFO, "admin on %s", sockets->admin[i].name);
    log_line(LOG_INFO, "started in %lld ms",
             (long long)(clock_ms() - server->started_ms));
    catalog_release(catalog);
}

/* ---- serving and draining ------------------------------------------------ */

static void wanted_signals(sigset_t *out)
{
    sigemptyset(out);
    sigaddset(out, SIGTERM);
    sigaddset(out, SIGINT);
    sigaddset(out, SIGHUP);
}

/* Waits for one of our signals, or `ms`; 0 when none came in time. */
static int wait_signal(int64_t ms)
{
    sigset_t set;
    const struct timespec timeout = {.tv_sec = (time_t)(ms / 1000),
                                     .tv_nsec = (long)(ms % 1000) * 1000000};
    wanted_signals(&set);
    int got = sigtimedwait(&set, NULL, &timeout);
    return got < 0 ? 0 : got;
}

static void serve_until_told(struct server *server)
{
    for (;;) {
        int got = wait_signal(3600 * 1000);
        if (got == SIGHUP) {
            log_line(LOG_INFO, "reloading");
            keeper_wake(server->keeper);
        } else if (got != 0) {
            log_line(LOG_INFO, "draining after %s",
                     got == SIGTERM ? "SIGTERM" : "SIGINT");
            return;
        }
    }
}

static void set_loops(struct server *server, enum loop_state state)
{
    for (unsigned i = 0; i < server->nloops; i++)
        loop_set_state(&server->loops[i], state);
}

/* A second signal ends it at once. */
static void drain(struct server *server, const struct sockets *sockets)
{
    const struct options *options = server->options;
    atomic_store(&server->draining, true);
    int64_t until_ms = clock_ms() + (int64_t)options->drain_delay_s * 1000;
    bool hurry =
        options->drain_delay_s > 0 && wait_signal(until_ms - clock_ms()) != 0;
    /* All loops know before one of them wakes and the sockets close. */
    for (unsigned i = 0; i < server->nloops; i++)
        atomic_store(&server->loops[i].state, (int)LOOP_DRAINING);
    listen_stop(sockets->public, sockets->npublic);
    set_loops(server, LOOP_DRAINING);
    until_ms = clock_ms() + (int64_t)options->drain_timeout_s * 1000;
    while (!hurry && clock_ms() < until_ms &&
           atomic_load(&server->connections.now) > 0) {
        int got = wait_signal(20);
        hurry = got == SIGTERM || got == SIGINT;
    }
    if (atomic_load(&server->connections.now) > 0)
        log_line(LOG_INFO, "%llu connections are cut off",
                 (unsigned long long)atomic_load(&server->connections.now));
    set_loops(server, LOOP_ENDING);
}

static void join_loops(struct server *server)
{
    set_loops(server, LOOP_ENDING);
    for (unsigned i = 0; i < server->nloops; i++)
        loop_join(&server->loops[i]);
    if (server->has_admin) {
        loop_set_state(&server->admin, LOOP_ENDING);
        loop_join(&server->admin);
    }
}

static void close_loops(struct server *server)
{
    for (unsigned i = 0; i < server->nloops; i++) {
        loop_collect(&server->loops[i]);
        loop_fini(&server->loops[i]);
        loop_own_free(server->loops[i].user);
    }
    if (server->has_admin)
        loop_fini(&server->admin);
    free(server->loops);
}

/* Frees everything. False when a read hangs in the kernel: what it uses must
 * stay, and only ending the process helps. */
static bool server_close(struct server *server)
{
    join_loops(server);
    if (!keeper_close(server->keeper, STUCK_MS) ||
        !pool_close(server->pool, STUCK_MS))
        return false;
    close_loops(server);
    access_logger_close(server->access_logger);
    address_table_free(server->addresses);
    library_close(server->library);
    ibx_cache_close(server->cache);
    return true;
}

int server_run(const struct options *options)
{
    struct sockets sockets = {.npublic = 0};
    sigset_t set;
    struct server *server =
        aligned_alloc(64, (sizeof(struct server) + 63) / 64 * 64);
    if (server == NULL)
        return failed("out of memory") ? 0 : 1;
    memset(server, 0, sizeof(*server));
    server->options = options;
    wanted_signals(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    bool opened = server_open(server, &sockets);
    if (opened) {
        announce(server, &sockets);
        serve_until_told(server);
        drain(server, &sockets);
    }
    bool closed = server_close(server);
    listen_close(sockets.public, sockets.npublic);
    listen_close(sockets.admin, sockets.nadmin);
    if (!closed) {
        log_line(LOG_ERROR, "a read hangs: ending without it");
        _exit(opened ? 0 : 1);
    }
    free(server);
    if (opened)
        log_line(LOG_INFO, "ended");
    return opened ? 0 : 1;
}
