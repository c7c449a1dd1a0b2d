#include "tiler/convert/export_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tiler/cli/stop.h"
#include "tiler/convert/file.h"
#include "tiler/convert/recsort.h"

enum { CHUNK_RUNS = 4096 };

/* ---- which blob a place is, inside one pack ------------------------------ */

/* A hash table from places to numbers of blobs; emptied at each pack. */
struct places {
    uint32_t *keys; /* 0: free, as no blob is at place 0 */
    uint64_t *blobs;
    size_t capacity, count; /* a power of two */
};

static bool places_reset(struct places *p)
{
    if (p->capacity == 0) {
        p->capacity = 1 << 12;
        p->keys = calloc(p->capacity, sizeof(*p->keys));
        p->blobs = malloc(p->capacity * sizeof(*p->blobs));
    } else {
        memset(p->keys, 0, p->capacity * sizeof(*p->keys));
    }
    p->count = 0;
    return p->keys != NULL && p->blobs != NULL;
}

static void places_free(struct places *p)
{
    free(p->keys);
    free(p->blobs);
}

static size_t places_slot(const struct places *p, uint32_t key)
{
    size_t at = (key * UINT32_C(2654435769)) & (p->capacity - 1);
    while (p->keys[at] != 0 && p->keys[at] != key)
        at = (at + 1) & (p->capacity - 1);
    return at;
}

static bool places_grow(struct places *p)
{
    struct places bigger = {.capacity = p->capacity * 2, .count = p->count};
    bigger.keys = calloc(bigger.capacity, sizeof(*bigger.keys));
    bigger.blobs = malloc(bigger.capacity * sizeof(*bigger.blobs));
    if (bigger.keys == NULL || bigger.blobs == NULL) {
        places_free(&bigger);
        return false;
    }
    for (size_t i = 0; i < p->capacity; i++) {
        if (p->keys[i] == 0)
            continue;
        size_t to = places_slot(&bigger, p->keys[i]);
        bigger.keys[to] = p->keys[i];
        bigger.blobs[to] = p->blobs[i];
    }
    places_free(p);
    *p = bigger;
    return true;
}

/* ---- the first pass: facts ------------------------------------------------
 */

/* Runs on their way to the file. In this pass `content` is the number of the
 * blob and `off` that of the first blob of its pack. */
struct planning {
    const struct plan_options *options;
    struct export_plan *plan;
    struct ibx_tileset *tileset;
    struct places places;
    struct recsort *hashes; /* hash -> blob */
    struct recsort *groups; /* blob -> group of equal hashes */
    uint64_t ngroups;
    uint64_t blobs, pack, pack_first_blob;
    struct plan_run chunk[CHUNK_RUNS];
    size_t chunk_count;
};

static enum ibx_status cannot_write(const struct planning *p,
                                    struct ibx_err *err)
{
    return convert_fail(err, IBX_ERR_SYSTEM, p->options->output,
                        "a temporary file cannot be written");
}

static enum ibx_status flush_chunk(struct planning *p, struct ibx_err *err)
{
    size_t nbytes = p->chunk_count * sizeof(p->chunk[0]);
    p->chunk_count = 0;
    return file_write_all(p->plan->fd, p->chunk, nbytes) ? IBX_OK
                                                         : cannot_write(p, err);
}

static enum ibx_status keep_run(struct planning *p, struct plan_run run,
                                struct ibx_err *err)
{
    p->chunk[p->chunk_count++] = run;
    p->plan->nruns++;
    return p->chunk_count == CHUNK_RUNS ? flush_chunk(p, err) : IBX_OK;
}

/* A blob seen for the first time in its pack. */
static enum ibx_status new_blob(struct planning *p,
                                const struct ibx_tile_facts *facts,
                                struct plan_run *run, struct ibx_err *err)
{
    run->action = facts->nbytes == 0 ? PLAN_EMPTY : PLAN_WRITE;
    run->content = p->blobs++;
    if (facts->nbytes == 0 || !p->options->share)
        return IBX_OK;
    return recsort_add(p->hashes, (struct rec){facts->hash, run->content}, err);
}

