#include "tiler/vector/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum ibx_status err_say(struct ibx_err *err, enum ibx_status status,
                        const char *file, const char *what)
{
    if (err == NULL)
        return status;
    *err = (struct ibx_err){.status = status};
    snprintf(err->file, sizeof err->file, "%s", file == NULL ? "" : file);
    snprintf(err->what, sizeof err->what, "%s", what);
    return status;
}

enum ibx_status err_nomem(struct ibx_err *err)
{
    return err_say(err, IBX_ERR_NOMEM, NULL, "out of memory");
}

enum ibx_status err_system(struct ibx_err *err, const char *what)
{
    int saved = errno;
    err_say(err, IBX_ERR_SYSTEM, NULL, what);
    if (err != NULL)
        err->sys_errno = saved;
    return IBX_ERR_SYSTEM;
}

/* File systems without O_TMPFILE get a name that is removed at once. */
static int open_named(const char *dir)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/imbrex-XXXXXX", dir);
    if (n < 0 || (size_t)n >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0 && unlink(path) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

enum ibx_status temp_open(struct temp_file *file, struct temp_space *space,
                          struct ibx_err *err)
{
    file->space = space;
    file->nbytes = 0;
    file->buffered = 0;
    file->fd = open(space->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file->fd < 0)
        file->fd = open_named(space->dir);
    if (file->fd >= 0)
        return IBX_OK;
    enum ibx_status status = err_system(err, "cannot make a temporary file");
    if (err != NULL)
        snprintf(err->file, sizeof err->file, "%s", space->dir);
    return status;
}

void temp_close(struct temp_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

static enum ibx_status write_all(const struct temp_file *file,
                                 const uint8_t *from, size_t nbytes,
                                 struct ibx_err *err)
{
    while (nbytes > 0) {
        ssize_t done = write(file->fd, from, nbytes);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return err_system(err, "writing a temporary file");
        from += done;
        nbytes -= (size_t)done;
    }
    return IBX_OK;
}

enum ibx_status temp_flush(struct temp_file *file, struct ibx_err *err)
{
    enum ibx_status status = write_all(file, file->buffer, file->buffered, err);
    file->buffered = 0;
    return status;
}

enum ibx_status temp_write(struct temp_file *file, const void *from,
                           size_t nbytes, struct ibx_err *err)
{
    struct temp_space *space = file->space;
    if (nbytes == 0)
        return IBX_OK;
    uint64_t total = atomic_fetch_add(&space->nbytes, nbytes) + nbytes;
    if (space->max_nbytes != 0 && total > space->max_nbytes)
        return err_say(err, IBX_ERR_TOO_LARGE, space->dir,
                       "the temporary files reach --temp-limit");
    file->nbytes += nbytes;
    if (nbytes > TEMP_BUFFER_NBYTES - file->buffered) {
        enum ibx_status status = temp_flush(file, err);
        if (status != IBX_OK)
            return status;
    }
    if (nbytes > TEMP_BUFFER_NBYTES)
        return write_all(file, from, nbytes, err);
    memcpy(file->buffer + file->buffered, from, nbytes);
    file->buffered += nbytes;
    return IBX_OK;
}

enum ibx_status temp_read(const struct temp_file *file, uint64_t offset,
                          void *to, size_t n, struct ibx_err *err)
{
    uint8_t *at = to;
    while (n > 0) {
        ssize_t got = pread(file->fd, at, n, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_system(err, "reading a temporary file");
        if (got == 0)
            return err_say(err, IBX_ERR_CORRUPT, NULL,
                           "a temporary file is shorter than written");
        at += got;
        offset += (uint64_t)got;
        n -= (size_t)got;
    }
    return IBX_OK;
}
