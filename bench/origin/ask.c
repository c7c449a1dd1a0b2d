/* ask.c - clients that ask a server for tiles, each over its own connection,
 * one request at a time, and compare every byte that comes back.
 *
 *     bench-ask --port N --prefix /id/ --zoom Z --from REL --count N
 *         --nbytes B [--suffix .png] [--clients 8] [--seconds S | --requests N]
 *         [--seed N] [--walk SIDE]
 *
 * Addresses are drawn at random from the `count` ids that begin at `from`
 * inside the zoom; with --walk each client asks for all tiles of a window of
 * SIDE x SIDE, pans by up to half of it, and now and then goes elsewhere, over
 * the whole zoom. Only ever talks to 127.0.0.1. Prints one JSON object. */
#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/load/histogram.h"
#include "bench/origin/meter.h"
#include "bench/origin/tiles.h"
#include "pack/imbrex.h"

enum { BUFFER_NBYTES = 1 << 20, HEAD_NBYTES = 8192, ANSWER_S = 60 };

struct options {
    uint16_t port;
    const char *prefix, *suffix;
    uint8_t zoom;
    uint64_t from, count, requests, seed;
    size_t nbytes;
    uint32_t walk; /* side of the window, or 0 */
    unsigned clients;
    double seconds;
};

struct counts {
    uint64_t done, right, wrong, busy, other, broken;
};

struct client {
    pthread_t thread;
    struct ask *ask;
    uint64_t random;
    uint32_t left, top, step; /* of a walk */
    int fd;                   /* -1: not connected */
    char *buffer;
    struct counts counts;
    struct histogram latencies;
};

struct ask {
    struct options options;
    atomic_uint_fast64_t issued;
    uint64_t end_ns;
};

static void hang_up(struct client *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    c->fd = -1;
}

static bool connect_up(struct client *c)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons(c->ask->options.port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const struct timeval patience = {.tv_sec = ANSWER_S};
    const int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return false;
    (void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
                     sizeof patience);
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(c->fd, (const struct sockaddr *)&to, sizeof to) == 0)
        return true;
    hang_up(c);
    return false;
}

static bool send_request(struct client *c, uint64_t id)
{
    char text[1024];
    struct ibx_zxy at = ibx_tile_zxy(id);
    const struct options *o = &c->ask->options;
    int n = snprintf(text, sizeof text,
                     "GET %s%u/%u/%u%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
                     o->prefix, at.z, at.x, at.y, o->suffix);
    return send(c->fd, text, (size_t)n, MSG_NOSIGNAL) == n;
}

struct answer {
    int status;
    bool close;
    const uint8_t *body;
    size_t body_nbytes;
};

/* Decodes the head that ends at `body` and is terminated there. */
static bool parse_head(const char *head, struct answer *answer)
{
    const char *length = strcasestr(head, "\r\nContent-Length:");
    if (strncmp(head, "HTTP/1.1 ", 9) != 0)
        return false;
    answer->status = (int)strtol(head + 9, NULL, 10);
    answer->close = strcasestr(head, "\r\nConnection: close") != NULL;
    answer->body_nbytes = length ? strtoul(length + 17, NULL, 10) : 0;
    return length != NULL || answer->status == 204;
}

static bool read_answer(struct client *c, struct answer *answer)
{
    size_t have = 0;
    size_t want = 0; /* known once the head is there */
    while (want == 0 || have < want) {
        ssize_t got =
            recv(c->fd, c->buffer + have, BUFFER_NBYTES - 1 - have, 0);
        if (got <= 0)
            return false;
        have += (size_t)got;
        c->buffer[have] = '\0';
        char *end = want == 0 ? strstr(c->buffer, "\r\n\r\n") : NULL;
        if (!end)
            continue;
        *end = '\0';
        if (!parse_head(c->buffer, answer))
            return false;
        answer->body = (const uint8_t *)end + 4;
        want = (size_t)(end + 4 - c->buffer) + answer->body_nbytes;
        if (want >= BUFFER_NBYTES)
            return false;
    }
    return have == want;
}

