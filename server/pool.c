#include "server/pool.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "server/clock.h"

struct pool {
    struct pool_options options;
    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t work;  /* a job came, or `stopping` */
    pthread_cond_t gone;  /* a thread ended */
    struct job *head, *tail;
    unsigned running; /* threads that have not ended */
    bool stopping;
    pthread_t threads[];
};

bool inbox_init(struct inbox *inbox)
{
    *inbox = (struct inbox){.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (inbox->event_fd < 0)
        return false;
    if (pthread_mutex_init(&inbox->lock, NULL) == 0)
        return true;
    close(inbox->event_fd);
    return false;
}

void inbox_fini(struct inbox *inbox)
{
    (void)pthread_mutex_destroy(&inbox->lock);
    close(inbox->event_fd);
}

void inbox_wake(struct inbox *inbox)
{
    uint64_t one = 1;
    /* It fails only when the counter is at its maximum: readable anyway. */
    ssize_t written = write(inbox->event_fd, &one, sizeof(one));
    (void)written;
}

void inbox_put(struct inbox *inbox, struct job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&inbox->lock);
    if (inbox->tail == NULL)
        inbox->head = job;
    else
        inbox->tail->next = job;
    inbox->tail = job;
    pthread_mutex_unlock(&inbox->lock);
    inbox_wake(inbox);
}

struct job *inbox_take(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    struct job *job = inbox->head;
    if (job != NULL) {
        inbox->head = job->next;
        if (inbox->head == NULL)
            inbox->tail = NULL;
    } else {
        /* Cleared under the lock: a job put later makes it readable again. */
        uint64_t count;
        ssize_t got = read(inbox->event_fd, &count, sizeof(count));
        (void)got;
    }
    pthread_mutex_unlock(&inbox->lock);
    return job;
}

/* The next job to run; NULL when the pool stops. */
static struct job *pool_next(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->head == NULL && !pool->stopping)
        pthread_cond_wait(&pool->work, &pool->lock);
    struct job *job = pool->head;
    if (job != NULL) {
        pool->head = job->next;
        if (pool->head == NULL)
            pool->tail = NULL;
        job->expired = pool->stopping || clock_ms() > job->deadline_ms;
    }
    pthread_mutex_unlock(&pool->lock);
    return job;
}

static void *pool_thread(void *arg)
{
    struct pool *pool = arg;
    struct job *job;
    while ((job = pool_next(pool)) != NULL) {
        if (!job->expired)
            job->run(job);
        inbox_put(job->inbox, job);
    }
    pthread_mutex_lock(&pool->lock);
    pool->running--;
    pthread_cond_signal(&pool->gone);
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

bool thread_start(pthread_t *thread, size_t stack_nbytes, void *(*body)(void *),
                  void *arg)
{
    pthread_attr_t attr;
    sigset_t all, before;
    if (pthread_attr_init(&attr) != 0)
        return false;
    size_t least = (size_t)sysconf(_SC_THREAD_STACK_MIN);
    if (stack_nbytes < least)
        stack_nbytes = least;
    /* SIGBUS and the like are directed at the thread that faults and must
     * reach the reader's guard. */
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_attr_setstacksize(&attr, stack_nbytes) == 0 &&
                   pthread_create(thread, &attr, body, arg) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attr);
    return started;
}

static bool pool_start(struct pool *pool)
{
    for (unsigned i = 0; i < pool->options.nthreads; i++) {
        pthread_mutex_lock(&pool->lock);
        pool->running++;
        pthread_mutex_unlock(&pool->lock);
        if (thread_start(&pool->threads[i], pool->options.stack_nbytes,
                         pool_thread, pool))
            continue;
        pthread_mutex_lock(&pool->lock);
        pool->running--;
        pthread_mutex_unlock(&pool->lock);
        pool->options.nthreads = i;
        return i > 0; /* fewer helpers are slower, not wrong */
    }
    return true;
}

struct pool *pool_open(const struct pool_options *options)
{
    pthread_condattr_t monotonic;
    struct pool *pool =
        calloc(1, sizeof(*pool) + options->nthreads * sizeof(pthread_t));
    if (pool == NULL)
        return NULL;
    pool->options = *options;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->work, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&pool->gone, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    if (pool_start(pool))
        return pool;
    free(pool);
    return NULL;
}

bool pool_submit(struct pool *pool, struct job *job)
{
    if (!gauge_take(pool->options.jobs, 1, pool->options.capacity))
        return false;
    job->next = NULL;
    job->expired = false;
    pthread_mutex_lock(&pool->lock);
    if (pool->tail == NULL)
        pool->head = job;
    else
        pool->tail->next = job;
    pool->tail = job;
    pthread_cond_signal(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    return true;
}

void pool_forget(struct pool *pool, struct job *job)
{
    (void)job;
    gauge_give(pool->options.jobs, 1);
}

static bool pool_wait(struct pool *pool, int64_t until_ms)
{
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                             .tv_nsec = (long)(until_ms % 1000) * 1000000};
    int waited = 0;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->work);
    while (pool->running > 0 && waited == 0)
        waited = pthread_cond_timedwait(&pool->gone, &pool->lock, &until);
    bool ended = pool->running == 0;
    pthread_mutex_unlock(&pool->lock);
    return ended;
}

bool pool_close(struct pool *pool, int64_t wait_ms)
{
    if (pool == NULL)
        return true;
    if (!pool_wait(pool, clock_ms() + wait_ms))
        return false;
    for (unsigned i = 0; i < pool->options.nthreads; i++)
        (void)pthread_join(pool->threads[i], NULL);
    (void)pthread_cond_destroy(&pool->work);
    (void)pthread_cond_destroy(&pool->gone);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool);
    return true;
}
