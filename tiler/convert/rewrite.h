/* rewrite.h - a tileset made of another one, tile by tile. */
#ifndef IBX_CONVERT_REWRITE_H
#define IBX_CONVERT_REWRITE_H

#include "tiler/convert/output.h"
#include "tiler/convert/recode.h"

/* Adds the run that `walk` is at to `writer`. */
IBX_MUST_CHECK enum ibx_status rewrite_span(struct ibx_writer *writer,
                                            struct ibx_walk *walk,
                                            const struct ibx_span *span,
                                            struct recode *recode,
                                            struct ibx_err *err);

/* Writes the tileset `from` as `to`, which must not exist, with its vector
 * tiles compressed as wanted. */
IBX_MUST_CHECK enum ibx_status rewrite_recompressed(const char *from,
                                                    const char *to,
                                                    enum recompress how,
                                                    struct ibx_err *err);

/* Removes such a tileset; best effort. */
void rewrite_remove(const char *folder);

#endif
