/* input.h - what kind of data an input holds, as GDAL sees it. */
#ifndef TILER_INPUT_H
#define TILER_INPUT_H

#include <stdint.h>

enum input_kind {
    INPUT_UNREADABLE, /* reported */
    INPUT_RASTER,
    INPUT_VECTOR,
};

/* Opens `path` and looks; a file that holds both is a raster. What GDAL does
 * not know but is named .zip or .gz is looked into. On success *opened is the
 * name under which GDAL opens it; free() it; and the fingerprints of that name
 * and of all files that GDAL says it is made of (a Shapefile's .dbf, a
 * picture's world file) are mixed into *hash. */
enum input_kind input_find(const char *path, char **opened, uint64_t *hash);

#endif
