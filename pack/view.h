/* view.h - one open pack: its bytes mapped, its index checked and in memory.
 *
 * A view never changes after opening but for two bitmaps that remember what
 * was touched and what was verified. Which views exist, and how many, is the
 * cache's business (cache.h). */
#ifndef IBX_PACK_VIEW_H
#define IBX_PACK_VIEW_H

#include <stdatomic.h>

#include "pack/format.h"

struct ibx_view {
    struct ibx_pack_header header;
    struct ibx_index_entry *index;
    uint8_t *base;     /* the whole file; NULL when it is read, not mapped */
    size_t map_nbytes; /* 0 when not mapped */
    uint64_t file_nbytes;
    /* One bit per page of the map that was read since `epoch`. */
    _Atomic uint64_t *touched;
    size_t touched_nwords;
    uint32_t page_nbytes, block_nbytes; /* powers of two */
    _Atomic uint64_t epoch;
    /* One bit per index entry whose blob's checksum has been compared. */
    _Atomic uint64_t *verified;
};

/* What opening needs to know beside the path. */
struct ibx_view_plan {
    const struct ibx_pack_info *info; /* what the manifest says of the pack */
    uint32_t block_nbytes; /* what is read around a tile; 0: the tile alone */
    bool map;              /* false: an oversize pack, read by pread() */
};

/* Private memory that a view with this many index entries and mapped bytes
 * takes. */
size_t ibx_view_index_nbytes(uint64_t entry_count, uint64_t map_nbytes);

/* Reads and checks header and index through `fd` and maps the file; `fd` may
 * be closed afterwards. `reserve` is asked for ibx_view_index_nbytes() before
 * they are allocated and returns a status. On failure *view is untouched and
 * nothing is mapped; what `reserve` granted is the caller's to give back.
 * ERR_CORRUPT, ERR_UNSUPPORTED, ERR_SYSTEM, ERR_NOMEM (errno ENOMEM when the
 * address space is full), or what `reserve` returned. */
struct ibx_view_reserve {
    enum ibx_status (*ask)(void *arg, size_t nbytes, struct ibx_err *err);
    void *arg;
};
IBX_MUST_CHECK enum ibx_status ibx_view_open(struct ibx_view *view, int fd,
                                             const char *path,
                                             const struct ibx_view_plan *plan,
                                             struct ibx_view_reserve reserve,
                                             struct ibx_err *err);

/* Unmaps and frees; advises the kernel first when `cold`. */
void ibx_view_close(struct ibx_view *view, bool cold);

/* The number of the entry that covers `id`, or -1 where the pack holds no
 * tile. No system call, no fault, no allocation. */
int64_t ibx_view_find(const struct ibx_view *view, uint64_t id);

/* ---- reading blobs ----------------------------------------------------- */

/* True when every page of [off, off + nbytes) of the map was touched in
 * `epoch`. */
bool ibx_view_is_touched(struct ibx_view *view, uint64_t off, uint64_t nbytes,
                         uint64_t epoch);

/* Bytes that a blob takes at most as far as the index tells, up to a block. A
 * hint: an equal tile further on, or the last one, tells nothing. */
uint64_t ibx_view_reach(const struct ibx_view *view, int64_t entry);

struct ibx_stretch {
    uint64_t off, nbytes;
};

/* Asks the kernel to read [off, off + nbytes): these pages alone where nothing
 * else of their blocks was touched in `epoch`, else their whole blocks. So a
 * place that is visited once costs one tile, a place that is looked around in
 * one read more, and memory that is too small to keep blocks is not filled with
 * them. Returns what was asked for. */
struct ibx_stretch ibx_view_prefetch(struct ibx_view *view, uint64_t off,
                                     uint64_t nbytes, uint64_t epoch);

/* Marks pages as touched in `epoch`. */
void ibx_view_touch(struct ibx_view *view, struct ibx_stretch what,
                    uint64_t epoch);

/* Copies file bytes out of the map under the guard; the range must lie in the
 * file as it was when opened. False: the file is shorter now. */
bool ibx_view_read(const struct ibx_view *view, uint64_t off, void *to,
                   size_t nbytes);

bool ibx_view_is_verified(const struct ibx_view *view, int64_t entry);
void ibx_view_set_verified(struct ibx_view *view, int64_t entry);

#endif
