/* file.h - whole files and parts of files, read and written with care. */
#ifndef IBX_CONVERT_FILE_H
#define IBX_CONVERT_FILE_H

#include "tiler/convert/buf.h"

/* A file read on and on through one large buffer, with looks elsewhere, as
 * for contents that tiles share, through another that is as large as what is
 * looked at. Nothing is ever mapped. */
struct window {
    int fd;
    const char *path; /* borrowed */
    uint64_t file_nbytes;
    struct buf ahead; /* bytes of the file from `ahead_off` on */
    uint64_t ahead_off;
    struct buf aside;
    uint64_t aside_end; /* in the file */
};

/* Opens a regular file. IBX_ERR_MISSING, _SYSTEM, _UNSUPPORTED (a folder, a
 * pipe). On success window_close() it. */
IBX_MUST_CHECK enum ibx_status window_open(const char *path, struct window *out,
                                           struct ibx_err *err);
void window_close(struct window *window);

/* *out borrows `nbytes` bytes at `off` until the next read.
 * IBX_ERR_CORRUPT when the file ends before; IBX_ERR_SYSTEM, _NOMEM. */
IBX_MUST_CHECK enum ibx_status window_read(struct window *window, uint64_t off,
                                           size_t nbytes, struct bytes *out,
                                           struct ibx_err *err);

/* Appends the whole regular file `name` in the folder `dirfd` (or AT_FDCWD) to
 * `out`. `path` names it in errors. IBX_ERR_TOO_LARGE above max_nbytes. */
IBX_MUST_CHECK enum ibx_status file_read_at(int dirfd, const char *name,
                                            size_t max_nbytes, struct buf *out,
                                            struct ibx_err *err);

/* Writes all of it or fails with errno set. */
IBX_MUST_CHECK bool file_write_all(int fd, const void *bytes, size_t nbytes);

/* The length of a path without slashes at its end. */
size_t file_name_len(const char *path);

/* A file that appears under its name only when it is whole: made beside it,
 * synced and renamed by out_file_commit(). */
struct out_file {
    const char *path; /* borrowed */
    char *beside;     /* the name it is written under */
    int fd;           /* -1 after out_file_close_fd() */
};

/* `replace`: the name may be taken already, otherwise IBX_ERR_EXISTS. */
IBX_MUST_CHECK enum ibx_status out_file_create(const char *path, bool replace,
                                               struct out_file *out,
                                               struct ibx_err *err);

/* Syncs, renames, syncs the folder, frees. On failure nothing is left. */
IBX_MUST_CHECK enum ibx_status out_file_commit(struct out_file *out,
                                               struct ibx_err *err);

/* Removes what was written and frees. */
void out_file_abandon(struct out_file *out);

/* An unnamed file in the folder of `beside`, or in `temp_dir` when that is not
 * NULL; gone when closed. -1 with *err. */
int temp_file(const char *temp_dir, const char *beside, struct ibx_err *err);

#endif
