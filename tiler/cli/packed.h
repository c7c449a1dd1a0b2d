/* packed.h - the file on disk behind a name that GDAL unpacks. */
#ifndef TILER_CLI_PACKED_H
#define TILER_CLI_PACKED_H

#include <stdbool.h>
#include <sys/stat.h>

/* stat() of `path`, or of the .gz or .zip behind "/vsigzip/X" and
 * "/vsizip/X/INSIDE". False when no such file is there; *info is then
 * unspecified. */
bool packed_stat(const char *path, struct stat *info);

#endif
