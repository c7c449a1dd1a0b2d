#include "pack/writer/unitmap.h"

#include <stdlib.h>

struct ibx_unit_slot {
    uint64_t key;
    struct ibx_unit_at at; /* off 0, where no state can stand: empty */
};

/* The slot of `key`, or the empty one where it would go. */
static struct ibx_unit_slot *slot_of(struct ibx_unit_slot *slots, size_t nslots,
                                     uint64_t key)
{
    uint64_t mixed = key * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = (size_t)(mixed >> 20) & (nslots - 1);
    while (slots[i].at.off != 0 && slots[i].key != key)
        i = (i + 1) & (nslots - 1);
    return &slots[i];
}

static bool grow(struct ibx_unitmap *map)
{
    size_t nslots = map->nslots ? map->nslots * 2 : 64;
    struct ibx_unit_slot *slots = calloc(nslots, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < map->nslots; i++)
        if (map->slots[i].at.off != 0)
            *slot_of(slots, nslots, map->slots[i].key) = map->slots[i];
    free(map->slots);
    map->slots = slots;
    map->nslots = nslots;
    return true;
}

bool ibx_unitmap_put(struct ibx_unitmap *map, uint64_t key, uint64_t off,
                     uint64_t nbytes)
{
    if (map->count >= map->nslots / 4 * 3 && !grow(map))
        return false;
    struct ibx_unit_slot *slot = slot_of(map->slots, map->nslots, key);
    map->count += slot->at.off == 0;
    *slot = (struct ibx_unit_slot){key, {off, nbytes}};
    return true;
}

bool ibx_unitmap_get(const struct ibx_unitmap *map, uint64_t key,
                     struct ibx_unit_at *out)
{
    if (map->nslots == 0)
        return false;
    const struct ibx_unit_slot *slot = slot_of(map->slots, map->nslots, key);
    *out = slot->at;
    return slot->at.off != 0;
}

void ibx_unitmap_fini(struct ibx_unitmap *map)
{
    free(map->slots);
    *map = (struct ibx_unitmap){0};
}
