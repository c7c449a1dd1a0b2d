#include "pack/writer/draft.h"

#include <stdlib.h>
#include <string.h>

#include "pack/bytes.h"
#include "pack/err.h"
#include "pack/format.h"

static uint64_t data_off(uint64_t nentries)
{
    return ibx_align(IBX_HEADER_NBYTES + nentries * IBX_INDEX_ENTRY_NBYTES,
                     IBX_BLOB_ALIGN);
}

static uint64_t blob_nbytes(const struct ibx_record *blob)
{
    return ibx_align((uint64_t)IBX_BLOB_HEADER_NBYTES + blob->nbytes,
                     IBX_BLOB_ALIGN);
}

uint64_t ibx_draft_nbytes(const struct ibx_draft *draft)
{
    return data_off(draft->nentries) + draft->blob_nbytes;
}

struct ibx_draft *ibx_draft_new(const struct ibx_record *record)
{
    struct ibx_draft *draft = calloc(1, sizeof *draft);
    if (!draft)
        return NULL;
    draft->records = malloc(sizeof *record);
    draft->blobs = malloc(sizeof *record);
    if (!draft->records || !draft->blobs) {
        ibx_draft_free(draft);
        return NULL;
    }
    draft->records[0] = draft->blobs[0] = *record;
    draft->nrecords = draft->records_room = 1;
    draft->nblobs = draft->blobs_room = 1;
    draft->nentries = 1;
    draft->blob_nbytes = blob_nbytes(record);
    return draft;
}

void ibx_draft_free(struct ibx_draft *draft)
{
    if (!draft)
        return;
    free(draft->records);
    free(draft->blobs);
    free(draft);
}

int ibx_blob_order(const struct ibx_record *a, const struct ibx_record *b)
{
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    if (a->nbytes != b->nbytes)
        return a->nbytes < b->nbytes ? -1 : 1;
    return (a->flags > b->flags) - (a->flags < b->flags);
}

