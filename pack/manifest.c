#include "pack/manifest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "pack/bytes.h"
#include "pack/cache.h"
#include "pack/err.h"
#include "pack/fileio.h"
#include "pack/guard.h"

static enum ibx_status read_header(struct ibx_manifest *m, int fd,
                                   struct ibx_err *err)
{
    uint8_t bytes[IBX_HEADER_NBYTES];
    struct stat info;
    if (fstat(fd, &info) != 0)
        return ibx_fail_sys(err, m->path, "fstat");
    if (!S_ISREG(info.st_mode))
        return ibx_fail(err, IBX_ERR_CORRUPT, m->path, "not a regular file");
    if (info.st_size < IBX_HEADER_NBYTES)
        return ibx_fail(err, IBX_ERR_CORRUPT, m->path,
                        "shorter than a manifest's header");
    enum ibx_status st = ibx_read_at(fd, m->path, 0, bytes, sizeof bytes, err);
    if (st != IBX_OK)
        return st;
    const char *why = NULL;
    st = ibx_manifest_header_decode(bytes, (uint64_t)info.st_size, &m->header,
                                    &why);
    if (st != IBX_OK)
        return ibx_fail(err, st, m->path, "%s", why);
    int64_t epoch = m->header.source_date_epoch;
    m->modified_s = epoch ? epoch : (int64_t)info.st_mtime;
    return IBX_OK;
}

static enum ibx_status map_pages(struct ibx_manifest *m, int fd,
                                 struct ibx_err *err)
{
    uint64_t npages = m->header.file_nbytes / IBX_PAGE_NBYTES;
    if (m->header.file_nbytes > SIZE_MAX)
        return ibx_fail(err, IBX_ERR_TOO_LARGE, m->path,
                        "too large for this machine's address space");
    m->checked_nwords = (size_t)((npages + 63) / 64);
    m->checked = calloc(m->checked_nwords, sizeof *m->checked);
    if (!m->checked)
        return ibx_fail_nomem(err);
    enum ibx_status st =
        ibx_cache_charge_map(m->cache, m->header.file_nbytes, err);
    if (st != IBX_OK)
        return st;
    size_t nbytes = (size_t)m->header.file_nbytes;
    void *base = mmap(NULL, nbytes, PROT_READ, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED) {
        st = ibx_fail_sys(err, m->path, "mmap");
        ibx_cache_discharge_map(m->cache, m->header.file_nbytes);
        return st;
    }
    (void)madvise(base, nbytes, MADV_RANDOM);
    m->base = base;
    return IBX_OK;
}

enum ibx_status ibx_manifest_open(struct ibx_manifest *manifest,
                                  struct ibx_cache *cache, const char *path,
                                  struct ibx_err *err)
{
    struct ibx_manifest *m = manifest;
    *m = (struct ibx_manifest){.cache = cache, .path = strdup(path)};
    if (!m->path)
        return ibx_fail_nomem(err);
    int fd = -1;
    enum ibx_status st = ibx_cache_open_fd(cache, path, IBX_BLOCK, &fd, err);
    if (st == IBX_OK) {
        st = read_header(m, fd, err);
        if (st == IBX_OK)
            st = map_pages(m, fd, err);
        ibx_cache_close_fd(cache, fd);
    }
    if (st != IBX_OK)
        ibx_manifest_close(m);
    return st;
}

void ibx_manifest_close(struct ibx_manifest *manifest)
{
    if (manifest->base) {
        (void)munmap((void *)manifest->base,
                     (size_t)manifest->header.file_nbytes);
        ibx_cache_discharge_map(manifest->cache, manifest->header.file_nbytes);
    }
    free(manifest->checked);
    free(manifest->path);
    *manifest = (struct ibx_manifest){0};
}

/* ---- pages ------------------------------------------------------------- */

static bool is_checked(struct ibx_manifest *m, uint64_t page)
{
    if (atomic_load_explicit(&m->epoch, memory_order_acquire) !=
        ibx_cache_epoch(m->cache))
        return false;
    uint64_t bits =
        atomic_load_explicit(&m->checked[page / 64], memory_order_relaxed);
    return (bits >> (page % 64) & 1) != 0;
}

