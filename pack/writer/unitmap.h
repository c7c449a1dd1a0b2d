/* unitmap.h - key of a unit of work -> where its state stands in the spool.
 * 24 bytes per unit, in a table at most three quarters full. */
#ifndef IBX_PACK_WRITER_UNITMAP_H
#define IBX_PACK_WRITER_UNITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ibx_unit_at {
    uint64_t off, nbytes;
};

/* All zero is an empty map. */
struct ibx_unitmap {
    struct ibx_unit_slot *slots;
    size_t nslots; /* a power of two */
    uint64_t count;
};

/* Puts or replaces. False without memory; then the map is as it was. */
bool ibx_unitmap_put(struct ibx_unitmap *map, uint64_t key, uint64_t off,
                     uint64_t nbytes);
bool ibx_unitmap_get(const struct ibx_unitmap *map, uint64_t key,
                     struct ibx_unit_at *out);
void ibx_unitmap_fini(struct ibx_unitmap *map);

#endif
