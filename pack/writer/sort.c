#include "pack/writer/sort.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pack/err.h"
#include "pack/fileio.h"

enum {
    MIN_RECORDS = 1024,    /* per run, and per run's read buffer together */
    MIN_READ_RECORDS = 64, /* a run's buffer; below this, disks only seek */
};

/* A sorted run in the file, and the part of it that is read in. */
struct run {
    uint64_t off, left;    /* next record to read in; records not read in */
    uint64_t start, count; /* for rewinding */
    struct ibx_record *buffer;
    size_t at, n;
};

struct ibx_sort {
    char *path;
    int fd; /* -1 until something spills */
    uint64_t file_nbytes;
    struct ibx_record *records; /* being collected, or all when none spilled */
    size_t n, room, max;
    bool ascending; /* `records` are in order as they came */
    uint64_t count;
    struct run *runs;
    size_t nruns;
    size_t buffer_records;
    size_t *heap; /* numbers of runs not at their end, smallest record first */
    size_t nheap;
    size_t next; /* when none spilled */
};

static int compare(const struct ibx_record *a, const struct ibx_record *b)
{
    if (a->first_id != b->first_id)
        return a->first_id < b->first_id ? -1 : 1;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return (a->spool_off > b->spool_off) - (a->spool_off < b->spool_off);
}

static int compare_void(const void *a, const void *b)
{
    return compare(a, b);
}

enum ibx_status ibx_sort_open(const char *path, uint64_t memory_nbytes,
                              struct ibx_sort **out, struct ibx_err *err)
{
    struct ibx_sort *sort = calloc(1, sizeof *sort);
    if (!sort)
        return ibx_fail_nomem(err);
    sort->fd = -1;
    sort->ascending = true;
    sort->path = strdup(path);
    uint64_t max = memory_nbytes / sizeof(struct ibx_record);
    sort->max = max > MIN_RECORDS ? (size_t)max : MIN_RECORDS;
    if (!sort->path) {
        free(sort);
        return ibx_fail_nomem(err);
    }
    *out = sort;
    return IBX_OK;
}

static void drop_buffers(struct ibx_sort *sort)
{
    for (size_t i = 0; i < sort->nruns; i++) {
        free(sort->runs[i].buffer);
        sort->runs[i].buffer = NULL;
    }
    free(sort->heap);
    sort->heap = NULL;
}

void ibx_sort_close(struct ibx_sort *sort)
{
    if (!sort)
        return;
    drop_buffers(sort);
    if (sort->fd >= 0)
        close(sort->fd);
    free(sort->runs);
    free(sort->records);
    free(sort->path);
    free(sort);
}

uint64_t ibx_sort_count(const struct ibx_sort *sort)
{
    return sort->count;
}

static void sort_records(struct ibx_sort *sort)
{
    if (!sort->ascending)
        qsort(sort->records, sort->n, sizeof *sort->records, compare_void);
    sort->ascending = true;
}

static enum ibx_status open_runs(struct ibx_sort *sort, struct ibx_err *err)
{
    if (sort->fd >= 0)
        return IBX_OK;
    sort->fd = open(sort->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (sort->fd < 0)
        return ibx_fail_sys(err, sort->path, "open");
    (void)unlink(sort->path); /* gone with us, however we end */
    return IBX_OK;
}

/* Writes the collected records out as a run. */
static enum ibx_status spill(struct ibx_sort *sort, struct ibx_err *err)
{
    enum ibx_status st = open_runs(sort, err);
    if (st != IBX_OK)
        return st;
    struct run *runs =
        realloc(sort->runs, (sort->nruns + 1) * sizeof *sort->runs);
    if (!runs)
        return ibx_fail_nomem(err);
    sort->runs = runs;
    sort_records(sort);
    size_t nbytes = sort->n * sizeof *sort->records;
    st = ibx_write_at(sort->fd, sort->path, sort->file_nbytes, sort->records,
                      nbytes, err);
    if (st != IBX_OK)
        return st;
    runs[sort->nruns++] =
        (struct run){.start = sort->file_nbytes, .count = sort->n};
    sort->file_nbytes += nbytes;
    sort->n = 0;
    return IBX_OK;
}

static bool grow(struct ibx_sort *sort)
{
    size_t room = sort->room ? sort->room * 2 : MIN_RECORDS;
    assert(sort->max > 0);
    if (room > sort->max)
        room = sort->max;
    struct ibx_record *records = realloc(sort->records, room * sizeof *records);
    if (!records)
        return false;
    sort->records = records;
    sort->room = room;
    return true;
}

enum ibx_status ibx_sort_add(struct ibx_sort *sort,
                             const struct ibx_record *record,
                             struct ibx_err *err)
{
    if (sort->n == sort->max) {
        enum ibx_status st = spill(sort, err);
        if (st != IBX_OK)
            return st;
    }
    if (sort->n == sort->room && !grow(sort))
        return ibx_fail_nomem(err);
    if (sort->n > 0 && compare(&sort->records[sort->n - 1], record) > 0)
        sort->ascending = false;
    sort->records[sort->n++] = *record;
    sort->count++;
    return IBX_OK;
}

/* ---- merging ----------------------------------------------------------- */

static const struct ibx_record *head(const struct ibx_sort *sort, size_t run)
{
    return &sort->runs[run].buffer[sort->runs[run].at];
}

static void sift_down(struct ibx_sort *sort, size_t i)
{
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++)
            if (child < sort->nheap &&
                compare(head(sort, sort->heap[child]),
                        head(sort, sort->heap[least])) < 0)
                least = child;
        if (least == i)
            return;
        size_t run = sort->heap[i];
        sort->heap[i] = sort->heap[least];
        sort->heap[least] = run;
        i = least;
    }
}