static void set_checked(struct ibx_manifest *m, uint64_t page)
{
    uint64_t epoch = ibx_cache_epoch(m->cache);
    if (atomic_load_explicit(&m->epoch, memory_order_acquire) != epoch) {
        for (size_t i = 0; i < m->checked_nwords; i++)
            atomic_store_explicit(&m->checked[i], 0, memory_order_relaxed);
        atomic_store_explicit(&m->epoch, epoch, memory_order_release);
    }
    atomic_fetch_or_explicit(&m->checked[page / 64], UINT64_C(1) << (page % 64),
                             memory_order_relaxed);
}

/* A page that is not what it was: its next use finds the damage again, or that
 * it has been mended. */
static enum ibx_status page_is_bad(struct ibx_manifest *m, uint64_t page,
                                   struct ibx_err *err)
{
    atomic_fetch_and_explicit(&m->checked[page / 64],
                              ~(UINT64_C(1) << (page % 64)),
                              memory_order_relaxed);
    ibx_cache_count(m->cache, IBX_EVENT_CORRUPT);
    return ibx_fail(err, IBX_ERR_CORRUPT, m->path,
                    "the checksum of page %llu does not match",
                    (unsigned long long)page);
}

struct page_job {
    const uint8_t *page;
    uint64_t number;
    bool sealed;
};

static void check_work(void *arg)
{
    struct page_job *job = arg;
    job->sealed = ibx_page_is_sealed(job->page, job->number);
}

static enum ibx_status page_is_gone(struct ibx_manifest *m, struct ibx_err *err)
{
    ibx_cache_count(m->cache, IBX_EVENT_FAULT);
    return ibx_fail(err, IBX_ERR_CORRUPT, m->path,
                    "it was cut short while in use");
}

static enum ibx_status check_page(struct ibx_manifest *m, uint64_t page,
                                  enum ibx_wait wait, struct ibx_err *err)
{
    if (is_checked(m, page))
        return IBX_OK;
    if (wait == IBX_TRY)
        return IBX_AGAIN;
    struct page_job job = {m->base + page * IBX_PAGE_NBYTES, page, false};
    if (!ibx_guard_run(m->base, (size_t)m->header.file_nbytes, check_work,
                       &job))
        return page_is_gone(m, err);
    if (!job.sealed)
        return page_is_bad(m, page, err);
    set_checked(m, page);
    return IBX_OK;
}

struct read_job {
    const uint8_t *from;
    void *to;
    size_t nbytes;
};

static void read_work(void *arg)
{
    const struct read_job *job = arg;
    memcpy(job->to, job->from, job->nbytes);
}

/* Bytes inside one page's payload, and where they go. */
struct page_piece {
    uint64_t page;
    size_t off;
    void *to;
    size_t nbytes;
};

static enum ibx_status read_page(struct ibx_manifest *m,
                                 struct page_piece piece, enum ibx_wait wait,
                                 struct ibx_err *err)
{
    assert(piece.off + piece.nbytes <= IBX_PAGE_PAYLOAD_NBYTES);
    enum ibx_status st = check_page(m, piece.page, wait, err);
    if (st != IBX_OK)
        return st;
    struct read_job job = {m->base + piece.page * IBX_PAGE_NBYTES + piece.off,
                           piece.to, piece.nbytes};
    if (!ibx_guard_run(m->base, (size_t)m->header.file_nbytes, read_work, &job))
        return page_is_gone(m, err);
    return IBX_OK;
}

/* ---- finding ----------------------------------------------------------- */

static enum ibx_status first_id_of(struct ibx_manifest *m, uint64_t number,
                                   enum ibx_wait wait, uint64_t *out,
                                   struct ibx_err *err)
{
    uint8_t bytes[8];
    struct page_piece piece = {
        .page = m->header.first_ids_page + number / IBX_FIRST_IDS_PER_PAGE,
        .off = (size_t)(number % IBX_FIRST_IDS_PER_PAGE) * 8,
        .to = bytes,
        .nbytes = sizeof bytes,
    };
    enum ibx_status st = read_page(m, piece, wait, err);
    if (st == IBX_OK)
        *out = ibx_get_u64(bytes);
    return st;
}

