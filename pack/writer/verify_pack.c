/* verify_pack.c - one pass over a pack: its SHA-256 and, on the way, every
 * blob that the index names. */
#include "pack/writer/verify_pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pack/bytes.h"
#include "pack/err.h"
#include "pack/fileio.h"
#include "pack/format.h"
#include "pack/writer/hasher.h"
#include "pack/writer/sha256.h"

enum {
    BUFFER_NBYTES = 256 << 10,
    ENTRIES_MAX = IBX_INDEX_NBYTES_MAX / IBX_INDEX_ENTRY_NBYTES,
};

/* A blob that the index names, and the first entry that does. */
struct place {
    uint32_t place, entry;
};

/* A blob whose header made sense; `start` is in the data section. */
struct stored {
    uint64_t hash, start;
    uint32_t nbytes;
};

/* The blob that the pass is inside of. */
struct in_blob {
    bool active;
    uint8_t header[IBX_BLOB_HEADER_NBYTES];
    size_t header_nbytes;  /* collected so far */
    uint64_t payload_left; /* valid once the header is complete */
    struct ibx_blob_header decoded;
};

struct ibx_pack_check {
    const volatile sig_atomic_t *stop;
    struct ibx_sha256 *sha;
    struct ibx_hasher *hasher;
    uint8_t *buffer;
    struct ibx_index_entry *index;
    struct place *places;
    struct stored *stored;
    /* Of the pack being checked. */
    const struct ibx_pack_info *info;
    struct ibx_findings *findings;
    struct ibx_pack_header header;
    bool has_index; /* header and index are good enough to find blobs */
    size_t nplaces, next_place, nstored;
    struct in_blob blob;
    struct ibx_pack_info seen; /* as counted here */
};

void ibx_findings_add(struct ibx_findings *findings, enum ibx_status status,
                      const char *format, ...)
{
    char what[IBX_ERR_WHAT_NBYTES] = "";
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (findings->n == IBX_FINDINGS_MAX) {
        findings->more++;
        return;
    }
    memcpy(findings->list[findings->n].what, what, sizeof what);
    findings->list[findings->n++].status = status;
}

void ibx_pack_check_free(struct ibx_pack_check *check)
{
    if (!check)
        return;
    ibx_sha256_free(check->sha);
    ibx_hasher_free(check->hasher);
    free(check->buffer);
    free(check->index);
    free(check->places);
    free(check->stored);
    free(check);
}

struct ibx_pack_check *ibx_pack_check_new(const volatile sig_atomic_t *stop)
{
    struct ibx_pack_check *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->stop = stop;
    c->sha = ibx_sha256_new();
    c->hasher = ibx_hasher_new();
    c->buffer = malloc(BUFFER_NBYTES);
    c->index = malloc(ENTRIES_MAX * sizeof *c->index);
    c->places = malloc(ENTRIES_MAX * sizeof *c->places);
    c->stored = malloc(ENTRIES_MAX * sizeof *c->stored);
    if (c->sha && c->hasher && c->buffer && c->index && c->places && c->stored)
        return c;
    ibx_pack_check_free(c);
    return NULL;
}

static void corrupt(struct ibx_pack_check *c, const char *what)
{
    ibx_findings_add(c->findings, IBX_ERR_CORRUPT, "%s", what);
}

static void failed(struct ibx_pack_check *c, const struct ibx_err *err)
{
    ibx_findings_add(c->findings, err->status, "%s", err->what);
}

static void compare(struct ibx_pack_check *c, const char *name, uint64_t found,
                    uint64_t said)
{
    if (found != said)
        ibx_findings_add(c->findings, IBX_ERR_CORRUPT,
                         "its %s is %llu, but the manifest says %llu", name,
                         (unsigned long long)found, (unsigned long long)said);
}

/* ---- header and index -------------------------------------------------- */

static uint64_t entry_end(const struct ibx_pack_check *c, size_t i)
{
    if (i + 1 < c->header.entry_count)
        return c->index[i + 1].rel_id;
    return c->header.last_id - c->header.first_id + 1;
}

static int by_place(const void *a, const void *b)
{
    const struct place *left = a;
    const struct place *right = b;
    if (left->place != right->place)
        return left->place < right->place ? -1 : 1;
    return left->entry < right->entry ? -1 : 1;
}

