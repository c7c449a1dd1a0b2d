/* fileio.h - whole reads and writes, or a status that says why not. */
#ifndef IBX_PACK_FILEIO_H
#define IBX_PACK_FILEIO_H

#include "pack/imbrex.h"

/* Reads exactly `nbytes` at `off`. ERR_CORRUPT when the file ends before,
 * ERR_SYSTEM. Restarts after signals. */
IBX_MUST_CHECK enum ibx_status ibx_read_at(int fd, const char *path,
                                           uint64_t off, void *to,
                                           size_t nbytes, struct ibx_err *err);

/* Writes exactly `nbytes` at `off`; ERR_SYSTEM (disk full, ...). */
IBX_MUST_CHECK enum ibx_status ibx_write_at(int fd, const char *path,
                                            uint64_t off, const void *from,
                                            size_t nbytes, struct ibx_err *err);

#endif
