/* host.h - what the system lets this process have. */
#ifndef IBX_SERVER_HOST_H
#define IBX_SERVER_HOST_H

#include "server/budget.h"

/* Reads RLIMIT_AS, RLIMIT_NOFILE (raised to its hard limit first), the memory
 * limit of our cgroup and of those above it (v2 and v1), the number of usable
 * CPUs and the machine's memory. What cannot be read counts as unlimited. */
void host_limits_read(struct host_limits *out);

/* Bytes of address space and of resident memory in use now, and of the
 * resident ones those that no file backs. */
struct host_usage {
    uint64_t address_nbytes, resident_nbytes, private_nbytes;
};

void host_usage_read(struct host_usage *out);

/* The memory limit that a cgroup v2 file's text states ("max" or a number);
 * UINT64_MAX for no limit or no number. v1 writes a huge number instead. */
uint64_t host_cgroup_parse(const char *text);

/* The lowest memory limit of the groups in `membership`, a text as in
 * /proc/self/cgroup, and of the groups above them, where control groups of
 * version 2 are mounted at `root` (memory.max, memory.high) and those of
 * version 1 below it (memory/memory.limit_in_bytes). UINT64_MAX for none. */
uint64_t host_cgroup_limit(const char *root, const char *membership);

#endif
