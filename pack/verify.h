/* verify.h - check a whole tileset against every rule of docs/format.md, and
 * put damaged packs right from another folder. Part of the writer's library,
 * because a file's name promises its SHA-256.
 *
 * Files are streamed: memory is about 2 MiB per thread and does not depend on
 * the size or number of packs. */
#ifndef IBX_PACK_VERIFY_H
#define IBX_PACK_VERIFY_H

#include <signal.h>

#include "pack/imbrex.h"

enum { IBX_VERIFY_THREADS_MAX = 64 };

/* One thing that is wrong. Both texts live as long as the call. */
struct ibx_problem {
    enum ibx_status status; /* IBX_ERR_* */
    const char *file;
    const char *what; /* for people, without the file's name */
};

struct ibx_verify_options {
    const char *generation; /* NULL: the one in CURRENT */
    unsigned threads;       /* 1..IBX_VERIFY_THREADS_MAX */
    /* Where good packs may be found: another tileset's folder, or any folder
     * that holds files called <64 hex>.ibx. NULL: nothing is changed. Else a
     * missing or damaged pack is replaced by a file whose SHA-256 was compared
     * with the name while it was copied: beside, synced, renamed. */
    const char *repair_from;
    /* Instead of repair_from: writes the file that a tileset calls `name`,
     * "packs/<2 hex>/<64 hex>.ibx", to `fd` from wherever it can be had. Any
     * thread, several at once. NULL: not used. */
    enum ibx_status (*fetch)(void *arg, const char *name, int fd,
                             struct ibx_err *err);
    const volatile sig_atomic_t *stop; /* ends with ERR_INTERRUPTED; or NULL */
    /* Called by any thread, but by one at a time. Each may be NULL. */
    void (*problem)(void *arg, const struct ibx_problem *problem);
    void (*repaired)(void *arg, const char *file);
    void (*progress)(void *arg, uint64_t nbytes_done, uint64_t nbytes_total);
    void *arg; /* of all of these */
};

struct ibx_verify_result {
    char generation[IBX_GENERATION_NCHARS + 1]; /* "" when none was found */
    uint64_t problems; /* those that remain; the callback had each */
    uint64_t packs, packs_bad, packs_repaired;
    uint64_t tile_count, blob_count; /* in the packs that are good */
    uint64_t nbytes;                 /* read, manifest included */
};

/* Checks CURRENT, the manifest's name, header, pages, order and sums, and of
 * every pack the length, SHA-256, header, index, blobs and what the manifest
 * says of it. IBX_OK when everything was looked at, whatever was found: the
 * answer is in *out. ERR_BUSY (repair only: a writer has the folder),
 * ERR_INVALID, ERR_INTERRUPTED, ERR_NOMEM, ERR_SYSTEM (no thread starts). */
IBX_MUST_CHECK enum ibx_status ibx_verify(
    const char *folder, const struct ibx_verify_options *options,
    struct ibx_verify_result *out, struct ibx_err *err);

/* The pack size that the tileset was built for: fill is measured by it. */
uint64_t ibx_tileset_pack_nbytes_cap(const struct ibx_tileset *tileset);

#endif
