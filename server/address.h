/* address.h - limits per client address, for IPv6 per network of 64 bits:
 * connections at once, and requests by a token bucket. Off unless configured.
 * Any thread. */
#ifndef IBX_SERVER_ADDRESS_H
#define IBX_SERVER_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/origin.h"

struct address_limits {
    uint64_t connections; /* per address; 0 for any number */
    uint64_t rate;        /* requests per second; 0 for any number */
    uint64_t burst;       /* requests at once */
};

struct address_table;

/* A number that stands for `peer`, the same for all that are counted as one. */
uint32_t address_number(const struct peer *peer);

/* NULL when there is no memory. The table has a fixed size; when more
 * addresses are active than it holds, the one that was idle longest is
 * forgotten, never one with connections. */
struct address_table *address_table_new(const struct address_limits *limits);
void address_table_free(struct address_table *table);

/* Counts a connection of `peer`; false when it has enough. Unix sockets are
 * exempt. Whoever got true calls address_disconnect() later. */
bool address_connect(struct address_table *table, const struct peer *peer,
                     int64_t now_ms);
void address_disconnect(struct address_table *table, const struct peer *peer,
                        int64_t now_ms);

/* Takes a token for one request; false when there is none left. */
bool address_request(struct address_table *table, const struct peer *peer,
                     int64_t now_ms);

#endif
