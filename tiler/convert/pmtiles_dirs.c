#include "tiler/convert/pmtiles_dirs.h"

#include <stdlib.h>
#include <unistd.h>

#include "tiler/convert/compress.h"
#include "tiler/convert/file.h"

enum {
    CHUNK_ENTRIES = 4096,
    LEAF_ENTRIES_MIN = 4096,  /* what a client fetches at a time */
    ROOT_ENTRIES_MAX = 16384, /* more never fit into the root */
};

struct pmtiles_dirs {
    const char *temp_dir, *beside;
    int fd;        /* entries, all but the last ones */
    int leaves_fd; /* packed leaves; -1: none */
    uint64_t leaves_nbytes;
    uint64_t written; /* entries in the file */
    struct pmtiles_entry chunk[CHUNK_ENTRIES];
    size_t count;
    struct pmtiles_entry *leaf, *root; /* while finishing */
    struct buf raw, packed;
};

enum ibx_status pmtiles_dirs_open(const char *temp_dir, const char *beside,
                                  struct pmtiles_dirs **out,
                                  struct ibx_err *err)
{
    struct pmtiles_dirs *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return convert_no_memory(err, NULL);
    d->temp_dir = temp_dir;
    d->beside = beside;
    d->leaves_fd = -1;
    d->fd = temp_file(temp_dir, beside, err);
    if (d->fd < 0) {
        free(d);
        return IBX_ERR_SYSTEM;
    }
    *out = d;
    return IBX_OK;
}

void pmtiles_dirs_close(struct pmtiles_dirs *d)
{
    if (d == NULL)
        return;
    close(d->fd);
    if (d->leaves_fd >= 0)
        close(d->leaves_fd);
    free(d->leaf);
    free(d->root);
    buf_free(&d->raw);
    buf_free(&d->packed);
    free(d);
}

static enum ibx_status cannot(const struct pmtiles_dirs *d, struct ibx_err *err)
{
    return convert_fail(err, IBX_ERR_SYSTEM, d->beside,
                        "a temporary file cannot be written or read");
}

/* ---- adding ---------------------------------------------------------------
 */

static enum ibx_status flush(struct pmtiles_dirs *d, struct ibx_err *err)
{
    if (!file_write_all(d->fd, d->chunk, d->count * sizeof(d->chunk[0])))
        return cannot(d, err);
    d->written += d->count;
    d->count = 0;
    return IBX_OK;
}

/* The part of a run that the last entry can take. */
static uint64_t extend_last(struct pmtiles_dirs *d, uint64_t first_id,
                            uint64_t count, const struct pmtiles_entry *where)
{
    struct pmtiles_entry *last = d->count > 0 ? &d->chunk[d->count - 1] : NULL;
    if (last == NULL || last->id + last->run != first_id ||
        last->off != where->off || last->nbytes != where->nbytes)
        return 0;
    uint64_t room = UINT32_MAX - last->run;
    uint64_t taken = count < room ? count : room;
    last->run += (uint32_t)taken;
    return taken;
}

enum ibx_status pmtiles_dirs_add(struct pmtiles_dirs *d, uint64_t first_id,
                                 uint64_t count, struct pmtiles_entry where,
                                 struct ibx_err *err)
{
    uint64_t taken = extend_last(d, first_id, count, &where);
    first_id += taken;
    count -= taken;
    while (count > 0) {
        enum ibx_status st = d->count == CHUNK_ENTRIES ? flush(d, err) : IBX_OK;
        if (st != IBX_OK)
            return st;
        where.id = first_id;
        where.run = count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
        d->chunk[d->count++] = where;
        first_id += where.run;
        count -= where.run;
    }
    return IBX_OK;
}

/* ---- finishing ------------------------------------------------------------
 */

static enum ibx_status read_entries(const struct pmtiles_dirs *d, uint64_t from,
                                    struct pmtiles_entry *out, size_t count,
                                    struct ibx_err *err)
{
    size_t nbytes = count * sizeof(*out);
    ssize_t n = pread(d->fd, out, nbytes, (off_t)(from * sizeof(*out)));
    return n == (ssize_t)nbytes ? IBX_OK : cannot(d, err);
}

