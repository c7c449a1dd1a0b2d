#include "server/web.h"

#include <arpa/inet.h>
#include <assert.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/clock.h"
#include "server/log.h"
#include "server/loop.h"

struct web {
    struct MHD_Daemon *daemon;
    struct loop *loop;
    const struct web_handler *handler;
    int epoll_fd;
    struct peer accepting; /* whose connection is being added */
    bool began;            /* and that its life has begun */
    int64_t now_s;         /* the date in `date` */
    char date[DATE_NBYTES];
};

static struct exchange *exchange_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

static void body_release(struct body *body)
{
    if (body->kind == BODY_TILE)
        ibx_tile_release(&body->tile);
    if (body->kind == BODY_HEAP) {
        free((void *)(uintptr_t)body->bytes);
        gauge_give(body->gauge, body->nbytes);
    }
    if (body->kind == BODY_PREPARED)
        prepared_release(body->prepared);
    body->kind = BODY_NONE;
    body->bytes = NULL;
    body->nbytes = 0;
}

/* ---- a connection's life ------------------------------------------------ */

static void connection_began(struct web *web, struct MHD_Connection *connection,
                             void **context)
{
    struct exchange *x = calloc(1, sizeof(*x));
    web->began = true;
    *context = x;
    if (x == NULL)
        return; /* its requests are refused by closing it */
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    x->loop = web->loop;
    x->connection = connection;
    x->fd = info == NULL ? -1 : info->connect_fd;
    x->peer = web->accepting;
    loop_connected(web->loop, x);
}

static void on_connection(void *arg, struct MHD_Connection *connection,
                          void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct web *web = arg;
    struct exchange *x = *context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        connection_began(web, connection, context);
        return;
    }
    if (x != NULL) {
        assert(x->work == NULL);
        body_release(&x->body);
    }
    loop_disconnected(web->loop, x);
    free(x);
    *context = NULL;
}

/* As much as fits, terminated. */
static void copy_cut(const char *text, size_t len, char *out, size_t nbytes)
{
    len = len < nbytes ? len : nbytes - 1;
    memcpy(out, text, len);
    out[len] = '\0';
}

/* Queries mean nothing to us, but the library would keep every argument in the
 * connection's pool, and close the connection when a long query fills it. The
 * target lies in its own buffer, which it has not looked into any further. */
static void drop_query(const char *target)
{
    char *query = strchr((char *)(uintptr_t)target, '?');
    if (query != NULL)
        query[1] = '\0';
}

/* The request line is in. The library unescapes and cuts the target after
 * this, so this is the only look at what the client really sent. */
static void *on_target(void *arg, const char *target,
                       struct MHD_Connection *connection)
{
    struct web *web = arg;
    struct exchange *x = exchange_of(connection);
    if (x == NULL)
        return NULL;
    const char *text = target == NULL ? "" : target;
    memset(&x->request, 0, sizeof(x->request));
    x->started_us = clock_us();
    x->in_request = true;
    x->seen_head = x->begun = false;
    x->cold_rounds = 0;
    x->reply.status = 0;
    x->request.target_nbytes = strlen(text);
    copy_cut(text, x->request.target_nbytes, x->target, sizeof(x->target));
    web->handler->route(web->handler->arg, text, x);
    drop_query(text);
    loop_phase(x, PHASE_FIELDS);
    return x;
}

