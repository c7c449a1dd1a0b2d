#include "pack/writer/packfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pack/bytes.h"
#include "pack/err.h"
#include "pack/fileio.h"
#include "pack/format.h"
#include "pack/path.h"
#include "pack/writer/hasher.h"
#include "pack/writer/sha256.h"

enum {
    BUFFER_NBYTES = 1 << 20,
    WINDOW_NBYTES = 128 << 10,
    /* A blob this close behind the last one read is taken as the next of a
     * stream, and worth reading ahead for. */
    STREAM_GAP_NBYTES = 4 << 10,
    NSUBDIRS = 256,
};

/* Bytes of the spool read ahead, for small blobs that stand in order. */
struct window {
    uint8_t *bytes;
    uint64_t off;  /* where they stand in the spool */
    size_t nbytes; /* how many are valid */
    uint64_t last; /* end of the last read */
};

struct ibx_packfile {
    const struct ibx_folder *folder;
    struct ibx_spool *spool;
    struct ibx_sha256 *sha;
    struct ibx_hasher *hasher;
    char *beside; /* where a pack is written before it has a name */
    uint8_t *buffer;
    struct window window;
    bool touched[NSUBDIRS];
    /* Of the file being written. */
    int fd;
    uint64_t off; /* written and hashed */
    size_t buffered;
    /* Of the draft being written, grown as needed. */
    uint32_t *places; /* per blob; 0: not placed yet */
    size_t places_room;
    uint8_t *index;
};

void ibx_packfile_close(struct ibx_packfile *packfile)
{
    if (!packfile)
        return;
    ibx_sha256_free(packfile->sha);
    ibx_hasher_free(packfile->hasher);
    free(packfile->beside);
    free(packfile->buffer);
    free(packfile->window.bytes);
    free(packfile->places);
    free(packfile->index);
    free(packfile);
}

enum ibx_status ibx_packfile_open(const struct ibx_folder *folder,
                                  struct ibx_spool *spool,
                                  struct ibx_packfile **out,
                                  struct ibx_err *err)
{
    struct ibx_packfile *p = calloc(1, sizeof *p);
    if (!p)
        return ibx_fail_nomem(err);
    p->folder = folder;
    p->spool = spool;
    p->sha = ibx_sha256_new();
    p->hasher = ibx_hasher_new();
    p->beside = ibx_path_join(folder->path, IBX_BUILD_DIR "/pack");
    p->buffer = malloc(BUFFER_NBYTES);
    p->window.bytes = malloc(WINDOW_NBYTES);
    p->index = malloc(IBX_INDEX_NBYTES_MAX);
    char *packs = ibx_path_join(folder->path, "packs");
    enum ibx_status st = p->sha && p->hasher && p->beside && p->buffer &&
                                 p->window.bytes && p->index && packs
                             ? ibx_folder_mkdir(packs, err)
                             : ibx_fail_nomem(err);
    free(packs);
    if (st != IBX_OK) {
        ibx_packfile_close(p);
        return st;
    }
    *out = p;
    return IBX_OK;
}

/* ---- the file's bytes -------------------------------------------------- */

static enum ibx_status flush(struct ibx_packfile *p, struct ibx_err *err)
{
    if (!ibx_sha256_add(p->sha, p->buffer, p->buffered))
        return ibx_fail_nomem(err);
    enum ibx_status st =
        ibx_write_at(p->fd, p->beside, p->off, p->buffer, p->buffered, err);
    p->off += p->buffered;
    p->buffered = 0;
    return st;
}

/* Room for up to `want` bytes in the buffer, at least one. */
static enum ibx_status room(struct ibx_packfile *p, uint64_t want,
                            size_t *out_nbytes, struct ibx_err *err)
{
    enum ibx_status st = IBX_OK;
    if (p->buffered == BUFFER_NBYTES)
        st = flush(p, err);
    size_t left = BUFFER_NBYTES - p->buffered;
    *out_nbytes = want < left ? (size_t)want : left;
    return st;
}