/* Packs a directory into d->packed. */
static enum ibx_status pack_directory(struct pmtiles_dirs *d,
                                      const struct pmtiles_entry *entries,
                                      size_t count, struct ibx_err *err)
{
    buf_clear(&d->raw);
    buf_clear(&d->packed);
    pmtiles_directory_write(entries, count, &d->raw);
    if (d->raw.failed)
        return convert_no_memory(err, NULL);
    return pack_gzip(d->raw.ptr, d->raw.len, &d->packed, err);
}

/* Writes all leaves of `leaf_entries` each and packs the root of pointers. */
static enum ibx_status make_leaves(struct pmtiles_dirs *d, size_t leaf_entries,
                                   struct ibx_err *err)
{
    size_t nleaves = 0;
    uint64_t off = 0;
    enum ibx_status st = IBX_OK;
    if (lseek(d->leaves_fd, 0, SEEK_SET) != 0)
        return cannot(d, err);
    for (uint64_t at = 0; at < d->written && st == IBX_OK; at += leaf_entries) {
        uint64_t left = d->written - at;
        size_t count = left < leaf_entries ? (size_t)left : leaf_entries;
        st = read_entries(d, at, d->leaf, count, err);
        if (st == IBX_OK)
            st = pack_directory(d, d->leaf, count, err);
        if (st == IBX_OK &&
            !file_write_all(d->leaves_fd, d->packed.ptr, d->packed.len))
            st = cannot(d, err);
        d->root[nleaves++] = (struct pmtiles_entry){
            .id = d->leaf[0].id, .off = off, .nbytes = (uint32_t)d->packed.len};
        off += d->packed.len;
    }
    d->leaves_nbytes = off;
    return st == IBX_OK ? pack_directory(d, d->root, nleaves, err) : st;
}

static bool room_for(struct pmtiles_dirs *d, size_t leaf_entries)
{
    size_t nleaves = (size_t)(d->written / leaf_entries) + 1;
    free(d->leaf);
    free(d->root);
    d->leaf = malloc(leaf_entries * sizeof(*d->leaf));
    d->root = malloc(nleaves * sizeof(*d->root));
    return d->leaf != NULL && d->root != NULL;
}

/* Leaves as small as the size of the root allows. */
static enum ibx_status make_tree(struct pmtiles_dirs *d, struct ibx_err *err)
{
    size_t leaf_entries = LEAF_ENTRIES_MIN;
    d->leaves_fd = temp_file(d->temp_dir, d->beside, err);
    if (d->leaves_fd < 0)
        return IBX_ERR_SYSTEM;
    /* A pointer takes some five bytes when packed. */
    while (d->written / leaf_entries > PMTILES_ROOT_NBYTES_MAX / 4)
        leaf_entries += leaf_entries / 4;
    for (;;) {
        if (!room_for(d, leaf_entries))
            return convert_no_memory(err, NULL);
        enum ibx_status st = make_leaves(d, leaf_entries, err);
        if (st != IBX_OK || d->packed.len <= PMTILES_ROOT_NBYTES_MAX)
            return st;
        leaf_entries += leaf_entries / 4;
    }
}

static enum ibx_status make_root_only(struct pmtiles_dirs *d,
                                      struct ibx_err *err)
{
    if (!room_for(d, d->written > 0 ? (size_t)d->written : 1))
        return convert_no_memory(err, NULL);
    enum ibx_status st = read_entries(d, 0, d->leaf, (size_t)d->written, err);
    return st == IBX_OK ? pack_directory(d, d->leaf, (size_t)d->written, err)
                        : st;
}

enum ibx_status pmtiles_dirs_finish(struct pmtiles_dirs *d,
                                    struct pmtiles_dirs_result *out,
                                    struct ibx_err *err)
{
    enum ibx_status st = flush(d, err);
    bool small = d->written <= ROOT_ENTRIES_MAX;
    if (st == IBX_OK && small)
        st = make_root_only(d, err);
    if (st == IBX_OK && (!small || d->packed.len > PMTILES_ROOT_NBYTES_MAX))
        st = make_tree(d, err);
    *out = (struct pmtiles_dirs_result){
        .root = buf_bytes(&d->packed),
        .leaves_fd = d->leaves_fd,
        .leaves_nbytes = d->leaves_nbytes,
        .entries = d->written,
    };
    return st;
}
