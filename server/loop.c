#include "server/loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "server/clock.h"
#include "server/log.h"

enum {
    TICK_MS = 100,
    ACCEPTS_PER_TURN = 16, /* so that a flood does not starve requests */
    EVENTS_PER_TURN = 16,
    UNSENT_NBYTES = 128 << 10,
    TAG_WEB = -1,
    TAG_INBOX = -2,
};

static bool watch(struct loop *loop, int fd, uint32_t events, int tag)
{
    struct epoll_event event = {.events = events};
    event.data.fd = tag;
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* ---- accepting ----------------------------------------------------------- */

static void accept_pause(struct loop *loop, int64_t for_ms)
{
    loop->accept_again_ms = loop->now_ms + for_ms;
    if (!loop->accepting)
        return;
    for (size_t i = 0; i < loop->options.nlisteners; i++)
        (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL,
                        loop->options.listen_fds[i], NULL);
    loop->accepting = false;
}

static bool has_room(const struct loop *loop)
{
    return atomic_load(&loop->options.connections->now) <
           loop->options.max_connections;
}

static void accept_continue(struct loop *loop)
{
    if (loop->accepting || atomic_load(&loop->state) != LOOP_SERVING ||
        !has_room(loop) || loop->now_ms < loop->accept_again_ms)
        return;
    /* Exclusive: one connection wakes one loop, not all of them. */
    for (size_t i = 0; i < loop->options.nlisteners; i++) {
        if (!watch(loop, loop->options.listen_fds[i], EPOLLIN | EPOLLEXCLUSIVE,
                   (int)i))
            log_line(LOG_ERROR, "cannot watch a listening socket");
    }
    loop->accepting = true;
}

static void accept_failed(struct loop *loop)
{
    gauge_give(loop->options.connections, 1);
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ||
        errno == ECONNABORTED)
        return;
    if (loop_is_draining(loop)) {
        accept_pause(loop, 0); /* the socket no longer listens */
        return;
    }
    /* Out of handles or memory: the backlog keeps them for a moment. */
    if (log_allows())
        log_line(LOG_ERROR, "cannot accept: %s", strerrordesc_np(errno));
    accept_pause(loop, TICK_MS);
}

/* A connection on its way to another loop. */
struct arrival {
    struct job job; /* first; without `run`, to tell it from finished work */
    int fd;
    struct sockaddr_storage address;
    socklen_t nbytes;
};

static void connection_gone(struct loop *loop)
{
    atomic_fetch_sub(&loop->nconnections, 1);
    gauge_give(loop->options.connections, 1);
}

static void connection_add(struct loop *loop, const struct arrival *arrival)
{
    if (!web_add(loop->web, arrival->fd,
                 (const struct sockaddr *)&arrival->address, arrival->nbytes))
        connection_gone(loop);
}

/* The kernel wakes the loop that went to sleep last, so without this one loop
 * would get nearly all connections and the others would idle. */
static struct loop *least_loaded(struct loop *loop)
{
    struct loop *best = loop;
    unsigned least = atomic_load(&loop->nconnections);
    for (unsigned i = 0; i < loop->options.nsiblings; i++) {
        struct loop *other = &loop->options.siblings[i];
        unsigned n = atomic_load(&other->nconnections);
        if (n < least) {
            best = other;
            least = n;
        }
    }
    return best;
}

static void connection_place(struct loop *loop, const struct arrival *arrival)
{
    struct loop *to = loop_is_draining(loop) ? loop : least_loaded(loop);
    struct arrival *copy = to == loop ? NULL : malloc(sizeof(*copy));
    if (copy == NULL) {
        atomic_fetch_add(&loop->nconnections, 1);
        connection_add(loop, arrival);
        return;
    }
    *copy = *arrival;
    atomic_fetch_add(&to->nconnections, 1);
    inbox_put(&to->inbox, &copy->job);
}

static void arrival_take(struct loop *loop, struct arrival *arrival)
{
    if (loop->web != NULL) {
        connection_add(loop, arrival);
    } else {
        close(arrival->fd); /* the loop ended meanwhile */
        connection_gone(loop);
    }
    free(arrival);
}

/* Not inherited from the listener: it listens, and with systemd did so before
 * we were there, while its options are not set yet. */