/* The first blob not ordered before `record`. */
static size_t lower_bound(const struct ibx_draft *draft,
                          const struct ibx_record *record)
{
    size_t low = 0;
    size_t n = draft->nblobs;
    while (n > 0) {
        size_t half = n / 2;
        if (ibx_blob_order(&draft->blobs[low + half], record) < 0) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return low;
}

/* Sets *out to the equal blob's number, or to nblobs. */
static enum ibx_status look_up(const struct ibx_draft *draft,
                               const struct ibx_record *record,
                               struct ibx_spool *spool, size_t *out,
                               struct ibx_err *err)
{
    for (size_t i = lower_bound(draft, record);
         i < draft->nblobs && ibx_blob_order(&draft->blobs[i], record) == 0;
         i++) {
        bool equal = false;
        enum ibx_status st =
            ibx_spool_equal(spool, &draft->blobs[i], record, &equal, err);
        if (st != IBX_OK)
            return st;
        if (equal) {
            *out = i;
            return IBX_OK;
        }
    }
    *out = draft->nblobs;
    return IBX_OK;
}

enum ibx_status ibx_draft_find_blob(const struct ibx_draft *draft,
                                    const struct ibx_record *record,
                                    struct ibx_spool *spool, size_t *out,
                                    struct ibx_err *err)
{
    /* Unless two blobs share a hash, the only candidate is the one that this
     * record was compared with when the drafts were joined. */
    size_t first = lower_bound(draft, record);
    if (first + 1 == draft->nblobs ||
        ibx_blob_order(&draft->blobs[first + 1], record) != 0) {
        *out = first;
        return IBX_OK;
    }
    return look_up(draft, record, spool, out, err);
}

/* ---- joining ----------------------------------------------------------- */

static uint64_t end_of(const struct ibx_record *record)
{
    return record->first_id + record->count;
}

/* Index entries of the union: a hole costs one, a run that goes on saves one.
 */
static enum ibx_status joined_entries(const struct ibx_draft *left,
                                      const struct ibx_draft *right,
                                      struct ibx_spool *spool, uint64_t *out,
                                      struct ibx_err *err)
{
    const struct ibx_record *last = &left->records[left->nrecords - 1];
    const struct ibx_record *first = &right->records[0];
    *out = left->nentries + right->nentries;
    if (end_of(last) != first->first_id) {
        *out += 1;
        return IBX_OK;
    }
    bool goes_on = false;
    enum ibx_status st = ibx_spool_equal(spool, last, first, &goes_on, err);
    *out -= goes_on;
    return st;
}

static bool fits(const struct ibx_draft *left, const struct ibx_draft *right,
                 uint64_t nentries, uint64_t blobs, uint64_t pack_nbytes)
{
    uint64_t span = end_of(&right->records[right->nrecords - 1]) -
                    left->records[0].first_id;
    /* One run of one tile is never cut: it would be stored twice. */
    return (nentries == 1 || data_off(nentries) + blobs <= pack_nbytes) &&
           nentries * IBX_INDEX_ENTRY_NBYTES <= IBX_INDEX_NBYTES_MAX &&
           span <= UINT64_C(1) << 32;
}

/* Marks in `is_new` which blobs of `from` are not in `in`, and adds up their
 * bytes. */
static enum ibx_status find_new(const struct ibx_draft *from,
                                const struct ibx_draft *in,
                                struct ibx_spool *spool, bool *is_new,
                                uint64_t *out_nbytes, struct ibx_err *err)
{
    *out_nbytes = 0;
    for (size_t i = 0; i < from->nblobs; i++) {
        size_t at = 0;
        enum ibx_status st = look_up(in, &from->blobs[i], spool, &at, err);
        if (st != IBX_OK)
            return st;
        is_new[i] = at == in->nblobs;
        if (is_new[i])
            *out_nbytes += blob_nbytes(&from->blobs[i]);
    }
    return IBX_OK;
}

static bool reserve(struct ibx_record **array, size_t *room, size_t want)
{
    if (want <= *room)
        return true;
    size_t more = *room * 2 > want ? *room * 2 : want;
    struct ibx_record *grown = realloc(*array, more * sizeof **array);
    if (!grown)
        return false;
    *array = grown;
    *room = more;
    return true;
}

/* Merges the new blobs of `right` into `left`'s, from the back, in place. */
static void merge_blobs(struct ibx_draft *left, const struct ibx_draft *right,
                        const bool *is_new, size_t nnew)
{
    size_t i = left->nblobs;
    size_t j = right->nblobs;
    size_t to = left->nblobs + nnew;
    left->nblobs = to;
    while (to > i) {
        while (!is_new[j - 1])
            j--;
        if (i > 0 &&
            ibx_blob_order(&left->blobs[i - 1], &right->blobs[j - 1]) > 0)
            left->blobs[--to] = left->blobs[--i];
        else
            left->blobs[--to] = right->blobs[--j];
    }
}

static bool absorb(struct ibx_draft *left, const struct ibx_draft *right,
                   const bool *is_new)
{
    size_t nnew = 0;
    for (size_t i = 0; i < right->nblobs; i++)
        nnew += is_new[i];
    if (!reserve(&left->records, &left->records_room,
                 left->nrecords + right->nrecords) ||
        !reserve(&left->blobs, &left->blobs_room, left->nblobs + nnew))
        return false;
    memcpy(left->records + left->nrecords, right->records,
           right->nrecords * sizeof *right->records);
    left->nrecords += right->nrecords;
    merge_blobs(left, right, is_new, nnew);
    return true;
}

enum ibx_status ibx_draft_join(struct ibx_draft *left, struct ibx_draft *right,
                               uint64_t pack_nbytes, struct ibx_spool *spool,
                               bool *joined, struct ibx_err *err)
{
    *joined = false;
    uint64_t nentries = 0;
    uint64_t added = 0;
    enum ibx_status st = joined_entries(left, right, spool, &nentries, err);
    /* Even if every blob of the smaller one were shared. */
    uint64_t least = left->blob_nbytes > right->blob_nbytes
                         ? left->blob_nbytes
                         : right->blob_nbytes;
    if (st != IBX_OK || !fits(left, right, nentries, least, pack_nbytes))
        return st;
    bool *is_new = malloc(right->nblobs * sizeof *is_new);
    if (!is_new)
        return ibx_fail_nomem(err);
    st = find_new(right, left, spool, is_new, &added, err);
    if (st == IBX_OK &&
        fits(left, right, nentries, left->blob_nbytes + added, pack_nbytes)) {
        if (absorb(left, right, is_new)) {
            left->nentries = nentries;
            left->blob_nbytes += added;
            ibx_draft_free(right);
            *joined = true;
        } else {
            st = ibx_fail_nomem(err);
        }
    }
    free(is_new);
    return st;
}
