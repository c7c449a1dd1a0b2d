/* metrics.h - counters and gauges of this process. Any thread. */
#ifndef IBX_SERVER_METRICS_H
#define IBX_SERVER_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/text.h"

/* Name, labels and help as Prometheus sees them. Rows of one name are
 * together. */
#define COUNTER_LIST(X)                                                        \
    X(STATUS_2XX, "requests_total", "{status=\"2xx\"}", "Requests answered")   \
    X(STATUS_3XX, "requests_total", "{status=\"3xx\"}", "")                    \
    X(STATUS_4XX, "requests_total", "{status=\"4xx\"}", "")                    \
    X(STATUS_5XX, "requests_total", "{status=\"5xx\"}", "")                    \
    X(STATUS_NONE, "requests_total", "{status=\"none\"}", "")                  \
    X(SENT_NBYTES, "sent_body_bytes_total", "", "Bytes of bodies announced")   \
    X(TILES_PREPARED, "tiles_total", "{path=\"prepared\"}",                    \
      "Tile requests by where they were answered")                             \
    X(TILES_WARM, "tiles_total", "{path=\"warm\"}", "")                        \
    X(TILES_COLD, "tiles_total", "{path=\"cold\"}", "")                        \
    X(TILES_UNREADABLE, "tiles_unreadable_total", "",                          \
      "Tiles that could not be read or verified")                              \
    X(REFUSED_BUSY, "refused_total", "{cap=\"views_or_bodies\"}",              \
      "Requests refused at a cap")                                             \
    X(REFUSED_QUEUE, "refused_total", "{cap=\"queue\"}", "")                   \
    X(REFUSED_WAIT, "refused_total", "{cap=\"wait\"}", "")                     \
    X(REFUSED_DOCUMENTS, "refused_total", "{cap=\"documents\"}", "")           \
    X(REFUSED_RATE, "refused_total", "{cap=\"address_rate\"}", "")             \
    X(REFUSED_ADDRESS, "refused_total", "{cap=\"address_connections\"}", "")   \
    X(ACCEPTED, "connections_accepted_total", "", "Connections accepted")      \
    X(ACCEPT_PAUSED, "accept_paused_total", "",                                \
      "Times that accepting stopped at the connection cap")                    \
    X(LATE_HEADER, "deadline_total", "{phase=\"header\"}",                     \
      "Connections closed at a deadline")                                      \
    X(LATE_IDLE, "deadline_total", "{phase=\"idle\"}", "")                     \
    X(LATE_SEND, "deadline_total", "{phase=\"send\"}", "")                     \
    X(RELOADS, "reloads_total", "{result=\"changed\"}",                        \
      "Generations taken into service, and failures to")                       \
    X(RELOADS_FAILED, "reloads_total", "{result=\"failed\"}", "")              \
    X(MAJOR_FAULTS, "loop_major_faults_total", "",                             \
      "Page faults of event loops that waited for a medium")                   \
    X(LOG_LINES_LOST, "access_log_lost_total", "",                             \
      "Access log lines dropped because the reader was too slow")              \
    X(SCRUBBED_NBYTES, "scrubbed_bytes_total", "",                             \
      "Bytes verified in the background")                                      \
    X(SCRUB_FAILURES, "scrub_failures_total", "",                              \
      "Tiles found damaged in the background")

enum counter {
#define COUNTER_ENUM(name, metric, labels, help) COUNTER_##name,
    COUNTER_LIST(COUNTER_ENUM)
#undef COUNTER_ENUM
        COUNTER_COUNT
};

/* Upper bounds of the request time histogram, in microseconds. */
#define LATENCY_BOUNDS_US                                                      \
    {                                                                          \
        100, 250, 500, 1000, 2500, 5000, 10000, 50000, 250000, 1000000,        \
            5000000                                                            \
    }
enum { LATENCY_BUCKETS = 11 };

/* One event loop's counters, or those of everybody else. Only one thread
 * should write often, so that the cache line stays with it. */
struct counters {
    _Alignas(64) _Atomic uint64_t value[COUNTER_COUNT];
    _Atomic uint64_t latency[LATENCY_BUCKETS + 1];
    _Atomic uint64_t latency_sum_us;
};

void counter_add(struct counters *counters, enum counter which, uint64_t n);
void counter_latency(struct counters *counters, int64_t us);

/* Adds `from` to *into, for a sum over loops. */
void counters_sum(struct counters *into, const struct counters *from);

/* An amount under a cap, with the highest value it ever had. */
struct gauge {
    _Atomic uint64_t now, high;
};

/* Takes `n` more unless that would be above `cap`; never overshoots. */
bool gauge_take(struct gauge *gauge, uint64_t n, uint64_t cap);

/* As gauge_take(), trying again for up to `wait_ms`. It blocks: for helper
 * threads only. */
bool gauge_wait(struct gauge *gauge, uint64_t n, uint64_t cap,
                uint64_t wait_ms);
void gauge_give(struct gauge *gauge, uint64_t n);

/* Writes the counters in Prometheus's text format, names "imbrex_...". */
void metrics_write_counters(struct buffer *out,
                            const struct counters *counters);

/* Writes one value: NAME, its help, its type and, where cap is not 0, NAME_cap
 * and NAME_high beside it. */
struct metric_value {
    const char *name, *help, *type;
    uint64_t now, high, cap;
};
void metrics_write_value(struct buffer *out, const struct metric_value *value);

#endif