static void socket_prepare(int fd)
{
    int one = 1, unsent = UNSENT_NBYTES;
    /* Both fail on unix sockets, which need neither. The second bounds what
     * the kernel takes for a reader that does not read: without it that is up
     * to 4 MiB a connection. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent,
                     sizeof(unsent));
}

/* Takes one connection. False when there is none, or no room for it. */
static bool accept_one(struct loop *loop, int listen_fd)
{
    struct arrival arrival = {.nbytes = sizeof(arrival.address)};
    if (!gauge_take(loop->options.connections, 1,
                    loop->options.max_connections)) {
        counter_add(&loop->counters, COUNTER_ACCEPT_PAUSED, 1);
        accept_pause(loop, 0);
        return false;
    }
    arrival.fd = accept4(listen_fd, (struct sockaddr *)&arrival.address,
                         &arrival.nbytes, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (arrival.fd < 0) {
        accept_failed(loop);
        return false;
    }
    socket_prepare(arrival.fd);
    counter_add(&loop->counters, COUNTER_ACCEPTED, 1);
    connection_place(loop, &arrival);
    return true;
}

static void accept_some(struct loop *loop, int listen_fd)
{
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        if (!loop->accepting || !accept_one(loop, listen_fd))
            return;
    }
}

/* ---- connections --------------------------------------------------------- */

static void hang_up(struct exchange *x)
{
    const struct linger now = {.l_onoff = 1};
    /* An answer that was not taken in time is thrown away, not left to the
     * kernel to deliver some day. */
    if (x->phase == PHASE_SEND)
        (void)setsockopt(x->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    x->phase = PHASE_CLOSING;
    /* The web library notices and closes. */
    (void)shutdown(x->fd, SHUT_RDWR);
}

void loop_connected(struct loop *loop, struct exchange *x)
{
    struct address_table *addresses = loop->options.addresses;
    x->client = x->peer;
    x->prev = NULL;
    x->next = loop->connections;
    if (x->next != NULL)
        x->next->prev = x;
    loop->connections = x;
    loop_phase(x, PHASE_HEADER);
    x->address_counted =
        addresses != NULL && address_connect(addresses, &x->peer, loop->now_ms);
    if (addresses != NULL && !x->address_counted) {
        counter_add(&loop->counters, COUNTER_REFUSED_ADDRESS, 1);
        hang_up(x);
    }
}

void loop_disconnected(struct loop *loop, struct exchange *x)
{
    connection_gone(loop);
    if (x == NULL)
        return;
    if (x->prev != NULL)
        x->prev->next = x->next;
    else
        loop->connections = x->next;
    if (x->next != NULL)
        x->next->prev = x->prev;
    if (x->address_counted)
        address_disconnect(loop->options.addresses, &x->peer, loop->now_ms);
}

void loop_phase(struct exchange *x, enum phase phase)
{
    if (x->phase == PHASE_CLOSING)
        return; /* hung up already */
    x->phase = phase;
    x->phase_since_ms = x->loop->now_ms;
}

bool loop_is_draining(const struct loop *loop)
{
    return atomic_load_explicit(&loop->state, memory_order_relaxed) !=
           LOOP_SERVING;
}

/* ---- deadlines ----------------------------------------------------------- */

static void give_up_work(struct loop *loop, struct exchange *x)
{
    const struct web_handler *handler = loop->options.handler;
    handler->work_late(handler->arg, x);
    web_resume(x);
}

static void check_deadline(struct loop *loop, struct exchange *x,
                           int64_t now_ms)
{
    static const enum counter late[] = {[PHASE_HEADER] = COUNTER_LATE_HEADER,
                                        [PHASE_IDLE] = COUNTER_LATE_IDLE,
                                        [PHASE_FIELDS] = COUNTER_LATE_HEADER,
                                        [PHASE_SEND] = COUNTER_LATE_SEND};
    const int64_t limit_ms[] = {[PHASE_HEADER] = loop->options.header_ms,
                                [PHASE_IDLE] = loop->options.idle_ms,
                                [PHASE_FIELDS] = loop->options.header_ms,
                                [PHASE_WORK] = loop->options.wait_ms,
                                [PHASE_SEND] = loop->options.send_ms};
    if (x->phase == PHASE_CLOSING ||
        now_ms - x->phase_since_ms <= limit_ms[x->phase])
        return;
    if (x->phase == PHASE_WORK) {
        counter_add(&loop->counters, COUNTER_REFUSED_WAIT, 1);
        give_up_work(loop, x);
        return;
    }
    counter_add(&loop->counters, late[x->phase], 1);
    hang_up(x);
}

static void check_deadlines(struct loop *loop, int64_t now_ms)
{
    struct exchange *next;
    for (struct exchange *x = loop->connections; x != NULL; x = next) {
        next = x->next;
        check_deadline(loop, x, now_ms);
    }
}

static void tick(struct loop *loop)
{
    const struct web_handler *handler = loop->options.handler;
    loop->now_ms = clock_ms();
    if (loop->now_ms < loop->next_tick_ms)
        return;
    loop->next_tick_ms = loop->now_ms + TICK_MS;
    check_deadlines(loop, loop->now_ms);
    handler->tick(handler->arg, loop);
    accept_continue(loop);
}

/* ---- the thread ---------------------------------------------------------- */

static void take_finished_work(struct loop *loop)
{
    const struct web_handler *handler = loop->options.handler;
    struct job *job;
    while ((job = inbox_take(&loop->inbox)) != NULL) {
        if (job->run == NULL)
            arrival_take(loop, (struct arrival *)(void *)job);
        else
            handler->work_done(handler->arg, loop, (struct work *)(void *)job);
    }
}

/* What changes when the process goes down; true when the loop has ended. */
static bool drain(struct loop *loop)
{
    int state = atomic_load(&loop->state);
    struct exchange *next;
    if (state == LOOP_SERVING)
        return false;
    accept_pause(loop, 0);
    for (struct exchange *x = loop->connections; x != NULL; x = next) {
        next = x->next;
        bool idle = x->phase == PHASE_IDLE;
        if (x->phase == PHASE_WORK && state == LOOP_ENDING)
            give_up_work(loop, x);
        else if (x->phase != PHASE_CLOSING && (idle || state == LOOP_ENDING))
            hang_up(x);
    }
    return atomic_load(&loop->nconnections) == 0 || state == LOOP_ENDING;
}

static void turn(struct loop *loop, int timeout_ms)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int n = epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN, timeout_ms);
    loop->now_ms = clock_ms();
    for (int i = 0; i < n; i++) {
        int tag = events[i].data.fd;
        if (tag >= 0)
            accept_some(loop, loop->options.listen_fds[tag]);
        else if (tag == TAG_INBOX)
            take_finished_work(loop);
    }
}

