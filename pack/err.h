/* err.h - fill in struct ibx_err. Every function returns the status it
 * stored, so that failing is one expression; a NULL err is allowed. */
#ifndef IBX_PACK_ERR_H
#define IBX_PACK_ERR_H

#include "pack/imbrex.h"

/* `file` may be NULL. The text is cut to fit, never overrun. */
enum ibx_status ibx_fail(struct ibx_err *err, enum ibx_status status,
                         const char *file, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* From errno after `call` failed on `file`: ENOENT and ENOTDIR are
 * ERR_MISSING, ENOMEM is ERR_NOMEM, all else ERR_SYSTEM. */
enum ibx_status ibx_fail_sys(struct ibx_err *err, const char *file,
                             const char *call);

/* ERR_NOMEM without a file. */
enum ibx_status ibx_fail_nomem(struct ibx_err *err);

#endif
