#include "tiler/vector/sorter.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECORD_MAX_NBYTES = 1 << 30,
    RUN_BUFFER_MIN = 16 << 10,
    RUN_BUFFER_MAX = 1 << 20,
};

/* Where a record lies in the lane's slab. Within a lane records of one id come
 * in the order of their keys, so the offset decides between them. */
struct entry {
    uint64_t id, offset;
};

struct run {
    uint64_t offset, nbytes;
};

/* Records grow from the slab's begin, entries from its end: the memory of a
 * lane is one bounded piece, of which what is not used is not touched. */
struct lane {
    uint8_t *slab; /* NULL until the first record */
    size_t slab_nbytes, used_nbytes, nentries;
    struct temp_file *file; /* NULL until the first run */
    struct run *runs;
    size_t nruns;
    uint64_t count, nbytes; /* added */
};

/* A sorted input of the merge: a lane's entries or a run on disk. */
struct source {
    struct sorter_record head;
    const struct lane *lane; /* entries, when file is NULL */
    size_t next_entry;
    const struct temp_file *file;
    uint64_t offset, left_nbytes; /* of the run, not yet in the buffer */
    uint8_t *buffer;
    size_t buffer_cap, start, end;
};

struct sorter {
    struct temp_space *space;
    struct lane *lanes;
    unsigned nlanes;
    size_t lane_nbytes, memory_nbytes;
    struct source *sources; /* in heap order once merging */
    size_t nsources, sources_cap;
    bool stale; /* the head of sources[0] has been handed out */
};

enum ibx_status sorter_open(unsigned nlanes, uint64_t memory_nbytes,
                            struct temp_space *space, struct sorter **out,
                            struct ibx_err *err)
{
    assert(nlanes >= 1 && nlanes <= SORTER_MAX_LANES);
    struct sorter *sorter = calloc(1, sizeof *sorter);
    if (sorter == NULL)
        return err_nomem(err);
    sorter->lanes = calloc(nlanes, sizeof *sorter->lanes);
    if (sorter->lanes == NULL) {
        free(sorter);
        return err_nomem(err);
    }
    uint64_t share = memory_nbytes / nlanes;
    if (share < SORTER_MIN_NBYTES)
        share = SORTER_MIN_NBYTES;
    sorter->space = space;
    sorter->nlanes = nlanes;
    sorter->lane_nbytes = (size_t)share;
    sorter->memory_nbytes = (size_t)(share * nlanes);
    *out = sorter;
    return IBX_OK;
}

static void free_slab(struct lane *lane)
{
    free(lane->slab);
    lane->slab = NULL;
    lane->slab_nbytes = lane->used_nbytes = lane->nentries = 0;
}

static void free_lane(struct lane *lane)
{
    free_slab(lane);
    free(lane->runs);
    if (lane->file != NULL)
        temp_close(lane->file);
    free(lane->file);
}

void sorter_close(struct sorter *sorter)
{
    if (sorter == NULL)
        return;
    for (unsigned i = 0; i < sorter->nlanes; i++)
        free_lane(&sorter->lanes[i]);
    for (size_t i = 0; i < sorter->sources_cap; i++)
        free(sorter->sources[i].buffer);
    free(sorter->sources);
    free(sorter->lanes);
    free(sorter);
}

static int compare_keys(struct sorter_key a, struct sorter_key b)
{
    if (a.id != b.id)
        return a.id < b.id ? -1 : 1;
    if (a.seq != b.seq)
        return a.seq < b.seq ? -1 : 1;
    return (a.part > b.part) - (a.part < b.part);
}

/* The entry array; it ends where the slab ends. */
static struct entry *entries_of(const struct lane *lane)
{
    struct entry *end =
        (struct entry *)(void *)(lane->slab + lane->slab_nbytes);
    return end - lane->nentries;
}

