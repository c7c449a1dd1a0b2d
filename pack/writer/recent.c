#include "pack/writer/recent.h"

#include <stdlib.h>
#include <string.h>

enum { NSLOTS = 4096, BLOB_NBYTES_MAX = 288 };

struct slot {
    uint64_t hash, off; /* off 0: empty */
    size_t nbytes;
    uint8_t blob[BLOB_NBYTES_MAX];
};

struct ibx_recent {
    struct slot slots[NSLOTS];
};

struct ibx_recent *ibx_recent_new(void)
{
    return calloc(1, sizeof(struct ibx_recent));
}

void ibx_recent_free(struct ibx_recent *recent)
{
    free(recent);
}

uint64_t ibx_recent_find(const struct ibx_recent *recent, uint64_t hash,
                         const uint8_t *blob, size_t nbytes)
{
    const struct slot *slot = &recent->slots[hash % NSLOTS];
    bool same = slot->off != 0 && slot->hash == hash &&
                slot->nbytes == nbytes && memcmp(slot->blob, blob, nbytes) == 0;
    return same ? slot->off : 0;
}

void ibx_recent_put(struct ibx_recent *recent, uint64_t hash,
                    const uint8_t *blob, size_t nbytes, uint64_t off)
{
    if (nbytes > BLOB_NBYTES_MAX)
        return;
    struct slot *slot = &recent->slots[hash % NSLOTS];
    slot->hash = hash;
    slot->off = off;
    slot->nbytes = nbytes;
    memcpy(slot->blob, blob, nbytes);
}
