#include "pack/writer/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "pack/bytes.h"
#include "pack/err.h"
#include "pack/fileio.h"
#include "pack/format.h"
#include "pack/writer/recent.h"
#include "pack/writer/unitmap.h"

enum {
    FILE_HEADER_NBYTES = 32, /* magic, fingerprint's length, hash */
    FRAME_HEADER_NBYTES = 64,
    TILE_HEAD_NBYTES = 16, /* first id and count, before each blob */
    BUFFER_NBYTES = 1 << 20,
    COMPARE_NBYTES = 4 << 10, /* two such pieces are on the stack */
    ALIGN = 16,
};

/* A hostile tile may look like a frame: nothing behind this one is believed. */
static const uint8_t loose_mark[ALIGN] = "loose from here";
static const uint8_t file_magic[16] = "imbrex spool 1\n";
static const uint8_t frame_magic[8] = "ibxunit";

struct ibx_spool {
    char *path;
    int fd;
    pthread_mutex_t lock; /* guards all below */
    uint64_t end;         /* where the next bytes go, buffer included */
    uint8_t *buffer;      /* loose bytes not yet written; they end at `end` */
    size_t buffered;
    bool loose;
    struct ibx_unitmap units;
    struct ibx_recent *recent; /* loose blobs */
};

struct frame {
    uint64_t key;
    uint64_t ntiles;
    uint64_t tiles_nbytes, state_nbytes;
    uint64_t hash; /* of tiles and state */
};

/* ---- frames ------------------------------------------------------------ */

static void frame_encode(const struct frame *frame, uint8_t *out)
{
    memset(out, 0, FRAME_HEADER_NBYTES);
    memcpy(out, frame_magic, sizeof frame_magic);
    ibx_put_u64(out + 8, frame->key);
    ibx_put_u64(out + 16, frame->ntiles);
    ibx_put_u64(out + 24, frame->tiles_nbytes);
    ibx_put_u64(out + 32, frame->state_nbytes);
    ibx_put_u64(out + 40, frame->hash);
    ibx_put_u64(out + 56, XXH3_64bits(out, 56));
}

static bool frame_decode(const uint8_t *bytes, struct frame *out)
{
    if (memcmp(bytes, frame_magic, sizeof frame_magic) != 0 ||
        ibx_get_u64(bytes + 56) != XXH3_64bits(bytes, 56))
        return false;
    *out = (struct frame){
        .key = ibx_get_u64(bytes + 8),
        .ntiles = ibx_get_u64(bytes + 16),
        .tiles_nbytes = ibx_get_u64(bytes + 24),
        .state_nbytes = ibx_get_u64(bytes + 32),
        .hash = ibx_get_u64(bytes + 40),
    };
    return true;
}

/* Encodes header and payload as they will stand in a pack. */
static struct ibx_record put_blob(const struct ibx_writer_tile *tile,
                                  uint8_t *to)
{
    struct ibx_blob_header header = {
        .nbytes = (uint32_t)tile->nbytes,
        .flags =
            ibx_blob_flags(tile->format, tile->encoding, tile->nbytes == 0),
    };
    ibx_blob_header_encode(&header, to);
    if (tile->nbytes > 0)
        memcpy(to + IBX_BLOB_HEADER_NBYTES, tile->bytes, tile->nbytes);
    header.hash = ibx_blob_hash(to, header.nbytes);
    ibx_put_u64(to, header.hash);
    return (struct ibx_record){
        .first_id = tile->first_id,
        .count = tile->count,
        .hash = header.hash,
        .nbytes = header.nbytes,
        .flags = header.flags,
    };
}

static size_t tile_nbytes(const struct ibx_writer_tile *tile)
{
    return (size_t)ibx_align(
        TILE_HEAD_NBYTES + IBX_BLOB_HEADER_NBYTES + tile->nbytes, ALIGN);
}

/* ---- opening ----------------------------------------------------------- */

static void file_header(const char *fingerprint,
                        uint8_t out[FILE_HEADER_NBYTES])
{
    size_t nbytes = strlen(fingerprint);
    memcpy(out, file_magic, sizeof file_magic);
    ibx_put_u64(out + 16, nbytes);
    ibx_put_u64(out + 24, XXH3_64bits(fingerprint, nbytes));
}

static uint64_t first_frame_off(const char *fingerprint)
{
    return FILE_HEADER_NBYTES + ibx_align(strlen(fingerprint), ALIGN);
}

