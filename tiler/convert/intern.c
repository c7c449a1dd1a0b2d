#include "tiler/convert/intern.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS_MIN = 64 };

struct intern_item {
    uint64_t hash;
    size_t off, len;
};

/* FNV-1a: keys and values of a tile are short and few. */
static uint64_t hash_of(struct bytes item)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < item.len; i++)
        hash = (hash ^ item.ptr[i]) * 0x100000001b3;
    return hash;
}

void intern_clear(struct intern *in)
{
    buf_clear(&in->bytes);
    in->count = 0;
    if (in->slots != NULL)
        memset(in->slots, 0, in->nslots * sizeof(*in->slots));
}

void intern_free(struct intern *in)
{
    buf_free(&in->bytes);
    free(in->items);
    free(in->slots);
    *in = (struct intern){0};
}

struct bytes intern_item(const struct intern *in, size_t number)
{
    const struct intern_item *item = &in->items[number];
    if (item->len == 0)
        return (struct bytes){0}; /* there may be no bytes at all */
    return (struct bytes){in->bytes.ptr + item->off, item->len};
}

static bool is_item(const struct intern *in, uint32_t number, uint64_t hash,
                    struct bytes want)
{
    struct bytes have = intern_item(in, number);
    return in->items[number].hash == hash && have.len == want.len &&
           (want.len == 0 || memcmp(have.ptr, want.ptr, want.len) == 0);
}

bool intern_find(const struct intern *in, struct bytes item, uint32_t *number)
{
    if (in->nslots == 0)
        return false;
    uint64_t hash = hash_of(item);
    size_t mask = in->nslots - 1;
    for (size_t at = hash & mask; in->slots[at] != 0; at = (at + 1) & mask)
        if (is_item(in, in->slots[at] - 1, hash, item)) {
            *number = in->slots[at] - 1;
            return true;
        }
    return false;
}

static void take_slot(struct intern *in, uint32_t number)
{
    size_t mask = in->nslots - 1;
    size_t at = in->items[number].hash & mask;
    while (in->slots[at] != 0)
        at = (at + 1) & mask;
    in->slots[at] = number + 1;
}

/* Keeps at least half of the slots free. */
static bool make_room(struct intern *in)
{
    if (in->count >= INT32_MAX)
        return false;
    if (in->count == in->capacity) {
        size_t capacity = in->capacity * 2 + SLOTS_MIN / 2;
        struct intern_item *grown =
            realloc(in->items, capacity * sizeof(*grown));
        if (grown == NULL)
            return false;
        in->items = grown;
        in->capacity = capacity;
    }
    if ((in->count + 1) * 2 <= in->nslots)
        return true;
    size_t nslots = in->nslots == 0 ? SLOTS_MIN : in->nslots * 2;
    uint32_t *slots = calloc(nslots, sizeof(*slots));
    if (slots == NULL)
        return false;
    free(in->slots);
    in->slots = slots;
    in->nslots = nslots;
    for (uint32_t i = 0; i < in->count; i++)
        take_slot(in, i);
    return true;
}

bool intern_add(struct intern *in, struct bytes item, uint32_t *number)
{
    size_t off = in->bytes.len;
    if (intern_find(in, item, number))
        return true;
    if (!make_room(in))
        return false;
    buf_put(&in->bytes, item.ptr, item.len);
    if (buf_failed(&in->bytes))
        return false;
    in->items[in->count] = (struct intern_item){
        .hash = hash_of(item), .off = off, .len = item.len};
    *number = (uint32_t)in->count++;
    take_slot(in, *number);
    return true;
}
