#include "pack/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *ibx_status_text(enum ibx_status status)
{
    switch (status) {
#define IBX_STATUS_CASE(name, text)                                            \
    case name:                                                                 \
        return text;
        IBX_STATUS_LIST(IBX_STATUS_CASE)
#undef IBX_STATUS_CASE
    }
    return "unknown status";
}

static void set_file(struct ibx_err *err, const char *file)
{
    size_t len = file ? strlen(file) : 0;
    size_t room = sizeof err->file - 1;
    const char *from = len > room ? file + (len - room) : file;
    if (len > room)
        len = room;
    if (len > 0)
        memcpy(err->file, from, len);
    err->file[len] = '\0';
}

enum ibx_status ibx_fail(struct ibx_err *err, enum ibx_status status,
                         const char *file, const char *format, ...)
{
    if (!err)
        return status;
    va_list args;
    va_start(args, format);
    err->status = status;
    err->sys_errno = 0;
    set_file(err, file);
    (void)vsnprintf(err->what, sizeof err->what, format, args);
    va_end(args);
    return status;
}

enum ibx_status ibx_fail_sys(struct ibx_err *err, const char *file,
                             const char *call)
{
    int code = errno;
    enum ibx_status status = IBX_ERR_SYSTEM;
    if (code == ENOENT || code == ENOTDIR)
        status = IBX_ERR_MISSING;
    else if (code == ENOMEM)
        status = IBX_ERR_NOMEM;
    char reason[96];
    /* The GNU strerror_r: the text may or may not be in our buffer. */
    const char *text = strerror_r(code, reason, sizeof reason);
    (void)ibx_fail(err, status, file, "%s: %s", call, text);
    if (err)
        err->sys_errno = code;
    errno = code;
    return status;
}

enum ibx_status ibx_fail_nomem(struct ibx_err *err)
{
    return ibx_fail(err, IBX_ERR_NOMEM, NULL, "out of memory");
}
