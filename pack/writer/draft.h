/* draft.h - packs in the making: joining two, and what the result costs. */
#ifndef IBX_PACK_WRITER_DRAFT_H
#define IBX_PACK_WRITER_DRAFT_H

#include "pack/writer/plan.h"

/* A pack of one run. NULL without memory. */
struct ibx_draft *ibx_draft_new(const struct ibx_record *record);
void ibx_draft_free(struct ibx_draft *draft);

/* Joins `right`, which lies behind `left`, into it when the result is at most
 * `pack_nbytes` long or one run of one tile, its index at most
 * IBX_INDEX_NBYTES_MAX and its ids less than 2^32 apart. *joined says whether;
 * then `right` is freed. Otherwise both are as they were. */
IBX_MUST_CHECK enum ibx_status ibx_draft_join(
    struct ibx_draft *left, struct ibx_draft *right, uint64_t pack_nbytes,
    struct ibx_spool *spool, bool *joined, struct ibx_err *err);

/* The blob of `draft` that equals `record`'s; there is one. */
IBX_MUST_CHECK enum ibx_status ibx_draft_find_blob(
    const struct ibx_draft *draft, const struct ibx_record *record,
    struct ibx_spool *spool, size_t *out, struct ibx_err *err);

/* Orders by what must be equal before bytes are compared. */
int ibx_blob_order(const struct ibx_record *a, const struct ibx_record *b);

#endif
