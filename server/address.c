#include "server/address.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    TABLE_SLOTS = 8192, /* a power of two; 48 bytes each */
    TABLE_PROBES = 16,
};

struct slot {
    struct peer peer;
    bool used;
    uint32_t connections;
    int64_t seen_ms; /* when tokens were last counted */
    uint64_t milli_tokens;
};

struct address_table {
    struct address_limits limits;
    pthread_mutex_t lock; /* guards `slots` */
    struct slot slots[TABLE_SLOTS];
};

struct address_table *address_table_new(const struct address_limits *limits)
{
    struct address_table *table = calloc(1, sizeof(*table));
    if (table == NULL)
        return NULL;
    table->limits = *limits;
    (void)pthread_mutex_init(&table->lock, NULL);
    return table;
}

void address_table_free(struct address_table *table)
{
    if (table == NULL)
        return;
    (void)pthread_mutex_destroy(&table->lock);
    free(table);
}

/* FNV-1a: an attacker who finds collisions only shares a bucket's fate. */
static size_t slot_hash(const struct peer *peer)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < sizeof(peer->address); i++)
        hash = (hash ^ peer->address[i]) * UINT64_C(1099511628211);
    return (size_t)(hash ^ (hash >> 32));
}

static bool same_peer(const struct peer *a, const struct peer *b)
{
    return a->family == b->family &&
           memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

/* Who is counted as one. Whoever has an IPv6 address has the 2^64 of its
 * network, and would else never run out of new ones. */
static struct peer counted_as(const struct peer *peer)
{
    struct peer one = *peer;
    if (one.family == PEER_IPV6)
        memset(one.address + 8, 0, sizeof(one.address) - 8);
    return one;
}

uint32_t address_number(const struct peer *peer)
{
    const struct peer one = counted_as(peer);
    return (uint32_t)slot_hash(&one);
}

/* The peer's slot, made if need be; NULL when all it may have are taken by
 * addresses with connections. */
static struct slot *slot_for(struct address_table *table,
                             const struct peer *peer, int64_t now_ms)
{
    const struct peer one = counted_as(peer);
    size_t first = slot_hash(&one);
    struct slot *best = NULL;
    for (size_t i = 0; i < TABLE_PROBES; i++) {
        struct slot *slot = &table->slots[(first + i) % TABLE_SLOTS];
        if (slot->used && same_peer(&slot->peer, &one))
            return slot;
        if (slot->used && slot->connections > 0)
            continue;
        if (best == NULL ||
            (best->used && (!slot->used || slot->seen_ms < best->seen_ms)))
            best = slot;
    }
    if (best != NULL)
        *best = (struct slot){.peer = one,
                              .used = true,
                              .seen_ms = now_ms,
                              .milli_tokens = table->limits.burst * 1000};
    return best;
}

bool address_connect(struct address_table *table, const struct peer *peer,
                     int64_t now_ms)
{
    bool taken = true;
    if (table->limits.connections == 0 || peer->family == PEER_UNIX)
        return true;
    pthread_mutex_lock(&table->lock);
    struct slot *slot = slot_for(table, peer, now_ms);
    if (slot != NULL) {
        taken = slot->connections < table->limits.connections;
        slot->connections += taken;
        slot->seen_ms = now_ms;
    }
    pthread_mutex_unlock(&table->lock);
    return taken && slot != NULL;
}

void address_disconnect(struct address_table *table, const struct peer *peer,
                        int64_t now_ms)
{
    if (table->limits.connections == 0 || peer->family == PEER_UNIX)
        return;
    pthread_mutex_lock(&table->lock);
    struct slot *slot = slot_for(table, peer, now_ms);
    if (slot != NULL && slot->connections > 0)
        slot->connections--;
    pthread_mutex_unlock(&table->lock);
}

static bool take_token(const struct address_limits *limits, struct slot *slot,
                       int64_t now_ms)
{
    uint64_t full = limits->burst * 1000;
    uint64_t elapsed =
        now_ms > slot->seen_ms ? (uint64_t)(now_ms - slot->seen_ms) : 0;
    /* `rate` tokens a second are `rate` thousandths a millisecond. */
    uint64_t gained =
        elapsed > full / limits->rate ? full : elapsed * limits->rate;
    slot->seen_ms = now_ms;
    slot->milli_tokens =
        slot->milli_tokens + gained < full ? slot->milli_tokens + gained : full;
    if (slot->milli_tokens < 1000)
        return false;
    slot->milli_tokens -= 1000;
    return true;
}

bool address_request(struct address_table *table, const struct peer *peer,
                     int64_t now_ms)
{
    bool taken = true;
    if (table->limits.rate == 0 || peer->family == PEER_UNIX)
        return true;
    pthread_mutex_lock(&table->lock);
    struct slot *slot = slot_for(table, peer, now_ms);
    if (slot != NULL)
        taken = take_token(&table->limits, slot, now_ms);
    pthread_mutex_unlock(&table->lock);
    return taken;
}