/* The blobs in the order of the file, each with its first entry. */
static void sort_places(struct ibx_pack_check *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->header.entry_count; i++)
        if (c->index[i].place != 0)
            c->places[n++] = (struct place){c->index[i].place, (uint32_t)i};
    if (n > 0)
        qsort(c->places, n, sizeof *c->places, by_place);
    c->nplaces = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || c->places[i].place != c->places[i - 1].place)
            c->places[c->nplaces++] = c->places[i];
}

/* Rule 4.10, which ibx_index_decode() lets pass because readers can live with
 * it: two encodings of one content would have two names. */
static void check_canonical(struct ibx_pack_check *c)
{
    size_t n = (size_t)c->header.entry_count;
    if (c->index[0].place == 0)
        corrupt(c, "its index begins with a hole");
    if (n > 1 && c->index[n - 1].place == 0)
        corrupt(c, "its index ends with a hole");
    for (size_t i = 1; i < n; i++) {
        if (c->index[i].place != c->index[i - 1].place)
            continue;
        corrupt(c, "its index has two equal neighbours");
        return;
    }
}

/* Rule 4.10: blobs lie in the order of their first use. */
static void check_order(struct ibx_pack_check *c)
{
    for (size_t i = 1; i < c->nplaces; i++) {
        if (c->places[i].entry > c->places[i - 1].entry)
            continue;
        corrupt(c, "its tiles are not stored in the order of their first use");
        return;
    }
}

static void check_index(struct ibx_pack_check *c)
{
    check_canonical(c);
    sort_places(c);
    check_order(c);
    for (size_t i = 0; i < c->header.entry_count; i++)
        if (c->index[i].place != 0)
            c->seen.tile_count += entry_end(c, i) - c->index[i].rel_id;
    c->seen.blob_count = c->nplaces;
    if (c->seen.tile_count != c->header.tile_count)
        corrupt(c, "its header and its index count different tiles");
    if (c->seen.blob_count != c->header.blob_count)
        corrupt(c, "its header and its index count different blobs");
}

static void compare_header(struct ibx_pack_check *c)
{
    compare(c, "first tile id", c->header.first_id, c->info->first_id);
    compare(c, "last tile id", c->header.last_id, c->info->last_id);
    compare(c, "number of tiles", c->header.tile_count, c->info->tile_count);
    compare(c, "number of blobs", c->header.blob_count, c->info->blob_count);
    compare(c, "flags word", c->header.flags, c->info->flags);
}

static bool read_header(struct ibx_pack_check *c, int fd, const char *path,
                        uint64_t file_nbytes)
{
    uint8_t bytes[IBX_HEADER_NBYTES];
    struct ibx_err err;
    const char *why = NULL;
    if (ibx_read_at(fd, path, 0, bytes, sizeof bytes, &err) != IBX_OK) {
        failed(c, &err);
        return false;
    }
    enum ibx_status st =
        ibx_pack_header_decode(bytes, file_nbytes, &c->header, &why);
    if (st != IBX_OK) {
        ibx_findings_add(c->findings, st, "%s", why);
        return false;
    }
    compare_header(c);
    return true;
}

/* True when blobs can be found by the index. */
static bool read_index(struct ibx_pack_check *c, int fd, const char *path)
{
    uint8_t *bytes = (uint8_t *)(void *)c->index;
    size_t nbytes = (size_t)c->header.entry_count * IBX_INDEX_ENTRY_NBYTES;
    struct ibx_err err;
    if (ibx_read_at(fd, path, IBX_HEADER_NBYTES, bytes, nbytes, &err) !=
        IBX_OK) {
        failed(c, &err);
        return false;
    }
    const char *why = ibx_index_decode(&c->header, bytes, c->index);
    if (why) {
        corrupt(c, why);
        return false;
    }
    check_index(c);
    return true;
}

/* ---- blobs ------------------------------------------------------------- */

static void blob_finding(struct ibx_pack_check *c, const char *what)
{
    const struct place *place = &c->places[c->next_place - 1];
    struct ibx_zxy at =
        ibx_tile_zxy(c->header.first_id + c->index[place->entry].rel_id);
    ibx_findings_add(c->findings, IBX_ERR_CORRUPT, "tile %u/%u/%u: %s", at.z,
                     at.x, at.y, what);
}

/* Where the blob after the current one starts, or the data ends. */
static uint64_t next_start(const struct ibx_pack_check *c)
{
    return c->next_place < c->nplaces
               ? ibx_place_off(c->places[c->next_place].place)
               : c->header.data_nbytes;
}