static int compare_entries(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    if (a->id != b->id)
        return a->id < b->id ? -1 : 1;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

static void sort_lane(struct lane *lane)
{
    if (lane->nentries > 1)
        qsort(entries_of(lane), lane->nentries, sizeof(struct entry),
              compare_entries);
}

/* A record in a slab or a run: id, seq, part, length, bytes. Only this process
 * reads it, so the machine's byte order will do. */
enum { HEADER_NBYTES = 24 };

static void put_header(uint8_t to[HEADER_NBYTES], struct sorter_key key,
                       uint32_t len)
{
    memcpy(to, &key.id, 8);
    memcpy(to + 8, &key.seq, 8);
    memcpy(to + 16, &key.part, 4);
    memcpy(to + 20, &len, 4);
}

static struct sorter_record get_record(const uint8_t *at)
{
    struct sorter_record record = {.ptr = at + HEADER_NBYTES};
    uint32_t len;
    memcpy(&record.key.id, at, 8);
    memcpy(&record.key.seq, at + 8, 8);
    memcpy(&record.key.part, at + 16, 4);
    memcpy(&len, at + 20, 4);
    record.len = len;
    return record;
}

static enum ibx_status open_lane_file(struct sorter *sorter, struct lane *lane,
                                      struct ibx_err *err)
{
    if (lane->file != NULL)
        return IBX_OK;
    struct temp_file *file = malloc(sizeof *file);
    if (file == NULL)
        return err_nomem(err);
    enum ibx_status status = temp_open(file, sorter->space, err);
    if (status != IBX_OK) {
        free(file);
        return status;
    }
    lane->file = file;
    return IBX_OK;
}

/* Sorts the lane's records, writes them as a run and empties the lane. */
static enum ibx_status spill(struct sorter *sorter, struct lane *lane,
                             struct ibx_err *err)
{
    enum ibx_status status = open_lane_file(sorter, lane, err);
    if (status != IBX_OK)
        return status;
    struct run *runs =
        realloc(lane->runs, (lane->nruns + 1) * sizeof *lane->runs);
    if (runs == NULL)
        return err_nomem(err);
    lane->runs = runs;
    sort_lane(lane);
    uint64_t offset = lane->file->nbytes;
    const struct entry *entries = entries_of(lane);
    for (size_t i = 0; i < lane->nentries && status == IBX_OK; i++) {
        const uint8_t *at = lane->slab + entries[i].offset;
        status =
            temp_write(lane->file, at, HEADER_NBYTES + get_record(at).len, err);
    }
    if (status != IBX_OK)
        return status;
    lane->runs[lane->nruns++] =
        (struct run){offset, lane->file->nbytes - offset};
    lane->nentries = lane->used_nbytes = 0;
    return temp_flush(lane->file, err);
}

/* Whether `more` bytes with their entry fit beside what is there. */
static bool has_room(const struct lane *lane, size_t more)
{
    size_t taken =
        lane->used_nbytes + (lane->nentries + 1) * sizeof(struct entry);
    return lane->slab != NULL && taken <= lane->slab_nbytes &&
           more <= lane->slab_nbytes - taken;
}

/* Makes an empty lane's slab large enough for a record of `nbytes`, however
 * large that is. */
static enum ibx_status make_slab(struct sorter *sorter, struct lane *lane,
                                 size_t nbytes, struct ibx_err *err)
{
    size_t want = nbytes + 2 * sizeof(struct entry);
    if (want < sorter->lane_nbytes)
        want = sorter->lane_nbytes;
    want -= want % sizeof(struct entry);
    free_slab(lane);
    lane->slab = malloc(want);
    if (lane->slab == NULL)
        return err_nomem(err);
    lane->slab_nbytes = want;
    return IBX_OK;
}

static enum ibx_status make_room(struct sorter *sorter, struct lane *lane,
                                 size_t nbytes, struct ibx_err *err)
{
    enum ibx_status status = IBX_OK;
    if (!has_room(lane, nbytes) && lane->nentries > 0)
        status = spill(sorter, lane, err);
    if (status == IBX_OK && !has_room(lane, nbytes))
        status = make_slab(sorter, lane, nbytes, err);
    return status;
}

enum ibx_status sorter_add(struct sorter *sorter, unsigned number,
                           struct sorter_key key, const uint8_t *ptr,
                           size_t len, struct ibx_err *err)
{
    struct lane *lane = &sorter->lanes[number];
    if (len > RECORD_MAX_NBYTES)
        return err_say(err, IBX_ERR_TOO_LARGE, NULL,
                       "one feature's part of a tile is over 1 GiB");
    size_t nbytes = HEADER_NBYTES + len;
    enum ibx_status status = make_room(sorter, lane, nbytes, err);
    if (status != IBX_OK)
        return status;
    uint8_t *at = lane->slab + lane->used_nbytes;
    put_header(at, key, (uint32_t)len);
    if (len > 0)
        memcpy(at + HEADER_NBYTES, ptr, len);
    lane->nentries++;
    *entries_of(lane) = (struct entry){key.id, lane->used_nbytes};
    lane->used_nbytes += nbytes;
    lane->count++;
    lane->nbytes += nbytes;
    return IBX_OK;
}

enum ibx_status sorter_end_lane(struct sorter *sorter, unsigned number,
                                struct ibx_err *err)
{
    struct lane *lane = &sorter->lanes[number];
    /* Beside runs, what is in memory becomes a run too, so that the merge's
     * buffers have the memory. */
    enum ibx_status status = IBX_OK;
    if (lane->nruns > 0 && lane->nentries > 0)
        status = spill(sorter, lane, err);
    if (lane->nentries > 0)
        sort_lane(lane);
    else
        free_slab(lane);
    return status;
}

/* ---- merging ------------------------------------------------------------ */

/* Makes at least n bytes of the run available in the buffer. */
static enum ibx_status fill(struct source *source, size_t n,
                            struct ibx_err *err)
{
    size_t held = source->end - source->start;
    if (held >= n)
        return IBX_OK;
    if (n - held > source->left_nbytes)
        return err_say(err, IBX_ERR_CORRUPT, NULL, "a sorted run is cut off");
    memmove(source->buffer, source->buffer + source->start, held);
    source->start = 0;
    source->end = held;
    if (n > source->buffer_cap) {
        uint8_t *bigger = realloc(source->buffer, n);
        if (bigger == NULL)
            return err_nomem(err);
        source->buffer = bigger;
        source->buffer_cap = n;
    }
    size_t want = source->buffer_cap - held;
    if (want > source->left_nbytes)
        want = (size_t)source->left_nbytes;
    enum ibx_status status = temp_read(source->file, source->offset,
                                       source->buffer + held, want, err);
    if (status != IBX_OK)
        return status;
    source->offset += want;
    source->left_nbytes -= want;
    source->end += want;
    return IBX_OK;
}

static enum ibx_status advance_run(struct source *source, struct ibx_err *err)
{
    if (source->left_nbytes == 0 && source->start == source->end)
        return IBX_NOT_FOUND;
    enum ibx_status status = fill(source, HEADER_NBYTES, err);
    if (status != IBX_OK)
        return status;
    size_t len = get_record(source->buffer + source->start).len;
    status = fill(source, HEADER_NBYTES + len, err);
    if (status != IBX_OK)
        return status;
    source->head = get_record(source->buffer + source->start);
    source->start += HEADER_NBYTES + len;
    return IBX_OK;
}

static enum ibx_status advance(struct source *source, struct ibx_err *err)
{
    if (source->file != NULL)
        return advance_run(source, err);
    assert(source->lane != NULL);
    if (source->next_entry == source->lane->nentries)
        return IBX_NOT_FOUND;
    const struct entry *entry = &entries_of(source->lane)[source->next_entry++];
    source->head = get_record(source->lane->slab + entry->offset);
    return IBX_OK;
}

static void swap_sources(struct source *a, struct source *b)
{
    struct source swap = *a;
    *a = *b;
    *b = swap;
}

static void sift_down(struct sorter *sorter, size_t at)
{
    struct source *heap = sorter->sources;
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1;
             child <= 2 * at + 2 && child < sorter->nsources; child++) {
            if (compare_keys(heap[child].head.key, heap[least].head.key) < 0)
                least = child;
        }
        if (least == at)
            return;
        swap_sources(&heap[at], &heap[least]);
        at = least;
    }
}

