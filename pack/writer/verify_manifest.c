#include "pack/writer/verify_manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pack/err.h"
#include "pack/fileio.h"
#include "pack/tileset_impl.h"
#include "pack/writer/sha256.h"

/* ---- the file ---------------------------------------------------------- */

static void check_header(const uint8_t *bytes, uint64_t file_nbytes,
                         struct ibx_findings *findings)
{
    struct ibx_manifest_header header;
    const char *why = NULL;
    enum ibx_status st =
        ibx_manifest_header_decode(bytes, file_nbytes, &header, &why);
    if (st != IBX_OK)
        ibx_findings_add(findings, st, "%s", why);
}

/* Checks whole pages as far as the file goes. */
static enum ibx_status check_pages(int fd, const char *path,
                                   uint64_t file_nbytes, struct ibx_sha256 *sha,
                                   struct ibx_findings *findings)
{
    uint8_t page[IBX_PAGE_NBYTES];
    for (uint64_t off = 0; off < file_nbytes; off += IBX_PAGE_NBYTES) {
        uint64_t left = file_nbytes - off;
        size_t n = left < sizeof page ? (size_t)left : sizeof page;
        struct ibx_err err;
        enum ibx_status st = ibx_read_at(fd, path, off, page, n, &err);
        if (st == IBX_OK && !ibx_sha256_add(sha, page, n))
            st = ibx_fail_nomem(&err);
        if (st != IBX_OK) {
            ibx_findings_add(findings, st, "%s", err.what);
            return st;
        }
        uint64_t number = off / IBX_PAGE_NBYTES;
        if (number == 0 && n == sizeof page)
            check_header(page, file_nbytes, findings);
        else if (number > 0 && n == sizeof page &&
                 !ibx_page_is_sealed(page, number))
            ibx_findings_add(findings, IBX_ERR_CORRUPT,
                             "the checksum of page %llu does not match",
                             (unsigned long long)number);
    }
    return IBX_OK;
}

static void check_name(struct ibx_sha256 *sha, const char *generation,
                       struct ibx_findings *findings)
{
    uint8_t sha256[IBX_SHA256_NBYTES];
    char digits[IBX_GENERATION_NCHARS + 1];
    if (!ibx_sha256_take(sha, sha256)) {
        ibx_findings_add(findings, IBX_ERR_NOMEM, "SHA-256 failed");
        return;
    }
    for (int i = 0; i < IBX_GENERATION_NCHARS / 2; i++)
        (void)snprintf(digits + 2 * (size_t)i, 3, "%02x", sha256[i]);
    if (strcmp(digits, generation) != 0)
        ibx_findings_add(findings, IBX_ERR_CORRUPT,
                         "its SHA-256 does not begin with its name");
}

static uint64_t check_file(int fd, const char *path, const char *generation,
                           struct ibx_findings *findings)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        ibx_findings_add(findings, IBX_ERR_CORRUPT, "it is not a regular file");
        return 0;
    }
    if (info.st_size < IBX_HEADER_NBYTES)
        ibx_findings_add(findings, IBX_ERR_CORRUPT,
                         "shorter than a manifest's header");
    struct ibx_sha256 *sha = ibx_sha256_new();
    if (!sha) {
        ibx_findings_add(findings, IBX_ERR_NOMEM, "out of memory");
        return 0;
    }
    if (check_pages(fd, path, (uint64_t)info.st_size, sha, findings) == IBX_OK)
        check_name(sha, generation, findings);
    ibx_sha256_free(sha);
    return (uint64_t)info.st_size;
}

uint64_t ibx_verify_manifest(const char *path, const char *generation,
                             struct ibx_findings *findings)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        struct ibx_err err;
        enum ibx_status st = ibx_fail_sys(&err, path, "open");
        ibx_findings_add(findings, st, "%s", err.what);
        return 0;
    }
    uint64_t nbytes = check_file(fd, path, generation, findings);
    close(fd);
    return nbytes;
}

/* ---- what it says ------------------------------------------------------ */

/* What the packs seen so far add up to. */
struct sums {
    struct ibx_manifest_header header;
    bool complete; /* no record was unreadable */
    bool any;
    uint64_t first_id, last_id; /* of all; valid when `any` */
};