static void on_completed(void *arg, struct MHD_Connection *connection,
                         void **context, enum MHD_RequestTerminationCode code)
{
    struct web *web = arg;
    struct exchange *x = exchange_of(connection);
    (void)context;
    if (x == NULL || !x->in_request)
        return;
    x->in_request = false;
    web->handler->ended(web->handler->arg, x,
                        code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    body_release(&x->body);
    loop_phase(x, PHASE_IDLE);
}

/* ---- requests ------------------------------------------------------------ */

static enum MHD_Result on_field(void *arg, enum MHD_ValueKind kind,
                                const char *name, const char *value)
{
    (void)kind;
    request_add_field(arg, span_of(name), span_of(value == NULL ? "" : value));
    return MHD_YES;
}

static void take_head(struct exchange *x, const char *method,
                      const char *version)
{
    struct request *request = &x->request;
    request->method = method_parse(method);
    request->http10 = strcmp(version, "HTTP/1.0") == 0;
    copy_cut(method, strlen(method), x->method_name, sizeof(x->method_name));
    (void)MHD_get_connection_values(x->connection, MHD_HEADER_KIND, on_field,
                                    request);
    x->seen_head = true;
}

/* Never called: the library asks for a body's bytes only when it sends them,
 * and such a reply announces a length and sends nothing. */
static ssize_t no_bytes(void *arg, uint64_t at, char *out, size_t room)
{
    (void)arg;
    (void)at;
    (void)out;
    (void)room;
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* The bytes are lent: the exchange keeps them until on_completed(). */
static struct MHD_Response *response_with(const void *bytes, size_t nbytes)
{
    return MHD_create_response_from_buffer(nbytes, (void *)(uintptr_t)bytes,
                                           MHD_RESPMEM_PERSISTENT);
}

static void response_gone(void *prepared)
{
    prepared_release(prepared);
}

/* The response keeps the answer, whose bytes it sends, alive. */
static struct MHD_Response *response_lasting(struct prepared *prepared)
{
    struct MHD_Response *response =
        prepared->key.same
            ? MHD_create_response_from_callback(
                  prepared->facts.nbytes, 1, no_bytes, prepared, response_gone)
            : MHD_create_response_from_buffer_with_free_callback_cls(
                  prepared->nbytes, prepared->bytes, response_gone, prepared);
    if (response != NULL)
        (void)prepared_hold(prepared);
    return response;
}

static struct MHD_Response *response_make(struct exchange *x)
{
    const struct reply *reply = &x->reply;
    const struct body *body = &x->body;
    if (body->kind == BODY_PREPARED)
        return response_lasting(body->prepared);
    if (!reply->send_body && reply->nbytes > 0)
        return MHD_create_response_from_callback(reply->nbytes, 1, no_bytes,
                                                 NULL, NULL);
    if (!reply->send_body)
        return response_with("", 0);
    if (reply->text != NULL)
        return response_with(reply->text, (size_t)reply->nbytes);
    if (body->kind == BODY_TILE)
        return response_with(body->tile.bytes, body->tile.facts.nbytes);
    return response_with(body->nbytes == 0 ? "" : body->bytes, body->nbytes);
}

/* The library would format the date anew for each response; a field that is
 * there already it leaves alone, and replaces when one is added again. */
static bool response_date(const struct web *web, struct MHD_Response *response)
{
    return MHD_add_response_header(response, "Date", web->date) == MHD_YES;
}

static bool response_fields(const struct web *web,
                            struct MHD_Response *response,
                            const struct reply *reply)
{
    if (!response_date(web, response))
        return false;
    for (unsigned i = 0; i < reply->nheaders; i++) {
        if (MHD_add_response_header(response, reply->headers[i].name,
                                    reply->headers[i].value) != MHD_YES)
            return false;
    }
    return !reply->close ||
           MHD_add_response_header(response, "Connection", "close") == MHD_YES;
}

/* Sends a response once more. The time of day is all that may have changed. */
static enum MHD_Result send_again(struct web *web, struct exchange *x)
{
    struct prepared *prepared = x->body.prepared;
    loop_phase(x, PHASE_SEND);
    if (prepared->response_s != web->now_s &&
        !response_date(web, prepared->response))
        return MHD_NO;
    prepared->response_s = web->now_s;
    return MHD_queue_response(x->connection, x->reply.status,
                              prepared->response);
}

/* Keeps the response with the answer that it was made for, unless it is for
 * this connection alone or a field of it is missing. */
static void response_keep(const struct web *web, const struct exchange *x,
                          struct MHD_Response *response, bool whole)
{
    struct prepared *prepared = x->body.prepared;
    if (whole && x->body.kind == BODY_PREPARED && prepared->listed &&
        !x->reply.close) {
        prepared->response = response;
        prepared->response_s = web->now_s;
    } else {
        MHD_destroy_response(response);
    }
}

void web_response_drop(void *response)
{
    MHD_destroy_response(response);
}

static enum MHD_Result send_reply(struct web *web, struct exchange *x)
{
    if (x->body.kind == BODY_PREPARED && x->body.prepared->response != NULL)
        return send_again(web, x);
    web->handler->finish(web->handler->arg, x);
    if (loop_is_draining(web->loop))
        x->reply.close = true;
    struct MHD_Response *response = response_make(x);
    if (response == NULL)
        return MHD_NO;
    enum MHD_Result queued = MHD_NO;
    if (response_fields(web, response, &x->reply))
        queued = MHD_queue_response(x->connection, x->reply.status, response);
    response_keep(web, x, response, queued == MHD_YES);
    loop_phase(x, PHASE_SEND);
    return queued;
}

/* The head is in. A refusal must be queued now: later the library would first
 * read a body that we do not want, by lengths that we do not trust. Whatever is
 * queued now also closes the connection. */
static enum MHD_Result on_head(struct web *web, struct exchange *x,
                               const char *method, const char *version)
{
    take_head(x, method, version);
    enum refusal refusal = request_check(&x->request, &web->handler->limits);
    if (refusal == REFUSAL_NONE)
        return MHD_YES;
    reply_refuse(refusal, &x->reply);
    return send_reply(web, x);
}

/* Called when the head is in, when the request is complete, and again after a
 * suspension. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection,
                                  const char *url, const char *method,
                                  const char *version, const char *upload,
                                  size_t *upload_nbytes, void **context)
{
    struct web *web = arg;
    struct exchange *x = exchange_of(connection);
    (void)url;
    (void)upload;
    (void)context;
    if (x == NULL || *upload_nbytes != 0)
        return MHD_NO; /* bodies were refused with the head */
    if (!x->seen_head)
        return on_head(web, x, method, version);
    if (x->begun)
        return send_reply(web, x);
    x->begun = true;
    if (web->handler->begin(web->handler->arg, x) == WEB_REPLY)
        return send_reply(web, x);
    loop_phase(x, PHASE_WORK);
    MHD_suspend_connection(connection);
    return MHD_YES;
}

/* ---- the daemon ---------------------------------------------------------- */

/* What is escaped stays escaped: routes decode it themselves. */
static size_t unescape_nothing(void *arg, struct MHD_Connection *connection,
                               char *text)
{
    (void)arg;
    (void)connection;
    return strlen(text);
}

static void tell_time(struct web *web)
{
    int64_t now_s = (int64_t)time(NULL);
    if (now_s == web->now_s)
        return;
    web->now_s = now_s;
    date_format(now_s, web->date);
}

struct web *web_open(struct loop *loop, const struct web_handler *handler,
                     size_t pool_nbytes, unsigned max_connections)
{
    struct web *web = calloc(1, sizeof(*web));
    if (web == NULL)
        return NULL;
    web->loop = loop;
    web->handler = handler;
    tell_time(web);
    web->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0,
        NULL, NULL, on_request, web,                     /**/
        MHD_OPTION_CONNECTION_LIMIT, max_connections,    /**/
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, pool_nbytes, /**/
        MHD_OPTION_CONNECTION_TIMEOUT, 0u, /* deadlines are the loop's */
        MHD_OPTION_URI_LOG_CALLBACK, on_target, web,          /**/
        MHD_OPTION_UNESCAPE_CALLBACK, unescape_nothing, NULL, /**/
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, web,       /**/
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, web,     /**/
        MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        web->daemon == NULL
            ? NULL
            : MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info != NULL) {
        web->epoll_fd = info->epoll_fd;
        return web;
    }
    if (web->daemon != NULL)
        MHD_stop_daemon(web->daemon);
    free(web);
    return NULL;
}