static size_t count_sources(const struct sorter *sorter)
{
    size_t n = 0;
    for (unsigned i = 0; i < sorter->nlanes; i++)
        n += sorter->lanes[i].nruns + (sorter->lanes[i].nentries > 0);
    return n;
}

/* Adds the runs and entries of one lane to the sources. */
static enum ibx_status add_sources(struct sorter *sorter,
                                   const struct lane *lane, size_t buffer_cap,
                                   struct ibx_err *err)
{
    for (size_t i = 0; i < lane->nruns; i++) {
        struct source *source = &sorter->sources[sorter->nsources++];
        *source = (struct source){
            .file = lane->file,
            .offset = lane->runs[i].offset,
            .left_nbytes = lane->runs[i].nbytes,
            .buffer = malloc(buffer_cap),
            .buffer_cap = buffer_cap,
        };
        if (source->buffer == NULL)
            return err_nomem(err);
    }
    if (lane->nentries > 0)
        sorter->sources[sorter->nsources++] = (struct source){.lane = lane};
    return IBX_OK;
}

/* Sources that turn out empty move behind the others. */
static enum ibx_status fill_heads(struct sorter *sorter, struct ibx_err *err)
{
    for (size_t i = 0; i < sorter->nsources;) {
        enum ibx_status status = advance(&sorter->sources[i], err);
        if (status == IBX_OK)
            i++;
        else if (status == IBX_NOT_FOUND)
            swap_sources(&sorter->sources[i],
                         &sorter->sources[--sorter->nsources]);
        else
            return status;
    }
    return IBX_OK;
}

