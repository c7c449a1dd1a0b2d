/* progress.h - says on standard error how far a long command is.
 *
 * On a terminal one line is redrawn several times a second; otherwise a line
 * is printed every few seconds; quiet prints nothing. Any thread may report
 * progress between init and end. */
#ifndef TILER_CLI_PROGRESS_H
#define TILER_CLI_PROGRESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct progress {
    /* Given. `label` and `unit` are borrowed: "building", "tiles". */
    const char *label, *unit;
    bool quiet;
    /* Ours. */
    bool on_terminal, line_open;
    pthread_mutex_t lock; /* guards everything below */
    uint64_t done, total; /* total 0: not known */
    uint64_t skipped;     /* found done already: part of done, not our speed */
    struct timespec started, printed;
};

void progress_init(struct progress *progress, const char *label,
                   const char *unit, bool quiet);

/* Sets how much is done, and of how much. */
void progress_set(struct progress *progress, uint64_t done, uint64_t total);

/* Adds to what is done. */
void progress_add(struct progress *progress, uint64_t more);

/* Adds what an earlier run has done: it counts as done, not as speed. */
void progress_skip(struct progress *progress, uint64_t more);

/* Erases the line and frees. Nothing is said about success. */
void progress_end(struct progress *progress);

#endif