static void count_answer(struct client *c, uint64_t id,
                         const struct answer *answer)
{
    struct counts *n = &c->counts;
    if (answer->status == 503)
        n->busy++;
    else if (answer->status != 200)
        n->other++;
    else if (answer->body_nbytes == c->ask->options.nbytes &&
             tiles_match(id, answer->body, answer->body_nbytes))
        n->right++;
    else
        n->wrong++;
}

/* Pans by up to half a window; every twentieth time goes elsewhere. */
static uint32_t pan(struct client *c, uint32_t at)
{
    const struct options *o = &c->ask->options;
    uint32_t room = (UINT32_C(1) << o->zoom) - o->walk + 1;
    if (tiles_random(&c->random) % 20 == 0)
        return (uint32_t)(tiles_random(&c->random) % room);
    uint32_t by = (uint32_t)(tiles_random(&c->random) % (o->walk + 1));
    uint32_t to = at + by > o->walk / 2 ? at + by - o->walk / 2 : 0;
    return to < room ? to : room - 1;
}

static uint64_t walk_on(struct client *c)
{
    const struct options *o = &c->ask->options;
    if (c->step == o->walk * o->walk) {
        c->left = pan(c, c->left);
        c->top = pan(c, c->top);
        c->step = 0;
    }
    uint32_t step = c->step++;
    return ibx_tile_id((struct ibx_zxy){o->zoom, c->left + step % o->walk,
                                        c->top + step / o->walk});
}

static uint64_t draw(struct client *c)
{
    const struct options *o = &c->ask->options;
    if (o->walk != 0)
        return walk_on(c);
    return ibx_zoom_first_id(o->zoom) + o->from +
           tiles_random(&c->random) % o->count;
}

static void ask_once(struct client *c)
{
    uint64_t id = draw(c);
    struct answer answer = {0};
    uint64_t start = meter_now_ns();
    c->counts.done++;
    if ((c->fd < 0 && !connect_up(c)) || !send_request(c, id) ||
        !read_answer(c, &answer)) {
        c->counts.broken++;
        hang_up(c);
        (void)usleep(10000); /* a dead server is not asked a million times */
        return;
    }
    histogram_add(&c->latencies, meter_now_ns() - start);
    count_answer(c, id, &answer);
    if (answer.close)
        hang_up(c);
}

static void *work(void *arg)
{
    struct client *c = arg;
    struct ask *ask = c->ask;
    const struct options *o = &ask->options;
    while (o->requests != 0 ? atomic_fetch_add(&ask->issued, 1) < o->requests
                            : meter_now_ns() < ask->end_ns)
        ask_once(c);
    hang_up(c);
    return NULL;
}

static void add(struct client *all, const struct client *one)
{
    all->counts.done += one->counts.done;
    all->counts.right += one->counts.right;
    all->counts.wrong += one->counts.wrong;
    all->counts.busy += one->counts.busy;
    all->counts.other += one->counts.other;
    all->counts.broken += one->counts.broken;
    for (int i = 0; i < HISTOGRAM_NBUCKETS; i++)
        all->latencies.counts[i] += one->latencies.counts[i];
    all->latencies.total += one->latencies.total;
    if (one->latencies.max_ns > all->latencies.max_ns)
        all->latencies.max_ns = one->latencies.max_ns;
}

static void print(const struct client *all, double seconds)
{
    const struct counts *n = &all->counts;
    printf("{\"requests\":%" PRIu64 ",\"right\":%" PRIu64 ",\"wrong\":%" PRIu64
           ",\"busy\":%" PRIu64 ",\"other\":%" PRIu64 ",\"broken\":%" PRIu64
           ",\"seconds\":%.3f",
           n->done, n->right, n->wrong, n->busy, n->other, n->broken, seconds);
    printf(",\"per_s\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n",
           (double)n->done / seconds,
           (double)histogram_quantile(&all->latencies, 0.5) / 1e3,
           (double)histogram_quantile(&all->latencies, 0.99) / 1e3,
           (double)all->latencies.max_ns / 1e3);
}

