#include "tests/fault/fault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    enum fault_action action;
    unsigned left; /* calls until it fires; 0 while nothing is armed */
    unsigned variant;
    bool fired;
    const char *function; /* that fired */
    int code;
} armed;

static struct fault_held held;

void fault_arm(enum fault_action action, unsigned n, unsigned variant)
{
    armed.action = action;
    armed.left = n;
    armed.variant = variant;
    armed.fired = false;
    armed.function = "";
    armed.code = 0;
}

bool fault_disarm(void)
{
    armed.left = 0;
    bool fired = armed.fired;
    armed.fired = false;
    return fired;
}

const char *fault_function(void)
{
    return armed.function;
}

int fault_errno(void)
{
    return armed.code;
}

struct fault_held fault_held(void)
{
    return held;
}

/* True when this call is to fail, with errno set. `codes` ends with 0. */
static bool fails(const char *function, const int *codes)
{
    bool again = armed.fired && armed.action == FAULT_STICKY &&
                 strcmp(armed.function, function) == 0;
    if (!again) {
        if (armed.left == 0 || --armed.left > 0)
            return false;
        if (armed.action == FAULT_KILL)
            (void)raise(SIGKILL);
        int ncodes = 0;
        while (codes[ncodes] != 0)
            ncodes++;
        armed.fired = true;
        armed.function = function;
        armed.code = codes[armed.variant % (unsigned)ncodes];
    }
    errno = armed.code;
    return true;
}

#define CODES(...)                                                             \
    (const int[])                                                              \
    {                                                                          \
        __VA_ARGS__, 0                                                         \
    }

/* Begins the function that the library's calls of NAME are led to. */
#define WRAP(result, name, parameters)                                         \
    result fault_##name parameters;                                            \
    result fault_##name parameters

/* ---- memory ------------------------------------------------------------ */

WRAP(void *, malloc, (size_t nbytes))
{
    if (fails("malloc", CODES(ENOMEM)))
        return NULL;
    void *block = malloc(nbytes);
    held.blocks += block != NULL;
    return block;
}

WRAP(void *, calloc, (size_t n, size_t nbytes))
{
    if (fails("calloc", CODES(ENOMEM)))
        return NULL;
    void *block = calloc(n, nbytes);
    held.blocks += block != NULL;
    return block;
}

WRAP(void *, realloc, (void *block, size_t nbytes))
{
    if (fails("realloc", CODES(ENOMEM)))
        return NULL;
    bool had = block != NULL;
    void *grown = realloc(block, nbytes);
    held.blocks += grown != NULL && !had;
    return grown;
}

WRAP(char *, strdup, (const char *text))
{
    if (fails("strdup", CODES(ENOMEM)))
        return NULL;
    char *copy = strdup(text);
    held.blocks += copy != NULL;
    return copy;
}

WRAP(void, free, (void *block))
{
    held.blocks -= block != NULL;
    free(block);
}

WRAP(void *, mmap64,
     (void *at, size_t nbytes, int protection, int flags, int fd, off_t off))
{
    if (fails("mmap", CODES(ENOMEM)))
        return MAP_FAILED;
    void *base = mmap(at, nbytes, protection, flags, fd, off);
    held.maps += base != MAP_FAILED;
    return base;
}

WRAP(int, munmap, (void *base, size_t nbytes))
{
    held.maps--;
    return munmap(base, nbytes);
}

/* ---- files ------------------------------------------------------------- */

WRAP(int, open64, (const char *path, int flags, ...))
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (fails("open", CODES(EMFILE, EIO)))
        return -1;
    int fd = open(path, flags, mode);
    held.descriptors += fd >= 0;
    return fd;
}

/* The descriptor is gone even when closing reports an error. */
WRAP(int, close, (int fd))
{
    int code = close(fd);
    held.descriptors--;
    return fails("close", CODES(EIO, ENOSPC)) ? -1 : code;
}

WRAP(ssize_t, read, (int fd, void *to, size_t nbytes))
{
    return fails("read", CODES(EIO)) ? -1 : read(fd, to, nbytes);
}

WRAP(ssize_t, pread64, (int fd, void *to, size_t nbytes, off_t off))
{
    return fails("pread", CODES(EIO)) ? -1 : pread(fd, to, nbytes, off);
}

WRAP(ssize_t, pwrite64, (int fd, const void *from, size_t nbytes, off_t off))
{
    return fails("pwrite", CODES(ENOSPC, EIO)) ? -1
                                               : pwrite(fd, from, nbytes, off);
}

WRAP(int, fstat64, (int fd, struct stat *info))
{
    return fails("fstat", CODES(EIO)) ? -1 : fstat(fd, info);
}

/* Not really synced: the machine does not go down in these tests, and a disk
 * would make them take minutes. */
WRAP(int, fsync, (int fd))
{
    (void)fd;
    return fails("fsync", CODES(EIO, ENOSPC)) ? -1 : 0;
}

WRAP(int, ftruncate64, (int fd, off_t nbytes))
{
    return fails("ftruncate", CODES(EIO)) ? -1 : ftruncate(fd, nbytes);
}

WRAP(int, flock, (int fd, int operation))
{
    return fails("flock", CODES(ENOLCK)) ? -1 : flock(fd, operation);
}

/* ---- names ------------------------------------------------------------- */

WRAP(int, rename, (const char *from, const char *to))
{
    return fails("rename", CODES(EIO, ENOSPC)) ? -1 : rename(from, to);
}

WRAP(int, mkdir, (const char *path, mode_t mode))
{
    return fails("mkdir", CODES(ENOSPC, EIO)) ? -1 : mkdir(path, mode);
}

WRAP(int, link, (const char *from, const char *to))
{
    return fails("link", CODES(EXDEV, EMLINK)) ? -1 : link(from, to);
}

WRAP(int, unlink, (const char *path))
{
    return fails("unlink", CODES(EIO)) ? -1 : unlink(path);
}

WRAP(int, unlinkat, (int dir, const char *name, int flags))
{
    return fails("unlinkat", CODES(EIO)) ? -1 : unlinkat(dir, name, flags);
}

WRAP(int, fstatat64, (int dir, const char *name, struct stat *info, int flags))
{
    return fails("fstatat", CODES(EIO)) ? -1 : fstatat(dir, name, info, flags);
}

WRAP(DIR *, opendir, (const char *path))
{
    if (fails("opendir", CODES(EMFILE, ENOMEM)))
        return NULL;
    DIR *dir = opendir(path);
    held.descriptors += dir != NULL;
    return dir;
}

WRAP(struct dirent *, readdir64, (DIR * dir))
{
    return fails("readdir", CODES(EIO)) ? NULL : readdir(dir);
}

WRAP(int, closedir, (DIR * dir))
{
    held.descriptors--;
    return closedir(dir);
}