static enum ibx_status refill(struct ibx_sort *sort, struct run *run,
                              struct ibx_err *err)
{
    size_t n = run->left < sort->buffer_records ? (size_t)run->left
                                                : sort->buffer_records;
    enum ibx_status st = ibx_read_at(sort->fd, sort->path, run->off,
                                     run->buffer, n * sizeof *run->buffer, err);
    if (st != IBX_OK)
        return st;
    run->off += n * sizeof *run->buffer;
    run->left -= n;
    run->at = 0;
    run->n = n;
    return IBX_OK;
}

static enum ibx_status start_merge(struct ibx_sort *sort, struct ibx_err *err)
{
    /* The memory that collected records now buffers runs. */
    free(sort->records);
    sort->records = NULL;
    sort->room = 0;
    sort->buffer_records = sort->max / sort->nruns;
    if (sort->buffer_records < MIN_READ_RECORDS)
        sort->buffer_records = MIN_READ_RECORDS;
    drop_buffers(sort);
    sort->heap = malloc(sort->nruns * sizeof *sort->heap);
    if (!sort->heap)
        return ibx_fail_nomem(err);
    sort->nheap = 0;
    for (size_t i = 0; i < sort->nruns; i++) {
        struct run *run = &sort->runs[i];
        run->off = run->start;
        run->left = run->count;
        run->buffer = malloc(sort->buffer_records * sizeof *run->buffer);
        if (!run->buffer)
            return ibx_fail_nomem(err);
        enum ibx_status st = refill(sort, run, err);
        if (st != IBX_OK)
            return st;
        sort->heap[sort->nheap++] = i;
    }
    for (size_t i = sort->nheap; i-- > 0;)
        sift_down(sort, i);
    return IBX_OK;
}

enum ibx_status ibx_sort_rewind(struct ibx_sort *sort, struct ibx_err *err)
{
    sort->next = 0;
    if (sort->nruns == 0) {
        sort_records(sort);
        return IBX_OK;
    }
    if (sort->n > 0) {
        enum ibx_status st = spill(sort, err);
        if (st != IBX_OK)
            return st;
    }
    return start_merge(sort, err);
}

static enum ibx_status next_merged(struct ibx_sort *sort,
                                   struct ibx_record *out, struct ibx_err *err)
{
    if (sort->nheap == 0)
        return IBX_NOT_FOUND;
    struct run *run = &sort->runs[sort->heap[0]];
    *out = run->buffer[run->at++];
    if (run->at == run->n && run->left > 0) {
        enum ibx_status st = refill(sort, run, err);
        if (st != IBX_OK)
            return st;
    } else if (run->at == run->n) {
        sort->heap[0] = sort->heap[--sort->nheap];
    }
    sift_down(sort, 0);
    return IBX_OK;
}

enum ibx_status ibx_sort_next(struct ibx_sort *sort, struct ibx_record *out,
                              struct ibx_err *err)
{
    if (sort->nruns > 0)
        return next_merged(sort, out, err);
    if (sort->next == sort->n)
        return IBX_NOT_FOUND;
    *out = sort->records[sort->next++];
    return IBX_OK;
}