static enum ibx_status begin(struct ibx_spool *spool, const char *fingerprint,
                             struct ibx_err *err)
{
    uint8_t header[FILE_HEADER_NBYTES];
    if (ftruncate(spool->fd, 0) != 0)
        return ibx_fail_sys(err, spool->path, "ftruncate");
    file_header(fingerprint, header);
    enum ibx_status st =
        ibx_write_at(spool->fd, spool->path, FILE_HEADER_NBYTES, fingerprint,
                     strlen(fingerprint), err);
    /* The header last: a file that has one has its fingerprint, too. */
    if (st == IBX_OK)
        st =
            ibx_write_at(spool->fd, spool->path, 0, header, sizeof header, err);
    spool->end = first_frame_off(fingerprint);
    return st;
}

/* Whether the file was begun, and if so with this fingerprint. */
static enum ibx_status check_begun(struct ibx_spool *spool,
                                   const char *fingerprint, bool *out_begun,
                                   struct ibx_err *err)
{
    uint8_t want[FILE_HEADER_NBYTES];
    uint8_t have[FILE_HEADER_NBYTES];
    file_header(fingerprint, want);
    struct stat info;
    if (fstat(spool->fd, &info) != 0)
        return ibx_fail_sys(err, spool->path, "fstat");
    *out_begun = false;
    if (info.st_size < FILE_HEADER_NBYTES)
        return IBX_OK;
    enum ibx_status st =
        ibx_read_at(spool->fd, spool->path, 0, have, sizeof have, err);
    if (st != IBX_OK)
        return st;
    *out_begun = memcmp(have, file_magic, sizeof file_magic) == 0;
    if (*out_begun && memcmp(have, want, sizeof want) != 0)
        return ibx_fail(err, IBX_ERR_CONFLICT, spool->path,
                        "the interrupted build had other inputs or options");
    return IBX_OK;
}

/* Reads a frame's payload piece by piece for its hash alone. */
static enum ibx_status payload_hash(struct ibx_spool *spool, uint64_t off,
                                    uint64_t nbytes, uint64_t *out,
                                    struct ibx_err *err)
{
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        return ibx_fail_nomem(err);
    (void)XXH3_64bits_reset(state);
    enum ibx_status st = IBX_OK;
    while (nbytes > 0 && st == IBX_OK) {
        size_t n = nbytes < BUFFER_NBYTES ? (size_t)nbytes : BUFFER_NBYTES;
        st = ibx_read_at(spool->fd, spool->path, off, spool->buffer, n, err);
        if (st == IBX_OK)
            (void)XXH3_64bits_update(state, spool->buffer, n);
        off += n;
        nbytes -= n;
    }
    *out = XXH3_64bits_digest(state);
    (void)XXH3_freeState(state);
    return st;
}

static enum ibx_status report_tiles(struct ibx_spool *spool, uint64_t off,
                                    uint64_t ntiles,
                                    struct ibx_spool_found found,
                                    struct ibx_err *err)
{
    for (uint64_t i = 0; i < ntiles; i++) {
        uint8_t head[TILE_HEAD_NBYTES + IBX_BLOB_HEADER_NBYTES];
        enum ibx_status st =
            ibx_read_at(spool->fd, spool->path, off, head, sizeof head, err);
        if (st != IBX_OK)
            return st;
        struct ibx_blob_header blob =
            ibx_blob_header_decode(head + TILE_HEAD_NBYTES);
        struct ibx_record record = {
            .first_id = ibx_get_u64(head),
            .count = ibx_get_u64(head + 8),
            .spool_off = off + TILE_HEAD_NBYTES,
            .hash = blob.hash,
            .nbytes = blob.nbytes,
            .flags = blob.flags,
        };
        st = found.record(found.arg, &record, err);
        if (st != IBX_OK)
            return st;
        off += ibx_align(sizeof head + blob.nbytes, ALIGN);
    }
    return IBX_OK;
}

/* Takes in the frame at spool->end. NOT_FOUND where no whole frame stands. */
static enum ibx_status resume_frame(struct ibx_spool *spool, uint64_t size,
                                    struct ibx_spool_found found,
                                    struct ibx_err *err)
{
    uint8_t bytes[FRAME_HEADER_NBYTES];
    struct frame frame;
    if (!ibx_span_fits(spool->end, sizeof bytes, size))
        return IBX_NOT_FOUND;
    enum ibx_status st = ibx_read_at(spool->fd, spool->path, spool->end, bytes,
                                     sizeof bytes, err);
    if (st != IBX_OK)
        return st;
    uint64_t off = spool->end + sizeof bytes;
    if (!frame_decode(bytes, &frame) ||
        !ibx_span_fits(off, frame.tiles_nbytes, size) ||
        !ibx_span_fits(off + frame.tiles_nbytes, frame.state_nbytes, size))
        return IBX_NOT_FOUND;
    uint64_t nbytes = frame.tiles_nbytes + frame.state_nbytes;
    uint64_t hash = 0;
    st = payload_hash(spool, off, nbytes, &hash, err);
    if (st != IBX_OK)
        return st;
    if (hash != frame.hash)
        return IBX_NOT_FOUND;
    st = report_tiles(spool, off, frame.ntiles, found, err);
    if (st == IBX_OK &&
        !ibx_unitmap_put(&spool->units, frame.key, off + frame.tiles_nbytes,
                         frame.state_nbytes))
        st = ibx_fail_nomem(err);
    spool->end = ibx_align(off + nbytes, ALIGN);
    return st;
}

