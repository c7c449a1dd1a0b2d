#include "server/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/clock.h"

enum { LINES_PER_SECOND = 20 };

/* The process has one standard error, so one level and one rate for it. */
static struct {
    enum log_level level;
    _Atomic int64_t second;
    _Atomic unsigned used;
    _Atomic uint64_t suppressed;
} log_state = {.level = LOG_INFO};

void log_level_set(enum log_level level)
{
    log_state.level = level;
}

void log_line(enum log_level level, const char *format, ...)
{
    static const char prefix[] = "imbrex-server: ";
    char line[1400];
    size_t used = sizeof(prefix) - 1;
    va_list args;
    if (level > log_state.level)
        return;
    memcpy(line, prefix, used);
    va_start(args, format);
    int len = vsnprintf(line + used, sizeof(line) - used - 1, format, args);
    va_end(args);
    if (len < 0)
        return;
    size_t room = sizeof(line) - used - 2;
    size_t end = used + ((size_t)len < room ? (size_t)len : room);
    for (size_t i = used; i < end; i++) {
        unsigned char c = (unsigned char)line[i];
        if (c < 0x20 || c == 0x7f)
            line[i] = '?';
    }
    line[end++] = '\n';
    /* There is nowhere left to report a failure of this. */
    ssize_t written = write(STDERR_FILENO, line, end);
    (void)written;
}

void log_describe(const struct ibx_err *err, char *out, size_t nbytes)
{
    const char *what =
        err->what[0] != '\0' ? err->what : ibx_status_text(err->status);
    /* The library's text holds the system's reason already. */
    (void)snprintf(out, nbytes, "%s%s%s", err->file,
                   err->file[0] != '\0' ? ": " : "", what);
}

bool log_allows(void)
{
    int64_t now = clock_ms() / 1000;
    if (atomic_exchange(&log_state.second, now) != now)
        atomic_store(&log_state.used, 0);
    if (atomic_fetch_add(&log_state.used, 1) < LINES_PER_SECOND)
        return true;
    atomic_fetch_add(&log_state.suppressed, 1);
    return false;
}

uint64_t log_suppressed(void)
{
    return atomic_load(&log_state.suppressed);
}
