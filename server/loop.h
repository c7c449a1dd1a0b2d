/* loop.h - an event loop: a thread that accepts connections, runs the web
 * library and enforces deadlines. */
#ifndef IBX_SERVER_LOOP_H
#define IBX_SERVER_LOOP_H

#include <stdatomic.h>

#include "server/address.h"
#include "server/pool.h"
#include "server/web.h"

enum { LOOP_LISTENERS_MAX = 8 };

struct loop_options {
    const struct web_handler *handler;
    int listen_fds[LOOP_LISTENERS_MAX]; /* shared by all loops; not closed */
    size_t nlisteners;
    struct gauge *connections; /* of all loops that share the cap */
    uint64_t max_connections;
    size_t pool_nbytes, stack_nbytes;
    int64_t header_ms, idle_ms, send_ms, wait_ms;
    struct address_table *addresses; /* NULL: no limits per address */
    struct loop *siblings;           /* all loops on these listeners, or NULL */
    unsigned nsiblings;
};

enum loop_state {
    LOOP_SERVING,
    LOOP_DRAINING, /* no new connections; ends when the last one has */
    LOOP_ENDING,   /* ends now */
};

struct loop {
    struct loop_options options;
    struct web *web;
    struct inbox inbox;
    struct counters counters;
    int epoll_fd;
    bool accepting;                /* listeners are in the epoll set */
    int64_t accept_again_ms;       /* not before this time */
    struct exchange *connections;  /* list; only this thread */
    _Atomic unsigned nconnections; /* with those handed to us, any thread */
    int64_t
        now_ms; /* at the beginning of this turn: good enough for deadlines */
    int64_t next_tick_ms;
    int64_t major_faults;
    _Atomic int state; /* enum loop_state */
    void *user;        /* the handler's, for this loop */
    pthread_t thread;
    bool started;
};

/* Prepares everything but the thread. False on failure; then nothing is left
 * open. */
bool loop_init(struct loop *loop, const struct loop_options *options);
bool loop_start(struct loop *loop);

/* Changes the state and wakes the loop. Any thread. */
void loop_set_state(struct loop *loop, enum loop_state state);

/* Waits for the thread, which ends by itself after LOOP_ENDING. */
void loop_join(struct loop *loop);

/* Takes back work that was finished after the thread had ended. */
void loop_collect(struct loop *loop);

/* Frees what loop_init() made. */
void loop_fini(struct loop *loop);

/* For the web module: a connection came, changed phase, went (NULL when there
 * was no memory for its exchange). */
void loop_connected(struct loop *loop, struct exchange *x);
void loop_phase(struct exchange *x, enum phase phase);
void loop_disconnected(struct loop *loop, struct exchange *x);

/* True once the process is on its way down. */
bool loop_is_draining(const struct loop *loop);

#endif
