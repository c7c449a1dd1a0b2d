/* web.h - the web library (libmicrohttpd), behind plain types. Nothing else
 * includes its header.
 *
 * One web drives the connections of one event loop; all calls come from that
 * loop's thread. The library is run from outside (its epoll set is watched by
 * our loop), because with its own thread a batch of exactly 128 ready events
 * makes it wait before serving any. */
#ifndef IBX_SERVER_WEB_H
#define IBX_SERVER_WEB_H

#include <stdbool.h>
#include <sys/socket.h>

#include "server/exchange.h"

enum web_step {
    WEB_REPLY, /* the exchange's reply and body are filled in */
    WEB_WAIT,  /* they will be, before web_resume() */
};

/* What a listener does with requests. `arg` is passed through. */
struct web_handler {
    void *arg;
    struct request_limits limits;
    /* Fills x->request.route from the raw target. */
    void (*route)(void *arg, const char *target, struct exchange *x);
    /* Answers a request whose head is in x->request, or begins to. */
    enum web_step (*begin)(void *arg, struct exchange *x);
    /* The last say on every reply, refusals too: fields that all carry. */
    void (*finish)(void *arg, struct exchange *x);
    /* The answer was sent (`whole`) or broken off; for logs and counts. */
    void (*ended)(void *arg, struct exchange *x, bool whole);
    /* A job came back. The handler fills in the reply and calls
     * web_resume(), or hands out another job. */
    void (*work_done)(void *arg, struct loop *loop, struct work *work);
    /* The exchange has waited too long: forget its work, fill in a reply. */
    void (*work_late)(void *arg, struct exchange *x);
    /* About five times a second while there are connections. */
    void (*tick)(void *arg, struct loop *loop);
};

struct web;

/* NULL on failure. `pool_nbytes` is the memory for one connection's request
 * and response heads. */
struct web *web_open(struct loop *loop, const struct web_handler *handler,
                     size_t pool_nbytes, unsigned max_connections);

/* Closes every connection. None may be suspended. */
void web_close(struct web *web);

/* Readable when web_run() has something to do. */
int web_epoll_fd(const struct web *web);

/* Takes a connected socket over, also when it fails. True when its life has
 * begun, so that loop_disconnected() is called for it sooner or later. */
bool web_add(struct web *web, int fd, const struct sockaddr *address,
             socklen_t address_nbytes);

/* Does what can be done without waiting. True when more can be at once. */
bool web_run(struct web *web);

/* Lets an exchange that waited go on; its reply is filled in. */
void web_resume(struct exchange *x);

/* Gives up the response of a prepared answer: prepared_open()'s `drop`. */
void web_response_drop(void *response);

/* The version of the library in use. */
const char *web_version(void);

#endif
