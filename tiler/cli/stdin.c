#include "tiler/cli/stdin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tiler/cli/report.h"

static const char folder[] = "/proc/self/fd/";

enum { CHUNK_NBYTES = 64 << 10, PATH_NBYTES = 64 };

static bool write_all(int fd, const uint8_t *from, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, from, n);
        if (done < 0 && errno != EINTR)
            return false;
        from += done < 0 ? 0 : done;
        n -= done < 0 ? 0 : (size_t)done;
    }
    return true;
}

/* *packed becomes whether it is gzip. */
static bool copy_all(int fd, bool *packed)
{
    uint8_t chunk[CHUNK_NBYTES];
    uint8_t begin[2] = {0, 0};
    size_t total = 0;
    for (;;) {
        ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || !write_all(fd, chunk, n > 0 ? (size_t)n : 0))
            return false;
        if (n == 0)
            break;
        for (ssize_t i = 0; i < n && total < 2; i++)
            begin[total++] = chunk[i];
    }
    *packed = begin[0] == 0x1f && begin[1] == 0x8b;
    return true;
}

bool stdin_spool(const char *dir, char **path)
{
    bool packed = false;
    char name[PATH_NBYTES];
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 || !copy_all(fd, &packed)) {
        report("standard input", "give --temp-dir a folder with room",
               "cannot be kept in %s (%s)", dir, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    snprintf(name, sizeof name, "%s%s%d", packed ? "/vsigzip/" : "", folder,
             fd);
    *path = strdup(name);
    return *path != NULL;
}

bool stdin_is_spool(const char *path)
{
    return strstr(path, folder) != NULL;
}
