/* compress.h - the compressions that tiles and directories come in. */
#ifndef IBX_CONVERT_COMPRESS_H
#define IBX_CONVERT_COMPRESS_H

#include "tiler/convert/buf.h"

/* Unpacks `src` behind the contents of `out`, at most `max_nbytes` of it:
 * memory grows with what really comes out, never with what a header claims.
 * IBX_ERR_CORRUPT   broken or cut off; bytes behind the end are ignored
 * IBX_ERR_TOO_LARGE more than max_nbytes
 * IBX_ERR_NOMEM     On failure `out` holds a useless part. */
IBX_MUST_CHECK enum ibx_status unpack(enum ibx_encoding encoding,
                                      struct bytes src, size_t max_nbytes,
                                      struct buf *out, struct ibx_err *err);

/* Appends `src` as one gzip member to `out`. The same bytes give the same
 * result on every run. IBX_ERR_NOMEM. */
IBX_MUST_CHECK enum ibx_status pack_gzip(const uint8_t *bytes, size_t nbytes,
                                         struct buf *out, struct ibx_err *err);

/* "gzip" and so on, for people. */
const char *encoding_name(enum ibx_encoding encoding);

#endif