static void add_pack(struct sums *sums, const struct ibx_pack_info *pack)
{
    struct ibx_manifest_header *h = &sums->header;
    h->tile_count += pack->tile_count;
    h->blob_count += pack->blob_count;
    h->pack_nbytes += pack->file_nbytes;
    h->payload_nbytes += pack->payload_nbytes;
    h->format_bits |= pack->format_bits;
    if (pack->largest_tile_nbytes > h->largest_tile_nbytes)
        h->largest_tile_nbytes = pack->largest_tile_nbytes;
    if (!sums->any)
        sums->first_id = pack->first_id;
    sums->last_id = pack->last_id;
    sums->any = true;
}

/* False when the ids have no meaning. */
static bool check_range(const struct sums *sums, uint64_t number,
                        const struct ibx_pack_info *pack,
                        struct ibx_findings *findings)
{
    if (pack->first_id > pack->last_id ||
        pack->last_id >= ibx_zoom_first_id(IBX_MAX_ZOOM + 1)) {
        ibx_findings_add(findings, IBX_ERR_CORRUPT,
                         "the range of pack %llu is impossible",
                         (unsigned long long)number);
        return false;
    }
    if (!sums->any || pack->first_id > sums->last_id)
        return true;
    struct ibx_zxy at = ibx_tile_zxy(pack->first_id);
    ibx_findings_add(findings, IBX_ERR_CORRUPT,
                     "pack %llu, from tile %u/%u/%u on, overlaps or precedes "
                     "the one before it",
                     (unsigned long long)number, at.z, at.x, at.y);
    return true;
}

/* Only an oversize pack, which holds one tile's blob, may exceed the cap: all
 * others are mapped whole. */
static void check_size(uint64_t cap, uint64_t number,
                       const struct ibx_pack_info *pack,
                       struct ibx_findings *findings)
{
    bool oversize = (pack->flags & IBX_PACK_OVERSIZE) != 0;
    if (!oversize && pack->file_nbytes > cap)
        ibx_findings_add(findings, IBX_ERR_CORRUPT,
                         "pack %llu is larger than the pack size",
                         (unsigned long long)number);
    if (oversize && pack->blob_count != 1)
        ibx_findings_add(findings, IBX_ERR_CORRUPT,
                         "pack %llu is oversize with more than one tile in it",
                         (unsigned long long)number);
    if (pack->tile_count < pack->blob_count || pack->blob_count == 0)
        ibx_findings_add(findings, IBX_ERR_CORRUPT,
                         "the counts of pack %llu are impossible",
                         (unsigned long long)number);
}

static void compare_sum(const char *name, uint64_t found, uint64_t said,
                        struct ibx_findings *findings)
{
    if (found != said)
        ibx_findings_add(findings, IBX_ERR_CORRUPT,
                         "its header says %s %llu, its packs add up to %llu",
                         name, (unsigned long long)said,
                         (unsigned long long)found);
}

static void compare_sums(const struct sums *sums,
                         const struct ibx_manifest_header *said,
                         struct ibx_findings *findings)
{
    const struct ibx_manifest_header *found = &sums->header;
    compare_sum("tiles", found->tile_count, said->tile_count, findings);
    compare_sum("blobs", found->blob_count, said->blob_count, findings);
    compare_sum("bytes", found->pack_nbytes, said->pack_nbytes, findings);
    compare_sum("payload", found->payload_nbytes, said->payload_nbytes,
                findings);
    compare_sum("largest tile", found->largest_tile_nbytes,
                said->largest_tile_nbytes, findings);
    compare_sum("formats", found->format_bits, said->format_bits, findings);
    if (!sums->any)
        return;
    compare_sum("lowest zoom", ibx_tile_zxy(sums->first_id).z, said->min_zoom,
                findings);
    compare_sum("highest zoom", ibx_tile_zxy(sums->last_id).z, said->max_zoom,
                findings);
}

void ibx_verify_order(struct ibx_tileset *tileset,
                      struct ibx_findings *findings)
{
    const struct ibx_manifest_header *said = &tileset->manifest.header;
    struct sums sums = {.complete = true};
    for (uint64_t i = 0; i < said->npacks; i++) {
        struct ibx_pack_info pack;
        if (ibx_pack_info(tileset, i, &pack, NULL) != IBX_OK) {
            sums.complete = false;
            continue;
        }
        check_size(said->pack_nbytes_cap, i, &pack, findings);
        if (check_range(&sums, i, &pack, findings))
            add_pack(&sums, &pack);
        else
            sums.complete = false;
    }
    if (sums.complete)
        compare_sums(&sums, said, findings);
}
