#include <stdio.h>

#include "server/health_check.h"
#include "server/log.h"
#include "server/options.h"
#include "server/server.h"

extern char **environ;

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

int main(int argc, char **argv)
{
    struct options options;
    char error[OPTIONS_ERROR_NBYTES];
    int code = EXIT_DONE;
    options_init(&options);
    if (!options_read(&options, argc, argv, environ, error)) {
        log_line(LOG_ERROR, "%s", error);
        code = EXIT_USAGE;
    } else if (options.help) {
        options_usage(stdout);
    } else if (options.version) {
        (void)printf("imbrex-server %s\n", IBX_VERSION);
    } else if (options.check_health != NULL) {
        code = health_check(options.check_health) ? EXIT_DONE : EXIT_FAILED;
    } else {
        log_level_set(options.quiet != 0     ? LOG_ERROR
                      : options.verbose != 0 ? LOG_DEBUG
                                             : LOG_INFO);
        code = server_run(&options) == 0 ? EXIT_DONE : EXIT_FAILED;
    }
    options_fini(&options);
    if (fflush(stdout) != 0)
        code = EXIT_FAILED;
    return code;
}
