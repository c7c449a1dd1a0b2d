/* work.h - what helper threads do for a request: read a cold tile, decode a
 * tile, write a document. Everything it needs is copied or held, so it may
 * outlive the request that asked for it. */
#ifndef IBX_SERVER_WORK_H
#define IBX_SERVER_WORK_H

#include "server/document.h"
#include "server/exchange.h"
#include "server/pool.h"
#include "server/server.h"

enum work_kind {
    WORK_STAT,     /* a tile's facts */
    WORK_TILE,     /* its bytes, decoded when `decode` */
    WORK_DECODE,   /* decodes the tile that is there */
    WORK_DOCUMENT, /* everything else */
};

struct work {
    struct job job; /* first: a job of our pool is a work */
    struct server *server;
    struct exchange *exchange; /* NULL once nobody waits; loop's thread only */
    enum work_kind kind;
    struct catalog *catalog; /* held */
    struct served *served;   /* in `catalog`; NULL where none is asked for */

    /* Tiles. */
    struct ibx_zxy at;
    struct ibx_asker asker;
    char generation[IBX_GENERATION_NCHARS + 1]; /* "" for the served one */
    bool generation_gone;                       /* it is not there any more */
    bool decode;        /* a tile stored with gzip is wanted without */
    int64_t modified_s; /* of the generation that it came from */
    enum ibx_status status;
    struct ibx_err err;
    struct ibx_tile_facts facts;
    struct ibx_tile tile;
    void *decoded; /* with its size reserved in the documents gauge */
    size_t decoded_nbytes;

    /* Documents. */
    struct document_request document;
    struct document_result result;
};

/* A work of this kind for `x`, not yet submitted. NULL without memory. */
struct work *work_new(struct server *server, struct exchange *x,
                      enum work_kind kind, struct catalog *catalog,
                      struct served *served);

/* Hands it to the helpers and ties it to its exchange. False when the queue is
 * full; then it is freed. */
bool work_submit(struct work *work);

/* Frees it with everything it still owns. */
void work_free(struct work *work);

/* Unpacks `tile` within the documents budget. On success the caller owns
 * *out, and its size stays reserved in the gauge until it gives it back. */
enum ibx_status work_unpack(struct server *server, const struct ibx_tile *tile,
                            void **out, size_t *out_nbytes,
                            struct ibx_err *err);

#endif
