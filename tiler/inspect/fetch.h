/* fetch.h - files of a tileset that is elsewhere, by HTTP or anything else that
 * GDAL's virtual file systems read. */
#ifndef TILER_INSPECT_FETCH_H
#define TILER_INSPECT_FETCH_H

#include "pack/imbrex.h"

/* True for http:// and https:// and for what begins with /vsi: an address, not
 * a folder. */
bool fetch_is_address(const char *text);

/* Writes the file `name` below `address` to `fd`, which is left where the
 * file ends. ERR_MISSING (also when nobody answers), ERR_SYSTEM, ERR_NOMEM.
 * Any thread. */
IBX_MUST_CHECK enum ibx_status fetch_file(const char *address, const char *name,
                                          int fd, struct ibx_err *err);

#endif
