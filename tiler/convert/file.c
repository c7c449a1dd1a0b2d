#include "tiler/convert/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW_NBYTES = 1 << 20 };

/* ---- reading ----------------------------------------------------------- */

static enum ibx_status cannot(struct ibx_err *err, const char *path,
                              const char *what)
{
    return convert_fail(err, errno == ENOENT ? IBX_ERR_MISSING : IBX_ERR_SYSTEM,
                        path, "%s", what);
}

enum ibx_status window_open(const char *path, struct window *out,
                            struct ibx_err *err)
{
    struct stat info;
    /* NONBLOCK, so that a pipe put in our way does not hang us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return cannot(err, path, "cannot be opened");
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(fd);
        return convert_fail(err, IBX_ERR_UNSUPPORTED, path,
                            "is not a regular file");
    }
    *out = (struct window){
        .fd = fd, .path = path, .file_nbytes = (uint64_t)info.st_size};
    return IBX_OK;
}

void window_close(struct window *window)
{
    close(window->fd);
    buf_free(&window->ahead);
    buf_free(&window->aside);
}

/* Up to `nbytes` bytes; fewer only at the end of the file. */
static ssize_t read_at(int fd, uint8_t *to, size_t nbytes, uint64_t off)
{
    size_t done = 0;
    while (done < nbytes) {
        ssize_t n = pread(fd, to + done, nbytes - done, (off_t)(off + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

/* Fills `to` with up to `want` bytes, as many as the file still has. */
static enum ibx_status window_fill(const struct window *w, uint64_t off,
                                   size_t want, struct buf *to,
                                   struct ibx_err *err)
{
    if (want > w->file_nbytes - off)
        want = (size_t)(w->file_nbytes - off);
    buf_clear(to);
    if (!buf_reserve(to, want))
        return convert_no_memory(err, w->path);
    ssize_t got = read_at(w->fd, to->ptr, want, off);
    if (got < 0)
        return cannot(err, w->path, "cannot be read");
    to->len = (size_t)got;
    return IBX_OK;
}

/* Whether a read at `off` goes on from the buffer, or from the last look
 * aside: then more will follow, and a large read pays. */
static bool goes_on(const struct window *w, uint64_t off)
{
    uint64_t end = w->ahead_off + w->ahead.len;
    return off == w->aside_end ||
           (off >= w->ahead_off && off <= end + WINDOW_NBYTES / 4);
}

/* The buffer that holds [off, off + nbytes) and where it begins. */
static enum ibx_status window_load(struct window *w, uint64_t off,
                                   size_t nbytes, const struct buf **from,
                                   struct ibx_err *err)
{
    enum ibx_status st;
    *from = &w->ahead;
    if (off >= w->ahead_off &&
        span_fits(off - w->ahead_off, nbytes, w->ahead.len))
        return IBX_OK;
    if (goes_on(w, off)) {
        st =
            window_fill(w, off, nbytes < WINDOW_NBYTES ? WINDOW_NBYTES : nbytes,
                        &w->ahead, err);
        w->ahead_off = off;
        w->aside_end = 0;
    } else {
        st = window_fill(w, off, nbytes, &w->aside, err);
        w->aside_end = off + nbytes;
        *from = &w->aside;
    }
    return st;
}

enum ibx_status window_read(struct window *w, uint64_t off, size_t nbytes,
                            struct bytes *out, struct ibx_err *err)
{
    const struct buf *from;
    if (!span_fits(off, nbytes, w->file_nbytes))
        return convert_fail(err, IBX_ERR_CORRUPT, w->path,
                            "ends before byte %llu",
                            (unsigned long long)off + nbytes);
    enum ibx_status st = window_load(w, off, nbytes, &from, err);
    if (st != IBX_OK)
        return st;
    size_t skip = from == &w->ahead ? (size_t)(off - w->ahead_off) : 0;
    if (from->len < skip + nbytes)
        return convert_fail(err, IBX_ERR_CORRUPT, w->path,
                            "became shorter while it was read");
    *out = (struct bytes){nbytes == 0 ? (const uint8_t *)"" : from->ptr + skip,
                          nbytes};
    return IBX_OK;
}

static enum ibx_status read_whole(int fd, size_t max_nbytes, struct buf *out,
                                  struct ibx_err *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return convert_fail(err, IBX_ERR_SYSTEM, NULL, "cannot be read");
    if (!S_ISREG(info.st_mode))
        return convert_fail(err, IBX_ERR_UNSUPPORTED, NULL,
                            "is not a regular file");
    if (info.st_size < 0 || (uint64_t)info.st_size > max_nbytes)
        return convert_fail(err, IBX_ERR_TOO_LARGE, NULL,
                            "is larger than %zu bytes", max_nbytes);
    size_t want = (size_t)info.st_size;
    if (!buf_reserve(out, want + 1))
        return convert_no_memory(err, NULL);
    ssize_t got = read_at(fd, out->ptr + out->len, want, 0);
    if (got < 0)
        return convert_fail(err, IBX_ERR_SYSTEM, NULL, "cannot be read");
    out->len += (size_t)got;
    return IBX_OK;
}

enum ibx_status file_read_at(int dirfd, const char *name, size_t max_nbytes,
                             struct buf *out, struct ibx_err *err)
{
    int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return cannot(err, name, "cannot be opened");
    enum ibx_status st = read_whole(fd, max_nbytes, out, err);
    close(fd);
    if (st != IBX_OK && err != NULL && err->file[0] == 0) {
        struct ibx_err inner = *err;
        errno = inner.sys_errno;
        convert_fail(err, st, name, "%s", inner.what);
    }
    return st;
}

/* ---- writing ----------------------------------------------------------- */

bool file_write_all(int fd, const void *bytes, size_t nbytes)
{
    const uint8_t *from = bytes;
    while (nbytes > 0) {
        ssize_t n = write(fd, from, nbytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        from += n;
        nbytes -= (size_t)n;
    }
    return true;
}

/* The folder that holds `path`, "." for a bare name. free() it. */
size_t file_name_len(const char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    return len;
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return strdup(".");
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

enum ibx_status out_file_create(const char *path, bool replace,
                                struct out_file *out, struct ibx_err *err)
{
    struct buf name = {0};
    struct stat info;
    if (!replace && lstat(path, &info) == 0)
        return convert_fail(err, IBX_ERR_EXISTS, path, "exists already");
    buf_printf(&name, "%s.partial-%ld", path, (long)getpid());
    char *beside = buf_take_text(&name);
    if (beside == NULL)
        return convert_no_memory(err, path);
    int fd = open(beside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        convert_fail(err, IBX_ERR_SYSTEM, path, "cannot be created");
        free(beside);
        return IBX_ERR_SYSTEM;
    }
    *out = (struct out_file){path, beside, fd};
    return IBX_OK;
}

static bool sync_folder(const char *path)
{
    char *folder = folder_of(path);
    int fd = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY);
    free(folder);
    if (fd < 0)
        return false;
    /* Some file systems cannot sync a folder and say EINVAL. */
    bool good = fsync(fd) == 0 || errno == EINVAL;
    close(fd);
    return good;
}

enum ibx_status out_file_commit(struct out_file *out, struct ibx_err *err)
{
    const char *failed = NULL;
    if (fsync(out->fd) != 0)
        failed = "cannot be written";
    else if (rename(out->beside, out->path) != 0)
        failed = "cannot be renamed into place";
    if (failed != NULL) {
        convert_fail(err, IBX_ERR_SYSTEM, out->path, "%s", failed);
        out_file_abandon(out);
        return IBX_ERR_SYSTEM;
    }
    bool synced = sync_folder(out->path);
    if (!synced)
        convert_fail(err, IBX_ERR_SYSTEM, out->path,
                     "its folder cannot be synced");
    close(out->fd);
    free(out->beside);
    return synced ? IBX_OK : IBX_ERR_SYSTEM;
}

void out_file_abandon(struct out_file *out)
{
    unlink(out->beside);
    close(out->fd);
    free(out->beside);
}

int temp_file(const char *temp_dir, const char *beside, struct ibx_err *err)
{
    char *folder = temp_dir != NULL ? strdup(temp_dir) : folder_of(beside);
    int fd = -1;
    if (folder != NULL)
        fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && folder != NULL) {
        /* Not every file system has O_TMPFILE. */
        struct buf name = {0};
        buf_printf(&name, "%s/.imbrex-XXXXXX", folder);
        char *path = buf_take_text(&name);
        fd = path == NULL ? -1 : mkostemp(path, O_CLOEXEC);
        if (fd >= 0)
            unlink(path);
        free(path);
    }
    if (fd < 0)
        convert_fail(err, IBX_ERR_SYSTEM, folder,
                     "no temporary file can be made there");
    free(folder);
    return fd;
}