static enum ibx_status put(struct ibx_packfile *p, const uint8_t *bytes,
                           size_t nbytes, struct ibx_err *err)
{
    while (nbytes > 0) {
        size_t n = 0;
        enum ibx_status st = room(p, nbytes, &n, err);
        if (st != IBX_OK)
            return st;
        memcpy(p->buffer + p->buffered, bytes, n);
        p->buffered += n;
        bytes += n;
        nbytes -= n;
    }
    return IBX_OK;
}

static enum ibx_status put_zeros(struct ibx_packfile *p, size_t nbytes,
                                 struct ibx_err *err)
{
    static const uint8_t zeros[IBX_BLOB_ALIGN];
    assert(nbytes < sizeof zeros);
    return put(p, zeros, nbytes, err);
}

/* Fills the window from `off` with what the spool has there, up to its end. */
static void fill_window(struct ibx_packfile *p, uint64_t off)
{
    uint64_t left = ibx_spool_nbytes(p->spool) - off;
    size_t n = left < WINDOW_NBYTES ? (size_t)left : WINDOW_NBYTES;
    p->window.off = off;
    /* A failure here is met again, and reported, by the read of the blob. */
    bool ok = ibx_spool_read(p->spool, off, p->window.bytes, n, NULL) == IBX_OK;
    p->window.nbytes = ok ? n : 0;
}

/* Reads from the spool, by one system call for many small blobs in a row. */
static enum ibx_status read_spool(struct ibx_packfile *p, uint64_t off,
                                  uint8_t *to, size_t nbytes,
                                  struct ibx_err *err)
{
    struct window *w = &p->window;
    bool streaming = off >= w->last && off - w->last <= STREAM_GAP_NBYTES;
    bool inside =
        off >= w->off && ibx_span_fits(off - w->off, nbytes, w->nbytes);
    if (!inside && streaming && nbytes <= WINDOW_NBYTES / 4) {
        fill_window(p, off);
        inside = nbytes <= w->nbytes;
    }
    w->last = off + nbytes;
    if (!inside)
        return ibx_spool_read(p->spool, off, to, nbytes, err);
    memcpy(to, w->bytes + (off - w->off), nbytes);
    return IBX_OK;
}

/* Copies a blob out of the spool and compares its checksum on the way, so
 * that a spool gone bad does not become a pack. */
static enum ibx_status put_blob(struct ibx_packfile *p,
                                const struct ibx_record *blob,
                                struct ibx_err *err)
{
    uint64_t nbytes = (uint64_t)IBX_BLOB_HEADER_NBYTES + blob->nbytes;
    uint64_t done = 0;
    ibx_hasher_begin(p->hasher);
    while (done < nbytes) {
        size_t n = 0;
        enum ibx_status st = room(p, nbytes - done, &n, err);
        if (st == IBX_OK)
            st = read_spool(p, blob->spool_off + done, p->buffer + p->buffered,
                            n, err);
        if (st != IBX_OK)
            return st;
        /* The hash covers all but itself, the blob's first 8 bytes; a piece
         * may end anywhere, even inside them. */
        size_t skip = done < 8 ? (size_t)(8 - done) : 0;
        if (n > skip)
            ibx_hasher_add(p->hasher, p->buffer + p->buffered + skip, n - skip);
        p->buffered += n;
        done += n;
    }
    if (ibx_hasher_value(p->hasher) != blob->hash)
        return ibx_fail(err, IBX_ERR_CORRUPT, p->folder->path,
                        "the temporary file changed while it was used");
    return put_zeros(p, (size_t)(ibx_align(nbytes, IBX_BLOB_ALIGN) - nbytes),
                     err);
}

/* ---- index ------------------------------------------------------------- */

/* The places of all blobs in the order of first use, and the index. */
struct layout {
    uint64_t nentries, tile_count, data_nbytes, payload_nbytes;
    uint32_t largest_nbytes, format_bits;
};

