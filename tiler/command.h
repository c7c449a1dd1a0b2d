/* command.h - the commands of imbrex-tiler.
 *
 * A command is a function like main(): argv[0] is its own name, options and
 * operands follow. It returns one of the exit codes below. To add one, declare
 * it here and give it a row in main.c. */
#ifndef TILER_COMMAND_H
#define TILER_COMMAND_H

/* Stable: scripts depend on them. */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,      /* or lost data under --strict */
    EXIT_USAGE = 2,       /* the command line is wrong */
    EXIT_INTERRUPTED = 3, /* stopped by a signal; --resume goes on */
};

struct command {
    const char *name;
    const char *summary; /* one line for --help */
    int (*run)(int argc, char **argv);
};

int command_build(int argc, char **argv);
int command_import(int argc, char **argv);
int command_export(int argc, char **argv);
int command_copy(int argc, char **argv);
int command_extract(int argc, char **argv);
int command_merge(int argc, char **argv);
int command_diff(int argc, char **argv);
int command_edit(int argc, char **argv);
int command_stats(int argc, char **argv);
int command_tile(int argc, char **argv);
int command_info(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_gc(int argc, char **argv);

#endif
