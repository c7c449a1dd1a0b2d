#include "pack/fileio.h"

#include <errno.h>
#include <unistd.h>

#include "pack/err.h"

enum ibx_status ibx_read_at(int fd, const char *path, uint64_t off, void *to,
                            size_t nbytes, struct ibx_err *err)
{
    uint8_t *at = to;
    while (nbytes > 0) {
        ssize_t got = pread(fd, at, nbytes, (off_t)off);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ibx_fail_sys(err, path, "read");
        if (got == 0)
            return ibx_fail(err, IBX_ERR_CORRUPT, path,
                            "it ends too early: cut short");
        at += got;
        off += (uint64_t)got;
        nbytes -= (size_t)got;
    }
    return IBX_OK;
}

enum ibx_status ibx_write_at(int fd, const char *path, uint64_t off,
                             const void *from, size_t nbytes,
                             struct ibx_err *err)
{
    const uint8_t *at = from;
    while (nbytes > 0) {
        ssize_t put = pwrite(fd, at, nbytes, (off_t)off);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return ibx_fail_sys(err, path, "write");
        at += put;
        off += (uint64_t)put;
        nbytes -= (size_t)put;
    }
    return IBX_OK;
}