/* Over the pages by their first element, so that no page is touched for
 * nothing: the number of the page that could hold `id`. */
static enum ibx_status find_page(struct ibx_manifest *m, uint64_t id,
                                 enum ibx_wait wait, uint64_t *out_page,
                                 struct ibx_err *err)
{
    uint64_t low = 0; /* its first id is known not to be behind `id` */
    uint64_t n = (m->header.npacks + IBX_FIRST_IDS_PER_PAGE - 1) /
                 IBX_FIRST_IDS_PER_PAGE;
    while (n > 1) {
        uint64_t half = n / 2;
        uint64_t first = 0;
        enum ibx_status st = first_id_of(
            m, (low + half) * IBX_FIRST_IDS_PER_PAGE, wait, &first, err);
        if (st != IBX_OK)
            return st;
        if (first <= id)
            low += half;
        n -= half;
    }
    *out_page = low;
    return IBX_OK;
}

struct search_job {
    const uint8_t *ids;
    uint64_t n; /* ids in this page */
    uint64_t id;
    int64_t found; /* -1: all are behind `id` */
};

static void search_work(void *arg)
{
    struct search_job *job = arg;
    uint64_t low = 0;
    uint64_t n = job->n;
    while (n > 1) {
        uint64_t half = n / 2;
        low += ibx_get_u64(job->ids + (low + half) * 8) <= job->id ? half : 0;
        n -= half;
    }
    job->found = ibx_get_u64(job->ids + low * 8) <= job->id ? (int64_t)low : -1;
}

/* The search in page number `page` of first ids, whose bytes are at `ids`. */
static struct search_job ids_of_page(const struct ibx_manifest *m,
                                     uint64_t page, const uint8_t *ids,
                                     uint64_t id)
{
    uint64_t left = m->header.npacks - page * IBX_FIRST_IDS_PER_PAGE;
    return (struct search_job){
        .ids = ids,
        .n = left < IBX_FIRST_IDS_PER_PAGE ? left : IBX_FIRST_IDS_PER_PAGE,
        .id = id,
    };
}

enum ibx_status ibx_manifest_find(struct ibx_manifest *manifest, uint64_t id,
                                  enum ibx_wait wait, uint64_t *out_pack,
                                  struct ibx_err *err)
{
    struct ibx_manifest *m = manifest;
    if (m->header.npacks == 0)
        return IBX_NOT_FOUND;
    uint64_t page = 0;
    enum ibx_status st = find_page(m, id, wait, &page, err);
    if (st == IBX_OK)
        st = check_page(m, m->header.first_ids_page + page, wait, err);
    if (st != IBX_OK)
        return st;
    struct search_job job = ids_of_page(
        m, page, m->base + (m->header.first_ids_page + page) * IBX_PAGE_NBYTES,
        id);
    if (!ibx_guard_run(m->base, (size_t)m->header.file_nbytes, search_work,
                       &job))
        return page_is_gone(m, err);
    if (job.found < 0)
        return IBX_NOT_FOUND;
    *out_pack = page * IBX_FIRST_IDS_PER_PAGE + (uint64_t)job.found;
    return IBX_OK;
}

enum ibx_status ibx_manifest_pack(struct ibx_manifest *manifest,
                                  uint64_t number, enum ibx_wait wait,
                                  struct ibx_pack_info *out,
                                  struct ibx_err *err)
{
    struct ibx_manifest *m = manifest;
    assert(number < m->header.npacks);
    struct ibx_pack_info info;
    uint8_t bytes[IBX_RECORD_NBYTES];
    enum ibx_status st = first_id_of(m, number, wait, &info.first_id, err);
    struct page_piece piece = {
        .page = m->header.records_page + number / IBX_RECORDS_PER_PAGE,
        .off = (size_t)(number % IBX_RECORDS_PER_PAGE) * IBX_RECORD_NBYTES,
        .to = bytes,
        .nbytes = sizeof bytes,
    };
    if (st == IBX_OK)
        st = read_page(m, piece, wait, err);
    if (st != IBX_OK)
        return st;
    ibx_record_decode(bytes, &info);
    *out = info;
    return IBX_OK;
}

