/* source.h - a container of tiles, read from front to back.
 *
 * Every container looks the same from outside: metadata, then tiles in
 * whatever order it keeps them. Memory does not grow with their number. A
 * source is used by one thread. */
#ifndef IBX_CONVERT_SOURCE_H
#define IBX_CONVERT_SOURCE_H

#include "tiler/convert/meta.h"

/* A run of consecutive ids inside one zoom with the same bytes, which are
 * valid until the next call. */
struct source_tile {
    uint64_t first_id, count;
    struct bytes bytes;
    struct tile_kind declared; /* what the container says it is */
};

struct source;

struct source_ops {
    /* IBX_OK, or IBX_NOT_FOUND behind the last tile; or a failure that names
     * the file, the place and the cause in *err. */
    enum ibx_status (*next)(struct source *source, struct source_tile *out,
                            struct ibx_err *err);
    /* After the last tile: fails when what was read cannot be trusted.
     * NULL: nothing to check. */
    enum ibx_status (*check)(struct source *source, struct ibx_err *err);
    void (*close)(struct source *source); /* frees the source too */
};

/* What every source begins with. */
struct source {
    const struct source_ops *ops;
    const char *path; /* borrowed */
    struct meta meta;
    struct tile_kind declared; /* for all tiles; UNKNOWN where not said */
    bool encoding_declared;
    uint64_t tiles_expected; /* for progress only; 0: not known */
    uint64_t skipped;        /* files that are no tiles */
    char skipped_first[128]; /* the first of them */
};

enum source_kind {
    SOURCE_DETECT,
    SOURCE_MBTILES,
    SOURCE_PMTILES,
    SOURCE_FOLDER,
    SOURCE_METATILE,
    SOURCE_BUNDLE,
};

enum source_scheme { SCHEME_XYZ, SCHEME_TMS };

struct source_options {
    enum source_kind kind;
    enum source_scheme scheme; /* folders: whether y counts from the south */
    bool drop_grids;           /* MBTiles: go on without the UTFGrids */
};

/* Opens whatever `path` is. Paths must outlive the source.
 * IBX_ERR_MISSING, _SYSTEM, _CORRUPT, _UNSUPPORTED, _NOMEM. */
IBX_MUST_CHECK enum ibx_status source_open(const char *path,
                                           const struct source_options *options,
                                           struct source **out,
                                           struct ibx_err *err);

/* NULL is allowed. */
void source_close(struct source *source);

/* The openers of the kinds, for source_open(). */
IBX_MUST_CHECK enum ibx_status mbtiles_source_open(
    const char *path, const struct source_options *options, struct source **out,
    struct ibx_err *err);
IBX_MUST_CHECK enum ibx_status pmtiles_source_open(
    const char *path, const struct source_options *options, struct source **out,
    struct ibx_err *err);
IBX_MUST_CHECK enum ibx_status folder_source_open(
    const char *path, const struct source_options *options, struct source **out,
    struct ibx_err *err);
IBX_MUST_CHECK enum ibx_status metatile_source_open(
    const char *path, const struct source_options *options, struct source **out,
    struct ibx_err *err);
IBX_MUST_CHECK enum ibx_status bundle_source_open(
    const char *path, const struct source_options *options, struct source **out,
    struct ibx_err *err);

#endif
