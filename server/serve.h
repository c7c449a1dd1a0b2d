/* serve.h - the public listener: from a request to its reply. */
#ifndef IBX_SERVER_SERVE_H
#define IBX_SERVER_SERVE_H

#include "server/server.h"
#include "server/work.h"

/* What each event loop keeps, so that a warm request needs no lock: its hold
 * on the catalog in force, and answers to the tiles most wanted. */
struct loop_own {
    struct catalog *catalog;
    uint64_t version;
    struct prepared_cache *prepared; /* NULL: none are kept */
};

/* Fills in the handler of the public listener. */
void serve_handler(struct server *server, struct web_handler *out);

/* The catalog in force, on a loop's thread; borrowed until the next call. */
struct catalog *serve_catalog(struct server *server, struct loop *loop);

/* ---- tiles (tile.c) ------------------------------------------------------ */

enum web_step tile_begin(struct server *server, struct exchange *x);

/* A helper is done with a tile's work, which is still the caller's. */
enum web_step tile_continue(struct server *server, struct exchange *x,
                            struct work *work);

/* Fills in a refusal. */
enum web_step serve_refuse(struct exchange *x, enum refusal refusal);

#endif
