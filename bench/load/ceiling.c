/* ceiling.c - the least an HTTP server can do: one thread, epoll, and for every
 * request one writev of a response prepared beforehand. Nothing is parsed but
 * the end of a request. What it reaches is the ceiling that servers are
 * measured against.
 *
 *   ceiling PORT BODY_NBYTES */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NEVENTS = 256, READ_NBYTES = 16384, BACKLOG = 1024, MAX_FDS = 4096 };

struct prepared {
    char head[512];
    size_t head_nbytes;
    char *body;
    size_t body_nbytes;
};

/* What is left to send on a connection whose socket was full. */
struct pending {
    size_t off;
    unsigned responses;
};

static struct pending pending[MAX_FDS];

static void die(const char *what)
{
    (void)fprintf(stderr, "ceiling: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int listen_on(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0)
        die("socket");
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(fd, BACKLOG) != 0)
        die("listen");
    return fd;
}

static void prepare(struct prepared *p, size_t body_nbytes)
{
    /* The headers that a tile server sends. */
    int n = snprintf(p->head, sizeof p->head,
                     "HTTP/1.1 200 OK\r\n"
                     "Date: Sat, 01 Jan 2000 00:00:00 GMT\r\n"
                     "Content-Type: image/png\r\n"
                     "ETag: \"0123456789abcdef\"\r\n"
                     "Cache-Control: public, max-age=3600\r\n"
                     "Access-Control-Allow-Origin: *\r\n"
                     "X-Content-Type-Options: nosniff\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     body_nbytes);
    p->head_nbytes = (size_t)n;
    p->body = calloc(1, body_nbytes + 1);
    p->body_nbytes = body_nbytes;
    if (!p->body)
        die("memory");
}

static bool send_pending(int fd, const struct prepared *p)
{
    struct pending *now = &pending[fd];
    size_t total = p->head_nbytes + p->body_nbytes;
    while (now->responses > 0) {
        size_t head = now->off < p->head_nbytes ? now->off : p->head_nbytes;
        size_t body = now->off - head;
        struct iovec parts[2] = {
            {(char *)(uintptr_t)p->head + head, p->head_nbytes - head},
            {p->body + body, p->body_nbytes - body}};
        ssize_t sent = writev(fd, parts, 2);
        if (sent < 0)
            return errno == EAGAIN;
        now->off += (size_t)sent;
        if (now->off == total) {
            now->off = 0;
            now->responses--;
        }
    }
    return true;
}

/* Requests in these bytes; one is taken to end in them, as the load
 * generator's do. */
static unsigned count_requests(const char *bytes, size_t nbytes)
{
    unsigned n = 0;
    for (size_t i = 3; i < nbytes; i++)
        n += memcmp(bytes + i - 3, "\r\n\r\n", 4) == 0;
    return n;
}

static bool serve(int fd, const struct prepared *p, char *buffer)
{
    ssize_t got = read(fd, buffer, READ_NBYTES);
    if (got == 0 || (got < 0 && errno != EAGAIN))
        return false;
    if (got > 0)
        pending[fd].responses += count_requests(buffer, (size_t)got);
    return send_pending(fd, p);
}

static void accept_all(int epoll, int listener)
{
    int one = 1;
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (fd < 0)
            return;
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
                                    .data.fd = fd};
        if (fd >= MAX_FDS || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
            (void)close(fd);
            continue;
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        pending[fd] = (struct pending){0};
    }
}

int main(int argc, char **argv)
{
    static char buffer[READ_NBYTES];
    struct prepared prepared;
    if (argc != 3) {
        (void)fputs("usage: ceiling PORT BODY_NBYTES\n", stderr);
        return 2;
    }
    int listener = listen_on((uint16_t)strtoul(argv[1], NULL, 10));
    prepare(&prepared, strtoul(argv[2], NULL, 10));
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0)
        die("epoll");
    for (;;) {
        struct epoll_event events[NEVENTS];
        int n = epoll_wait(epoll, events, NEVENTS, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listener)
                accept_all(epoll, listener);
            else if (!serve(fd, &prepared, buffer))
                (void)close(fd);
        }
    }
}
