/* fault.h - let the nth call fail, or kill the process there.
 *
 * The program is linked with a copy of the library whose calls of malloc, open
 * and so on were renamed to fault_malloc, fault_open and so on, which fault.c
 * defines: so every call that the library makes comes by here and none of the
 * test's own. Nothing fails while nothing is armed. For one thread. */
#ifndef IBX_TESTS_FAULT_FAULT_H
#define IBX_TESTS_FAULT_FAULT_H

#include <stdbool.h>

enum fault_action {
    FAULT_ONCE,   /* the nth call fails */
    FAULT_STICKY, /* and all later calls of the same function */
    FAULT_KILL,   /* SIGKILL instead of the nth call */
};

/* The nth call from now on, counted from 1. `variant` chooses among the
 * errors that the function is known for. */
void fault_arm(enum fault_action action, unsigned n, unsigned variant);

/* Whether it fired. */
bool fault_disarm(void);

/* The function that failed last, and its errno. */
const char *fault_function(void);
int fault_errno(void);

/* How many blocks, maps and descriptors the wrapped calls hold now. */
struct fault_held {
    long blocks, maps, descriptors;
};
struct fault_held fault_held(void);

/* free() for what the library handed over. */
void fault_free(void *block);

#endif
