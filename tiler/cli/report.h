/* report.h - diagnostics on standard error, one line each:
 *     imbrex-tiler: FILE: what is wrong: what to do
 * Any thread. */
#ifndef TILER_CLI_REPORT_H
#define TILER_CLI_REPORT_H

#include "pack/imbrex.h"

/* `file` names what the line is about (a path, an option) and `advice` says
 * what to do; either may be NULL. `what` is a printf format. */
void report(const char *file, const char *advice, const char *what, ...)
    __attribute__((format(printf, 3, 4)));

/* A failure of the pack library, with the system's reason and, where there is
 * an obvious remedy, the remedy. */
void report_err(const struct ibx_err *err);

#endif
