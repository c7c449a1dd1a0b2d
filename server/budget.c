#include "server/budget.h"

#include <stdio.h>
#include <string.h>

#define KIB               UINT64_C(1024)
#define MIB               (KIB * KIB)
#define USUAL_PACK_NBYTES (4 * MIB)

enum {
    DEFAULT_VIEWS_MIN = 32,
    DEFAULT_VIEWS_MAX = 256,
    DEFAULT_MAPS_OF_MEMORY = 4, /* times what there is */
    DEFAULT_CACHE_HANDLES = 16,
    DEFAULT_QUEUE = 256,
    DEFAULT_IO_THREADS = 4,
    DEFAULT_THREADS_MAX = 4,
    DEFAULT_CONNECTIONS_MAX = 512,
    LISTENERS_MAX = 8,
    HANDLES_PER_LOOP = 4,   /* two epoll sets and two wake-up events */
    HANDLES_PER_HELPER = 2, /* a document's file, a pinned generation */
    HANDLES_FIXED = 10,     /* standard streams, signals, reloading */
};

static uint64_t min64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t max64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static bool is_set(const struct options *options, const char *name)
{
    return options_origin(options, name) != FROM_DEFAULT;
}

static uint64_t chosen(uint64_t configured, uint64_t fallback)
{
    return configured != 0 ? configured : fallback;
}

static bool refuse(char error[OPTIONS_ERROR_NBYTES], const char *option,
                   uint64_t needs, uint64_t has, const char *of)
{
    char a[24], b[24];
    size_format(needs, a, sizeof(a));
    size_format(has, b, sizeof(b));
    (void)snprintf(error, OPTIONS_ERROR_NBYTES,
                   "--%s: needs %s where %s allows %s: lower it, or raise the "
                   "limit",
                   option, a, of, b);
    return false;
}

static uint64_t free_address_space(const struct host_limits *host)
{
    if (host->address_space == UINT64_MAX)
        return UINT64_MAX;
    return host->address_space > host->address_used
               ? host->address_space - host->address_used
               : 0;
}

/* On a small machine helper threads cost more than they bring. */
static void plan_threads(const struct options *options,
                         const struct host_limits *host, struct budget *out)
{
    uint64_t room = min64(free_address_space(host), host->cgroup_nbytes);
    uint64_t cpus = host->ncpus == 0 ? 1 : host->ncpus;
    bool small = room < 48 * MIB;
    out->threads = (unsigned)chosen(
        options->threads, min64(cpus, small ? 2 : DEFAULT_THREADS_MAX));
    out->io_threads =
        (unsigned)chosen(options->io_threads, small ? 2 : DEFAULT_IO_THREADS);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    out->stack_nbytes = 1024 * KIB; /* instrumented frames are larger */
#else
    out->stack_nbytes = BUDGET_STACK_NBYTES_MIN;
#endif
    /* Event loops, helpers, the admin listener and one for reloading. */
    out->stacks = (out->threads + out->io_threads + 2) *
                  (uint64_t)BUDGET_STACK_NBYTES_MIN;
    out->queue = chosen(options->queue, DEFAULT_QUEUE);
    out->queue_nbytes = out->queue * BUDGET_JOB_NBYTES;
    out->base = BUDGET_BASE_NBYTES;
}

/* A cgroup's limit counts maps and socket buffers too: leave them half. */
static bool plan_memory(const struct options *options,
                        const struct host_limits *host, struct budget *out,
                        char error[OPTIONS_ERROR_NBYTES])
{
    uint64_t space = free_address_space(host);
    uint64_t fallback = min64(32 * MIB, host->cgroup_nbytes / 2);
    fallback = min64(fallback, space / 5 * 2);
    out->memory = chosen(options->memory_nbytes, max64(fallback, 4 * MIB));
    if (out->memory > host->cgroup_nbytes)
        return refuse(error, "memory", out->memory, host->cgroup_nbytes,
                      "the cgroup's memory limit");
    if (out->memory > space)
        return refuse(error, "memory", out->memory, space, "RLIMIT_AS");
    return true;
}

/* Maps take address space and page tables, a five-hundredth of what they show,
 * and no memory that the kernel cannot take back. Of packs that do not fit one
 * is mapped anew, and faulted in anew, for every few tiles of 200 KB. */
static uint64_t default_mapped(const struct host_limits *host, uint64_t space,
                               uint64_t left)
{
    uint64_t most = sizeof(void *) == 4 ? 128 * MIB : 1024 * MIB;
    uint64_t memory = host->machine_nbytes == 0
                          ? host->cgroup_nbytes
                          : min64(host->cgroup_nbytes, host->machine_nbytes);
    most = min64(most, min64(memory, most) * DEFAULT_MAPS_OF_MEMORY);
    return min64(most, min64(space / 2, left / 8 * 7));
}

/* As many as are mapped in full when packs have their usual size. */
static uint64_t default_views(uint64_t mapped)
{
    uint64_t views = mapped / USUAL_PACK_NBYTES;
    return min64(max64(views, DEFAULT_VIEWS_MIN), DEFAULT_VIEWS_MAX);
}