static void end_blob(struct ibx_pack_check *c)
{
    c->blob.active = false;
    if (ibx_hasher_value(c->hasher) != c->blob.decoded.hash)
        blob_finding(c, "its checksum does not match");
}

/* The 16 bytes are there: what they say, and whether it can be true. */
static void begin_payload(struct ibx_pack_check *c)
{
    struct in_blob *b = &c->blob;
    b->decoded = ibx_blob_header_decode(b->header);
    uint64_t start = ibx_place_off(c->places[c->next_place - 1].place);
    const char *why = ibx_blob_header_check(&b->decoded);
    if (!why && !ibx_span_fits(start + IBX_BLOB_HEADER_NBYTES,
                               b->decoded.nbytes, c->header.data_nbytes))
        why = "it reaches behind the end of the file";
    if (!why &&
        start + IBX_BLOB_HEADER_NBYTES + b->decoded.nbytes > next_start(c))
        why = "it overlaps the tile stored behind it";
    if (why) {
        blob_finding(c, why);
        b->active = false;
        return;
    }
    c->seen.payload_nbytes += b->decoded.nbytes;
    c->seen.format_bits |= UINT32_C(1) << (b->decoded.flags & 31);
    if (b->decoded.nbytes > c->seen.largest_tile_nbytes)
        c->seen.largest_tile_nbytes = b->decoded.nbytes;
    c->stored[c->nstored++] =
        (struct stored){b->decoded.hash, start, b->decoded.nbytes};
    ibx_hasher_begin(c->hasher);
    ibx_hasher_add(c->hasher, b->header + 8, 8);
    b->payload_left = b->decoded.nbytes;
    if (b->payload_left == 0)
        end_blob(c);
}

/* Takes bytes of the current blob; returns how many. */
static size_t feed_blob(struct ibx_pack_check *c, const uint8_t *bytes,
                        size_t nbytes)
{
    struct in_blob *b = &c->blob;
    size_t take = IBX_BLOB_HEADER_NBYTES - b->header_nbytes;
    if (take > 0) {
        take = take < nbytes ? take : nbytes;
        memcpy(b->header + b->header_nbytes, bytes, take);
        b->header_nbytes += take;
        if (b->header_nbytes == IBX_BLOB_HEADER_NBYTES)
            begin_payload(c);
        return take;
    }
    take = b->payload_left < nbytes ? (size_t)b->payload_left : nbytes;
    ibx_hasher_add(c->hasher, bytes, take);
    b->payload_left -= take;
    if (b->payload_left == 0)
        end_blob(c);
    return take;
}

/* Takes the file's bytes from `off` on, in order. */
static void feed(struct ibx_pack_check *c, uint64_t off, const uint8_t *bytes,
                 size_t nbytes)
{
    size_t done = 0;
    while (done < nbytes) {
        if (c->blob.active) {
            done += feed_blob(c, bytes + done, nbytes - done);
            continue;
        }
        if (c->next_place == c->nplaces)
            return;
        uint64_t start =
            c->header.data_off + ibx_place_off(c->places[c->next_place].place);
        if (start >= off + nbytes)
            return;
        /* Never backwards: an overlapping blob was given up at its header,
         * and places are at least a header apart. */
        done = (size_t)(start - off);
        c->next_place++;
        c->blob = (struct in_blob){.active = true};
    }
}

static void compare_seen(struct ibx_pack_check *c)
{
    compare(c, "sum of tile lengths", c->seen.payload_nbytes,
            c->info->payload_nbytes);
    compare(c, "largest tile", c->seen.largest_tile_nbytes,
            c->info->largest_tile_nbytes);
    compare(c, "set of formats", c->seen.format_bits, c->info->format_bits);
}

/* ---- equal blobs ------------------------------------------------------- */

static int by_hash(const void *a, const void *b)
{
    const struct stored *left = a;
    const struct stored *right = b;
    if (left->hash != right->hash)
        return left->hash < right->hash ? -1 : 1;
    return (left->start > right->start) - (left->start < right->start);
}

