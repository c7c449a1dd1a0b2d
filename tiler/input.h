/* input.h - what kind of data an input holds, as GDAL sees it. */
#ifndef TILER_INPUT_H
#define TILER_INPUT_H

enum input_kind {
    INPUT_UNREADABLE, /* reported */
    INPUT_RASTER,
    INPUT_VECTOR,
};

/* Opens `path` and looks. A file that holds both is a raster. */
enum input_kind input_kind(const char *path);

#endif
