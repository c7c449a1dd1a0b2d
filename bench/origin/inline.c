/* inline.c - what a server is like that reads tiles in its event loop.
 *
 *     bench-inline TILESET.imbrex PORT THREADS
 *
 * The product's own library, with the same caps and checks, but every read is
 * made where the request was received: a cold one holds up all connections of
 * its thread. Understands just enough HTTP for bench-ask, on 127.0.0.1. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bench/origin/meter.h"
#include "pack/imbrex.h"

enum { NEVENTS = 64, REQUEST_NBYTES = 2048 };

struct connection {
    int fd;
    size_t have;
    char request[REQUEST_NBYTES];
};

struct server {
    struct ibx_tileset *tileset;
    uint16_t port;
};

static int listen_on(uint16_t port)
{
    const struct sockaddr_in at = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&at, sizeof at) != 0 ||
        listen(fd, 64) != 0)
        meter_die("listen");
    return fd;
}

static bool send_all(int fd, struct iovec *parts, int n)
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)n};
    ssize_t left = 0;
    for (int i = 0; i < n; i++)
        left += (ssize_t)parts[i].iov_len;
    /* The sockets block and answers are small: all or nothing. */
    return sendmsg(fd, &message, MSG_NOSIGNAL) == left;
}

static bool answer(const struct server *server, struct connection *c)
{
    struct ibx_zxy at = {0};
    struct ibx_tile tile = {0};
    char head[256];
    char *path = strchr(c->request + 5, '/'); /* behind "GET /id" */
    char *next = path;
    enum ibx_status st = IBX_NOT_FOUND;
    if (path) {
        at.z = (uint8_t)strtoul(next + 1, &next, 10);
        at.x = (uint32_t)strtoul(next + 1, &next, 10);
        at.y = (uint32_t)strtoul(next + 1, &next, 10);
        st = ibx_tile_get(server->tileset, at, IBX_BLOCK, &tile, NULL);
    }
    int status = st == IBX_OK ? 200 : st == IBX_NOT_FOUND ? 404 : 503;
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %d -\r\nContent-Type: image/png\r\n"
                     "Content-Length: %u\r\n\r\n",
                     status, tile.facts.nbytes);
    struct iovec parts[] = {{head, (size_t)n},
                            {(void *)tile.bytes, tile.facts.nbytes}};
    bool sent = send_all(c->fd, parts, tile.facts.nbytes > 0 ? 2 : 1);
    ibx_tile_release(&tile);
    return sent;
}

/* False when the connection is at its end. One request at a time. */
static bool serve(const struct server *server, struct connection *c)
{
    ssize_t got =
        recv(c->fd, c->request + c->have, REQUEST_NBYTES - 1 - c->have, 0);
    if (got <= 0)
        return false;
    c->have += (size_t)got;
    c->request[c->have] = '\0';
    if (!strstr(c->request, "\r\n\r\n"))
        return c->have < REQUEST_NBYTES - 1;
    c->have = 0;
    return answer(server, c);
}

static void take_in(int epoll, int listener)
{
    struct connection *c = calloc(1, sizeof *c);
    if (!c)
        meter_die("memory");
    c->fd = accept(listener, NULL, NULL);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (c->fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
        meter_die("accept");
} /* NOLINT(clang-analyzer-unix.Malloc): epoll's events hold it from now on */

static void handle(const struct server *server, const struct epoll_event *event,
                   int epoll, int listener)
{
    struct connection *c = event->data.ptr;
    if (!c) {
        take_in(epoll, listener);
    } else if (!serve(server, c)) {
        (void)close(c->fd);
        free(c);
    }
}

static void *loop(void *arg)
{
    const struct server *server = arg;
    int listener = listen_on(server->port);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    struct epoll_event events[NEVENTS];
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0)
        meter_die("epoll");
    for (;;) {
        int n = epoll_wait(epoll, events, NEVENTS, -1);
        for (int i = 0; i < n; i++)
            handle(server, &events[i], epoll, listener);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        (void)fputs("usage: bench-inline TILESET.imbrex PORT THREADS\n",
                    stderr);
        return 2;
    }
    struct ibx_cache_options options;
    struct ibx_cache *cache = NULL;
    struct server server = {.port = (uint16_t)strtoul(argv[2], NULL, 10)};
    struct ibx_err err = {0};
    ibx_cache_options_init(&options);
    if (ibx_cache_open(&options, &cache, &err) != IBX_OK ||
        ibx_tileset_open(cache, argv[1], NULL, &server.tileset, &err) !=
            IBX_OK) {
        (void)fprintf(stderr, "inline: %s: %s\n", err.file, err.what);
        return 1;
    }
    unsigned nthreads = (unsigned)strtoul(argv[3], NULL, 10);
    pthread_t thread;
    for (unsigned i = 1; i < nthreads; i++)
        if (pthread_create(&thread, NULL, loop, &server) != 0)
            meter_die("thread");
    (void)loop(&server);
    return 0;
}
