/* scrub.h - verifies every tile in the background, slowly, so that damage is
 * found before somebody asks for it. */
#ifndef IBX_SERVER_SCRUB_H
#define IBX_SERVER_SCRUB_H

#include "server/server.h"

enum { SCRUB_EVERY_MS = 100 };

/* Where it is. Zero is the beginning. One thread. */
struct scrubber {
    struct catalog *catalog; /* held while a walk is open */
    struct ibx_walk *walk;
    size_t next; /* tileset to walk after this one */
    int64_t since_ms;
    uint64_t credit_nbytes;
};

/* Goes on for as many bytes as --scrub allows since the last call. */
void scrub_some(struct server *server, struct scrubber *scrubber);
void scrub_end(struct scrubber *scrubber);

#endif
