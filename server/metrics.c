#include "server/metrics.h"

#include <string.h>

#include "server/clock.h"

static const uint64_t latency_bounds_us[LATENCY_BUCKETS] = LATENCY_BOUNDS_US;

void counter_add(struct counters *counters, enum counter which, uint64_t n)
{
    atomic_fetch_add_explicit(&counters->value[which], n, memory_order_relaxed);
}

void counter_latency(struct counters *counters, int64_t us)
{
    uint64_t took = us < 0 ? 0 : (uint64_t)us;
    size_t i = 0;
    while (i < LATENCY_BUCKETS && took > latency_bounds_us[i])
        i++;
    atomic_fetch_add_explicit(&counters->latency[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counters->latency_sum_us, took,
                              memory_order_relaxed);
}

static uint64_t load(const _Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

void counters_sum(struct counters *into, const struct counters *from)
{
    for (size_t i = 0; i < COUNTER_COUNT; i++)
        counter_add(into, (enum counter)i, load(&from->value[i]));
    for (size_t i = 0; i <= LATENCY_BUCKETS; i++)
        atomic_fetch_add(&into->latency[i], load(&from->latency[i]));
    atomic_fetch_add(&into->latency_sum_us, load(&from->latency_sum_us));
}

bool gauge_take(struct gauge *gauge, uint64_t n, uint64_t cap)
{
    uint64_t now = load(&gauge->now);
    do {
        if (n > cap || now > cap - n)
            return false;
    } while (!atomic_compare_exchange_weak(&gauge->now, &now, now + n));
    uint64_t high = load(&gauge->high);
    while (now + n > high &&
           !atomic_compare_exchange_weak(&gauge->high, &high, now + n))
        continue;
    return true;
}

bool gauge_wait(struct gauge *gauge, uint64_t n, uint64_t cap, uint64_t wait_ms)
{
    static const struct timespec pause = {.tv_nsec = 1000000};
    int64_t deadline_ms = clock_ms() + (int64_t)wait_ms;
    /* Asked again and again, since those who give back must not take a lock:
     * they are event loops. */
    while (!gauge_take(gauge, n, cap)) {
        if (n > cap || clock_ms() >= deadline_ms)
            return false;
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

void gauge_give(struct gauge *gauge, uint64_t n)
{
    atomic_fetch_sub(&gauge->now, n);
}

static void write_latency(struct buffer *out, const struct counters *counters)
{
    uint64_t sum = 0;
    buffer_puts(out, "# HELP imbrex_request_seconds From a request's head to "
                     "the end of its answer\n"
                     "# TYPE imbrex_request_seconds histogram\n");
    for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
        sum += load(&counters->latency[i]);
        buffer_printf(out, "imbrex_request_seconds_bucket{le=\"%g\"} %llu\n",
                      (double)latency_bounds_us[i] / 1e6,
                      (unsigned long long)sum);
    }
    sum += load(&counters->latency[LATENCY_BUCKETS]);
    buffer_printf(out,
                  "imbrex_request_seconds_bucket{le=\"+Inf\"} %llu\n"
                  "imbrex_request_seconds_sum %.6f\n"
                  "imbrex_request_seconds_count %llu\n",
                  (unsigned long long)sum,
                  (double)load(&counters->latency_sum_us) / 1e6,
                  (unsigned long long)sum);
}

void metrics_write_counters(struct buffer *out, const struct counters *counters)
{
    static const struct {
        const char *metric, *labels, *help;
    } rows[] = {
#define COUNTER_ROW(name, metric, labels, help) {metric, labels, help},
        COUNTER_LIST(COUNTER_ROW)
#undef COUNTER_ROW
    };
    for (size_t i = 0; i < COUNTER_COUNT; i++) {
        if (i == 0 || strcmp(rows[i].metric, rows[i - 1].metric) != 0)
            buffer_printf(out,
                          "# HELP imbrex_%s %s\n# TYPE imbrex_%s counter\n",
                          rows[i].metric, rows[i].help, rows[i].metric);
        buffer_printf(out, "imbrex_%s%s %llu\n", rows[i].metric, rows[i].labels,
                      (unsigned long long)load(&counters->value[i]));
    }
    write_latency(out, counters);
}

static void write_one(struct buffer *out, const char *name, const char *suffix,
                      const struct metric_value *value, uint64_t number)
{
    buffer_printf(out,
                  "# HELP imbrex_%s%s %s%s\n# TYPE imbrex_%s%s %s\n"
                  "imbrex_%s%s %llu\n",
                  name, suffix, value->help,
                  suffix[0] == '\0'             ? ""
                  : strcmp(suffix, "_cap") == 0 ? ": the cap"
                                                : ": the most there ever was",
                  name, suffix, suffix[0] == '\0' ? value->type : "gauge", name,
                  suffix, (unsigned long long)number);
}

void metrics_write_value(struct buffer *out, const struct metric_value *value)
{
    write_one(out, value->name, "", value, value->now);
    if (value->cap == 0)
        return;
    write_one(out, value->name, "_cap", value, value->cap);
    write_one(out, value->name, "_high", value, value->high);
}