static bool plan_mapped(const struct options *options,
                        const struct host_limits *host, struct budget *out,
                        char error[OPTIONS_ERROR_NBYTES])
{
    uint64_t space = free_address_space(host);
    uint64_t left = space - out->memory;
    uint64_t fallback = default_mapped(host, space, left);
    out->mapped = chosen(options->max_mapped_nbytes, max64(fallback, 64 * KIB));
    if (out->mapped > left)
        return refuse(error, "max-mapped", out->mapped, left,
                      "RLIMIT_AS beside --memory");
    out->views = chosen(options->max_views, default_views(out->mapped));
    return true;
}

/* Gives a part its share of what is left, unless it was set. */
static uint64_t share(uint64_t configured, uint64_t rest, unsigned percent,
                      uint64_t least)
{
    return chosen(configured, max64(rest / 100 * percent, least));
}

static bool plan_parts(const struct options *options, struct budget *out,
                       char error[OPTIONS_ERROR_NBYTES])
{
    uint64_t fixed = out->base + out->stacks + out->queue_nbytes;
    uint64_t admin =
        (uint64_t)BUDGET_ADMIN_CONNECTIONS * BUDGET_CONNECTION_NBYTES;
    if (fixed + admin >= out->memory)
        return refuse(error, "memory", fixed + admin + MIB, out->memory,
                      "this value");
    uint64_t rest = out->memory - fixed - admin;
    out->bodies = share(options->max_bodies_nbytes, rest, 30, 64 * KIB);
    out->index = share(options->max_index_nbytes, rest, 15, 64 * KIB);
    out->documents = share(options->max_documents_nbytes, rest, 15, 64 * KIB);
    /* An optimisation, of which 0 is a valid amount. */
    out->prepared = is_set(options, "max-prepared")
                        ? options->max_prepared_nbytes
                        : rest / 100 * 15;
    uint64_t taken = out->bodies + out->index + out->documents + out->prepared;
    if (taken >= rest)
        return refuse(error, "memory", fixed + admin + taken + MIB, out->memory,
                      "this value");
    uint64_t fit = (rest - taken) / BUDGET_CONNECTION_NBYTES;
    out->connections =
        chosen(options->max_connections, min64(fit, DEFAULT_CONNECTIONS_MAX));
    out->connection_nbytes =
        admin + out->connections * BUDGET_CONNECTION_NBYTES;
    if (out->connections > fit || out->connections == 0)
        return refuse(error, "max-connections", out->connection_nbytes,
                      rest - taken, "--memory beside its other parts");
    return true;
}

static bool plan_handles(const struct options *options,
                         const struct host_limits *host, struct budget *out,
                         char error[OPTIONS_ERROR_NBYTES])
{
    uint64_t limit = host->handles;
    out->other_handles = HANDLES_FIXED + LISTENERS_MAX +
                         BUDGET_ADMIN_CONNECTIONS + 1 +
                         (uint64_t)(out->threads + 1) * HANDLES_PER_LOOP +
                         (uint64_t)out->io_threads * HANDLES_PER_HELPER;
    uint64_t fallback = min64(DEFAULT_CACHE_HANDLES, max64(limit / 16, 2));
    out->cache_handles = chosen(options->max_handles, fallback);
    uint64_t fixed = out->other_handles + out->cache_handles;
    if (fixed >= limit)
        return refuse(error, "max-handles", fixed + 1, limit, "RLIMIT_NOFILE");
    if (!is_set(options, "max-connections"))
        out->connections = min64(out->connections, limit - fixed);
    if (out->connections > limit - fixed)
        return refuse(error, "max-connections", out->connections, limit - fixed,
                      "RLIMIT_NOFILE beside other handles");
    return true;
}

bool budget_plan(const struct options *options, const struct host_limits *host,
                 struct budget *out, char error[OPTIONS_ERROR_NBYTES])
{
    memset(out, 0, sizeof(*out));
    plan_threads(options, host, out);
    return plan_memory(options, host, out, error) &&
           plan_mapped(options, host, out, error) &&
           plan_parts(options, out, error) &&
           plan_handles(options, host, out, error);
}

void budget_describe(const struct budget *budget, char *out, size_t nbytes)
{
    char memory[24], bodies[24], index[24], documents[24], prepared[24],
        mapped[24], connections[24];
    size_format(budget->memory, memory, sizeof(memory));
    size_format(budget->bodies, bodies, sizeof(bodies));
    size_format(budget->index, index, sizeof(index));
    size_format(budget->documents, documents, sizeof(documents));
    size_format(budget->prepared, prepared, sizeof(prepared));
    size_format(budget->mapped, mapped, sizeof(mapped));
    size_format(budget->connection_nbytes, connections, sizeof(connections));
    (void)snprintf(
        out, nbytes,
        "memory %s (bodies %s, indexes %s, documents %s, prepared %s, "
        "connections %s), "
        "mapped %s in %llu views, %llu connections, %llu+%llu handles, "
        "%u+%u threads, queue %llu",
        memory, bodies, index, documents, prepared, connections, mapped,
        (unsigned long long)budget->views,
        (unsigned long long)budget->connections,
        (unsigned long long)budget->cache_handles,
        (unsigned long long)budget->other_handles, budget->threads,
        budget->io_threads, (unsigned long long)budget->queue);
}
