#include "server/admin.h"

#include <string.h>

#include "server/clock.h"
#include "server/host.h"
#include "server/keeper.h"
#include "server/log.h"

enum { ADMIN_DOCUMENT_NBYTES = 256 << 10 };

/* ---- metrics ------------------------------------------------------------- */

static void put_values(struct buffer *out, const struct metric_value *values,
                       size_t n)
{
    for (size_t i = 0; i < n; i++)
        metrics_write_value(out, &values[i]);
}

static struct metric_value gauge_value(const char *name, const char *help,
                                       struct gauge *gauge, uint64_t cap)
{
    return (struct metric_value){name,
                                 help,
                                 "gauge",
                                 atomic_load(&gauge->now),
                                 atomic_load(&gauge->high),
                                 cap};
}

static void put_caps(struct server *server, const struct ibx_cache_stats *s,
                     struct buffer *out)
{
    const struct budget *b = &server->budget;
    const struct metric_value values[] = {
        {"views", "Packs mapped", "gauge", s->views, s->views_high, b->views},
        {"mapped_bytes", "Bytes of packs and manifests mapped", "gauge",
         s->mapped_nbytes, s->mapped_nbytes_high, b->mapped},
        {"handles", "File handles for packs and manifests", "gauge", s->handles,
         s->handles_high, b->cache_handles},
        {"bodies_bytes", "Tiles being sent", "gauge", s->copy_nbytes,
         s->copy_nbytes_high, b->bodies},
        {"index_bytes", "Indexes of mapped packs", "gauge", s->index_nbytes,
         s->index_nbytes_high, b->index},
        gauge_value("prepared_bytes", "Answers ready to be sent again",
                    &server->prepared, b->prepared),
        gauge_value("documents_bytes", "Documents and decoded tiles",
                    &server->documents, b->documents),
        gauge_value("connections", "Open connections", &server->connections,
                    b->connections),
        gauge_value("admin_connections", "Open admin connections",
                    &server->admin_connections, BUDGET_ADMIN_CONNECTIONS),
        gauge_value("queue_jobs", "Requests with the helper threads",
                    &server->jobs, b->queue),
    };
    put_values(out, values, sizeof(values) / sizeof(values[0]));
}

static void put_cache(const struct ibx_cache_stats *s, struct buffer *out)
{
    const struct metric_value values[] = {
        {"view_hits_total", "Lookups of a mapped pack", "counter", s->hits, 0,
         0},
        {"view_misses_total", "Lookups of another pack", "counter", s->misses,
         0, 0},
        {"view_opens_total", "Packs mapped", "counter", s->opens, 0, 0},
        {"view_evictions_total", "Packs unmapped", "counter", s->evictions, 0,
         0},
        {"view_evictions_spared_total",
         "Of those, of a client with many views instead of an older one",
         "counter", s->spared, 0, 0},
        {"cap_waits_total", "Waits at a cap", "counter", s->waits, 0, 0},
        {"cap_refusals_total", "Waits at a cap in vain", "counter", s->refusals,
         0, 0},
        {"corrupt_total", "Failed checks of packs and tiles", "counter",
         s->corrupt, 0, 0},
        {"bus_faults_total", "Reads beyond a file's end caught", "counter",
         s->faults, 0, 0},
        {"quarantines_total", "Views thrown away after a failure", "counter",
         s->quarantines, 0, 0},
        {"cap_shrinks_total", "Times the system gave less than a cap",
         "counter", s->shrinks, 0, 0},
        {"effective_views", "The cap on views after that", "gauge",
         s->effective_views, 0, 0},
    };
    put_values(out, values, sizeof(values) / sizeof(values[0]));
}

static void put_process(struct server *server, struct buffer *out)
{
    struct host_usage usage;
    struct catalog *catalog = library_catalog(server->library);
    host_usage_read(&usage);
    const struct metric_value values[] = {
        {"memory_budget_bytes", "What --memory allows", "gauge",
         server->budget.memory, 0, 0},
        {"private_bytes", "Resident memory that no file backs", "gauge",
         usage.private_nbytes, 0, 0},
        {"resident_bytes", "Resident memory, maps included", "gauge",
         usage.resident_nbytes, 0, 0},
        {"address_bytes", "Address space in use", "gauge", usage.address_nbytes,
         0, 0},
        {"tilesets", "Tilesets in service", "gauge", catalog->nserved, 0, 0},
        {"ready", "Whether every tileset has been read", "gauge",
         atomic_load(&server->ready) && !atomic_load(&server->draining), 0, 0},
        {"uptime_seconds", "Since the start", "gauge",
         (uint64_t)((clock_ms() - server->started_ms) / 1000), 0, 0},
        {"log_suppressed_total", "Log lines left out", "counter",
         log_suppressed(), 0, 0},
    };
    put_values(out, values, sizeof(values) / sizeof(values[0]));
    buffer_printf(out,
                  "# HELP imbrex_build_info The version\n"
                  "# TYPE imbrex_build_info gauge\n"
                  "imbrex_build_info{version=\"%s\",microhttpd=\"%s\"} 1\n",
                  IBX_VERSION, web_version());
    catalog_release(catalog);
}

void admin_metrics(struct server *server, struct buffer *out)
{
    struct ibx_cache_stats stats;
    struct counters counters;
    ibx_cache_stats(server->cache, &stats);
    server_counters(server, &counters);
    put_caps(server, &stats, out);
    put_cache(&stats, out);
    metrics_write_counters(out, &counters);
    put_process(server, out);
}

/* ---- answers ------------------------------------------------------------- */