static bool reserve_places(struct ibx_packfile *p, size_t nblobs)
{
    if (nblobs > p->places_room) {
        uint32_t *grown = realloc(p->places, nblobs * sizeof *grown);
        if (!grown)
            return false;
        p->places = grown;
        p->places_room = nblobs;
    }
    memset(p->places, 0, nblobs * sizeof *p->places);
    return true;
}

static void place_blob(struct ibx_packfile *p, struct layout *layout,
                       const struct ibx_record *blob, size_t number)
{
    p->places[number] = (uint32_t)(layout->data_nbytes / IBX_BLOB_ALIGN) + 1;
    layout->data_nbytes += ibx_align(
        (uint64_t)IBX_BLOB_HEADER_NBYTES + blob->nbytes, IBX_BLOB_ALIGN);
    layout->payload_nbytes += blob->nbytes;
    if (blob->nbytes > layout->largest_nbytes)
        layout->largest_nbytes = blob->nbytes;
    layout->format_bits |= UINT32_C(1) << (blob->flags & 31);
}

static void put_entry(struct ibx_packfile *p, struct layout *layout,
                      uint64_t rel_id, uint32_t place)
{
    uint8_t *to = p->index + layout->nentries * IBX_INDEX_ENTRY_NBYTES;
    ibx_put_u32(to, (uint32_t)rel_id);
    ibx_put_u32(to + 4, place);
    layout->nentries++;
}

static enum ibx_status lay_out(struct ibx_packfile *p,
                               const struct ibx_draft *draft,
                               struct layout *layout, struct ibx_err *err)
{
    if (!reserve_places(p, draft->nblobs))
        return ibx_fail_nomem(err);
    uint64_t first_id = draft->records[0].first_id;
    uint64_t next_id = first_id;
    uint32_t last_place = 0;
    for (size_t i = 0; i < draft->nrecords; i++) {
        const struct ibx_record *record = &draft->records[i];
        size_t blob = 0;
        enum ibx_status st =
            ibx_draft_find_blob(draft, record, p->spool, &blob, err);
        if (st != IBX_OK)
            return st;
        if (p->places[blob] == 0)
            place_blob(p, layout, record, blob);
        if (record->first_id != next_id) {
            put_entry(p, layout, next_id - first_id, 0);
            last_place = 0;
        }
        if (p->places[blob] != last_place)
            put_entry(p, layout, record->first_id - first_id, p->places[blob]);
        last_place = p->places[blob];
        next_id = record->first_id + record->count;
        layout->tile_count += record->count;
    }
    assert(layout->nentries == draft->nentries);
    assert(layout->data_nbytes == draft->blob_nbytes);
    return IBX_OK;
}

static enum ibx_status put_blobs(struct ibx_packfile *p,
                                 const struct ibx_draft *draft,
                                 struct ibx_err *err)
{
    uint32_t placed = 0; /* the place after the last blob written */
    enum ibx_status st = IBX_OK;
    for (size_t i = 0; i < draft->nrecords && st == IBX_OK; i++) {
        size_t blob = 0;
        st = ibx_draft_find_blob(draft, &draft->records[i], p->spool, &blob,
                                 err);
        /* Places rise in the order of first use. */
        if (st != IBX_OK || p->places[blob] <= placed)
            continue;
        placed = p->places[blob];
        st = put_blob(p, &draft->records[i], err);
    }
    return st;
}

/* ---- publishing -------------------------------------------------------- */