void web_close(struct web *web)
{
    if (web == NULL)
        return;
    MHD_stop_daemon(web->daemon);
    free(web);
}

int web_epoll_fd(const struct web *web)
{
    return web->epoll_fd;
}

static struct peer peer_of(const struct sockaddr *address)
{
    struct peer peer = {.family = PEER_UNIX};
    char text[64];
    if (address->sa_family == AF_INET || address->sa_family == AF_INET6) {
        const void *bytes =
            address->sa_family == AF_INET
                ? (const void *)&(
                      (const struct sockaddr_in *)(const void *)address)
                      ->sin_addr
                : (const void *)&(
                      (const struct sockaddr_in6 *)(const void *)address)
                      ->sin6_addr;
        /* By way of text, so that mapped addresses become IPv4. */
        if (inet_ntop(address->sa_family, bytes, text, sizeof(text)) != NULL)
            (void)peer_parse(span_of(text), &peer);
    }
    return peer;
}

bool web_add(struct web *web, int fd, const struct sockaddr *address,
             socklen_t address_nbytes)
{
    web->accepting = peer_of(address);
    web->began = false;
    /* It closes the socket when it fails, and ends what had begun. */
    (void)MHD_add_connection(web->daemon, fd, address, address_nbytes);
    return web->began;
}

bool web_run(struct web *web)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    tell_time(web);
    if (MHD_run(web->daemon) != MHD_YES)
        log_line(LOG_DEBUG, "the web library could not run its connections");
    return MHD_get_timeout(web->daemon, &timeout_ms) == MHD_YES &&
           timeout_ms == 0;
}

void web_resume(struct exchange *x)
{
    loop_phase(x, PHASE_SEND);
    MHD_resume_connection(x->connection);
}

const char *web_version(void)
{
    return MHD_get_version();
}
