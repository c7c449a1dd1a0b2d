/* exchange.h - one request and its answer, on one connection.
 *
 * Belongs to its event loop's thread alone. A connection has one exchange,
 * which is used for its requests one after another. */
#ifndef IBX_SERVER_EXCHANGE_H
#define IBX_SERVER_EXCHANGE_H

#include "pack/imbrex.h"
#include "server/metrics.h"
#include "server/origin.h"
#include "server/prepared.h"
#include "server/reply.h"
#include "server/request.h"

struct loop;
struct work;

enum body_kind {
    BODY_NONE, /* nothing, or the reply's text */
    BODY_TILE,
    BODY_HEAP,   /* malloc'd, counted in the documents gauge */
    BODY_STATIC, /* lives as long as the process */
    BODY_PREPARED,
};

struct body {
    enum body_kind kind;
    struct ibx_tile tile;
    struct prepared *prepared; /* PREPARED: held */
    const void *bytes;         /* HEAP, STATIC */
    size_t nbytes;
    struct gauge *gauge; /* HEAP: where `nbytes` are reserved */
};

/* What the connection is waiting for; each has a deadline. */
enum phase {
    PHASE_HEADER, /* the first request's head */
    PHASE_IDLE,   /* the next request's head */
    PHASE_FIELDS, /* header fields after a request line */
    PHASE_WORK,   /* a helper thread */
    PHASE_SEND,
    PHASE_CLOSING,
};

struct exchange {
    struct loop *loop;
    struct exchange *prev, *next; /* the loop's list of connections */
    void *connection;             /* the web library's */
    int fd;
    struct peer peer;   /* the other end of the connection */
    struct peer client; /* the same, or whom a trusted proxy names */
    enum phase phase;
    int64_t phase_since_ms;
    bool in_request;      /* between a request line and the end of its answer */
    bool seen_head;       /* the head was taken in */
    bool begun;           /* the handler has begun to answer */
    bool address_counted; /* with the limits per address */
    int64_t started_us;

    struct request request;
    struct reply reply;
    struct body body;
    struct work *work;    /* while PHASE_WORK */
    unsigned cold_rounds; /* helper rounds this request has taken */
    char target[160];     /* cut, for the access log */
    char method_name[12];
};

#endif
