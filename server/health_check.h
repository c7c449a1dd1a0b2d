/* health_check.h - asks a running server whether it is alive, for images and
 * scripts that have no HTTP client. */
#ifndef IBX_SERVER_HEALTH_CHECK_H
#define IBX_SERVER_HEALTH_CHECK_H

#include <stdbool.h>

/* Sends GET /healthz to the administration listener at `where`, which is
 * ADDRESS:PORT, [IPV6]:PORT or unix:PATH. False when it cannot be reached,
 * does not answer within two seconds, or answers with anything but 200; then
 * the reason is on standard error. */
bool health_check(const char *where);

#endif
