#include "tiler/inspect/fetch.h"

#include <cpl_error.h>
#include <cpl_vsi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pack/err.h"
#include "pack/fileio.h"

enum { BUFFER_NBYTES = 256 << 10 };

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

bool fetch_is_address(const char *text)
{
    return begins(text, "http://") || begins(text, "https://") ||
           begins(text, "/vsi");
}

static enum ibx_status copy_to(VSILFILE *from, const char *path, int fd,
                               struct ibx_err *err)
{
    uint8_t *buffer = malloc(BUFFER_NBYTES);
    if (!buffer)
        return ibx_fail_nomem(err);
    enum ibx_status st = IBX_OK;
    uint64_t off = 0;
    size_t got = 0;
    do {
        got = VSIFReadL(buffer, 1, BUFFER_NBYTES, from);
        if (got > 0)
            st = ibx_write_at(fd, path, off, buffer, got, err);
        off += got;
    } while (st == IBX_OK && got > 0);
    free(buffer);
    return st;
}

enum ibx_status fetch_file(const char *address, const char *name, int fd,
                           struct ibx_err *err)
{
    char path[4096];
    size_t len = strlen(address);
    int n =
        snprintf(path, sizeof path, "%s%s%s%s",
                 begins(address, "/vsi") ? "" : "/vsicurl_streaming/", address,
                 len > 0 && address[len - 1] == '/' ? "" : "/", name);
    if (n < 0 || (size_t)n >= sizeof path)
        return ibx_fail(err, IBX_ERR_INVALID, name, "the address is too long");
    /* What is missing is said once, by us. */
    CPLPushErrorHandler(CPLQuietErrorHandler);
    VSILFILE *from = VSIFOpenL(path, "rb");
    enum ibx_status st =
        from ? copy_to(from, path, fd, err)
             : ibx_fail(err, IBX_ERR_MISSING, path, "it is not at the address");
    if (from)
        (void)VSIFCloseL(from);
    CPLPopErrorHandler();
    return st;
}
