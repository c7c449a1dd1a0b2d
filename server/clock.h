/* clock.h - monotonic time. */
#ifndef IBX_SERVER_CLOCK_H
#define IBX_SERVER_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds and microseconds since some moment before the start. */
static inline int64_t clock_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static inline int64_t clock_ms(void)
{
    return clock_us() / 1000;
}

#endif
