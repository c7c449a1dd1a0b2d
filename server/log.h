/* log.h - events for people, one line each, on standard error. */
#ifndef IBX_SERVER_LOG_H
#define IBX_SERVER_LOG_H

#include <stddef.h>

#include "pack/imbrex.h"

enum log_level { LOG_ERROR, LOG_INFO, LOG_DEBUG };

/* Lines above this level are dropped. Call before threads start. */
void log_level_set(enum log_level level);

/* Writes "imbrex-server: ..." and a newline with one write(). Line breaks and
 * other controls inside the text become '?'. Any thread. */
void log_line(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "FILE: what is wrong: system's reason", for a message. */
void log_describe(const struct ibx_err *err, char *out, size_t nbytes);

/* True at most 20 times a second, so that a damaged pack that is
 * asked for all the time does not fill the disk. Any thread. */
bool log_allows(void);

/* Lines that log_allows() has suppressed since the start. */
uint64_t log_suppressed(void);

#endif
