/* repair.h - put a good copy of a pack in the place of a bad or missing one. */
#ifndef IBX_PACK_WRITER_REPAIR_H
#define IBX_PACK_WRITER_REPAIR_H

#include "pack/writer/folder.h"

struct ibx_repair {
    const struct ibx_folder *folder; /* locked */
    const char *from; /* a tileset, its packs/, or a flat folder of packs */
    /* Instead of `from`, as in struct ibx_verify_options; or NULL. */
    enum ibx_status (*fetch)(void *arg, const char *name, int fd,
                             struct ibx_err *err);
    void *arg;
    unsigned worker; /* distinguishes the unfinished files of threads */
};

/* Copies the pack named `sha256` or fetches it, comparing the SHA-256 on the
 * way, syncs it and renames it to its place. On failure the place holds what
 * it held. ERR_MISSING (`from` has no such file), ERR_CORRUPT (what it has is
 * bad too), ERR_SYSTEM, ERR_NOMEM. */
IBX_MUST_CHECK enum ibx_status ibx_repair_pack(
    const struct ibx_repair *repair, const uint8_t sha256[IBX_SHA256_NBYTES],
    struct ibx_err *err);

/* Tidies up when all threads are done. */
void ibx_repair_end(const struct ibx_folder *folder);

#endif
