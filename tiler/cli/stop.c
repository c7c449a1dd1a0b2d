#include "tiler/cli/stop.h"

#include <stddef.h>

/* A signal handler has no other way to say something. */
static volatile sig_atomic_t stop_flag;

static void on_signal(int number)
{
    (void)number;
    stop_flag = 1;
}

const volatile sig_atomic_t *stop_install(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    /* One shot, so that an impatient second Ctrl-C works as ever; no
     * SA_RESTART, so that a blocking call returns and the flag is seen. */
    action.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    return &stop_flag;
}

bool stop_requested(void)
{
    return stop_flag != 0;
}