static int timeout_of(const struct loop *loop, bool more)
{
    if (more)
        return 0;
    bool quiet = loop->connections == NULL && loop->accepting;
    return quiet ? -1 : TICK_MS;
}

static void *loop_thread(void *arg)
{
    struct loop *loop = arg;
    const struct web_handler *handler = loop->options.handler;
    bool more = false;
    while (!drain(loop)) {
        turn(loop, timeout_of(loop, more));
        more = web_run(loop->web);
        tick(loop);
        accept_continue(loop);
    }
    /* Resumed and hung-up connections go through the library once more. */
    (void)web_run(loop->web);
    take_finished_work(loop);
    web_close(loop->web);
    loop->web = NULL;
    handler->tick(handler->arg, loop);
    return NULL;
}

bool loop_init(struct loop *loop, const struct loop_options *options)
{
    memset(loop, 0, sizeof(*loop));
    loop->options = *options;
    loop->now_ms = clock_ms();
    if (!inbox_init(&loop->inbox))
        return false;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->web = web_open(loop, options->handler, options->pool_nbytes,
                         (unsigned)options->max_connections);
    if (loop->epoll_fd >= 0 && loop->web != NULL &&
        watch(loop, web_epoll_fd(loop->web), EPOLLIN, TAG_WEB) &&
        watch(loop, loop->inbox.event_fd, EPOLLIN, TAG_INBOX)) {
        accept_continue(loop);
        return true;
    }
    loop_fini(loop);
    return false;
}

bool loop_start(struct loop *loop)
{
    loop->started = thread_start(&loop->thread, loop->options.stack_nbytes,
                                 loop_thread, loop);
    return loop->started;
}

void loop_set_state(struct loop *loop, enum loop_state state)
{
    atomic_store(&loop->state, (int)state);
    inbox_wake(&loop->inbox);
}

void loop_join(struct loop *loop)
{
    if (loop->started)
        (void)pthread_join(loop->thread, NULL);
    loop->started = false;
}

void loop_collect(struct loop *loop)
{
    take_finished_work(loop);
}

void loop_fini(struct loop *loop)
{
    web_close(loop->web);
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    inbox_fini(&loop->inbox);
    loop->web = NULL;
    loop->epoll_fd = -1;
}
