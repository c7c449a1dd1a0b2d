#include "pack/view.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pack/bytes.h"
#include "pack/err.h"
#include "pack/fileio.h"
#include "pack/guard.h"

static size_t bitmap_nwords(uint64_t nbits)
{
    return (size_t)((nbits + 63) / 64);
}

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t touched_nwords(uint64_t map_nbytes)
{
    return bitmap_nwords((map_nbytes + page_size() - 1) / page_size());
}

size_t ibx_view_index_nbytes(uint64_t entry_count, uint64_t map_nbytes)
{
    return (size_t)entry_count * sizeof(struct ibx_index_entry) +
           bitmap_nwords(entry_count) * sizeof(uint64_t) +
           touched_nwords(map_nbytes) * sizeof(uint64_t);
}

static enum ibx_status read_header(struct ibx_view *view, int fd,
                                   const char *path,
                                   const struct ibx_pack_info *info,
                                   struct ibx_err *err)
{
    uint8_t bytes[IBX_HEADER_NBYTES];
    struct stat st;
    if (fstat(fd, &st) != 0)
        return ibx_fail_sys(err, path, "fstat");
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != info->file_nbytes)
        return ibx_fail(err, IBX_ERR_CORRUPT, path,
                        "its length is not the one in the manifest");
    enum ibx_status status = ibx_read_at(fd, path, 0, bytes, sizeof bytes, err);
    if (status != IBX_OK)
        return status;
    const char *why = NULL;
    status =
        ibx_pack_header_decode(bytes, info->file_nbytes, &view->header, &why);
    if (status != IBX_OK)
        return ibx_fail(err, status, path, "%s", why);
    if (view->header.first_id != info->first_id ||
        view->header.last_id != info->last_id)
        return ibx_fail(err, IBX_ERR_CORRUPT, path,
                        "it is not the pack that the manifest names");
    return IBX_OK;
}

/* One allocation holds the index and both bitmaps. */
static bool allocate(struct ibx_view *view, const struct ibx_view_plan *plan)
{
    size_t nentries = (size_t)view->header.entry_count;
    size_t verified_nbytes = bitmap_nwords(nentries) * sizeof(uint64_t);
    size_t index_nbytes = nentries * sizeof(struct ibx_index_entry);
    uint64_t map_nbytes = plan->map ? view->file_nbytes : 0;
    uint8_t *block = calloc(1, ibx_view_index_nbytes(nentries, map_nbytes));
    if (!block)
        return false;
    view->index = (struct ibx_index_entry *)(void *)block;
    view->verified = (_Atomic uint64_t *)(void *)(block + index_nbytes);
    view->touched =
        (_Atomic uint64_t *)(void *)(block + index_nbytes + verified_nbytes);
    view->touched_nwords = touched_nwords(map_nbytes);
    view->page_nbytes = (uint32_t)page_size();
    view->block_nbytes =
        plan->block_nbytes ? plan->block_nbytes : view->page_nbytes;
    return true;
}

static enum ibx_status read_index(struct ibx_view *view, int fd,
                                  const char *path, struct ibx_err *err)
{
    uint8_t *bytes = (uint8_t *)(void *)view->index;
    size_t nbytes = (size_t)view->header.entry_count * IBX_INDEX_ENTRY_NBYTES;
    enum ibx_status st =
        ibx_read_at(fd, path, IBX_HEADER_NBYTES, bytes, nbytes, err);
    if (st != IBX_OK)
        return st;
    const char *why = ibx_index_decode(&view->header, bytes, view->index);
    if (why)
        return ibx_fail(err, IBX_ERR_CORRUPT, path, "%s", why);
    return IBX_OK;
}

