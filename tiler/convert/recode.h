/* recode.h - tiles packed, unpacked or encoded anew on the way, on request. */
#ifndef IBX_CONVERT_RECODE_H
#define IBX_CONVERT_RECODE_H

#include "tiler/cli/options.h"
#include "tiler/convert/reencode.h"

enum recompress { RECOMPRESS_KEEP, RECOMPRESS_GZIP, RECOMPRESS_NONE };

/* The row of --recompress, which sets *to to an enum recompress. */
struct option recompress_option(int64_t *to);

struct recode {
    enum recompress recompress;
    struct reencode reencode; /* pictures */
    struct buf plain, packed; /* ours; recode_free() */
    uint64_t changed;         /* tiles */
};

/* Gives *bytes and *kind as they are wanted; what is already so keeps its very
 * bytes. Pictures are never packed: for them there is reencode_tile(). *bytes
 * is borrowed until the next call. IBX_ERR_CORRUPT, _TOO_LARGE, _UNSUPPORTED,
 * _NOMEM; err->file is empty. */
IBX_MUST_CHECK enum ibx_status recode_tile(struct recode *recode,
                                           struct bytes *bytes,
                                           struct tile_kind *kind,
                                           struct ibx_err *err);
/* Whether tiles may come out other than they went in. */
bool recode_changes(const struct recode *recode);

void recode_free(struct recode *recode);

#endif