static void run(struct ask *ask)
{
    static struct client all;
    struct client *clients = calloc(ask->options.clients, sizeof *clients);
    if (!clients)
        meter_die("memory");
    uint64_t start = meter_now_ns();
    ask->end_ns = start + (uint64_t)(ask->options.seconds * 1e9);
    for (unsigned i = 0; i < ask->options.clients; i++) {
        struct client *c = &clients[i];
        c->ask = ask;
        c->fd = -1;
        c->random = ask->options.seed * 1000 + i;
        c->step = ask->options.walk * ask->options.walk;
        c->buffer = malloc(BUFFER_NBYTES);
        if (!c->buffer || pthread_create(&c->thread, NULL, work, c) != 0)
            meter_die("client");
    }
    for (unsigned i = 0; i < ask->options.clients; i++) {
        (void)pthread_join(clients[i].thread, NULL);
        add(&all, &clients[i]);
        free(clients[i].buffer);
    }
    print(&all, (double)(meter_now_ns() - start) / 1e9);
    free(clients);
}

static void usage(void)
{
    (void)fputs("usage: bench-ask --port N --prefix /id/ --zoom Z --from REL "
                "--count N --nbytes B\n"
                "    [--suffix .png] [--clients 8] [--seconds S | "
                "--requests N] [--seed N] [--walk SIDE]\n",
                stderr);
    exit(2);
}

static void set_option(struct options *o, int name, const char *value)
{
    switch (name) {
    case 'p':
        o->port = (uint16_t)strtoul(value, NULL, 10);
        break;
    case 'x':
        o->prefix = value;
        break;
    case 'y':
        o->suffix = value;
        break;
    case 'z':
        o->zoom = (uint8_t)strtoul(value, NULL, 10);
        break;
    case 'f':
        o->from = strtoull(value, NULL, 10);
        break;
    case 'n':
        o->count = strtoull(value, NULL, 10);
        break;
    case 'b':
        o->nbytes = strtoul(value, NULL, 10);
        break;
    case 'c':
        o->clients = (unsigned)strtoul(value, NULL, 10);
        break;
    case 's':
        o->seconds = strtod(value, NULL);
        break;
    case 'r':
        o->requests = strtoull(value, NULL, 10);
        break;
    case 'w':
        o->walk = (uint32_t)strtoul(value, NULL, 10);
        break;
    case 'e':
        o->seed = strtoull(value, NULL, 10);
        break;
    default:
        usage();
    }
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        {"port", required_argument, NULL, 'p'},
        {"prefix", required_argument, NULL, 'x'},
        {"suffix", required_argument, NULL, 'y'},
        {"zoom", required_argument, NULL, 'z'},
        {"from", required_argument, NULL, 'f'},
        {"count", required_argument, NULL, 'n'},
        {"nbytes", required_argument, NULL, 'b'},
        {"clients", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 's'},
        {"requests", required_argument, NULL, 'r'},
        {"seed", required_argument, NULL, 'e'},
        {"walk", required_argument, NULL, 'w'},
        {NULL, 0, NULL, 0},
    };
    struct ask ask = {.options = {.suffix = ".png", .clients = 8, .seed = 1}};
    for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;)
        set_option(&ask.options, name, optarg);
    const struct options *o = &ask.options;
    if (o->port == 0 || !o->prefix || o->count == 0 || o->clients == 0 ||
        o->zoom > IBX_MAX_ZOOM || o->walk > UINT32_C(1) << o->zoom ||
        (o->seconds <= 0 && o->requests == 0))
        usage();
    run(&ask);
    return 0;
}
