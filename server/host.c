#include "server/host.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/text.h"

/* Reads the start of a small file of /proc or /sys. */
static bool read_text(const char *path, char *out, size_t nbytes)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t got = fread(out, 1, nbytes - 1, file);
    out[got] = '\0';
    return fclose(file) == 0 && got > 0;
}

uint64_t host_cgroup_parse(const char *text)
{
    struct span rest = span_of(text);
    struct span line = span_trim(span_cut(&rest, '\n'));
    uint64_t nbytes;
    /* v1's "no limit" is the largest multiple of a page below 2^63. */
    if (!span_decimal(line, UINT64_MAX, &nbytes) ||
        nbytes >= UINT64_C(0x7fffffff00000000))
        return UINT64_MAX;
    return nbytes;
}

static uint64_t limit_in(const char *folder, const char *name)
{
    char path[1200], text[64];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return read_text(path, text, sizeof(text)) ? host_cgroup_parse(text)
                                               : UINT64_MAX;
}

/* The lowest limit in `root`/`group` and all groups above it. */
static uint64_t lowest_limit(const char *root, struct span group,
                             const char *name)
{
    char folder[1100];
    uint64_t lowest = UINT64_MAX;
    for (;;) {
        (void)snprintf(folder, sizeof(folder), "%s%.*s", root, (int)group.len,
                       group.ptr);
        uint64_t limit = limit_in(folder, name);
        lowest = limit < lowest ? limit : lowest;
        if (group.len <= 1)
            return lowest;
        while (group.len > 0 && group.ptr[group.len - 1] != '/')
            group.len--;
        group.len--;
    }
}

static bool list_names(struct span list, const char *name)
{
    while (list.ptr != NULL) {
        if (span_is(span_cut(&list, ','), name))
            return true;
    }
    return false;
}

/* v2 has a limit that kills and one that stalls; we keep below both. */
static uint64_t v2_limit(const char *root, struct span group)
{
    uint64_t most = lowest_limit(root, group, "memory.max");
    uint64_t high = lowest_limit(root, group, "memory.high");
    return most < high ? most : high;
}

static uint64_t v1_limit(const char *root, struct span group)
{
    char folder[1100];
    (void)snprintf(folder, sizeof(folder), "%s/memory", root);
    return lowest_limit(folder, group, "memory.limit_in_bytes");
}

/* One line of /proc/self/cgroup: "0::/group" (v2) or "9:memory:/group". */
static uint64_t limit_of_line(const char *root, struct span line)
{
    struct span rest = line;
    (void)span_cut(&rest, ':');
    struct span controllers = span_cut(&rest, ':');
    if (rest.ptr == NULL || rest.len > 1000)
        return UINT64_MAX;
    if (controllers.len == 0)
        return v2_limit(root, rest);
    return list_names(controllers, "memory") ? v1_limit(root, rest)
                                             : UINT64_MAX;
}

uint64_t host_cgroup_limit(const char *root, const char *membership)
{
    /* Inside a container the group's own path is often not mounted. */
    uint64_t lowest = v2_limit(root, span_of("/"));
    uint64_t v1 = v1_limit(root, span_of("/"));
    lowest = v1 < lowest ? v1 : lowest;
    struct span rest = span_of(membership);
    while (rest.ptr != NULL) {
        uint64_t limit = limit_of_line(root, span_cut(&rest, '\n'));
        lowest = limit < lowest ? limit : lowest;
    }
    return lowest;
}

static uint64_t cgroup_limit(void)
{
    char text[4096];
    return host_cgroup_limit(
        "/sys/fs/cgroup",
        read_text("/proc/self/cgroup", text, sizeof(text)) ? text : "");
}

static uint64_t handle_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return UINT64_MAX;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 &&
        getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return UINT64_MAX;
    return limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

void host_usage_read(struct host_usage *out)
{
    char text[128];
    uint64_t pages[3]; /* size, resident, shared: the first three numbers */
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    memset(out, 0, sizeof(*out));
    if (!read_text("/proc/self/statm", text, sizeof(text)))
        return;
    char *at = text;
    for (int i = 0; i < 3; i++) {
        const char *before = at;
        pages[i] = strtoull(at, &at, 10);
        if (at == before)
            return;
    }
    out->address_nbytes = pages[0] * page;
    out->resident_nbytes = pages[1] * page;
    out->private_nbytes = (pages[1] - pages[2]) * page;
}

static unsigned cpu_count(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 1;
    return (unsigned)CPU_COUNT(&set);
}

static uint64_t machine_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    return pages <= 0 ? 0 : (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

void host_limits_read(struct host_limits *out)
{
    struct rlimit space;
    struct host_usage usage;
    host_usage_read(&usage);
    out->address_used = usage.address_nbytes;
    out->address_space = UINT64_MAX;
    if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY)
        out->address_space = space.rlim_cur;
    else if (sizeof(void *) == 4)
        out->address_space = UINT64_C(3) << 30;
    out->handles = handle_limit();
    out->cgroup_nbytes = cgroup_limit();
    out->ncpus = cpu_count();
    out->machine_nbytes = machine_memory();
}
