/* prepared.h - answers to the tiles that are asked for most, ready to be sent
 * again: the web library's response with its header fields, and under it a
 * private copy of the tile's bytes that was verified when it was made. A 304,
 * which has no bytes, is an answer of its own.
 *
 * One cache belongs to one event loop: all calls come from that loop's thread,
 * or from the one that ends it. It knows nothing of HTTP or of the web library;
 * what a response is, its maker says.
 *
 * What is counted is what is alive: an answer that was evicted while it is
 * still being sent stays counted until the last byte is out. At the cap nothing
 * is taken in. */
#ifndef IBX_SERVER_PREPARED_H
#define IBX_SERVER_PREPARED_H

#include "pack/imbrex.h"
#include "server/metrics.h"

enum {
    /* What an answer costs beside its bytes: measured at 1.7 KB with nine
     * header fields, rounded up. */
    PREPARED_OVERHEAD_NBYTES = 2048,
    /* Answers of all sizes that come and go leave holes in the heap: measured
     * at up to 43 % of them, so a half is counted on top. */
    PREPARED_HOLES_PERCENT = 50,
};

/* Which answer. Two requests with equal keys get equal answers, except for
 * what the caller compares itself. */
struct prepared_key {
    uint64_t serial; /* of the generation in service; never used again */
    struct ibx_zxy at;
    bool immutable; /* asked for by its generation */
    bool same;      /* a 304, to whom has the tile already */
};

struct prepared_cache;

/* One answer. All but `response` is set by prepared_add() and only read. */
struct prepared {
    /* What every request looks at comes first. */
    struct prepared *chained;
    struct prepared_key key;
    unsigned holds;
    uint8_t uses; /* lately */
    bool listed;
    void *response;              /* the maker's; NULL until it is made */
    int64_t response_s;          /* the maker's: which second it was made for */
    struct ibx_tile_facts facts; /* of the tile, verified */
    size_t nbytes;               /* of `bytes`: none with a 304 */
    struct prepared_cache *cache;
    struct prepared *next, *prev;
    uint8_t bytes[];
};

/* A cache of at most `cap` bytes, its own table among them, counted in `gauge`
 * as well. `drop` gives up one response. NULL without memory, or when `cap` is
 * too small to be of use. */
struct prepared_cache *prepared_open(uint64_t cap, struct gauge *gauge,
                                     void (*drop)(void *response));

/* Every hold must have been given up. NULL is allowed. */
void prepared_close(struct prepared_cache *cache);

/* The answer, held, if its response has been made; else NULL. */
struct prepared *prepared_find(struct prepared_cache *cache,
                               const struct prepared_key *key);

/* Notes that a tile of so many bytes was asked for that is not here. True when
 * it is worth an answer of its own: it was asked for before, not long ago, it
 * is small enough, and there is room, or nothing was replaced lately and it was
 * asked for more than twice as often as the one whose turn to go it is.
 * A crawler that sees every tile once leaves the cache as it is. */
bool prepared_is_wanted(struct prepared_cache *cache,
                        const struct prepared_key *key, size_t nbytes);

/* Copies a verified tile in, without its bytes for a 304, in place of any
 * answer with this key and of some of those used least lately. Held for the
 * caller, who makes the response. NULL when there is no room. */
struct prepared *prepared_add(struct prepared_cache *cache,
                              const struct prepared_key *key,
                              const struct ibx_tile *tile);

struct prepared *prepared_hold(struct prepared *prepared);

/* Gives up one hold; the last one frees it. NULL is allowed. */
void prepared_release(struct prepared *prepared);

#endif
