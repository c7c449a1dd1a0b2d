/* recency.h - which open view is closed next: that used longest ago, unless a
 * reader with many views would take it from one with few.
 *
 * A view is on the account of the reader who opened it, until one with fewer
 * views uses it. When the oldest view was in use a moment ago, then more is
 * wanted than fits; if some reader has at least two views more than its owner,
 * that reader's oldest goes instead. So who walks through everything pushes out
 * what he opened himself, and what others use stays; with one reader, or equal
 * ones, it is plain least recently used (docs/decisions/0005-crawlers.md).
 *
 * Call everything with the cache's lock held. No clock: `now_s` is given. */
#ifndef IBX_PACK_RECENCY_H
#define IBX_PACK_RECENCY_H

#include <stdbool.h>
#include <stdint.h>

struct ibx_slot;

/* The reader of walks: to export, to check, to see whether a tileset can be
 * read. What they open was used by nobody, and gives way as if it were old. */
#define IBX_READER_WALK UINT32_MAX

enum {
    /* Readers are counted by a hash of their number; those that share one are
     * one reader. */
    IBX_ACCOUNTS = 256,
    /* A view that was not used for longer belongs to nobody. */
    IBX_IDLE_S = 10,
    /* How many of the oldest views are looked at. */
    IBX_CANDIDATES = 256,
};

struct ibx_recency {
    struct ibx_slot *newest, *oldest;
    uint16_t held[IBX_ACCOUNTS]; /* views per account */
};

/* Where a view stands; part of its slot. */
struct ibx_standing {
    struct ibx_slot *newer, *older;
    int64_t used_s;
    uint8_t account;
};

void ibx_recency_add(struct ibx_recency *recency, struct ibx_slot *slot,
                     uint32_t reader, int64_t now_s);

/* Notes that `reader` uses a view that was added. */
void ibx_recency_use(struct ibx_recency *recency, struct ibx_slot *slot,
                     uint32_t reader, int64_t now_s);

void ibx_recency_remove(struct ibx_recency *recency, struct ibx_slot *slot);

/* The view to close next, which is not pinned; NULL when all are. *out_spared
 * is whether an older one that is not pinned either was left to its reader. */
struct ibx_slot *ibx_recency_victim(const struct ibx_recency *recency,
                                    int64_t now_s, bool *out_spared);

#endif
