/* load.c - an HTTP load generator with little overhead and honest latency.
 *
 * It plays a file of request targets, one per line; what follows a tab is one
 * more header of that request. Users start at evenly
 * spaced lines and go on from there, each over its own connections, as a
 * browser's six. With --rate requests are due at fixed times whether or not
 * the server keeps up, and a latency counts from the time a request was due, so
 * that a stall is not hidden by the requests that were never sent; those that
 * have no answer when the time is over count as if it came then. Without
 * --rate, every connection sends its next request at once. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/load/histogram.h"
#include "bench/load/response.h"

enum {
    READ_NBYTES = 1 << 20,
    REQUEST_NBYTES = 2048,
    NSTATUSES = 600,
    NEVENTS = 256,
};

struct options {
    const char *file, *headers;
    uint16_t port;
    unsigned users, per_user;
    double seconds, warmup_s, rate;
    bool new_connections;
};

struct target {
    char *path;
    const char *header; /* with its end of line, or "" */
};

struct user {
    size_t next; /* line */
};

struct connection {
    int fd;
    bool busy;
    struct user *user;
    uint64_t due_ns;
    struct response response;
};

struct load {
    struct options options;
    struct target *targets;
    size_t ntargets;
    struct user *users;
    struct connection *connections;
    unsigned nconnections;
    int epoll;
    char *buffer;
    uint64_t start_ns, measure_ns, end_ns;
    uint64_t scheduled; /* requests that have been due, with --rate */
    struct histogram latencies;
    uint64_t statuses[NSTATUSES];
    uint64_t done, body_nbytes, errors;
    uint64_t unanswered; /* due, but without an answer in time */
    uint64_t opened;     /* connections */
};

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void die(const char *what)
{
    (void)fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- targets ----------------------------------------------------------- */

/* "PATH" or "PATH\tName: value". */
static struct target read_target(const char *line)
{
    size_t path_nbytes = strcspn(line, "\t\r\n");
    size_t header_nbytes = 0;
    const char *header = line + path_nbytes;
    if (*header == '\t')
        header_nbytes = strcspn(++header, "\r\n");
    char *copy = malloc(path_nbytes + header_nbytes + sizeof "\0\r\n");
    if (!copy)
        die("memory");
    memcpy(copy, line, path_nbytes);
    copy[path_nbytes] = '\0';
    char *end = copy + path_nbytes + 1;
    memcpy(end, header, header_nbytes);
    end[header_nbytes] = '\0';
    if (header_nbytes > 0)
        memcpy(end + header_nbytes, "\r\n", sizeof "\r\n");
    return (struct target){copy, copy + path_nbytes + 1};
}

static void read_targets(struct load *load)
{
    FILE *file = fopen(load->options.file, "r");
    if (!file)
        die(load->options.file);
    char *line = NULL;
    size_t room = 0;
    size_t targets_room = 0;
    while (getline(&line, &room, file) > 0) {
        if (load->ntargets == targets_room) {
            targets_room = targets_room ? targets_room * 2 : 1024;
            load->targets =
                realloc(load->targets, targets_room * sizeof *load->targets);
        }
        if (!load->targets)
            die("memory");
        load->targets[load->ntargets++] = read_target(line);
    }
    free(line);
    (void)fclose(file);
    if (load->ntargets == 0) {
        errno = EINVAL;
        die(load->options.file);
    }
}

/* ---- connections ------------------------------------------------------- */

/* A closed connection's port is taken for a minute: with a connection per
 * request they would run out in a second, if they all came from one address. */
static void choose_source(struct load *load, int fd)
{
    enum { SOURCES = 250 };
    int one = 1;
    struct sockaddr_in from = {
        .sin_family = AF_INET,
        .sin_addr.s_addr =
            htonl(INADDR_LOOPBACK + 1 + (uint32_t)(load->opened++ % SOURCES))};
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
        die("bind");
}

static void open_connection(struct load *load, struct connection *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(load->options.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        die("socket");
    if (load->options.new_connections)
        choose_source(load, c->fd);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
        die("epoll_ctl");
    c->busy = false;
}

static void reopen(struct load *load, struct connection *c)
{
    (void)close(c->fd);
    open_connection(load, c);
}

static void send_next(struct load *load, struct connection *c, uint64_t due_ns)
{
    char request[REQUEST_NBYTES];
    const struct target *target = &load->targets[c->user->next];
    c->user->next = (c->user->next + 1) % load->ntargets;
    int n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s%s\r\n",
                     target->path, load->options.port, load->options.headers,
                     target->header);
    if (n < 0 || (size_t)n >= sizeof request) {
        errno = EMSGSIZE;
        die(target->path);
    }
    c->due_ns = due_ns;
    c->busy = true;
    response_reset(&c->response);
    if (send(c->fd, request, (size_t)n, MSG_NOSIGNAL) != n) {
        load->errors++;
        reopen(load, c);
    }
}

static void finish_one(struct load *load, struct connection *c)
{
    uint64_t now = now_ns();
    c->busy = false;
    if (c->due_ns >= load->measure_ns) {
        histogram_add(&load->latencies, now - c->due_ns);
        load->done++;
        load->body_nbytes += c->response.body_nbytes;
        if (c->response.status < NSTATUSES)
            load->statuses[c->response.status]++;
    }
    if (c->response.close || load->options.new_connections)
        reopen(load, c);
}

/* False when the connection broke. */
static bool receive(struct load *load, struct connection *c)
{
    ssize_t got = recv(c->fd, load->buffer, READ_NBYTES, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0)
        return false;
    bool done = false;
    long used = response_feed(&c->response, load->buffer, (size_t)got, &done);
    if (used < 0)
        return false;
    if (done)
        finish_one(load, c);
    return true;
}

/* ---- the run ----------------------------------------------------------- */

/* Sends what is due on idle connections. */
static uint64_t due_at(const struct load *load, uint64_t nth)
{
    return load->start_ns + (uint64_t)((double)nth * 1e9 / load->options.rate);
}

static void send_due(struct load *load)
{
    uint64_t now = now_ns();
    for (unsigned i = 0; i < load->nconnections && now < load->end_ns; i++) {
        struct connection *c = &load->connections[i];
        if (c->busy)
            continue;
        uint64_t due = now;
        if (load->options.rate > 0) {
            due = due_at(load, load->scheduled);
            if (due > now)
                return;
            load->scheduled++;
        }
        send_next(load, c, due);
    }
}

static void handle_events(struct load *load)
{
    struct epoll_event events[NEVENTS];
    /* With a rate, the next request may be due any moment: do not sleep. */
    int wait_ms = load->options.rate > 0 ? 0 : 100;
    int n = epoll_wait(load->epoll, events, NEVENTS, wait_ms);
    for (int i = 0; i < n; i++) {
        struct connection *c = events[i].data.ptr;
        if (!receive(load, c)) {
            load->errors += c->busy;
            reopen(load, c);
        }
        if (!c->busy && load->options.rate <= 0 && now_ns() < load->end_ns)
            send_next(load, c, now_ns());
    }
}

static void run(struct load *load)
{
    load->start_ns = now_ns();
    load->measure_ns =
        load->start_ns + (uint64_t)(load->options.warmup_s * 1e9);
    load->end_ns = load->measure_ns + (uint64_t)(load->options.seconds * 1e9);
    send_due(load);
    while (now_ns() < load->end_ns) {
        handle_events(load);
        if (load->options.rate > 0)
            send_due(load);
    }
}

static void set_up(struct load *load)
{
    struct options *o = &load->options;
    load->nconnections = o->users * o->per_user;
    load->users = calloc(o->users, sizeof *load->users);
    load->connections = calloc(load->nconnections, sizeof *load->connections);
    load->buffer = malloc(READ_NBYTES);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!load->users || !load->connections || !load->buffer || load->epoll < 0)
        die("set up");
    for (unsigned i = 0; i < o->users; i++)
        load->users[i].next = load->ntargets * i / o->users;
    for (unsigned i = 0; i < load->nconnections; i++) {
        load->connections[i].user = &load->users[i / o->per_user];
        open_connection(load, &load->connections[i]);
    }
}

