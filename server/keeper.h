/* keeper.h - the thread that watches over tilesets: looks for new
 * generations, reads a tile of each until it is ready, scrubs. */
#ifndef IBX_SERVER_KEEPER_H
#define IBX_SERVER_KEEPER_H

#include "server/server.h"

/* Starts the thread. NULL on failure. */
struct keeper *keeper_open(struct server *server);

/* Makes it reload now. Any thread. */
void keeper_wake(struct keeper *keeper);

/* Stops it, but does not wait longer than `wait_ms` for a read that hangs:
 * then false, and it must be left alone. */
bool keeper_close(struct keeper *keeper, int64_t wait_ms);

/* Reloads on the calling thread and lets the event loops know. */
void keeper_reload(struct server *server, bool force,
                   struct library_result *result);

#endif
