/* intern.h - different byte strings, each with a number: the first is 0. */
#ifndef IBX_CONVERT_INTERN_H
#define IBX_CONVERT_INTERN_H

#include "tiler/convert/buf.h"

/* Zero it before use. */
struct intern {
    struct buf bytes; /* of all items, one behind the other */
    struct intern_item *items;
    uint32_t *slots; /* a hash table of numbers plus one; 0 is free */
    size_t count, capacity, nslots;
};

/* Forgets the items, keeps the memory. */
void intern_clear(struct intern *in);
void intern_free(struct intern *in);

/* Whether there is such an item, and its number. */
bool intern_find(const struct intern *in, struct bytes item, uint32_t *number);

/* The number of `item`, of which a copy is appended when there was none.
 * False when memory ran out, or at 2^31 items. */
IBX_MUST_CHECK bool intern_add(struct intern *in, struct bytes item,
                               uint32_t *number);

/* Item `number`, which is there. Valid until the next change. */
struct bytes intern_item(const struct intern *in, size_t number);

#endif
