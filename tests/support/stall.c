/* stall - a library to preload that makes opening packs hang, as a dead disk
 * or network mount does: open() of a path that ends in .ibx returns only when
 * the file named by STALL_WHILE is gone, or at once when it never was. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void stall(const char *path)
{
    const char *flag = getenv("STALL_WHILE");
    const struct timespec pause = {.tv_nsec = 5000000};
    size_t len = strlen(path);
    if (flag == NULL || len < 4 || strcmp(path + len - 4, ".ibx") != 0)
        return;
    while (access(flag, F_OK) == 0)
        (void)nanosleep(&pause, NULL);
}

typedef int open_function(const char *path, int flags, ...);

static int call(const char *name, const char *path, int flags, int mode)
{
    /* POSIX lets dlsym()'s result be used as a function. */
    open_function *real;
    void *symbol = dlsym(RTLD_NEXT, name);
    memcpy(&real, &symbol, sizeof(real));
    stall(path);
    return real(path, flags, mode);
}

int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = (flags & O_CREAT) != 0 ? va_arg(args, int) : 0;
    va_end(args);
    return call("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = (flags & O_CREAT) != 0 ? va_arg(args, int) : 0;
    va_end(args);
    return call("open64", path, flags, mode);
}
