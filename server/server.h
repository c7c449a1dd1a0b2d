/* server.h - the process: what all parts share, and its life. */
#ifndef IBX_SERVER_SERVER_H
#define IBX_SERVER_SERVER_H

#include "server/access_log.h"
#include "server/budget.h"
#include "server/catalog.h"
#include "server/labels.h"
#include "server/loop.h"
#include "server/pool.h"

enum { SERVER_THREADS_MAX = 64 };

struct server {
    struct counters counters; /* of everything but the loops */
    struct loop admin;
    /* Set up once, then only read. */
    const struct options *options;
    struct budget budget;
    struct origin_policy origin;
    struct cors_policy cors;
    struct labels labels;
    struct ibx_cache *cache;
    struct library *library;
    struct pool *pool;
    struct access_logger *access_logger; /* NULL when off */
    struct address_table *addresses;     /* NULL when off */
    struct web_handler public_handler, admin_handler;
    struct keeper *keeper;
    int64_t started_ms;
    uint64_t max_document_nbytes; /* of one document or decoded tile */

    struct loop *loops;
    unsigned nloops;
    bool has_admin;

    /* Shared state. */
    struct gauge connections, admin_connections, jobs, documents, prepared;
    _Atomic bool ready, draining;
};

/* Opens everything and serves until SIGTERM or SIGINT, then drains. Returns
 * the process's exit code. */
int server_run(const struct options *options);

/* All counters of the loops and of the rest, summed. */
void server_counters(struct server *server, struct counters *out);

#endif