static enum ibx_status plan_span(struct planning *p,
                                 const struct ibx_span *span,
                                 struct ibx_err *err)
{
    struct ibx_tile_facts facts;
    struct plan_run run = {.first_id = span->first_id,
                           .count = span->count,
                           .action = PLAN_REPEAT};
    if (p->plan->nruns == 0 || span->pack != p->pack) {
        if (!places_reset(&p->places))
            return convert_no_memory(err, NULL);
        p->pack = span->pack;
        p->pack_first_blob = p->blobs;
    }
    run.off = p->pack_first_blob;
    enum ibx_status st = ibx_tile_stat(p->tileset, ibx_tile_zxy(span->first_id),
                                       IBX_BLOCK, &facts, err);
    if (st != IBX_OK)
        return st;
    run.nbytes = facts.nbytes;
    size_t slot = places_slot(&p->places, span->place);
    if (p->places.keys[slot] == 0) {
        st = new_blob(p, &facts, &run, err);
        p->places.keys[slot] = span->place;
        p->places.blobs[slot] = run.content;
        p->places.count++;
    } else {
        run.content = p->places.blobs[slot];
        if (run.nbytes == 0)
            run.action = PLAN_EMPTY;
    }
    if (p->places.count * 2 > p->places.capacity && !places_grow(&p->places))
        return convert_no_memory(err, NULL);
    kinds_add(&p->plan->kinds, (struct tile_kind){facts.format, facts.encoding},
              facts.nbytes, span->count);
    coverage_add(&p->plan->coverage, span->first_id, span->count);
    return st == IBX_OK ? keep_run(p, run, err) : st;
}

static enum ibx_status walk_facts(struct planning *p, struct ibx_err *err)
{
    struct ibx_walk *walk;
    struct ibx_span span;
    enum ibx_status st = ibx_walk_open(p->tileset, 0, &walk, err);
    if (st != IBX_OK)
        return st;
    while ((st = ibx_walk_next(walk, &span, err)) == IBX_OK) {
        st = plan_span(p, &span, err);
        if (st == IBX_OK && stop_requested())
            st = convert_fail(err, IBX_ERR_INTERRUPTED, NULL, "interrupted");
        if (st != IBX_OK)
            break;
        if (p->plan->nruns % 1024 == 0 && p->options->progress != NULL)
            p->options->progress(p->options->progress_arg,
                                 p->plan->coverage.tiles);
    }
    ibx_walk_close(walk);
    return st == IBX_NOT_FOUND ? flush_chunk(p, err) : st;
}

/* ---- groups of equal hashes -----------------------------------------------
 */

/* From blobs by hash to groups by blob; lone blobs are left out. */
static enum ibx_status make_groups(struct planning *p, struct ibx_err *err)
{
    struct rec before = {0}, rec;
    bool any = false, open = false;
    enum ibx_status st = recsort_sort(p->hashes, err);
    while (st == IBX_OK &&
           (st = recsort_next(p->hashes, &rec, err)) == IBX_OK) {
        bool equal = any && rec.key == before.key;
        if (equal && !open)
            st = recsort_add(p->groups,
                             (struct rec){before.value, p->ngroups++}, err);
        if (equal && st == IBX_OK)
            st = recsort_add(p->groups, (struct rec){rec.value, p->ngroups - 1},
                             err);
        open = equal;
        any = true;
        before = rec;
    }
    return st == IBX_NOT_FOUND ? recsort_sort(p->groups, err) : st;
}

/* ---- the second pass: where contents go -----------------------------------
 */

/* Where a content went; nbytes 0: nowhere yet. */
struct went {
    uint64_t off, content;
    uint64_t nbytes;
};

struct placing {
    struct planning *p;
    struct went *groups; /* one per group: a map over a temporary file */
    size_t groups_nbytes;
    struct rec next; /* the next blob that is in a group */
    bool has_next;
    /* Of the current pack's blobs, by number less `first`. Blobs are numbered
     * in the order of their first run, so a pack's are together. */
    struct went *blobs;
    size_t blobs_capacity;
    uint64_t first;
};