/* Takes the buffer's bytes over. */
static enum web_step answer(struct server *server, struct exchange *x, bool ok,
                            const char *type, struct buffer *out)
{
    if (out->failed || out->bytes == NULL ||
        !gauge_take(&server->documents, out->len, UINT64_MAX)) {
        buffer_fini(out);
        reply_refuse(REFUSAL_BUSY, &x->reply);
        return WEB_REPLY;
    }
    reply_admin_text(ok, type, out->len, &x->reply);
    x->body = (struct body){.kind = BODY_HEAP,
                            .bytes = out->bytes,
                            .nbytes = out->len,
                            .gauge = &server->documents};
    return WEB_REPLY;
}

static const char plain_text[] = "text/plain; charset=utf-8";

static enum web_step answer_health(struct server *server, struct exchange *x)
{
    struct buffer out;
    buffer_init(&out, ADMIN_DOCUMENT_NBYTES);
    buffer_puts(&out, "alive\n");
    return answer(server, x, true, plain_text, &out);
}

static enum web_step answer_ready(struct server *server, struct exchange *x)
{
    struct buffer out;
    bool draining = atomic_load(&server->draining);
    bool ready = true;
    struct catalog *catalog = library_catalog(server->library);
    buffer_init(&out, ADMIN_DOCUMENT_NBYTES);
    for (size_t i = 0; i < catalog->nserved; i++) {
        struct served *served = catalog->served[i];
        int state = atomic_load(&served->readiness);
        if (state == READ_WELL)
            continue;
        ready = false;
        buffer_printf(&out, "%s: %s\n", served->id,
                      state == READ_FAILED ? "cannot be read" : "not read yet");
    }
    catalog_release(catalog);
    ready = ready && atomic_load(&server->ready);
    buffer_puts(&out, draining ? "draining\n"
                      : ready  ? "ready\n"
                               : "not ready\n");
    return answer(server, x, ready && !draining, plain_text, &out);
}

static enum web_step answer_metrics(struct server *server, struct exchange *x)
{
    struct buffer out;
    buffer_init(&out, ADMIN_DOCUMENT_NBYTES);
    admin_metrics(server, &out);
    return answer(server, x, true, "text/plain; version=0.0.4; charset=utf-8",
                  &out);
}

/* A page somewhere must not make a browser reload us: no CORS, and a request
 * that says it comes from another origin is refused. */
static bool is_own_origin(const struct request *request)
{
    struct span origin = request->origin;
    if (origin.len == 0)
        return true;
    size_t skip = 7; /* http:// */
    return origin.len > skip && origin.len - skip == request->host.len &&
           memcmp(origin.ptr, "http://", skip) == 0 &&
           memcmp(origin.ptr + skip, request->host.ptr, request->host.len) == 0;
}

static enum web_step answer_reload(struct server *server, struct exchange *x)
{
    struct buffer out;
    struct library_result result;
    if (!is_own_origin(&x->request)) {
        reply_refuse(REFUSAL_ORIGIN, &x->reply);
        return WEB_REPLY;
    }
    keeper_reload(server, true, &result);
    struct catalog *catalog = library_catalog(server->library);
    buffer_init(&out, ADMIN_DOCUMENT_NBYTES);
    buffer_printf(&out, "{\"tilesets\":%zu,\"changed\":%u,\"failed\":%u}\n",
                  catalog->nserved, result.changed, result.failed);
    catalog_release(catalog);
    return answer(server, x, result.failed == 0, "application/json", &out);
}

/* ---- the handler --------------------------------------------------------- */

static void on_route(void *arg, const char *target, struct exchange *x)
{
    (void)arg;
    route_parse_admin(target, &x->request.route);
}

static enum web_step refuse(struct exchange *x, enum refusal refusal)
{
    reply_refuse(refusal, &x->reply);
    return WEB_REPLY;
}

static enum web_step on_begin(void *arg, struct exchange *x)
{
    struct server *server = arg;
    enum method method = x->request.method;
    enum route_kind kind = x->request.route.kind;
    bool reading = method == METHOD_GET || method == METHOD_HEAD;
    if (kind == ROUTE_RELOAD)
        return method == METHOD_POST ? answer_reload(server, x)
                                     : refuse(x, REFUSAL_METHOD_POST);
    if (kind == ROUTE_NOTHING || kind == ROUTE_SERVER)
        return refuse(x, REFUSAL_NOT_FOUND);
    if (!reading)
        return refuse(x, REFUSAL_METHOD);
    switch (kind) {
    case ROUTE_HEALTH:
        return answer_health(server, x);
    case ROUTE_READY:
        return answer_ready(server, x);
    default:
        return answer_metrics(server, x);
    }
}

static void on_finish(void *arg, struct exchange *x)
{
    (void)arg;
    reply_fit_method(x->request.method, &x->reply);
}

static void on_ended(void *arg, struct exchange *x, bool whole)
{
    (void)arg;
    (void)x;
    (void)whole;
}

/* Nothing on this listener waits for helpers. */
static void on_work_done(void *arg, struct loop *loop, struct work *work)
{
    (void)arg;
    (void)loop;
    (void)work;
}

static void on_work_late(void *arg, struct exchange *x)
{
    (void)arg;
    reply_refuse(REFUSAL_BUSY, &x->reply);
}

static void on_tick(void *arg, struct loop *loop)
{
    (void)arg;
    (void)loop;
}

void admin_handler(struct server *server, struct web_handler *out)
{
    *out = (struct web_handler){
        .arg = server,
        .limits = {512, (size_t)server->options->max_header_nbytes},
        .route = on_route,
        .begin = on_begin,
        .finish = on_finish,
        .ended = on_ended,
        .work_done = on_work_done,
        .work_late = on_work_late,
        .tick = on_tick,
    };
}
