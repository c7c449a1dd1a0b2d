#include "server/serve.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "server/clock.h"
#include "server/page.h"

enum web_step serve_refuse(struct exchange *x, enum refusal refusal)
{
    reply_refuse(refusal, &x->reply);
    return WEB_REPLY;
}

/* ---- the loop's hold on the catalog ---------------------------------------*/

static void refresh(struct server *server, struct loop_own *own)
{
    uint64_t version = library_version(server->library);
    if (own->catalog != NULL && own->version == version)
        return;
    catalog_release(own->catalog);
    own->catalog = library_catalog(server->library);
    own->version = version;
}

struct catalog *serve_catalog(struct server *server, struct loop *loop)
{
    struct loop_own *own = loop->user;
    refresh(server, own);
    return own->catalog;
}

/* ---- documents and the page ---------------------------------------------- */

static enum web_step page_begin(struct exchange *x, const char *name)
{
    const struct page_file *file = page_find(name);
    char etag[ETAG_NBYTES];
    if (file == NULL)
        return serve_refuse(x, REFUSAL_NOT_FOUND);
    bool gzip =
        file->gzip_bytes != NULL && negotiate_gzip(&x->request.accept_encoding);
    const char *type = page_type(name);
    page_etag(file, gzip, etag);
    const struct document_answer answer = {
        .type = type,
        .cache_control = "public, max-age=60",
        .etag = etag,
        .security_policy = page_policy(type),
        .nbytes = gzip ? file->gzip_nbytes : file->nbytes,
        .gzip = gzip,
        .vary = file->gzip_bytes != NULL,
    };
    reply_document(&x->request, &answer, &x->reply);
    x->body = (struct body){.kind = BODY_STATIC,
                            .bytes = gzip ? file->gzip_bytes : file->bytes,
                            .nbytes = (size_t)answer.nbytes};
    return WEB_REPLY;
}

static void document_ask(const struct exchange *x, struct work *work)
{
    const struct route *route = &x->request.route;
    struct document_request *ask = &work->document;
    ask->kind = route->kind;
    memcpy(ask->name, route->name, sizeof(ask->name));
    ask->number = route->at.x;
    ask->map = route->map;
    ask->gzip = negotiate_gzip(&x->request.accept_encoding);
}

static enum web_step document_begin(struct server *server, struct exchange *x)
{
    const struct route *route = &x->request.route;
    struct catalog *catalog = serve_catalog(server, x->loop);
    struct served *served =
        route->id[0] == '\0' ? NULL : catalog_find(catalog, route->id);
    if (document_needs_tileset(route->kind) && served == NULL)
        return serve_refuse(x, REFUSAL_NOT_FOUND);
    struct work *work = work_new(server, x, WORK_DOCUMENT, catalog, served);
    if (work == NULL)
        return serve_refuse(x, REFUSAL_BUSY);
    document_ask(x, work);
    enum refusal refusal =
        origin_url(&server->origin, &x->request, &x->peer, work->document.base);
    if (refusal != REFUSAL_NONE) {
        work_free(work);
        return serve_refuse(x, refusal);
    }
    if (work_submit(work))
        return WEB_WAIT;
    counter_add(&x->loop->counters, COUNTER_REFUSED_QUEUE, 1);
    return serve_refuse(x, REFUSAL_BUSY);
}

static enum web_step document_continue(struct exchange *x, struct work *work)
{
    struct document_result *result = &work->result;
    if (work->job.expired)
        return serve_refuse(x, REFUSAL_BUSY);
    if (result->refusal != REFUSAL_NONE)
        return serve_refuse(x, result->refusal);
    const struct document_answer answer = {
        .type = result->type,
        .cache_control = work->document.kind == ROUTE_STATUS
                             ? "no-store"
                             : "public, max-age=60",
        .etag = result->etag,
        .nbytes = result->nbytes,
        .gzip = result->gzip,
        .vary = result->vary,
    };
    reply_document(&x->request, &answer, &x->reply);
    x->body = (struct body){.kind = BODY_HEAP,
                            .bytes = result->bytes,
                            .nbytes = result->nbytes,
                            .gauge = &work->server->documents};
    result->bytes = NULL;
    return WEB_REPLY;
}

/* ---- the handler --------------------------------------------------------- */

static void on_route(void *arg, const char *target, struct exchange *x)
{
    struct server *server = arg;
    route_parse(target, server->origin.base_path, &x->request.route);
}