static enum ibx_status put_all(struct ibx_packfile *p,
                               const struct ibx_draft *draft,
                               const struct layout *layout, uint32_t flags,
                               struct ibx_pack_info *info, struct ibx_err *err)
{
    size_t index_nbytes = (size_t)layout->nentries * IBX_INDEX_ENTRY_NBYTES;
    uint64_t index_end = IBX_HEADER_NBYTES + index_nbytes;
    ibx_hasher_begin(p->hasher);
    ibx_hasher_add(p->hasher, p->index, index_nbytes);
    struct ibx_pack_header header = {
        .first_id = info->first_id,
        .last_id = info->last_id,
        .entry_count = layout->nentries,
        .tile_count = layout->tile_count,
        .blob_count = draft->nblobs,
        .data_off = ibx_align(index_end, IBX_BLOB_ALIGN),
        .data_nbytes = layout->data_nbytes,
        .index_hash = ibx_hasher_value(p->hasher),
        .flags = flags,
    };
    uint8_t bytes[IBX_HEADER_NBYTES];
    ibx_pack_header_encode(&header, bytes);
    enum ibx_status st = put(p, bytes, sizeof bytes, err);
    if (st == IBX_OK)
        st = put(p, p->index, index_nbytes, err);
    if (st == IBX_OK)
        st = put_zeros(p, (size_t)(header.data_off - index_end), err);
    if (st == IBX_OK)
        st = put_blobs(p, draft, err);
    if (st == IBX_OK)
        st = flush(p, err);
    if (st == IBX_OK && !ibx_sha256_take(p->sha, info->sha256))
        st = ibx_fail_nomem(err);
    info->file_nbytes = p->off;
    return st;
}

/* Gives the file beside its name for good. A file that has it already is kept
 * if its bytes are the ones that the name promises. */
static enum ibx_status publish(struct ibx_packfile *p,
                               const struct ibx_pack_info *info, bool *reused,
                               struct ibx_err *err)
{
    char name[IBX_PACK_NAME_NBYTES];
    uint8_t sha256[IBX_SHA256_NBYTES];
    ibx_pack_name(info->sha256, name);
    char *path = ibx_path_join(p->folder->path, name);
    if (!path)
        return ibx_fail_nomem(err);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    enum ibx_status st = ibx_folder_mkdir(path, err);
    *slash = '/';
    *reused = st == IBX_OK && access(path, F_OK) == 0 &&
              ibx_sha256_file(path, sha256, NULL) == IBX_OK &&
              memcmp(sha256, info->sha256, sizeof sha256) == 0;
    if (*reused)
        (void)unlink(p->beside);
    else if (st == IBX_OK && rename(p->beside, path) != 0)
        st = ibx_fail_sys(err, path, "rename");
    p->touched[info->sha256[0]] = true;
    free(path);
    return st;
}

