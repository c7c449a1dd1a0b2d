/* temp.h - unnamed temporary files under one common limit.
 *
 * The files have no name, so nothing is left behind whatever happens to the
 * process. A file is written by one thread and, once written, read by any. */
#ifndef TILER_VECTOR_TEMP_H
#define TILER_VECTOR_TEMP_H

#include <stdatomic.h>

#include "pack/imbrex.h"

/* Shared by all files of a build. */
struct temp_space {
    const char *dir;         /* borrowed */
    uint64_t max_nbytes;     /* 0: no limit */
    _Atomic uint64_t nbytes; /* written so far, in all files */
};

enum { TEMP_BUFFER_NBYTES = 64 << 10 };

struct temp_file {
    struct temp_space *space;
    int fd;          /* -1: not open */
    uint64_t nbytes; /* with what is still in the buffer */
    size_t buffered;
    uint8_t buffer[TEMP_BUFFER_NBYTES];
};

/* ERR_SYSTEM. On failure the file is closed. */
IBX_MUST_CHECK enum ibx_status temp_open(struct temp_file *file,
                                         struct temp_space *space,
                                         struct ibx_err *err);

/* Frees the disk space. An all-zero file with fd -1 is allowed. */
void temp_close(struct temp_file *file);

/* Appends. ERR_SYSTEM (disk full, ...), ERR_TOO_LARGE (over the limit). */
IBX_MUST_CHECK enum ibx_status temp_write(struct temp_file *file,
                                          const void *from, size_t nbytes,
                                          struct ibx_err *err);

/* Writes the buffer out, so that temp_read() sees everything. */
IBX_MUST_CHECK enum ibx_status temp_flush(struct temp_file *file,
                                          struct ibx_err *err);

/* Reads exactly n bytes. ERR_SYSTEM, ERR_CORRUPT (the file is shorter). */
IBX_MUST_CHECK enum ibx_status temp_read(const struct temp_file *file,
                                         uint64_t offset, void *to, size_t n,
                                         struct ibx_err *err);

/* Helpers for every module of the vector build: fill `err` and return. */
enum ibx_status err_nomem(struct ibx_err *err);
enum ibx_status err_system(struct ibx_err *err, const char *what);
enum ibx_status err_say(struct ibx_err *err, enum ibx_status status,
                        const char *file, const char *what);

#endif
