/* stop.h - SIGINT and SIGTERM ask for an orderly end. */
#ifndef TILER_CLI_STOP_H
#define TILER_CLI_STOP_H

#include <signal.h>
#include <stdbool.h>

/* From now on the first SIGINT or SIGTERM only sets the flag returned, which
 * lives as long as the process; a second one ends the process at once. */
const volatile sig_atomic_t *stop_install(void);

/* True once a signal has come. Any thread. */
bool stop_requested(void);

#endif
