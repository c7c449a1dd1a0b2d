#include "pack/recency.h"

#include <assert.h>
#include <stddef.h>

#include "pack/cache_impl.h"

/* How many views more than another a reader must have to be the one who gives
 * one up. With 1, equal readers would take turns in losing theirs. */
enum { LEAD = 2 };

static uint8_t account_of(uint32_t reader)
{
    return (uint8_t)((reader * UINT32_C(0x9e3779b1)) >> 24);
}

static void unlink_slot(struct ibx_recency *recency, struct ibx_slot *slot)
{
    struct ibx_standing *at = &slot->standing;
    *(at->newer ? &at->newer->standing.older : &recency->newest) = at->older;
    *(at->older ? &at->older->standing.newer : &recency->oldest) = at->newer;
    at->newer = at->older = NULL;
}

static void push(struct ibx_recency *recency, struct ibx_slot *slot)
{
    struct ibx_slot *second = recency->newest;
    slot->standing.older = second;
    slot->standing.newer = NULL;
    *(second ? &second->standing.newer : &recency->oldest) = slot;
    recency->newest = slot;
}

void ibx_recency_add(struct ibx_recency *recency, struct ibx_slot *slot,
                     uint32_t reader, int64_t now_s)
{
    slot->standing.account = account_of(reader);
    slot->standing.used_s =
        reader == IBX_READER_WALK ? now_s - IBX_IDLE_S - 1 : now_s;
    recency->held[slot->standing.account]++;
    push(recency, slot);
}

void ibx_recency_use(struct ibx_recency *recency, struct ibx_slot *slot,
                     uint32_t reader, int64_t now_s)
{
    uint8_t account = account_of(reader);
    uint16_t *owner = &recency->held[slot->standing.account];
    if (recency->held[account] < *owner) {
        --*owner;
        recency->held[account]++;
        slot->standing.account = account;
    }
    if (reader != IBX_READER_WALK)
        slot->standing.used_s = now_s;
    if (recency->newest == slot)
        return;
    unlink_slot(recency, slot);
    push(recency, slot);
}

void ibx_recency_remove(struct ibx_recency *recency, struct ibx_slot *slot)
{
    assert(recency->held[slot->standing.account] > 0);
    recency->held[slot->standing.account]--;
    unlink_slot(recency, slot);
}

static struct ibx_slot *unpinned_from(struct ibx_slot *slot)
{
    while (slot && atomic_load(&slot->pins) != 0)
        slot = slot->standing.newer;
    return slot;
}

struct ibx_slot *ibx_recency_victim(const struct ibx_recency *recency,
                                    int64_t now_s, bool *out_spared)
{
    struct ibx_slot *oldest = unpinned_from(recency->oldest);
    *out_spared = false;
    if (!oldest || now_s - oldest->standing.used_s > IBX_IDLE_S)
        return oldest;
    struct ibx_slot *victim = oldest;
    int most = recency->held[oldest->standing.account] + LEAD - 1;
    struct ibx_slot *slot = oldest;
    for (int i = 0; slot && i < IBX_CANDIDATES; i++) {
        if (recency->held[slot->standing.account] > most) {
            most = recency->held[slot->standing.account];
            victim = slot;
        }
        slot = unpinned_from(slot->standing.newer);
    }
    *out_spared = victim != oldest;
    return victim;
}