static enum ibx_status resume_frames(struct ibx_spool *spool,
                                     const char *fingerprint,
                                     struct ibx_spool_found found,
                                     struct ibx_err *err)
{
    struct stat info;
    if (fstat(spool->fd, &info) != 0)
        return ibx_fail_sys(err, spool->path, "fstat");
    spool->end = first_frame_off(fingerprint);
    enum ibx_status st = IBX_OK;
    while (st == IBX_OK)
        st = resume_frame(spool, (uint64_t)info.st_size, found, err);
    if (st != IBX_NOT_FOUND)
        return st;
    if (ftruncate(spool->fd, (off_t)spool->end) != 0)
        return ibx_fail_sys(err, spool->path, "ftruncate");
    return IBX_OK;
}

static enum ibx_status open_file(struct ibx_spool *spool,
                                 const char *fingerprint, bool resume,
                                 struct ibx_spool_found found,
                                 struct ibx_err *err)
{
    spool->fd = open(spool->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (spool->fd < 0)
        return ibx_fail_sys(err, spool->path, "open");
    bool begun = false;
    enum ibx_status st = IBX_OK;
    if (resume)
        st = check_begun(spool, fingerprint, &begun, err);
    if (st != IBX_OK)
        return st;
    return begun ? resume_frames(spool, fingerprint, found, err)
                 : begin(spool, fingerprint, err);
}

enum ibx_status ibx_spool_open(const char *path, const char *fingerprint,
                               bool resume, struct ibx_spool_found found,
                               struct ibx_spool **out, struct ibx_err *err)
{
    struct ibx_spool *spool = calloc(1, sizeof *spool);
    if (!spool)
        return ibx_fail_nomem(err);
    spool->fd = -1;
    if (pthread_mutex_init(&spool->lock, NULL) != 0) {
        free(spool);
        return ibx_fail_nomem(err);
    }
    spool->path = strdup(path);
    spool->buffer = malloc(BUFFER_NBYTES);
    spool->recent = ibx_recent_new();
    enum ibx_status st = spool->path && spool->buffer && spool->recent
                             ? open_file(spool, fingerprint, resume, found, err)
                             : ibx_fail_nomem(err);
    if (st != IBX_OK) {
        ibx_spool_close(spool);
        return st;
    }
    *out = spool;
    return IBX_OK;
}

void ibx_spool_close(struct ibx_spool *spool)
{
    if (!spool)
        return;
    if (spool->fd >= 0)
        close(spool->fd);
    ibx_unitmap_fini(&spool->units);
    pthread_mutex_destroy(&spool->lock);
    ibx_recent_free(spool->recent);
    free(spool->buffer);
    free(spool->path);
    free(spool);
}

/* ---- adding ------------------------------------------------------------ */

/* With the lock held. */
static enum ibx_status flush(struct ibx_spool *spool, struct ibx_err *err)
{
    enum ibx_status st =
        ibx_write_at(spool->fd, spool->path, spool->end - spool->buffered,
                     spool->buffer, spool->buffered, err);
    if (st == IBX_OK)
        spool->buffered = 0;
    return st;
}

enum ibx_status ibx_spool_flush(struct ibx_spool *spool, struct ibx_err *err)
{
    pthread_mutex_lock(&spool->lock);
    enum ibx_status st = flush(spool, err);
    pthread_mutex_unlock(&spool->lock);
    return st;
}

static enum ibx_status mark_loose(struct ibx_spool *spool, struct ibx_err *err)
{
    if (spool->loose)
        return IBX_OK;
    enum ibx_status st = ibx_write_at(spool->fd, spool->path, spool->end,
                                      loose_mark, sizeof loose_mark, err);
    if (st != IBX_OK)
        return st;
    spool->end += sizeof loose_mark;
    spool->loose = true;
    return IBX_OK;
}

/* A blob too large for the buffer. */
static enum ibx_status add_large(struct ibx_spool *spool,
                                 const struct ibx_writer_tile *tile,
                                 struct ibx_record *out, struct ibx_err *err)
{
    size_t nbytes = (size_t)ibx_align(tile_nbytes(tile), ALIGN);
    uint8_t *bytes = calloc(1, nbytes);
    if (!bytes)
        return ibx_fail_nomem(err);
    *out = put_blob(tile, bytes);
    out->spool_off = spool->end;
    enum ibx_status st =
        ibx_write_at(spool->fd, spool->path, spool->end, bytes, nbytes, err);
    free(bytes);
    if (st == IBX_OK)
        spool->end += nbytes;
    return st;
}

static enum ibx_status add_locked(struct ibx_spool *spool,
                                  const struct ibx_writer_tile *tile,
                                  struct ibx_record *out, struct ibx_err *err)
{
    size_t nbytes =
        (size_t)ibx_align(IBX_BLOB_HEADER_NBYTES + tile->nbytes, ALIGN);
    enum ibx_status st = mark_loose(spool, err);
    if (st == IBX_OK && nbytes > BUFFER_NBYTES - spool->buffered)
        st = flush(spool, err);
    if (st != IBX_OK)
        return st;
    if (nbytes > BUFFER_NBYTES)
        return add_large(spool, tile, out, err);
    uint8_t *to = spool->buffer + spool->buffered;
    memset(to + nbytes - ALIGN, 0, ALIGN);
    *out = put_blob(tile, to);
    size_t blob_nbytes = IBX_BLOB_HEADER_NBYTES + tile->nbytes;
    out->spool_off = ibx_recent_find(spool->recent, out->hash, to, blob_nbytes);
    if (out->spool_off != 0)
        return IBX_OK; /* it stands there already */
    out->spool_off = spool->end;
    ibx_recent_put(spool->recent, out->hash, to, blob_nbytes, spool->end);
    spool->buffered += nbytes;
    spool->end += nbytes;
    return IBX_OK;
}

enum ibx_status ibx_spool_add(struct ibx_spool *spool,
                              const struct ibx_writer_tile *tile,
                              struct ibx_record *out, struct ibx_err *err)
{
    pthread_mutex_lock(&spool->lock);
    enum ibx_status st = add_locked(spool, tile, out, err);
    pthread_mutex_unlock(&spool->lock);
    return st;
}

/* Lays a whole frame out in memory; offsets in `records` are relative. */
static uint8_t *new_frame(const struct ibx_writer_unit *unit,
                          struct ibx_record *records, size_t *out_nbytes,
                          size_t *out_state_off)
{
    size_t off = FRAME_HEADER_NBYTES;
    for (size_t i = 0; i < unit->ntiles; i++)
        off += tile_nbytes(&unit->tiles[i]);
    size_t state_off = off;
    size_t nbytes = (size_t)ibx_align(off + unit->state_nbytes, ALIGN);
    uint8_t *bytes = calloc(1, nbytes);
    if (!bytes)
        return NULL;
    off = FRAME_HEADER_NBYTES;
    for (size_t i = 0; i < unit->ntiles; i++) {
        ibx_put_u64(bytes + off, unit->tiles[i].first_id);
        ibx_put_u64(bytes + off + 8, unit->tiles[i].count);
        records[i] = put_blob(&unit->tiles[i], bytes + off + TILE_HEAD_NBYTES);
        records[i].spool_off = off + TILE_HEAD_NBYTES;
        off += tile_nbytes(&unit->tiles[i]);
    }
    if (unit->state_nbytes > 0)
        memcpy(bytes + state_off, unit->state, unit->state_nbytes);
    size_t payload = state_off + unit->state_nbytes - FRAME_HEADER_NBYTES;
    struct frame frame = {
        .key = unit->key,
        .ntiles = unit->ntiles,
        .tiles_nbytes = state_off - FRAME_HEADER_NBYTES,
        .state_nbytes = unit->state_nbytes,
        .hash = XXH3_64bits(bytes + FRAME_HEADER_NBYTES, payload),
    };
    frame_encode(&frame, bytes);
    *out_nbytes = nbytes;
    *out_state_off = state_off;
    return bytes;
}

/* Takes the next `nbytes` of the file for the caller alone. */
static enum ibx_status claim(struct ibx_spool *spool, size_t nbytes,
                             uint64_t *out_off, struct ibx_err *err)
{
    pthread_mutex_lock(&spool->lock);
    enum ibx_status st = flush(spool, err);
    *out_off = spool->end;
    if (st == IBX_OK)
        spool->end += nbytes;
    pthread_mutex_unlock(&spool->lock);
    return st;
}

static enum ibx_status remember_unit(struct ibx_spool *spool, uint64_t key,
                                     uint64_t off, uint64_t nbytes,
                                     struct ibx_err *err)
{
    pthread_mutex_lock(&spool->lock);
    bool ok = ibx_unitmap_put(&spool->units, key, off, nbytes);
    pthread_mutex_unlock(&spool->lock);
    return ok ? IBX_OK : ibx_fail_nomem(err);
}

enum ibx_status ibx_spool_commit(struct ibx_spool *spool,
                                 const struct ibx_writer_unit *unit,
                                 struct ibx_record *out, struct ibx_err *err)
{
    size_t nbytes = 0;
    size_t state_off = 0;
    uint8_t *bytes = new_frame(unit, out, &nbytes, &state_off);
    if (!bytes)
        return ibx_fail_nomem(err);
    uint64_t off = 0;
    enum ibx_status st = claim(spool, nbytes, &off, err);
    /* Outside the lock, so that threads write side by side. A kill in between
     * leaves a gap, which ends what a resume believes. */
    if (st == IBX_OK)
        st = ibx_write_at(spool->fd, spool->path, off, bytes, nbytes, err);
    free(bytes);
    if (st != IBX_OK)
        return st;
    for (size_t i = 0; i < unit->ntiles; i++)
        out[i].spool_off += off;
    return remember_unit(spool, unit->key, off + state_off, unit->state_nbytes,
                         err);
}

/* ---- reading ----------------------------------------------------------- */

enum ibx_status ibx_spool_read(struct ibx_spool *spool, uint64_t off, void *to,
                               size_t nbytes, struct ibx_err *err)
{
    return ibx_read_at(spool->fd, spool->path, off, to, nbytes, err);
}

uint64_t ibx_spool_nbytes(struct ibx_spool *spool)
{
    pthread_mutex_lock(&spool->lock);
    uint64_t nbytes = spool->end;
    pthread_mutex_unlock(&spool->lock);
    return nbytes;
}

enum ibx_status ibx_spool_equal(struct ibx_spool *spool,
                                const struct ibx_record *a,
                                const struct ibx_record *b, bool *out,
                                struct ibx_err *err)
{
    *out = a->hash == b->hash && a->nbytes == b->nbytes && a->flags == b->flags;
    if (!*out || a->spool_off == b->spool_off)
        return IBX_OK;
    uint8_t left[COMPARE_NBYTES];
    uint8_t right[COMPARE_NBYTES];
    enum ibx_status st = IBX_OK;
    uint64_t done = IBX_BLOB_HEADER_NBYTES;
    uint64_t end = done + a->nbytes;
    while (*out && st == IBX_OK && done < end) {
        size_t n =
            end - done < COMPARE_NBYTES ? (size_t)(end - done) : COMPARE_NBYTES;
        st = ibx_spool_read(spool, a->spool_off + done, left, n, err);
        if (st == IBX_OK)
            st = ibx_spool_read(spool, b->spool_off + done, right, n, err);
        *out = st == IBX_OK && memcmp(left, right, n) == 0;
        done += n;
    }
    return st;
}

uint64_t ibx_spool_nunits(struct ibx_spool *spool)
{
    pthread_mutex_lock(&spool->lock);
    uint64_t n = spool->units.count;
    pthread_mutex_unlock(&spool->lock);
    return n;
}

bool ibx_spool_has_unit(struct ibx_spool *spool, uint64_t key)
{
    struct ibx_unit_at at;
    pthread_mutex_lock(&spool->lock);
    bool has = ibx_unitmap_get(&spool->units, key, &at);
    pthread_mutex_unlock(&spool->lock);
    return has;
}

enum ibx_status ibx_spool_unit_state(struct ibx_spool *spool, uint64_t key,
                                     uint8_t **out, size_t *out_nbytes,
                                     struct ibx_err *err)
{
    struct ibx_unit_at at;
    pthread_mutex_lock(&spool->lock);
    bool has = ibx_unitmap_get(&spool->units, key, &at);
    pthread_mutex_unlock(&spool->lock);
    if (!has)
        return IBX_NOT_FOUND;
    uint8_t *state = malloc((size_t)at.nbytes + 1);
    if (!state)
        return ibx_fail_nomem(err);
    enum ibx_status st =
        ibx_spool_read(spool, at.off, state, (size_t)at.nbytes, err);
    if (st != IBX_OK) {
        free(state);
        return st;
    }
    *out = state;
    *out_nbytes = (size_t)at.nbytes;
    return IBX_OK;
}
