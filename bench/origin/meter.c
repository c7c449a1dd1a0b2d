#include "bench/origin/meter.h"

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

void meter_die(const char *what)
{
    perror(what);
    exit(1);
}

uint64_t meter_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Reads made for a fault or by reading ahead are charged to the thread that
 * asked, so these are all of ours and nobody else's. */
static uint64_t device_nbytes(void)
{
    char line[128];
    uint64_t nbytes = 0;
    FILE *file = fopen("/proc/self/io", "re");
    if (!file)
        meter_die("/proc/self/io");
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "read_bytes: ", 12) == 0)
            nbytes = strtoull(line + 12, NULL, 10);
    (void)fclose(file);
    return nbytes;
}

struct meter meter_read(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (struct meter){
        .ns = meter_now_ns(),
        .read_nbytes = device_nbytes(),
        .major_faults = (uint64_t)usage.ru_majflt,
    };
}

struct meter meter_since(struct meter start)
{
    struct meter now = meter_read();
    return (struct meter){
        .ns = now.ns - start.ns,
        .read_nbytes = now.read_nbytes - start.read_nbytes,
        .major_faults = now.major_faults - start.major_faults,
    };
}

static int drop_file(const char *path, const struct stat *info, int type,
                     struct FTW *at)
{
    (void)info;
    (void)at;
    if (type != FTW_F)
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        meter_die(path);
    (void)fdatasync(fd);
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    (void)close(fd);
    return 0;
}

void meter_drop_cache(const char *path)
{
    if (nftw(path, drop_file, 16, FTW_PHYS) != 0)
        meter_die(path);
}

void meter_ballast(uint64_t nbytes)
{
    if (nbytes == 0)
        return;
    void *ballast = mmap(NULL, (size_t)nbytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ballast == MAP_FAILED)
        meter_die("ballast");
    memset(ballast, 1, (size_t)nbytes);
}