static void count_unanswered(struct load *load, uint64_t due_ns)
{
    if (due_ns < load->measure_ns || due_ns >= load->end_ns)
        return;
    histogram_add(&load->latencies, load->end_ns - due_ns);
    load->unanswered++;
}

/* What was due and has no answer has waited at least until now. */
static void finish_schedule(struct load *load)
{
    if (load->options.rate <= 0)
        return;
    for (unsigned i = 0; i < load->nconnections; i++)
        if (load->connections[i].busy)
            count_unanswered(load, load->connections[i].due_ns);
    while (due_at(load, load->scheduled) < load->end_ns)
        count_unanswered(load, due_at(load, load->scheduled++));
}

static void print_result(const struct load *load)
{
    static const struct {
        const char *name;
        double share;
    } rows[] = {
        {"p50_us", .5}, {"p90_us", .9}, {"p99_us", .99}, {"p999_us", .999}};
    (void)printf("{\"requests\": %llu, \"requests_per_s\": %.1f, "
                 "\"mbytes_per_s\": %.2f, \"errors\": %llu, "
                 "\"unanswered\": %llu",
                 (unsigned long long)load->done,
                 (double)load->done / load->options.seconds,
                 (double)load->body_nbytes / load->options.seconds / 1e6,
                 (unsigned long long)load->errors,
                 (unsigned long long)load->unanswered);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        (void)printf(
            ", \"%s\": %.1f", rows[i].name,
            (double)histogram_quantile(&load->latencies, rows[i].share) / 1e3);
    (void)printf(", \"max_us\": %.1f, \"statuses\": {",
                 (double)load->latencies.max_ns / 1e3);
    const char *comma = "";
    for (int i = 0; i < NSTATUSES; i++)
        if (load->statuses[i] > 0) {
            (void)printf("%s\"%d\": %llu", comma, i,
                         (unsigned long long)load->statuses[i]);
            comma = ", ";
        }
    (void)printf("}}\n");
}