static enum ibx_status begin(struct ibx_packfile *p, struct ibx_err *err)
{
    p->off = 0;
    p->buffered = 0;
    uint8_t ignored[IBX_SHA256_NBYTES];
    if (!ibx_sha256_take(p->sha, ignored)) /* what a failed pack left */
        return ibx_fail_nomem(err);
    p->fd = open(p->beside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (p->fd < 0)
        return ibx_fail_sys(err, p->beside, "open");
    return IBX_OK;
}

static enum ibx_status end(struct ibx_packfile *p, enum ibx_status st,
                           struct ibx_err *err)
{
    if (st == IBX_OK && fsync(p->fd) != 0)
        st = ibx_fail_sys(err, p->beside, "fsync");
    if (close(p->fd) != 0 && st == IBX_OK)
        st = ibx_fail_sys(err, p->beside, "close");
    return st;
}

enum ibx_status ibx_packfile_write(struct ibx_packfile *packfile,
                                   const struct ibx_draft *draft,
                                   uint64_t pack_nbytes,
                                   struct ibx_pack_info *out, bool *reused,
                                   struct ibx_err *err)
{
    struct layout layout = {0};
    enum ibx_status st = lay_out(packfile, draft, &layout, err);
    if (st == IBX_OK)
        st = begin(packfile, err);
    if (st != IBX_OK)
        return st;
    const struct ibx_record *last = &draft->records[draft->nrecords - 1];
    struct ibx_pack_info info = {
        .first_id = draft->records[0].first_id,
        .last_id = last->first_id + last->count - 1,
        .tile_count = layout.tile_count,
        .blob_count = draft->nblobs,
        .payload_nbytes = layout.payload_nbytes,
        .largest_tile_nbytes = layout.largest_nbytes,
        .format_bits = layout.format_bits,
        .flags = ibx_draft_nbytes(draft) > pack_nbytes ? IBX_PACK_OVERSIZE : 0,
    };
    st = put_all(packfile, draft, &layout, info.flags, &info, err);
    st = end(packfile, st, err);
    if (st == IBX_OK)
        st = publish(packfile, &info, reused, err);
    if (st == IBX_OK)
        *out = info;
    return st;
}

/* ---- packs of other tilesets ------------------------------------------- */

static enum ibx_status copy_file(struct ibx_packfile *p, const char *path,
                                 struct ibx_err *err)
{
    int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return ibx_fail_sys(err, path, "open");
    enum ibx_status st = IBX_OK;
    for (ssize_t got = 1; got != 0 && st == IBX_OK;) {
        got = read(from, p->buffer, BUFFER_NBYTES);
        if (got < 0 && errno != EINTR)
            st = ibx_fail_sys(err, path, "read");
        if (got <= 0)
            continue;
        p->buffered = (size_t)got;
        st = flush(p, err);
    }
    close(from);
    return st;
}

static enum ibx_status copy_pack(struct ibx_packfile *p, const char *path,
                                 const struct ibx_pack_info *info, bool *reused,
                                 struct ibx_err *err)
{
    uint8_t sha256[IBX_SHA256_NBYTES];
    enum ibx_status st = begin(p, err);
    if (st != IBX_OK)
        return st;
    st = copy_file(p, path, err);
    if (st == IBX_OK && !ibx_sha256_take(p->sha, sha256))
        st = ibx_fail_nomem(err);
    st = end(p, st, err);
    if (st == IBX_OK && memcmp(sha256, info->sha256, sizeof sha256) != 0)
        st = ibx_fail(err, IBX_ERR_CORRUPT, path,
                      "its SHA-256 is not the one in its name");
    return st == IBX_OK ? publish(p, info, reused, err) : st;
}

/* True when the file linked beside is the very file that has the pack's name
 * already, as when a tileset's own packs go into its next generation: nothing
 * is to be compared, or read, then. */
static bool is_in_place(const struct ibx_packfile *p,
                        const struct ibx_pack_info *info)
{
    char name[IBX_PACK_NAME_NBYTES];
    struct stat here, there;
    ibx_pack_name(info->sha256, name);
    char *path = ibx_path_join(p->folder->path, name);
    bool same = path && stat(path, &here) == 0 &&
                stat(p->beside, &there) == 0 && here.st_dev == there.st_dev &&
                here.st_ino == there.st_ino;
    free(path);
    return same;
}

enum ibx_status ibx_packfile_link(struct ibx_packfile *packfile,
                                  const char *path,
                                  const struct ibx_pack_info *info,
                                  bool *reused, struct ibx_err *err)
{
    struct ibx_packfile *p = packfile;
    (void)unlink(p->beside);
    if (link(path, p->beside) != 0)
        return errno == ENOENT ? ibx_fail_sys(err, path, "link")
                               : copy_pack(p, path, info, reused, err);
    enum ibx_status st = IBX_OK;
    *reused = is_in_place(p, info);
    if (!*reused)
        st = publish(p, info, reused, err);
    (void)unlink(p->beside); /* rename leaves it when both are one file */
    return st;
}

enum ibx_status ibx_packfile_sync(struct ibx_packfile *packfile,
                                  struct ibx_err *err)
{
    char *packs = ibx_path_join(packfile->folder->path, "packs");
    if (!packs)
        return ibx_fail_nomem(err);
    enum ibx_status st = IBX_OK;
    for (int i = 0; i < NSUBDIRS && st == IBX_OK; i++) {
        if (!packfile->touched[i])
            continue;
        char name[3];
        (void)snprintf(name, sizeof name, "%02x", (unsigned)i);
        char *sub = ibx_path_join(packs, name);
        st = sub ? ibx_folder_sync(sub, err) : ibx_fail_nomem(err);
        free(sub);
    }
    if (st == IBX_OK)
        st = ibx_folder_sync(packs, err);
    if (st == IBX_OK)
        st = ibx_folder_sync(packfile->folder->path, err);
    free(packs);
    return st;
}
