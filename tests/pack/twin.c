#include "tests/pack/twin.h"

#include <stdlib.h>
#include <string.h>

/* A set of tiles: runs from an array, clipped to [first_id, last_id]. */
struct twin {
    const struct sample *runs;
    size_t nruns;
    uint64_t pack_nbytes;
};

/* Packs in order, while they are put together. */
struct row {
    struct twin_pack *packs;
    size_t n;
};

static uint64_t max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool same_tile(const struct sample *a, const struct sample *b)
{
    return a->seed == b->seed && a->nbytes == b->nbytes;
}

static bool meets(const struct sample *run, uint64_t first, uint64_t last)
{
    return run->first_id <= last && run->first_id + run->count - 1 >= first;
}

static int by_tile(const void *a, const void *b)
{
    const struct sample *left = a;
    const struct sample *right = b;
    if (left->seed != right->seed)
        return left->seed < right->seed ? -1 : 1;
    return (left->nbytes > right->nbytes) - (left->nbytes < right->nbytes);
}

/* Counts the blobs of `n` runs and returns their bytes in a pack. */
static uint64_t blob_nbytes(struct sample *runs, size_t n, uint64_t *out_n)
{
    uint64_t nbytes = 0;
    *out_n = 0;
    qsort(runs, n, sizeof *runs, by_tile);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && same_tile(&runs[i - 1], &runs[i]))
            continue;
        nbytes += (16 + (uint64_t)runs[i].nbytes + 15) / 16 * 16;
        *out_n += 1;
    }
    return nbytes;
}

/* What a pack of all tiles in [first, last] would be; ntiles 0 when there are
 * none. *out_nentries: of its index. */
static struct twin_pack weigh(const struct twin *twin, uint64_t first,
                              uint64_t last, uint64_t *out_nentries)
{
    struct twin_pack pack = {0};
    struct sample *inside = calloc(twin->nruns + 1, sizeof *inside);
    ck_assert_ptr_nonnull(inside);
    size_t n = 0;
    uint64_t nentries = 0;
    const struct sample *before = NULL;
    for (size_t i = 0; i < twin->nruns; i++) {
        const struct sample *run = &twin->runs[i];
        if (!meets(run, first, last))
            continue;
        uint64_t from = max(run->first_id, first);
        uint64_t to = min(run->first_id + run->count - 1, last);
        bool hole = before && before->first_id + before->count != from;
        if (!before)
            pack.first_id = from;
        nentries += hole;
        nentries += !before || hole || !same_tile(before, run);
        pack.last_id = to;
        pack.ntiles += to - from + 1;
        inside[n++] = *run;
        before = run;
    }
    uint64_t data = blob_nbytes(inside, n, &pack.nblobs);
    pack.nbytes = (4096 + 8 * nentries + 15) / 16 * 16 + data;
    free(inside);
    *out_nentries = nentries;
    return pack;
}

/* 3.2 */
static bool fits(const struct twin *twin, uint64_t first, uint64_t last,
                 struct twin_pack *out)
{
    uint64_t nentries = 0;
    *out = weigh(twin, first, last, &nentries);
    return (out->nbytes <= twin->pack_nbytes || nentries == 1) &&
           nentries * 8 <= 262144 &&
           out->last_id - out->first_id < UINT64_C(1) << 32;
}

static void push(struct row *row, struct twin_pack pack)
{
    row->packs = realloc(row->packs, (row->n + 1) * sizeof *row->packs);
    ck_assert_ptr_nonnull(row->packs);
    row->packs[row->n++] = pack;
}

/* 3.4: puts a child's packs behind its siblings'. */
static void append(const struct twin *twin, struct row *row, struct row *child)
{
    size_t from = 0;
    struct twin_pack both;
    if (row->n > 0 && child->n > 0 &&
        fits(twin, row->packs[row->n - 1].first_id, child->packs[0].last_id,
             &both)) {
        row->packs[row->n - 1] = both;
        from = 1;
    }
    for (size_t i = from; i < child->n; i++)
        push(row, child->packs[i]);
    free(child->packs);
}

/* 3.3 */
static struct row quadrant(const struct twin *twin, uint64_t first,
                           uint64_t count)
{
    struct row row = {0};
    struct twin_pack whole;
    bool one = fits(twin, first, first + count - 1, &whole);
    if (whole.ntiles == 0)
        return row;
    if (one || count == 1) {
        push(&row, whole);
        return row;
    }
    for (uint64_t i = 0; i < 4; i++) {
        struct row child = quadrant(twin, first + i * (count / 4), count / 4);
        append(twin, &row, &child);
    }
    return row;
}

struct twin_pack *twin_packs(const struct sample *runs, size_t nruns,
                             uint64_t pack_nbytes, size_t *out_npacks)
{
    struct twin twin = {runs, nruns, pack_nbytes};
    struct row row = {0};
    for (int z = 0; z <= IBX_MAX_ZOOM; z++) {
        struct row child = quadrant(&twin, ibx_zoom_first_id((uint8_t)z),
                                    UINT64_C(1) << (2 * z));
        append(&twin, &row, &child);
    }
    *out_npacks = row.n;
    return row.packs;
}
