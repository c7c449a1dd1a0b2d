/* pmtiles_dirs.h - the directories of an archive being written.
 *
 * Entries come in id order, any number of them. They end up as one root
 * directory, or as leaves and a root of pointers where one directory would
 * not fit into the first 16 KiB. Leaves lie in an unnamed temporary file. */
#ifndef IBX_CONVERT_PMTILES_DIRS_H
#define IBX_CONVERT_PMTILES_DIRS_H

#include "tiler/convert/pmtiles.h"

struct pmtiles_dirs;

/* `temp_dir` and `beside` as in temp_file(). */
IBX_MUST_CHECK enum ibx_status pmtiles_dirs_open(const char *temp_dir,
                                                 const char *beside,
                                                 struct pmtiles_dirs **out,
                                                 struct ibx_err *err);

/* A run of tiles; one that goes on where the last one ended, with the same
 * content, only makes that longer. Runs may be of any length. */
IBX_MUST_CHECK enum ibx_status pmtiles_dirs_add(struct pmtiles_dirs *dirs,
                                                uint64_t first_id,
                                                uint64_t count,
                                                struct pmtiles_entry where,
                                                struct ibx_err *err);

/* What came of it. `root` and `leaves_fd` are the builder's until it is
 * closed; both are gzip. */
struct pmtiles_dirs_result {
    struct bytes root;
    int leaves_fd;
    uint64_t leaves_nbytes; /* 0: the root holds everything */
    uint64_t entries;       /* runs of tiles */
};

IBX_MUST_CHECK enum ibx_status pmtiles_dirs_finish(
    struct pmtiles_dirs *dirs, struct pmtiles_dirs_result *out,
    struct ibx_err *err);

/* NULL is allowed. */
void pmtiles_dirs_close(struct pmtiles_dirs *dirs);

#endif
