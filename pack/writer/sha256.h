/* sha256.h - SHA-256 in pieces; the only file that knows the library. */
#ifndef IBX_PACK_WRITER_SHA256_H
#define IBX_PACK_WRITER_SHA256_H

#include "pack/imbrex.h"

struct ibx_sha256;

/* NULL without memory. */
struct ibx_sha256 *ibx_sha256_new(void);
void ibx_sha256_free(struct ibx_sha256 *sha);
/* False when the library refuses; then the digest is worthless. */
bool ibx_sha256_add(struct ibx_sha256 *sha, const void *bytes, size_t nbytes);
/* The digest of all that was added; then it starts anew. */
bool ibx_sha256_take(struct ibx_sha256 *sha, uint8_t out[IBX_SHA256_NBYTES]);

/* Of a whole file. ERR_SYSTEM, ERR_MISSING, ERR_NOMEM. */
IBX_MUST_CHECK enum ibx_status ibx_sha256_file(const char *path,
                                               uint8_t out[IBX_SHA256_NBYTES],
                                               struct ibx_err *err);

#endif
