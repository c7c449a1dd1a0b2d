/* budget.h - divides memory, address space and handles among the server's
 * parts, so that their sums are never above what was configured or allowed.
 * Pure: what the system allows comes in as numbers (see host.h). */
#ifndef IBX_SERVER_BUDGET_H
#define IBX_SERVER_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/options.h"

/* What the system lets this process have. UINT64_MAX means no limit. */
struct host_limits {
    uint64_t address_space, address_used; /* RLIMIT_AS and what is mapped */
    uint64_t handles;                     /* RLIMIT_NOFILE */
    uint64_t cgroup_nbytes;               /* memory.max of our cgroup */
    unsigned ncpus;
    uint64_t machine_nbytes; /* the machine's memory; 0: not known */
};

enum {
    BUDGET_STACK_NBYTES_MIN = 128 << 10,
    BUDGET_POOL_NBYTES = 12 << 10,       /* the web library's, per connection */
    BUDGET_CONNECTION_NBYTES = 18 << 10, /* with all that belongs to it */
    BUDGET_ADMIN_CONNECTIONS = 8,
    BUDGET_JOB_NBYTES = 2 << 10,
    BUDGET_BASE_NBYTES = 2560 << 10, /* an idle process; measured, rounded up */
};

struct budget {
    unsigned threads, io_threads;
    size_t stack_nbytes; /* per thread */
    uint64_t queue;
    uint64_t connections;
    uint64_t views;
    uint64_t cache_handles, other_handles;
    /* Bytes. Everything down to `memory` is a part of it. */
    uint64_t base, stacks, queue_nbytes, connection_nbytes, bodies, index,
        documents, prepared;
    uint64_t memory;
    uint64_t mapped;
};

/* Fills *out. Options that were not set shrink until everything fits; one that
 * was set stays as it is. False with a sentence in `error` when that cannot
 * work: which option, how much it takes and how much there is. */
bool budget_plan(const struct options *options, const struct host_limits *host,
                 struct budget *out, char error[OPTIONS_ERROR_NBYTES]);

/* One line of text for the log. */
void budget_describe(const struct budget *budget, char *out, size_t nbytes);

#endif
