/* admin.h - the admin listener: health, readiness, metrics, reload. It has an
 * event loop of its own, so it answers also when the others are at a cap, and
 * what it does may block that loop alone. */
#ifndef IBX_SERVER_ADMIN_H
#define IBX_SERVER_ADMIN_H

#include "server/server.h"

void admin_handler(struct server *server, struct web_handler *out);

/* Writes all metrics in Prometheus's text format. */
void admin_metrics(struct server *server, struct buffer *out);

#endif
