/* build.h - what `imbrex-tiler build` was told, and the two ways to build. */
#ifndef TILER_BUILD_H
#define TILER_BUILD_H

#include "tiler/cli/options.h"
#include "tiler/raster/options.h"
#include "tiler/vector/options.h"

/* Options that rasters and vectors share. Strings are borrowed from argv. */
struct build_options {
    struct common_options common;
    const char *output;                           /* OUT.imbrex; never NULL */
    const char *name, *attribution, *description; /* NULL: not given */
    struct bbox bbox;
    struct zoom_range zooms;
    int64_t threads;        /* 1.. */
    uint64_t memory_nbytes; /* the whole process's bound */
    const char *temp_dir;   /* NULL: inside the output */
    uint64_t pack_nbytes;
    bool resume, restart, replace, strict;
    uint64_t inputs_hash; /* fingerprint of all files that the inputs are of */
    struct raster_options raster;
    struct vector_options vector;
};

/* Builds the inputs (at least one, every one known to hold a raster) into
 * options->output. Reports what goes wrong; returns an exit code. */
int build_raster(const struct build_options *options,
                 const struct operands *inputs);

/* The same for inputs that hold vector layers and no raster. */
int build_vector(const struct build_options *options,
                 const struct operands *inputs);

#endif
