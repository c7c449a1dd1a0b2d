/* meter.h - what a run cost, and files out of the page cache. */
#ifndef BENCH_ORIGIN_METER_H
#define BENCH_ORIGIN_METER_H

#include <stdint.h>

struct meter {
    uint64_t ns;          /* time passed */
    uint64_t read_nbytes; /* this process made the device read */
    uint64_t major_faults;
};

uint64_t meter_now_ns(void);

/* Since the process began; a run is the difference of two. */
struct meter meter_read(void);
struct meter meter_since(struct meter start);

/* Ends the program with a message. */
_Noreturn void meter_die(const char *what);

/* Writes back and drops a file's, or with a folder all its files', pages.
 * Pages are charged to the cgroup that touched them first, so without this a
 * run inside a limit would borrow those of whoever made the file. */
void meter_drop_cache(const char *path);

/* Takes and touches `nbytes` that cannot be taken back. */
void meter_ballast(uint64_t nbytes);

#endif
