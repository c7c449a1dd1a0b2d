/* stdin.h - standard input as a file that GDAL can open more than once. */
#ifndef TILER_CLI_STDIN_H
#define TILER_CLI_STDIN_H

#include <stdbool.h>

/* Copies standard input to an unnamed file in `dir` and sets *path, to be
 * free()d, to a name that opens it while this process lives; gzip is opened
 * unpacked. False, and reported, when that cannot be. */
bool stdin_spool(const char *dir, char **path);

/* Whether a path is one of these, and the name its layer gets. */
bool stdin_is_spool(const char *path);
#define STDIN_LAYER "stdin"

#endif
