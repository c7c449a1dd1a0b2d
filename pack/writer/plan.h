/* plan.h - where packs begin and end: the quadrant rule of docs/format.md
 * section 3, over records in id order.
 *
 * Tiles next to each other along the curve are joined whenever the smallest
 * quadrant that holds both has been seen whole and the joined pack keeps to
 * the limits. At any moment at most two packs per level of the quadtree wait
 * for neighbours, so memory is bounded by 64 packs' indexes. */
#ifndef IBX_PACK_WRITER_PLAN_H
#define IBX_PACK_WRITER_PLAN_H

#include "pack/writer/spool.h"

/* A pack to be written. */
struct ibx_draft {
    struct ibx_record *records; /* in id order, not overlapping */
    size_t nrecords, records_room;
    /* One record per different blob, by hash, length, flags and bytes. */
    struct ibx_record *blobs;
    size_t nblobs, blobs_room;
    uint64_t nentries;    /* of the index, holes included */
    uint64_t blob_nbytes; /* all blobs with headers and padding */
};

/* The pack file's length. */
uint64_t ibx_draft_nbytes(const struct ibx_draft *draft);

/* Called for each finished pack, not in id order. The draft is the plan's and
 * gone afterwards. Its failure ends the plan. */
struct ibx_plan_sink {
    enum ibx_status (*pack)(void *arg, const struct ibx_draft *draft,
                            struct ibx_err *err);
    void *arg;
};

struct ibx_plan;

IBX_MUST_CHECK enum ibx_status ibx_plan_open(uint64_t pack_nbytes,
                                             struct ibx_spool *spool,
                                             struct ibx_plan_sink sink,
                                             struct ibx_plan **out,
                                             struct ibx_err *err);

/* Adds a run behind all before it; runs never overlap and lie in one zoom. */
IBX_MUST_CHECK enum ibx_status ibx_plan_add(struct ibx_plan *plan,
                                            const struct ibx_record *record,
                                            struct ibx_err *err);

/* Hands out all packs that still wait. */
IBX_MUST_CHECK enum ibx_status ibx_plan_finish(struct ibx_plan *plan,
                                               struct ibx_err *err);

void ibx_plan_close(struct ibx_plan *plan);

#endif
