/* hasher.h - XXH3-64 in pieces. */
#ifndef IBX_PACK_WRITER_HASHER_H
#define IBX_PACK_WRITER_HASHER_H

#include "pack/imbrex.h"

struct ibx_hasher;

/* NULL without memory. */
struct ibx_hasher *ibx_hasher_new(void);
void ibx_hasher_free(struct ibx_hasher *hasher);

/* Forgets what was added. A fresh hasher must begin too. */
void ibx_hasher_begin(struct ibx_hasher *hasher);
void ibx_hasher_add(struct ibx_hasher *hasher, const void *bytes,
                    size_t nbytes);
uint64_t ibx_hasher_value(const struct ibx_hasher *hasher);

#endif
