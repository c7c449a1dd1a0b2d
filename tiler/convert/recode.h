/* recode.h - tiles packed or unpacked on the way, on request. */
#ifndef IBX_CONVERT_RECODE_H
#define IBX_CONVERT_RECODE_H

#include "tiler/cli/options.h"
#include "tiler/convert/detect.h"

enum recompress { RECOMPRESS_KEEP, RECOMPRESS_GZIP, RECOMPRESS_NONE };

/* The row of --recompress, which sets *to to an enum recompress. */
struct option recompress_option(int64_t *to);

struct recode {
    enum recompress recompress;
    struct buf plain, packed; /* ours; recode_free() */
    uint64_t changed;         /* tiles */
};

/* Gives *bytes and *kind as they are wanted. Images are never touched, and
 * what is already as wanted keeps its very bytes. *bytes is borrowed until
 * the next call. IBX_ERR_CORRUPT, _TOO_LARGE, _NOMEM; err->file is empty. */
IBX_MUST_CHECK enum ibx_status recode_tile(struct recode *recode,
                                           struct bytes *bytes,
                                           struct tile_kind *kind,
                                           struct ibx_err *err);
void recode_free(struct recode *recode);

#endif
