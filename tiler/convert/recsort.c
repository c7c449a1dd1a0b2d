#include "tiler/convert/recsort.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tiler/convert/file.h"

enum { DIGIT_BITS = 11, NDIGITS = 6, NBUCKETS = 1 << DIGIT_BITS };

/* A sorted run in the file, read through its share of the memory. */
struct run {
    uint64_t left;    /* records in the file not read yet */
    uint64_t off;     /* of the next one, in bytes */
    struct rec *recs; /* borrowed from the sorter's memory */
    size_t at, count;
};

struct recsort {
    struct rec *recs, *scratch;
    size_t count, capacity;
    const char *temp_dir, *beside;
    int fd; /* -1: everything is in memory */
    uint64_t file_nbytes;
    struct run *runs;
    size_t nruns;
    size_t *heap; /* indexes of runs, least record first */
    size_t heap_count;
    size_t next; /* when everything is in memory */
};

enum ibx_status recsort_open(uint64_t memory_nbytes, const char *temp_dir,
                             const char *beside, struct recsort **out,
                             struct ibx_err *err)
{
    struct recsort *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return convert_no_memory(err, NULL);
    s->capacity = (size_t)(memory_nbytes / (2 * sizeof(struct rec)));
    s->recs = malloc(s->capacity * sizeof(struct rec));
    s->scratch = malloc(s->capacity * sizeof(struct rec));
    s->temp_dir = temp_dir;
    s->beside = beside;
    s->fd = -1;
    if (s->recs == NULL || s->scratch == NULL) {
        recsort_close(s);
        return convert_no_memory(err, NULL);
    }
    *out = s;
    return IBX_OK;
}

void recsort_close(struct recsort *s)
{
    if (s == NULL)
        return;
    if (s->fd >= 0)
        close(s->fd);
    free(s->recs);
    free(s->scratch);
    free(s->runs);
    free(s->heap);
    free(s);
}

/* ---- sorting in memory --------------------------------------------------- */

static unsigned digit_of(uint64_t key, int digit)
{
    return (unsigned)(key >> (DIGIT_BITS * digit)) & (NBUCKETS - 1);
}

/* One pass of a radix sort, least digit first; false when all records have
 * the same digit and nothing was moved. */
static bool distribute(const struct rec *from, struct rec *to, size_t count,
                       int digit)
{
    size_t starts[NBUCKETS] = {0};
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        starts[digit_of(from[i].key, digit)]++;
    if (count == 0 || starts[digit_of(from[0].key, digit)] == count)
        return false;
    for (int b = 0; b < NBUCKETS; b++) {
        size_t here = starts[b];
        starts[b] = sum;
        sum += here;
    }
    for (size_t i = 0; i < count; i++)
        to[starts[digit_of(from[i].key, digit)]++] = from[i];
    return true;
}

static void sort_memory(struct recsort *s)
{
    for (int digit = 0; digit < NDIGITS; digit++) {
        if (!distribute(s->recs, s->scratch, s->count, digit))
            continue;
        struct rec *swap = s->recs;
        s->recs = s->scratch;
        s->scratch = swap;
    }
}

/* ---- runs in the file ---------------------------------------------------- */

static enum ibx_status spill(struct recsort *s, struct ibx_err *err)
{
    if (s->fd < 0)
        s->fd = temp_file(s->temp_dir, s->beside, err);
    if (s->fd < 0)
        return IBX_ERR_SYSTEM;
    struct run *grown = realloc(s->runs, (s->nruns + 1) * sizeof(*grown));
    if (grown == NULL)
        return convert_no_memory(err, NULL);
    s->runs = grown;
    sort_memory(s);
    size_t nbytes = s->count * sizeof(struct rec);
    if (!file_write_all(s->fd, s->recs, nbytes))
        return convert_fail(err, IBX_ERR_SYSTEM, s->beside,
                            "a temporary file cannot be written");
    s->runs[s->nruns++] = (struct run){.left = s->count, .off = s->file_nbytes};
    s->file_nbytes += nbytes;
    s->count = 0;
    return IBX_OK;
}

enum ibx_status recsort_add(struct recsort *s, struct rec rec,
                            struct ibx_err *err)
{
    if (s->count == s->capacity) {
        enum ibx_status st = spill(s, err);
        if (st != IBX_OK)
            return st;
    }
    s->recs[s->count++] = rec;
    return IBX_OK;
}

/* Reads on in a run; leaves count 0 at its end. */
static enum ibx_status refill(struct recsort *s, struct run *run,
                              struct ibx_err *err)
{
    size_t share = s->capacity / s->nruns;
    size_t want = run->left < share ? (size_t)run->left : share;
    size_t nbytes = want * sizeof(struct rec), done = 0;
    while (done < nbytes) {
        ssize_t n = pread(s->fd, (uint8_t *)run->recs + done, nbytes - done,
                          (off_t)(run->off + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return convert_fail(err, IBX_ERR_SYSTEM, s->beside,
                                "a temporary file cannot be read");
        done += (size_t)n;
    }
    run->off += nbytes;
    run->left -= want;
    run->at = 0;
    run->count = want;
    return IBX_OK;
}

/* Earlier runs go first among equals. */
static bool run_less(const struct recsort *s, size_t a, size_t b)
{
    uint64_t key_a = s->runs[a].recs[s->runs[a].at].key;
    uint64_t key_b = s->runs[b].recs[s->runs[b].at].key;
    return key_a != key_b ? key_a < key_b : a < b;
}

static void sift_down(struct recsort *s, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++)
            if (child < s->heap_count &&
                run_less(s, s->heap[child], s->heap[least]))
                least = child;
        if (least == at)
            return;
        size_t swap = s->heap[at];
        s->heap[at] = s->heap[least];
        s->heap[least] = swap;
        at = least;
    }
}

static enum ibx_status start_merge(struct recsort *s, struct ibx_err *err)
{
    size_t share = s->capacity / s->nruns;
    s->heap = malloc(s->nruns * sizeof(*s->heap));
    if (s->heap == NULL || share == 0)
        return convert_no_memory(err, NULL);
    for (size_t i = 0; i < s->nruns; i++) {
        s->runs[i].recs = s->recs + i * share;
        enum ibx_status st = refill(s, &s->runs[i], err);
        if (st != IBX_OK)
            return st;
        s->heap[s->heap_count++] = i;
    }
    for (size_t i = s->heap_count; i-- > 0;)
        sift_down(s, i);
    return IBX_OK;
}

enum ibx_status recsort_sort(struct recsort *s, struct ibx_err *err)
{
    if (s->fd < 0) {
        sort_memory(s);
        return IBX_OK;
    }
    enum ibx_status st = s->count > 0 ? spill(s, err) : IBX_OK;
    return st == IBX_OK ? start_merge(s, err) : st;
}

enum ibx_status recsort_next(struct recsort *s, struct rec *out,
                             struct ibx_err *err)
{
    if (s->fd < 0) {
        if (s->next == s->count)
            return IBX_NOT_FOUND;
        *out = s->recs[s->next++];
        return IBX_OK;
    }
    if (s->heap_count == 0)
        return IBX_NOT_FOUND;
    struct run *run = &s->runs[s->heap[0]];
    *out = run->recs[run->at++];
    if (run->at == run->count) {
        enum ibx_status st = refill(s, run, err);
        if (st != IBX_OK)
            return st;
    }
    if (run->count == 0)
        s->heap[0] = s->heap[--s->heap_count];
    sift_down(s, 0);
    return IBX_OK;
}
