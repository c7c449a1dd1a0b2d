/* listen.h - listening sockets: TCP, unix, or handed over by systemd. */
#ifndef IBX_SERVER_LISTEN_H
#define IBX_SERVER_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

#include "server/options.h"

enum { LISTEN_NAME_NBYTES = 160 };

struct listener {
    int fd;
    char name[LISTEN_NAME_NBYTES]; /* "http://127.0.0.1:8080", for people */
    char unix_path[108];           /* to remove at the end; "" otherwise */
    bool lent;                     /* systemd's: others listen on it too */
};

/* Opens the sockets of --listen, or of --bind and --port. On failure `error`
 * names the address and the reason, and nothing stays open. */
bool listen_public(const struct options *options, struct listener *out,
                   size_t room, size_t *out_n,
                   char error[OPTIONS_ERROR_NBYTES]);

/* Opens the admin socket. Without --admin the next free port above 8081 is
 * taken when that one is in use. *out_n is 0 when it is off. */
bool listen_admin(const struct options *options, struct listener *out,
                  size_t *out_n, char error[OPTIONS_ERROR_NBYTES]);

/* Makes further connections fail at once instead of waiting in the backlog of
 * a server that goes. Sockets that are only lent go on collecting them for the
 * next one. */
void listen_stop(const struct listener *listeners, size_t n);

void listen_close(struct listener *listeners, size_t n);

#endif
