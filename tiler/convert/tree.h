/* tree.h - the files below a folder, one after the other.
 *
 * Folders are read as the system lists them; only those on the way down to
 * the current file are open. */
#ifndef IBX_CONVERT_TREE_H
#define IBX_CONVERT_TREE_H

#include <dirent.h>

#include "tiler/convert/buf.h"

enum { TREE_DEPTH_MAX = 10 };

struct tree {
    DIR *dirs[TREE_DEPTH_MAX];
    size_t lengths[TREE_DEPTH_MAX]; /* of `path` without what is below */
    int depth;
    struct buf path;
};

/* Starts at a folder, or at a single file, which is then all there is.
 * IBX_ERR_MISSING, _SYSTEM, _NOMEM. */
IBX_MUST_CHECK enum ibx_status tree_open(const char *path, struct tree *out,
                                         struct ibx_err *err);

/* The path of the next file whose name ends in `suffix`, borrowed until the
 * next call. Names with a dot in front are left out; others are counted in
 * *skipped. IBX_NOT_FOUND at the end; IBX_ERR_SYSTEM, _NOMEM, and _TOO_LARGE
 * for folders nested too deep. */
IBX_MUST_CHECK enum ibx_status tree_next(struct tree *tree, const char *suffix,
                                         uint64_t *skipped, const char **out,
                                         struct ibx_err *err);

void tree_close(struct tree *tree);

#endif
