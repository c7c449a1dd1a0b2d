/* recent.h - small blobs stored lately, so that the sea is spooled once and not
 * ten million times. A fixed 1.3 MB: 4,096 blobs of up to 288 bytes, the newer
 * taking the older's place. What it forgets is only stored again. */
#ifndef IBX_PACK_WRITER_RECENT_H
#define IBX_PACK_WRITER_RECENT_H

#include "pack/imbrex.h"
#include "pack/writer/record.h"

struct ibx_recent;

/* NULL without memory. */
struct ibx_recent *ibx_recent_new(void);
void ibx_recent_free(struct ibx_recent *recent);

/* Where the same `nbytes` of `blob`, header included, were stored, or 0. */
uint64_t ibx_recent_find(const struct ibx_recent *recent, uint64_t hash,
                         const uint8_t *blob, size_t nbytes);

/* Remembers that `blob` stands at `off`; does nothing when it is too long. */
void ibx_recent_put(struct ibx_recent *recent, uint64_t hash,
                    const uint8_t *blob, size_t nbytes, uint64_t off);

#endif