static enum ibx_status map_file(struct ibx_view *view, int fd, const char *path,
                                struct ibx_err *err)
{
    size_t nbytes = (size_t)view->file_nbytes;
    void *base = mmap(NULL, nbytes, PROT_READ, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        return ibx_fail_sys(err, path, "mmap");
    /* Without it every fault reads as far ahead as the device is set to,
     * megabytes on some machines; what to read is said by WILLNEED. */
    (void)madvise(base, nbytes, MADV_RANDOM);
    view->base = base;
    view->map_nbytes = nbytes;
    return IBX_OK;
}

enum ibx_status ibx_view_open(struct ibx_view *view, int fd, const char *path,
                              const struct ibx_view_plan *plan,
                              struct ibx_view_reserve reserve,
                              struct ibx_err *err)
{
    struct ibx_view fresh = {.file_nbytes = plan->info->file_nbytes};
    /* Advice only: header and index are all that is read through `fd`, and
     * reading ahead of them took six times as much. */
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
    enum ibx_status st = read_header(&fresh, fd, path, plan->info, err);
    if (st == IBX_OK)
        st = reserve.ask(
            reserve.arg,
            ibx_view_index_nbytes(fresh.header.entry_count,
                                  plan->map ? fresh.file_nbytes : 0),
            err);
    if (st != IBX_OK)
        return st;
    if (!allocate(&fresh, plan))
        return ibx_fail_nomem(err);
    st = read_index(&fresh, fd, path, err);
    if (st == IBX_OK && plan->map)
        st = map_file(&fresh, fd, path, err);
    if (st != IBX_OK) {
        free(fresh.index);
        return st;
    }
    view->header = fresh.header;
    view->index = fresh.index;
    view->base = fresh.base;
    view->map_nbytes = fresh.map_nbytes;
    view->file_nbytes = fresh.file_nbytes;
    view->touched = fresh.touched;
    view->touched_nwords = fresh.touched_nwords;
    view->page_nbytes = fresh.page_nbytes;
    view->block_nbytes = fresh.block_nbytes;
    view->verified = fresh.verified;
    atomic_store(&view->epoch, 0);
    return IBX_OK;
}

void ibx_view_close(struct ibx_view *view, bool cold)
{
    if (view->base) {
        /* Before unmapping: afterwards nothing says whose pages they were. */
        if (cold)
            (void)madvise(view->base, view->map_nbytes, MADV_COLD);
        (void)munmap(view->base, view->map_nbytes);
    }
    free(view->index);
    view->base = NULL;
    view->index = NULL;
}

int64_t ibx_view_find(const struct ibx_view *view, uint64_t id)
{
    const struct ibx_pack_header *header = &view->header;
    if (id < header->first_id || id > header->last_id)
        return -1;
    uint32_t rel = (uint32_t)(id - header->first_id);
    const struct ibx_index_entry *at = view->index;
    size_t n = (size_t)header->entry_count;
    /* The last entry not behind rel; the first is at 0, so there is one. */
    while (n > 1) {
        size_t half = n / 2;
        at = at[half].rel_id <= rel ? at + half : at;
        n -= half;
    }
    return at->place == 0 ? -1 : at - view->index;
}

/* Bits of one word of the touched bitmap that [first, last] covers. */
static uint64_t word_mask(uint64_t word, uint64_t first, uint64_t last)
{
    uint64_t low = word == first / 64 ? first % 64 : 0;
    uint64_t high = word == last / 64 ? last % 64 : 63;
    return (UINT64_MAX >> (63 - high)) & (UINT64_MAX << low);
}

/* Whether [off, off + nbytes) was touched: all of its pages, or any. */
static bool touched(struct ibx_view *view, struct ibx_stretch what, bool all)
{
    uint64_t first = what.off / view->page_nbytes;
    uint64_t last = (what.off + what.nbytes - 1) / view->page_nbytes;
    for (uint64_t word = first / 64; word <= last / 64; word++) {
        uint64_t mask = word_mask(word, first, last);
        uint64_t bits =
            atomic_load_explicit(&view->touched[word], memory_order_relaxed) &
            mask;
        if (all ? bits != mask : bits != 0)
            return !all;
    }
    return all;
}

static bool is_in_epoch(struct ibx_view *view, uint64_t epoch)
{
    return atomic_load_explicit(&view->epoch, memory_order_acquire) == epoch;
}

bool ibx_view_is_touched(struct ibx_view *view, uint64_t off, uint64_t nbytes,
                         uint64_t epoch)
{
    assert(ibx_span_fits(off, nbytes, view->map_nbytes) && nbytes > 0);
    return is_in_epoch(view, epoch) &&
           touched(view, (struct ibx_stretch){off, nbytes}, true);
}

uint64_t ibx_view_reach(const struct ibx_view *view, int64_t entry)
{
    enum { LOOK_AHEAD = 8 }; /* over holes and tiles that came before */
    const struct ibx_index_entry *at = view->index + entry;
    int64_t left = (int64_t)view->header.entry_count - entry;
    for (int64_t i = 1; i < left && i <= LOOK_AHEAD; i++) {
        uint64_t nbytes = at[i].place > at->place ? ibx_place_off(at[i].place) -
                                                        ibx_place_off(at->place)
                                                  : 0;
        if (nbytes != 0)
            return nbytes < view->block_nbytes ? nbytes : view->block_nbytes;
    }
    return IBX_BLOB_HEADER_NBYTES;
}

/* [off, off + nbytes) grown to multiples of `unit`, within the map. */
static struct ibx_stretch grow(const struct ibx_view *view, uint64_t off,
                               uint64_t nbytes, uint32_t unit)
{
    uint64_t start = off / unit * unit;
    uint64_t end = ibx_align(off + nbytes, unit);
    if (end > view->map_nbytes)
        end = view->map_nbytes;
    return (struct ibx_stretch){start, end - start};
}

struct ibx_stretch ibx_view_prefetch(struct ibx_view *view, uint64_t off,
                                     uint64_t nbytes, uint64_t epoch)
{
    struct ibx_stretch block = grow(view, off, nbytes, view->block_nbytes);
    bool visited = is_in_epoch(view, epoch) && touched(view, block, false);
    struct ibx_stretch ask =
        visited ? block : grow(view, off, nbytes, view->page_nbytes);
    (void)madvise(view->base + ask.off, (size_t)ask.nbytes, MADV_WILLNEED);
    return ask;
}

/* Starts the bitmap afresh when it speaks of an older epoch. Two threads may
 * both clear; a bit lost that way only means one more prefetch. */
static void enter_epoch(struct ibx_view *view, uint64_t epoch)
{
    if (is_in_epoch(view, epoch))
        return;
    for (size_t i = 0; i < view->touched_nwords; i++)
        atomic_store_explicit(&view->touched[i], 0, memory_order_relaxed);
    atomic_store_explicit(&view->epoch, epoch, memory_order_release);
}

void ibx_view_touch(struct ibx_view *view, struct ibx_stretch what,
                    uint64_t epoch)
{
    assert(ibx_span_fits(what.off, what.nbytes, view->map_nbytes));
    enter_epoch(view, epoch);
    uint64_t first = what.off / view->page_nbytes;
    uint64_t last = (what.off + what.nbytes - 1) / view->page_nbytes;
    for (uint64_t word = first / 64; word <= last / 64; word++)
        atomic_fetch_or_explicit(&view->touched[word],
                                 word_mask(word, first, last),
                                 memory_order_relaxed);
}

struct copy_job {
    const uint8_t *from;
    void *to;
    size_t nbytes;
};

static void copy_work(void *arg)
{
    const struct copy_job *job = arg;
    memcpy(job->to, job->from, job->nbytes);
}

bool ibx_view_read(const struct ibx_view *view, uint64_t off, void *to,
                   size_t nbytes)
{
    assert(ibx_span_fits(off, nbytes, view->map_nbytes));
    struct copy_job job = {view->base + off, to, nbytes};
    return ibx_guard_run(view->base, view->map_nbytes, copy_work, &job);
}

bool ibx_view_is_verified(const struct ibx_view *view, int64_t entry)
{
    uint64_t bits =
        atomic_load_explicit(&view->verified[entry / 64], memory_order_relaxed);
    return (bits >> (entry % 64) & 1) != 0;
}

void ibx_view_set_verified(struct ibx_view *view, int64_t entry)
{
    atomic_fetch_or_explicit(&view->verified[entry / 64],
                             UINT64_C(1) << (entry % 64), memory_order_relaxed);
}