static enum ibx_status map_groups(struct placing *pl, struct ibx_err *err)
{
    size_t nbytes = (size_t)(pl->p->ngroups + 1) * sizeof(struct went);
    int fd = temp_file(pl->p->options->temp_dir, pl->p->options->output, err);
    if (fd < 0)
        return IBX_ERR_SYSTEM;
    void *map = MAP_FAILED;
    /* Allocated for real: a full disk is an error here, not a SIGBUS later. */
    int code = posix_fallocate(fd, 0, (off_t)nbytes);
    if (code == 0)
        map = mmap(NULL, nbytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED) {
        errno = code != 0 ? code : errno;
        return cannot_write(pl->p, err);
    }
    pl->groups = map;
    pl->groups_nbytes = nbytes;
    return IBX_OK;
}

static enum ibx_status next_grouped(struct placing *pl, struct ibx_err *err)
{
    enum ibx_status st = recsort_next(pl->p->groups, &pl->next, err);
    pl->has_next = st == IBX_OK;
    return st == IBX_NOT_FOUND ? IBX_OK : st;
}

static struct went *blob_slot(struct placing *pl, uint64_t blob)
{
    size_t at = (size_t)(blob - pl->first);
    if (at >= pl->blobs_capacity) {
        size_t capacity = at * 2 + 4096;
        struct went *grown = realloc(pl->blobs, capacity * sizeof(*grown));
        if (grown == NULL)
            return NULL;
        pl->blobs = grown;
        pl->blobs_capacity = capacity;
    }
    return &pl->blobs[at];
}

static struct went next_content(struct export_plan *plan, uint32_t nbytes)
{
    struct went went = {plan->contents_nbytes, plan->contents, nbytes};
    plan->contents++;
    plan->contents_nbytes += nbytes;
    return went;
}

/* Places a blob that comes for the first time in its pack. */
static enum ibx_status place_new(struct placing *pl, struct plan_run *run,
                                 struct went *slot, struct ibx_err *err)
{
    struct export_plan *plan = pl->p->plan;
    if (!pl->has_next || pl->next.key != run->content) {
        *slot = next_content(plan, run->nbytes);
        return IBX_OK;
    }
    struct went *group = &pl->groups[pl->next.value];
    if (group->nbytes == 0)
        *group = next_content(plan, run->nbytes);
    else if (group->nbytes == run->nbytes)
        run->action = PLAN_EQUAL;
    /* Else: equal hashes of unequal lengths. Rare; it gets its own place. */
    *slot = run->action == PLAN_EQUAL || group->nbytes == run->nbytes
                ? *group
                : next_content(plan, run->nbytes);
    return next_grouped(pl, err);
}

static enum ibx_status place_run(struct placing *pl, struct plan_run *run,
                                 struct ibx_err *err)
{
    enum ibx_status st = IBX_OK;
    if (run->action == PLAN_EMPTY)
        return IBX_OK;
    pl->first = run->off;
    struct went *slot = blob_slot(pl, run->content);
    if (slot == NULL)
        return convert_no_memory(err, NULL);
    if (run->action == PLAN_WRITE)
        st = place_new(pl, run, slot, err);
    run->off = slot->off;
    run->content = slot->content;
    return st;
}

/* Rewrites the runs of one chunk with what is now known. */
static enum ibx_status place_chunk(struct placing *pl, uint64_t from,
                                   size_t count, struct ibx_err *err)
{
    struct planning *p = pl->p;
    size_t nbytes = count * sizeof(p->chunk[0]);
    off_t off = (off_t)(from * sizeof(p->chunk[0]));
    if (pread(p->plan->fd, p->chunk, nbytes, off) != (ssize_t)nbytes)
        return cannot_write(p, err);
    for (size_t i = 0; i < count; i++) {
        enum ibx_status st = place_run(pl, &p->chunk[i], err);
        if (st != IBX_OK)
            return st;
    }
    return pwrite(p->plan->fd, p->chunk, nbytes, off) == (ssize_t)nbytes
               ? IBX_OK
               : cannot_write(p, err);
}