/* Whether two blobs of one length are the same bytes, header included. */
static bool blobs_are_equal(struct ibx_pack_check *c, int fd, const char *path,
                            const struct stored *pair)
{
    enum { HALF = BUFFER_NBYTES / 2 };
    uint64_t nbytes = (uint64_t)IBX_BLOB_HEADER_NBYTES + pair[0].nbytes;
    for (uint64_t done = 0; done < nbytes; done += HALF) {
        size_t n = nbytes - done < HALF ? (size_t)(nbytes - done) : HALF;
        uint64_t off = c->header.data_off + done;
        if (ibx_read_at(fd, path, off + pair[0].start, c->buffer, n, NULL) !=
                IBX_OK ||
            ibx_read_at(fd, path, off + pair[1].start, c->buffer + HALF, n,
                        NULL) != IBX_OK ||
            memcmp(c->buffer, c->buffer + HALF, n) != 0)
            return false;
    }
    return true;
}

/* Rule 4.10: no two blobs with equal flags and payload. */
static void check_sharing(struct ibx_pack_check *c, int fd, const char *path)
{
    if (c->nstored > 0)
        qsort(c->stored, c->nstored, sizeof *c->stored, by_hash);
    for (size_t i = 1; i < c->nstored; i++) {
        const struct stored *pair = &c->stored[i - 1];
        if (pair[0].hash != pair[1].hash || pair[0].nbytes != pair[1].nbytes ||
            !blobs_are_equal(c, fd, path, pair))
            continue;
        corrupt(c, "it stores equal tiles more than once");
        return;
    }
}

/* ---- the pass ---------------------------------------------------------- */

static bool must_stop(const struct ibx_pack_check *c)
{
    return c->stop && *c->stop != 0;
}

/* Reads to the end; the number of bytes, or -1 after a failure. */
static int64_t read_through(struct ibx_pack_check *c, int fd, const char *path)
{
    uint64_t off = 0;
    for (;;) {
        ssize_t got = read(fd, c->buffer, BUFFER_NBYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            struct ibx_err err;
            (void)ibx_fail_sys(&err, path, "read");
            failed(c, &err);
            return -1;
        }
        if (got == 0 || must_stop(c))
            return (int64_t)off;
        if (!ibx_sha256_add(c->sha, c->buffer, (size_t)got)) {
            ibx_findings_add(c->findings, IBX_ERR_NOMEM, "SHA-256 failed");
            return -1;
        }
        if (c->has_index)
            feed(c, off, c->buffer, (size_t)got);
        off += (uint64_t)got;
    }
}

static void compare_sha256(struct ibx_pack_check *c, bool *bytes_are_named)
{
    uint8_t sha256[IBX_SHA256_NBYTES];
    if (!ibx_sha256_take(c->sha, sha256))
        ibx_findings_add(c->findings, IBX_ERR_NOMEM, "SHA-256 failed");
    else if (memcmp(sha256, c->info->sha256, sizeof sha256) != 0)
        corrupt(c, "its SHA-256 is not the one in its name");
    else
        *bytes_are_named = true;
}

static uint64_t check_open(struct ibx_pack_check *c, int fd, const char *path,
                           bool *bytes_are_named)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        corrupt(c, "it is not a regular file");
        return 0;
    }
    uint64_t file_nbytes = (uint64_t)st.st_size;
    compare(c, "length", file_nbytes, c->info->file_nbytes);
    c->has_index =
        read_header(c, fd, path, file_nbytes) && read_index(c, fd, path);
    uint8_t ignored[IBX_SHA256_NBYTES];
    (void)ibx_sha256_take(c->sha, ignored); /* what a failed pack left */
    int64_t got = read_through(c, fd, path);
    if (got < 0 || must_stop(c))
        return got < 0 ? 0 : (uint64_t)got;
    compare_sha256(c, bytes_are_named);
    if (c->has_index) {
        compare_seen(c);
        check_sharing(c, fd, path);
    }
    return (uint64_t)got;
}

uint64_t ibx_pack_check_run(struct ibx_pack_check *check, const char *path,
                            const struct ibx_pack_info *info,
                            struct ibx_findings *findings,
                            bool *bytes_are_named)
{
    struct ibx_pack_check *c = check;
    c->info = info;
    c->findings = findings;
    c->has_index = false;
    c->nplaces = c->next_place = c->nstored = 0;
    c->blob.active = false;
    c->seen = (struct ibx_pack_info){0};
    *bytes_are_named = false;
    /* A FIFO in a pack's place must not hold us up. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        struct ibx_err err;
        (void)ibx_fail_sys(&err, path, "open");
        failed(c, &err);
        return 0;
    }
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    uint64_t nbytes = check_open(c, fd, path, bytes_are_named);
    close(fd);
    return nbytes;
}
