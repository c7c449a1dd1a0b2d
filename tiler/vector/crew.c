#include "tiler/vector/crew.h"

#include <assert.h>
#include <stdlib.h>

#include "tiler/vector/temp.h"

struct member {
    struct crew *crew;
    unsigned number;
};

bool crew_goes_on(const struct crew *crew)
{
    if (atomic_load_explicit(&crew->failed, memory_order_relaxed))
        return false;
    return crew->stop == NULL || *crew->stop == 0;
}

static void fail(struct crew *crew, enum ibx_status status,
                 const struct ibx_err *err)
{
    pthread_mutex_lock(&crew->lock);
    if (crew->status == IBX_OK) {
        crew->status = status;
        crew->err = *err;
    }
    pthread_mutex_unlock(&crew->lock);
    atomic_store_explicit(&crew->failed, true, memory_order_relaxed);
}

static void *run_member(void *arg)
{
    const struct member *member = arg;
    struct crew *crew = member->crew;
    struct ibx_err err = {.status = IBX_OK};
    enum ibx_status status = crew->work(crew->arg, member->number, &err);
    if (status != IBX_OK)
        fail(crew, status, &err);
    return NULL;
}

static void run_members(struct crew *crew, struct member *members,
                        pthread_t *threads)
{
    unsigned started = 1;
    assert(crew->nthreads >= 1);
    for (unsigned i = 0; i < crew->nthreads; i++)
        members[i] = (struct member){crew, i};
    while (started < crew->nthreads &&
           pthread_create(&threads[started], NULL, run_member,
                          &members[started]) == 0)
        started++;
    if (started < crew->nthreads) {
        struct ibx_err err;
        fail(crew, err_nomem(&err), &err);
    }
    run_member(&members[0]);
    for (unsigned i = 1; i < started; i++)
        pthread_join(threads[i], NULL);
}

enum ibx_status crew_run(struct crew *crew, struct ibx_err *err)
{
    struct member *members = calloc(crew->nthreads, sizeof *members);
    pthread_t *threads = calloc(crew->nthreads, sizeof *threads);
    crew->status = IBX_OK;
    atomic_init(&crew->failed, false);
    if (members == NULL || threads == NULL ||
        pthread_mutex_init(&crew->lock, NULL) != 0) {
        free(members);
        free(threads);
        return err_nomem(err);
    }
    run_members(crew, members, threads);
    pthread_mutex_destroy(&crew->lock);
    free(members);
    free(threads);
    if (crew->status != IBX_OK) {
        if (err != NULL)
            *err = crew->err;
        return crew->status;
    }
    if (crew->stop != NULL && *crew->stop != 0)
        return err_say(err, IBX_ERR_INTERRUPTED, NULL, "interrupted");
    return IBX_OK;
}
