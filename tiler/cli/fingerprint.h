/* fingerprint.h - whether inputs are the files that they were. */
#ifndef TILER_CLI_FINGERPRINT_H
#define TILER_CLI_FINGERPRINT_H

#include <stdint.h>

#define FINGERPRINT_BEGIN UINT64_C(0xcbf29ce484222325)

/* Mixes the name, the size and the time of change of an input into `hash`,
 * which began as FINGERPRINT_BEGIN. Of "/vsigzip/X" and "/vsizip/X/INSIDE",
 * names that GDAL unpacks, the .gz or .zip X counts. A file that is not there
 * has its name alone. Tells what changed by accident, not by an enemy. */
uint64_t fingerprint_input(uint64_t hash, const char *path);

#endif