static enum web_step dispatch(struct server *server, struct exchange *x)
{
    switch (x->request.route.kind) {
    case ROUTE_TILE:
        return tile_begin(server, x);
    case ROUTE_PAGE:
        return page_begin(x, "index.html");
    case ROUTE_ASSET:
        return page_begin(x, x->request.route.name);
    case ROUTE_NOTHING:
    case ROUTE_SERVER:
        return serve_refuse(x, REFUSAL_NOT_FOUND);
    case ROUTE_STATUS:
        if (server->options->status != 0)
            return serve_refuse(x, REFUSAL_NOT_FOUND);
        break;
    default:
        break;
    }
    return document_begin(server, x);
}

static bool has_token(struct server *server, const struct exchange *x)
{
    return server->addresses == NULL ||
           address_request(server->addresses, &x->client, clock_ms());
}

static enum web_step on_begin(void *arg, struct exchange *x)
{
    struct server *server = arg;
    char ignored[ORIGIN_URL_NBYTES];
    const struct request *request = &x->request;
    x->client = origin_client(&server->origin, request, &x->peer);
    if (loop_is_draining(x->loop))
        return serve_refuse(x, REFUSAL_DRAINING);
    if (!has_token(server, x)) {
        counter_add(&x->loop->counters, COUNTER_REFUSED_RATE, 1);
        return serve_refuse(x, REFUSAL_RATE);
    }
    if (server->origin.allowed_hosts[0] != '\0') {
        enum refusal refusal =
            origin_url(&server->origin, request, &x->peer, ignored);
        if (refusal != REFUSAL_NONE)
            return serve_refuse(x, refusal);
    }
    if (request->method == METHOD_OPTIONS) {
        reply_options(&x->reply);
        return WEB_REPLY;
    }
    if (request->method != METHOD_GET && request->method != METHOD_HEAD)
        return serve_refuse(x, REFUSAL_METHOD);
    return dispatch(server, x);
}

static void on_finish(void *arg, struct exchange *x)
{
    struct server *server = arg;
    reply_add_cors(&server->cors, &x->request, &x->reply);
    reply_fit_method(x->request.method, &x->reply);
}

static enum counter status_counter(unsigned status)
{
    return status < 200   ? COUNTER_STATUS_NONE
           : status < 300 ? COUNTER_STATUS_2XX
           : status < 400 ? COUNTER_STATUS_3XX
           : status < 500 ? COUNTER_STATUS_4XX
                          : COUNTER_STATUS_5XX;
}

static void on_ended(void *arg, struct exchange *x, bool whole)
{
    struct server *server = arg;
    struct counters *counters = &x->loop->counters;
    int64_t took_us = clock_us() - x->started_us;
    counter_add(counters, status_counter(x->reply.status), 1);
    if (x->reply.send_body)
        counter_add(counters, COUNTER_SENT_NBYTES, x->reply.nbytes);
    counter_latency(counters, took_us);
    if (server->access_logger != NULL)
        access_logger_add(server->access_logger, x, whole, took_us);
}

static void on_work_done(void *arg, struct loop *loop, struct work *work)
{
    struct server *server = arg;
    struct exchange *x = work->exchange;
    (void)loop;
    pool_forget(server->pool, &work->job);
    if (x == NULL) {
        work_free(work); /* nobody waits any more */
        return;
    }
    x->work = NULL;
    enum web_step step = work->kind == WORK_DOCUMENT
                             ? document_continue(x, work)
                             : tile_continue(server, x, work);
    work_free(work);
    if (step == WEB_REPLY)
        web_resume(x);
}

static void on_work_late(void *arg, struct exchange *x)
{
    (void)arg;
    x->work->exchange = NULL;
    x->work = NULL;
    (void)serve_refuse(x, REFUSAL_BUSY);
}

/* A fault that waited for a medium means that what we believed to be in
 * memory is not: look again before touching. */
static void watch_faults(struct server *server, struct loop *loop)
{
    struct rusage usage;
    if (getrusage(RUSAGE_THREAD, &usage) != 0 ||
        usage.ru_majflt == loop->major_faults)
        return;
    counter_add(&loop->counters, COUNTER_MAJOR_FAULTS,
                (uint64_t)(usage.ru_majflt - loop->major_faults));
    loop->major_faults = usage.ru_majflt;
    ibx_cache_distrust(server->cache);
}

static void on_tick(void *arg, struct loop *loop)
{
    struct server *server = arg;
    struct loop_own *own = loop->user;
    if (loop->web == NULL) {
        catalog_release(own->catalog);
        own->catalog = NULL;
        return;
    }
    watch_faults(server, loop);
    refresh(server, own);
}

void serve_handler(struct server *server, struct web_handler *out)
{
    *out = (struct web_handler){
        .arg = server,
        .limits = {(size_t)server->options->max_target_nbytes,
                   (size_t)server->options->max_header_nbytes},
        .route = on_route,
        .begin = on_begin,
        .finish = on_finish,
        .ended = on_ended,
        .work_done = on_work_done,
        .work_late = on_work_late,
        .tick = on_tick,
    };
}
