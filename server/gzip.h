/* gzip.h - bytes to gzip and back, within a bound (zlib). */
#ifndef IBX_SERVER_GZIP_H
#define IBX_SERVER_GZIP_H

#include "server/text.h"

enum gzip_status {
    GZIP_OK,
    GZIP_BAD,       /* not gzip, or broken */
    GZIP_TOO_LARGE, /* more than `cap` bytes */
    GZIP_NOMEM,
};

/* How many bytes a gzip text says it holds (its last four bytes); a hint that
 * may lie. 0 when there is none. */
size_t gzip_hint(struct span packed);

/* Unpacks all members of `packed` to a new allocation of at most `cap` bytes.
 * On failure the outputs keep their values. */
enum gzip_status gzip_unpack(struct span packed, size_t cap, void **out,
                             size_t *out_nbytes);

/* Packs `plain`, the same bytes for the same input. NULL when there is no
 * memory or it would not be smaller. */
void *gzip_pack(struct span plain, size_t *out_nbytes);

#endif