static enum ibx_status place_all(struct planning *p, struct ibx_err *err)
{
    struct placing pl = {.p = p};
    enum ibx_status st = map_groups(&pl, err);
    if (st == IBX_OK && p->options->share)
        st = next_grouped(&pl, err);
    for (uint64_t at = 0; at < p->plan->nruns && st == IBX_OK;
         at += CHUNK_RUNS) {
        uint64_t left = p->plan->nruns - at;
        st = place_chunk(&pl, at, left < CHUNK_RUNS ? (size_t)left : CHUNK_RUNS,
                         err);
    }
    if (pl.groups != NULL)
        munmap(pl.groups, pl.groups_nbytes);
    free(pl.blobs);
    return st;
}

/* ---- the plan --------------------------------------------------------------
 */

static enum ibx_status make(struct planning *p, struct ibx_err *err)
{
    const struct plan_options *o = p->options;
    p->plan->fd = temp_file(o->temp_dir, o->output, err);
    enum ibx_status st = p->plan->fd < 0 ? IBX_ERR_SYSTEM : IBX_OK;
    if (st == IBX_OK)
        st = recsort_open(o->memory_nbytes / 2, o->temp_dir, o->output,
                          &p->hashes, err);
    if (st == IBX_OK)
        st = recsort_open(o->memory_nbytes / 4, o->temp_dir, o->output,
                          &p->groups, err);
    if (st == IBX_OK)
        st = walk_facts(p, err);
    if (st == IBX_OK)
        st = make_groups(p, err);
    recsort_close(p->hashes);
    p->hashes = NULL;
    return st == IBX_OK ? place_all(p, err) : st;
}

enum ibx_status export_plan_make(struct ibx_tileset *tileset,
                                 const struct plan_options *options,
                                 struct export_plan *out, struct ibx_err *err)
{
    struct planning *p = calloc(1, sizeof(*p));
    *out = (struct export_plan){.fd = -1};
    if (p == NULL)
        return convert_no_memory(err, NULL);
    p->options = options;
    p->plan = out;
    p->tileset = tileset;
    enum ibx_status st = make(p, err);
    recsort_close(p->groups);
    places_free(&p->places);
    free(p);
    if (st != IBX_OK)
        export_plan_free(out);
    return st;
}

void export_plan_free(struct export_plan *plan)
{
    if (plan->fd >= 0)
        close(plan->fd);
    plan->fd = -1;
}

/* ---- reading ---------------------------------------------------------------
 */

enum ibx_status plan_reader_open(const struct export_plan *plan,
                                 struct plan_reader *out, struct ibx_err *err)
{
    *out = (struct plan_reader){.plan = plan};
    out->runs = malloc(CHUNK_RUNS * sizeof(*out->runs));
    return out->runs == NULL ? convert_no_memory(err, NULL) : IBX_OK;
}

enum ibx_status plan_reader_next(struct plan_reader *r, struct plan_run *out,
                                 struct ibx_err *err)
{
    if (r->at == r->count) {
        uint64_t left = r->plan->nruns - r->next;
        size_t want = left < CHUNK_RUNS ? (size_t)left : CHUNK_RUNS;
        size_t nbytes = want * sizeof(*r->runs);
        if (want == 0)
            return IBX_NOT_FOUND;
        if (pread(r->plan->fd, r->runs, nbytes,
                  (off_t)(r->next * sizeof(*r->runs))) != (ssize_t)nbytes)
            return convert_fail(err, IBX_ERR_SYSTEM, NULL,
                                "a temporary file cannot be read");
        r->next += want;
        r->at = 0;
        r->count = want;
    }
    *out = r->runs[r->at++];
    return IBX_OK;
}

void plan_reader_close(struct plan_reader *reader)
{
    free(reader->runs);
    reader->runs = NULL;
}
