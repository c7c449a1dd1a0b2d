#include "pack/writer/plan.h"

#include <assert.h>
#include <stdlib.h>

#include "pack/err.h"
#include "pack/writer/draft.h"

enum {
    /* The level of a boundary between zooms: above every quadrant. */
    ZOOM_LEVEL = IBX_MAX_ZOOM + 1,
    /* A run is cut to blocks whose relative ids fit in 32 bits. */
    MAX_BLOCK_LEVEL = 15,
};

/* What is left of an area that has been seen whole: its first pack and, when
 * it has more than one, its last. All between are handed out. */
struct group {
    struct ibx_draft *first;
    struct ibx_draft *last; /* NULL when there is one only */
    int level;              /* of the boundary to the group before it */
};

struct ibx_plan {
    uint64_t pack_nbytes;
    struct ibx_spool *spool;
    struct ibx_plan_sink sink;
    /* Levels fall from the bottom to the top: one group per level. */
    struct group groups[ZOOM_LEVEL + 2];
    int ngroups;
    uint64_t last_id; /* of the run added last; valid when ngroups > 0 */
};

enum ibx_status ibx_plan_open(uint64_t pack_nbytes, struct ibx_spool *spool,
                              struct ibx_plan_sink sink, struct ibx_plan **out,
                              struct ibx_err *err)
{
    struct ibx_plan *plan = calloc(1, sizeof *plan);
    if (!plan)
        return ibx_fail_nomem(err);
    plan->pack_nbytes = pack_nbytes;
    plan->spool = spool;
    plan->sink = sink;
    *out = plan;
    return IBX_OK;
}

void ibx_plan_close(struct ibx_plan *plan)
{
    if (!plan)
        return;
    for (int i = 0; i < plan->ngroups; i++) {
        ibx_draft_free(plan->groups[i].first);
        ibx_draft_free(plan->groups[i].last);
    }
    free(plan);
}

/* The side, as a power of two, of the smallest quadrant that holds both ids,
 * or ZOOM_LEVEL when they lie in two zooms. */
static int level_between(uint64_t a, uint64_t b)
{
    uint8_t zoom = ibx_id_zoom(a);
    uint64_t base = ibx_zoom_first_id(zoom);
    if (b >= ibx_zoom_first_id((uint8_t)(zoom + 1)))
        return ZOOM_LEVEL;
    uint64_t differ = (a - base) ^ (b - base);
    int level = 0;
    while (differ >> (2 * level) != 0)
        level++;
    return level;
}

/* Hands a pack out for good and frees it. */
static enum ibx_status emit(struct ibx_plan *plan, struct ibx_draft **draft,
                            struct ibx_err *err)
{
    enum ibx_status st = plan->sink.pack(plan->sink.arg, *draft, err);
    ibx_draft_free(*draft);
    *draft = NULL;
    return st;
}

/* `left` has just taken in the first pack of `right`. */
static enum ibx_status after_join(struct ibx_plan *plan, struct group *left,
                                  struct group *right, struct ibx_err *err)
{
    if (!right->last)
        return IBX_OK;
    enum ibx_status st = IBX_OK;
    /* The joined pack now has neighbours for good on both sides. */
    if (left->last)
        st = emit(plan, &left->last, err);
    left->last = right->last;
    right->last = NULL;
    return st;
}

/* The boundary between them stays. */
static enum ibx_status after_refusal(struct ibx_plan *plan, struct group *left,
                                     struct group *right, struct ibx_err *err)
{
    enum ibx_status st = IBX_OK;
    if (left->last)
        st = emit(plan, &left->last, err);
    left->last = right->last;
    right->last = NULL;
    if (!left->last) {
        left->last = right->first;
        right->first = NULL;
    } else if (st == IBX_OK) {
        st = emit(plan, &right->first, err);
    }
    return st;
}

/* Decides the boundary between the two groups on top. */
static enum ibx_status decide(struct ibx_plan *plan, struct ibx_err *err)
{
    struct group *left = &plan->groups[plan->ngroups - 2];
    struct group *right = &plan->groups[plan->ngroups - 1];
    bool joined = false;
    enum ibx_status st =
        ibx_draft_join(left->last ? left->last : left->first, right->first,
                       plan->pack_nbytes, plan->spool, &joined, err);
    if (st != IBX_OK)
        return st;
    if (joined)
        right->first = NULL; /* inside its neighbour now */
    st = joined ? after_join(plan, left, right, err)
                : after_refusal(plan, left, right, err);
    if (st == IBX_OK)
        plan->ngroups--;
    return st;
}

/* Adds a block that is a whole quadrant, or a single tile. */
static enum ibx_status add_block(struct ibx_plan *plan,
                                 const struct ibx_record *block,
                                 struct ibx_err *err)
{
    int level = ZOOM_LEVEL + 1;
    if (plan->ngroups > 0)
        level = level_between(plan->last_id, block->first_id);
    enum ibx_status st = IBX_OK;
    /* All areas smaller than the one around this boundary are whole now. */
    while (st == IBX_OK && plan->ngroups > 1 &&
           plan->groups[plan->ngroups - 1].level <= level)
        st = decide(plan, err);
    if (st != IBX_OK)
        return st;
    struct ibx_draft *draft = ibx_draft_new(block);
    if (!draft)
        return ibx_fail_nomem(err);
    assert(plan->ngroups < ZOOM_LEVEL + 2);
    plan->groups[plan->ngroups++] = (struct group){draft, NULL, level};
    plan->last_id = block->first_id + block->count - 1;
    return IBX_OK;
}

/* The largest quadrant that starts at `rel` and has at most `count` ids. */
static uint64_t block_count(uint64_t rel, uint64_t count)
{
    uint64_t size = 1;
    for (int level = 0; level < MAX_BLOCK_LEVEL; level++) {
        if (rel % (size * 4) != 0 || count < size * 4)
            break;
        size *= 4;
    }
    return size;
}

enum ibx_status ibx_plan_add(struct ibx_plan *plan,
                             const struct ibx_record *record,
                             struct ibx_err *err)
{
    uint64_t base = ibx_zoom_first_id(ibx_id_zoom(record->first_id));
    struct ibx_record block = *record;
    uint64_t left = record->count;
    while (left > 0) {
        block.count = block_count(block.first_id - base, left);
        enum ibx_status st = add_block(plan, &block, err);
        if (st != IBX_OK)
            return st;
        block.first_id += block.count;
        left -= block.count;
    }
    return IBX_OK;
}

enum ibx_status ibx_plan_finish(struct ibx_plan *plan, struct ibx_err *err)
{
    enum ibx_status st = IBX_OK;
    while (st == IBX_OK && plan->ngroups > 1)
        st = decide(plan, err);
    if (st == IBX_OK && plan->ngroups == 1) {
        struct group *all = &plan->groups[0];
        st = emit(plan, &all->first, err);
        if (st == IBX_OK && all->last)
            st = emit(plan, &all->last, err);
        if (st == IBX_OK)
            plan->ngroups = 0;
    }
    return st;
}