/* ---- making sure ------------------------------------------------------- */

/* A page's own copy, compared with its checksum now. */
static enum ibx_status copy_page(struct ibx_manifest *m, uint64_t page,
                                 enum ibx_wait wait,
                                 uint8_t to[IBX_PAGE_NBYTES],
                                 struct ibx_err *err)
{
    if (wait == IBX_TRY && !is_checked(m, page))
        return IBX_AGAIN;
    struct read_job job = {m->base + page * IBX_PAGE_NBYTES, to,
                           IBX_PAGE_NBYTES};
    if (!ibx_guard_run(m->base, (size_t)m->header.file_nbytes, read_work, &job))
        return page_is_gone(m, err);
    if (!ibx_page_is_sealed(to, page))
        return page_is_bad(m, page, err);
    if (wait == IBX_BLOCK)
        set_checked(m, page);
    return IBX_OK;
}

/* As find_page(), believing nothing but copies; leaves the page's in `copy`. */
static enum ibx_status copy_page_of(struct ibx_manifest *m, uint64_t id,
                                    enum ibx_wait wait,
                                    uint8_t copy[IBX_PAGE_NBYTES],
                                    uint64_t *out_page, struct ibx_err *err)
{
    uint64_t low = 0;
    uint64_t n = (m->header.npacks + IBX_FIRST_IDS_PER_PAGE - 1) /
                 IBX_FIRST_IDS_PER_PAGE;
    while (n > 1) {
        uint64_t half = n / 2;
        enum ibx_status st = copy_page(m, m->header.first_ids_page + low + half,
                                       wait, copy, err);
        if (st != IBX_OK)
            return st;
        if (ibx_get_u64(copy) <= id)
            low += half;
        n -= half;
    }
    *out_page = low;
    return copy_page(m, m->header.first_ids_page + low, wait, copy, err);
}

enum ibx_status ibx_manifest_confirm(struct ibx_manifest *manifest, uint64_t id,
                                     enum ibx_wait wait, uint64_t *out_pack,
                                     struct ibx_err *err)
{
    struct ibx_manifest *m = manifest;
    uint8_t copy[IBX_PAGE_NBYTES];
    uint64_t page = 0;
    if (m->header.npacks == 0)
        return IBX_NOT_FOUND; /* the header was copied when it was checked */
    enum ibx_status st = copy_page_of(m, id, wait, copy, &page, err);
    if (st != IBX_OK)
        return st;
    struct search_job job = ids_of_page(m, page, copy, id);
    search_work(&job);
    if (job.found < 0)
        return IBX_NOT_FOUND;
    uint64_t pack = page * IBX_FIRST_IDS_PER_PAGE + (uint64_t)job.found;
    st = copy_page(m, m->header.records_page + pack / IBX_RECORDS_PER_PAGE,
                   wait, copy, err);
    if (st != IBX_OK)
        return st;
    struct ibx_pack_info info;
    ibx_record_decode(copy + pack % IBX_RECORDS_PER_PAGE * IBX_RECORD_NBYTES,
                      &info);
    if (id > info.last_id)
        return IBX_NOT_FOUND;
    *out_pack = pack;
    return IBX_OK;
}

enum ibx_status ibx_manifest_text(struct ibx_manifest *manifest,
                                  enum ibx_text which, char *to,
                                  struct ibx_err *err)
{
    const struct ibx_section *text = &manifest->header.texts[which];
    uint64_t left = text->nbytes;
    for (uint64_t page = text->page; left > 0; page++) {
        size_t n = left < IBX_PAGE_PAYLOAD_NBYTES ? (size_t)left
                                                  : IBX_PAGE_PAYLOAD_NBYTES;
        struct page_piece piece = {page, 0, to, n};
        enum ibx_status st = read_page(manifest, piece, IBX_BLOCK, err);
        if (st != IBX_OK)
            return st;
        to += n;
        left -= n;
    }
    return IBX_OK;
}
