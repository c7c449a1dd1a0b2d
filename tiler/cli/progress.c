#include "tiler/cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static const double terminal_interval_s = 0.2;
static const double plain_interval_s = 5.0;

static double seconds_between(struct timespec from, struct timespec to)
{
    return (double)(to.tv_sec - from.tv_sec) +
           (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

static struct timespec now(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t;
}

void progress_init(struct progress *progress, const char *label,
                   const char *unit, bool quiet)
{
    *progress = (struct progress){.label = label, .unit = unit, .quiet = quiet};
    progress->on_terminal = isatty(STDERR_FILENO) == 1;
    progress->started = now();
    progress->printed = progress->started;
    (void)pthread_mutex_init(&progress->lock, NULL);
}

/* "1:02:03", or "2:03" below an hour. */
static void format_time(double seconds, char *out, size_t out_nbytes)
{
    uint64_t s = (uint64_t)(seconds + 0.5);
    if (s >= 3600)
        (void)snprintf(out, out_nbytes, "%" PRIu64 ":%02u:%02u", s / 3600,
                       (unsigned)(s / 60 % 60), (unsigned)(s % 60));
    else
        (void)snprintf(out, out_nbytes, "%u:%02u", (unsigned)(s / 60),
                       (unsigned)(s % 60));
}

static void print(struct progress *p, double elapsed_s)
{
    double rate = (double)(p->done - p->skipped) / elapsed_s;
    char left[32] = "?";
    if (rate > 0 && p->total >= p->done)
        format_time((double)(p->total - p->done) / rate, left, sizeof(left));
    /* "\033[K" clears what a longer line has left behind. */
    const char *start = p->on_terminal ? "\r\033[K" : "";
    const char *end = p->on_terminal ? "" : "\n";
    if (p->total != 0)
        fprintf(stderr,
                "%s%s: %" PRIu64 " of %" PRIu64 " %s (%.0f %%), %.0f/s, "
                "%s left%s",
                start, p->label, p->done, p->total, p->unit,
                100.0 * (double)p->done / (double)p->total, rate, left, end);
    else
        fprintf(stderr, "%s%s: %" PRIu64 " %s, %.0f/s%s", start, p->label,
                p->done, p->unit, rate, end);
    (void)fflush(stderr);
    p->line_open = p->on_terminal;
}

/* With the lock held. */
static void maybe_print(struct progress *p)
{
    if (p->quiet)
        return;
    struct timespec t = now();
    double interval = p->on_terminal ? terminal_interval_s : plain_interval_s;
    if (seconds_between(p->printed, t) < interval)
        return;
    p->printed = t;
    print(p, seconds_between(p->started, t));
}

void progress_set(struct progress *progress, uint64_t done, uint64_t total)
{
    pthread_mutex_lock(&progress->lock);
    progress->done = done;
    progress->total = total;
    maybe_print(progress);
    pthread_mutex_unlock(&progress->lock);
}

void progress_add(struct progress *progress, uint64_t more)
{
    pthread_mutex_lock(&progress->lock);
    progress->done += more;
    maybe_print(progress);
    pthread_mutex_unlock(&progress->lock);
}

void progress_skip(struct progress *progress, uint64_t more)
{
    pthread_mutex_lock(&progress->lock);
    progress->done += more;
    progress->skipped += more;
    pthread_mutex_unlock(&progress->lock);
}

void progress_end(struct progress *progress)
{
    if (progress->line_open)
        fputs("\r\033[K", stderr);
    (void)pthread_mutex_destroy(&progress->lock);
}
