/* pool.h - helper threads for work that may block, behind a bounded queue. */
#ifndef IBX_SERVER_POOL_H
#define IBX_SERVER_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/metrics.h"

struct job;

/* Where finished jobs of one event loop wait for it. */
struct inbox {
    pthread_mutex_t lock; /* guards `head` and `tail` */
    struct job *head, *tail;
    int event_fd; /* readable when jobs may wait */
};

/* Base of a piece of work; the owner embeds it. */
struct job {
    struct job *next;             /* the pool's and the inbox's */
    void (*run)(struct job *job); /* NULL: it only goes by way of an inbox */
    struct inbox *inbox; /* gets the job back when it has run or expired */
    int64_t deadline_ms; /* of clock_ms(); later it is not begun */
    bool expired;        /* it was not run */
};

struct pool_options {
    unsigned nthreads;
    size_t stack_nbytes;
    uint64_t capacity; /* jobs submitted and not yet taken from an inbox */
    struct gauge *jobs;
};

struct pool;

/* Starts the threads, with all signals blocked. NULL on failure. */
struct pool *pool_open(const struct pool_options *options);

/* Queues a job, or refuses at capacity: then the job is still the caller's.
 * Any thread. */
bool pool_submit(struct pool *pool, struct job *job);

/* To be called for each job taken from an inbox. */
void pool_forget(struct pool *pool, struct job *job);

/* Lets queued jobs expire and waits for running ones, but not beyond `wait_ms`.
 * False when a helper is still stuck then; the pool must be left alone. */
bool pool_close(struct pool *pool, int64_t wait_ms);

bool inbox_init(struct inbox *inbox);
void inbox_fini(struct inbox *inbox);

/* Adds to an inbox what no helper has run. Any thread. */
void inbox_put(struct inbox *inbox, struct job *job);

/* The next finished job, or NULL. Clears the event when it was the last. */
struct job *inbox_take(struct inbox *inbox);

/* Makes the event readable without a job. Any thread. */
void inbox_wake(struct inbox *inbox);

/* Creates a thread with this stack and all signals blocked. */
bool thread_start(pthread_t *thread, size_t stack_nbytes, void *(*body)(void *),
                  void *arg);

#endif
