#include "pack/writer/hasher.h"

#include <stdlib.h>
#include <xxhash.h>

struct ibx_hasher {
    XXH3_state_t *state;
};

struct ibx_hasher *ibx_hasher_new(void)
{
    struct ibx_hasher *hasher = malloc(sizeof *hasher);
    if (!hasher)
        return NULL;
    hasher->state = XXH3_createState();
    if (!hasher->state) {
        free(hasher);
        return NULL;
    }
    return hasher;
}

void ibx_hasher_free(struct ibx_hasher *hasher)
{
    if (!hasher)
        return;
    (void)XXH3_freeState(hasher->state);
    free(hasher);
}

void ibx_hasher_begin(struct ibx_hasher *hasher)
{
    (void)XXH3_64bits_reset(hasher->state);
}

void ibx_hasher_add(struct ibx_hasher *hasher, const void *bytes, size_t nbytes)
{
    (void)XXH3_64bits_update(hasher->state, bytes, nbytes);
}

uint64_t ibx_hasher_value(const struct ibx_hasher *hasher)
{
    return XXH3_64bits_digest(hasher->state);
}
