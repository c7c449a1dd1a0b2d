#include "tiler/vector/sorter.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_NBYTES = 256 << 10,
    RECORD_MAX_NBYTES = 1 << 30,
    RUN_BUFFER_MIN = 16 << 10,
    RUN_BUFFER_MAX = 1 << 20,
};

struct entry {
    uint64_t id, seq;
    const uint8_t *ptr;
    uint32_t part, len;
};

/* Records lie in blocks that never move, so entries may point at them. */
struct block {
    struct block *next;
    size_t used, cap;
    uint8_t bytes[];
};

struct run {
    uint64_t offset, nbytes;
};

struct lane {
    struct entry *entries;
    size_t nentries, entries_cap;
    struct block *blocks;
    size_t blocks_nbytes;
    struct temp_file *file; /* NULL until the first run */
    struct run *runs;
    size_t nruns;
    uint64_t count;
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

static void free_blocks(struct lane *lane)
{
    for (struct block *block = lane->blocks; block != NULL;) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
    lane->blocks = NULL;
    lane->blocks_nbytes = 0;
}

static void free_lane(struct lane *lane)
{
    free_blocks(lane);
    free(lane->entries);
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

static int compare_entries(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    return compare_keys((struct sorter_key){a->id, a->seq, a->part},
                        (struct sorter_key){b->id, b->seq, b->part});
}

static void sort_lane(struct lane *lane)
{
    if (lane->nentries > 1)
        qsort(lane->entries, lane->nentries, sizeof *lane->entries,
              compare_entries);
}

/* A record in a run: id, seq, part, length, bytes. Only this process reads
 * it, so the machine's byte order will do. */
enum { RUN_HEADER_NBYTES = 24 };

static void put_header(uint8_t to[RUN_HEADER_NBYTES], const struct entry *e)
{
    memcpy(to, &e->id, 8);
    memcpy(to + 8, &e->seq, 8);
    memcpy(to + 16, &e->part, 4);
    memcpy(to + 20, &e->len, 4);
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
    for (size_t i = 0; i < lane->nentries && status == IBX_OK; i++) {
        const struct entry *entry = &lane->entries[i];
        uint8_t header[RUN_HEADER_NBYTES];
        put_header(header, entry);
        status = temp_write(lane->file, header, sizeof header, err);
        if (status == IBX_OK)
            status = temp_write(lane->file, entry->ptr, entry->len, err);
    }
    if (status != IBX_OK)
        return status;
    lane->runs[lane->nruns++] =
        (struct run){offset, lane->file->nbytes - offset};
    lane->nentries = 0;
    free_blocks(lane);
    return temp_flush(lane->file, err);
}

/* Room for n bytes that will not move; NULL: no memory. */
static uint8_t *lane_alloc(struct lane *lane, size_t n)
{
    struct block *block = lane->blocks;
    if (block == NULL || n > block->cap - block->used) {
        size_t cap = n > BLOCK_NBYTES ? n : BLOCK_NBYTES;
        block = malloc(sizeof *block + cap);
        if (block == NULL)
            return NULL;
        block->next = lane->blocks;
        block->used = 0;
        block->cap = cap;
        lane->blocks = block;
        lane->blocks_nbytes += cap;
    }
    uint8_t *at = block->bytes + block->used;
    block->used += n;
    return at;
}

static bool reserve_entry(struct lane *lane)
{
    if (lane->nentries < lane->entries_cap)
        return true;
    size_t cap = lane->entries_cap == 0 ? 4096 : lane->entries_cap * 2;
    void *entries = realloc(lane->entries, cap * sizeof *lane->entries);
    if (entries == NULL)
        return false;
    lane->entries = entries;
    lane->entries_cap = cap;
    return true;
}

static bool lane_is_full(const struct sorter *sorter, const struct lane *lane,
                         size_t more)
{
    size_t held = lane->blocks_nbytes + lane->nentries * sizeof(struct entry);
    return lane->nentries > 0 && held + more > sorter->lane_nbytes;
}

enum ibx_status sorter_add(struct sorter *sorter, unsigned number,
                           struct sorter_key key, const uint8_t *ptr,
                           size_t len, struct ibx_err *err)
{
    struct lane *lane = &sorter->lanes[number];
    if (len > RECORD_MAX_NBYTES)
        return err_say(err, IBX_ERR_TOO_LARGE, NULL,
                       "one feature's part of a tile is over 1 GiB");
    if (lane_is_full(sorter, lane, len + sizeof(struct entry))) {
        enum ibx_status status = spill(sorter, lane, err);
        if (status != IBX_OK)
            return status;
    }
    uint8_t *copy = lane_alloc(lane, len);
    if (copy == NULL || !reserve_entry(lane))
        return err_nomem(err);
    if (len > 0)
        memcpy(copy, ptr, len);
    lane->entries[lane->nentries++] = (struct entry){
        .id = key.id,
        .seq = key.seq,
        .ptr = copy,
        .part = key.part,
        .len = (uint32_t)len,
    };
    lane->count++;
    return IBX_OK;
}

enum ibx_status sorter_end_lane(struct sorter *sorter, unsigned number,
                                struct ibx_err *err)
{
    struct lane *lane = &sorter->lanes[number];
    /* Beside runs, what is in memory becomes a run too, so that the merge's
     * buffers have the memory. */
    if (lane->nruns > 0 && lane->nentries > 0)
        return spill(sorter, lane, err);
    sort_lane(lane);
    return IBX_OK;
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
    enum ibx_status status = fill(source, RUN_HEADER_NBYTES, err);
    if (status != IBX_OK)
        return status;
    const uint8_t *at = source->buffer + source->start;
    uint32_t len;
    memcpy(&source->head.key.id, at, 8);
    memcpy(&source->head.key.seq, at + 8, 8);
    memcpy(&source->head.key.part, at + 16, 4);
    memcpy(&len, at + 20, 4);
    status = fill(source, RUN_HEADER_NBYTES + (size_t)len, err);
    if (status != IBX_OK)
        return status;
    source->head.ptr = source->buffer + source->start + RUN_HEADER_NBYTES;
    source->head.len = len;
    source->start += RUN_HEADER_NBYTES + (size_t)len;
    return IBX_OK;
}

static enum ibx_status advance(struct source *source, struct ibx_err *err)
{
    if (source->file != NULL)
        return advance_run(source, err);
    assert(source->lane != NULL);
    if (source->next_entry == source->lane->nentries)
        return IBX_NOT_FOUND;
    const struct entry *entry = &source->lane->entries[source->next_entry++];
    source->head = (struct sorter_record){
        .key = {entry->id, entry->seq, entry->part},
        .ptr = entry->ptr,
        .len = entry->len,
    };
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