static void usage(void)
{
    (void)fputs("usage: load --port N --targets FILE [--users 5] "
                "[--per-user 6] [--seconds 5]\n"
                "            [--warmup 1] [--rate REQUESTS_PER_S] "
                "[--header 'Name: value'] [--new-connections]\n"
                "Only ever talks to 127.0.0.1. A line of FILE is a path and, "
                "after a tab, a header.\n",
                stderr);
    exit(2);
}

static void parse_options(struct load *load, int argc, char **argv)
{
    static const struct option names[] = {
        {"port", required_argument, NULL, 'p'},
        {"targets", required_argument, NULL, 't'},
        {"users", required_argument, NULL, 'u'},
        {"per-user", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 's'},
        {"warmup", required_argument, NULL, 'w'},
        {"rate", required_argument, NULL, 'r'},
        {"header", required_argument, NULL, 'h'},
        {"new-connections", no_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    static char header[REQUEST_NBYTES / 2];
    struct options *o = &load->options;
    *o = (struct options){
        .users = 5, .per_user = 6, .seconds = 5, .warmup_s = 1, .headers = ""};
    int c = 0;
    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (c) {
        case 'p':
            o->port = (uint16_t)strtoul(optarg, NULL, 10);
            break;
        case 't':
            o->file = optarg;
            break;
        case 'u':
            o->users = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'c':
            o->per_user = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 's':
            o->seconds = strtod(optarg, NULL);
            break;
        case 'w':
            o->warmup_s = strtod(optarg, NULL);
            break;
        case 'r':
            o->rate = strtod(optarg, NULL);
            break;
        case 'n':
            o->new_connections = true;
            break;
        case 'h':
            (void)snprintf(header, sizeof header, "%s\r\n", optarg);
            o->headers = header;
            break;
        default:
            usage();
        }
    }
    if (!o->file || o->port == 0 || o->users == 0 || o->per_user == 0 ||
        o->seconds <= 0)
        usage();
}

int main(int argc, char **argv)
{
    struct load load = {0};
    parse_options(&load, argc, argv);
    read_targets(&load);
    set_up(&load);
    run(&load);
    finish_schedule(&load);
    print_result(&load);
    return 0;
}
