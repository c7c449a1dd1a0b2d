/* crew.h - a stage of work done by several threads, the first error of which
 * ends it. */
#ifndef TILER_VECTOR_CREW_H
#define TILER_VECTOR_CREW_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "pack/imbrex.h"

struct crew {
    /* Given. */
    unsigned nthreads;                 /* 1..256 */
    const volatile sig_atomic_t *stop; /* may be NULL */
    /* Runs in each thread, `number` from 0; ends when crew_goes_on() says so
     * or the work is done. */
    enum ibx_status (*work)(void *arg, unsigned number, struct ibx_err *err);
    void *arg;
    /* Ours. */
    pthread_mutex_t lock; /* guards status and err */
    enum ibx_status status;
    struct ibx_err err;
    atomic_bool failed;
};

/* Runs the stage to its end. The first failure's status comes back, or
 * IBX_ERR_INTERRUPTED. One thread of the crew is the caller's. */
IBX_MUST_CHECK enum ibx_status crew_run(struct crew *crew, struct ibx_err *err);

/* False when a member failed or a signal came: return. */
bool crew_goes_on(const struct crew *crew);

#endif