enum ibx_status sorter_merge(struct sorter *sorter, struct ibx_err *err)
{
    size_t n = count_sources(sorter);
    size_t buffer_cap = sorter->memory_nbytes / (n + 1);
    if (buffer_cap < RUN_BUFFER_MIN)
        buffer_cap = RUN_BUFFER_MIN;
    if (buffer_cap > RUN_BUFFER_MAX)
        buffer_cap = RUN_BUFFER_MAX;
    sorter->sources = calloc(n + 1, sizeof *sorter->sources);
    if (sorter->sources == NULL)
        return err_nomem(err);
    sorter->sources_cap = n;
    for (unsigned i = 0; i < sorter->nlanes; i++) {
        enum ibx_status status =
            add_sources(sorter, &sorter->lanes[i], buffer_cap, err);
        if (status != IBX_OK)
            return status;
    }
    enum ibx_status status = fill_heads(sorter, err);
    if (status != IBX_OK)
        return status;
    for (size_t i = sorter->nsources / 2; i-- > 0;)
        sift_down(sorter, i);
    return IBX_OK;
}

enum ibx_status sorter_next(struct sorter *sorter, struct sorter_record *out,
                            struct ibx_err *err)
{
    if (sorter->stale) {
        enum ibx_status status = advance(&sorter->sources[0], err);
        if (status == IBX_NOT_FOUND)
            swap_sources(&sorter->sources[0],
                         &sorter->sources[--sorter->nsources]);
        else if (status != IBX_OK)
            return status;
        sift_down(sorter, 0);
        sorter->stale = false;
    }
    if (sorter->nsources == 0)
        return IBX_NOT_FOUND;
    *out = sorter->sources[0].head;
    sorter->stale = true;
    return IBX_OK;
}

uint64_t sorter_count(const struct sorter *sorter)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < sorter->nlanes; i++)
        n += sorter->lanes[i].count;
    return n;
}

uint64_t sorter_nbytes(const struct sorter *sorter)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < sorter->nlanes; i++)
        n += sorter->lanes[i].nbytes;
    return n;
}

uint64_t sorter_memory_nbytes(const struct sorter *sorter)
{
    return sorter_nbytes(sorter) + sorter_count(sorter) * sizeof(struct entry);
}
