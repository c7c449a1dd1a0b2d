/* access_log.h - one line per request on standard output, written by a thread
 * of its own: a slow reader loses lines, it never delays a request. */
#ifndef IBX_SERVER_ACCESS_LOG_H
#define IBX_SERVER_ACCESS_LOG_H

#include "server/exchange.h"
#include "server/metrics.h"
#include "server/options.h"

struct access_logger;

/* NULL on failure. `format` is PLAIN (combined) or JSON. */
struct access_logger *access_logger_open(enum access_log format,
                                         struct counters *counters,
                                         size_t stack_nbytes);

/* Adds a line; drops and counts it when the buffer is full. Any thread. */
void access_logger_add(struct access_logger *logger, const struct exchange *x,
                       bool whole, int64_t took_us);

/* Writes what is left and frees. NULL is allowed. */
void access_logger_close(struct access_logger *logger);

/* Formats one line with its newline; for access_logger_add() and tests.
 * Quotes, backslashes and controls of the client's text are escaped. */
struct access_line {
    const struct peer *client;
    int64_t unix_s;
    const char *method, *target;
    bool http10;
    unsigned status; /* 0: none was sent */
    uint64_t nbytes;
    int64_t took_us;
    bool whole;
    struct span referer, user_agent;
};
void access_line_format(enum access_log format, const struct access_line *line,
                        struct buffer *out);

#endif
