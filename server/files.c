/* Fonts and sprites: small files of an optional data package. A name that
 * comes from a request is one path segment without slashes and without a dot
 * at its start (route.c), so it cannot leave its folder. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/document.h"

static enum refusal read_all(int fd, struct buffer *out)
{
    char chunk[8192];
    ssize_t got;
    while ((got = read(fd, chunk, sizeof(chunk))) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return REFUSAL_UNREADABLE;
        buffer_add(out, chunk, (size_t)got);
        if (out->failed)
            return REFUSAL_TOO_LARGE;
    }
    return REFUSAL_NONE;
}

static enum refusal read_file(int folder_fd, const char *name,
                              struct buffer *out)
{
    struct stat info;
    int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? REFUSAL_NOT_FOUND
                                                   : REFUSAL_UNREADABLE;
    enum refusal refusal = REFUSAL_NOT_FOUND;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        refusal = read_all(fd, out);
    close(fd);
    return refusal;
}

static int open_folder(int at, const char *name)
{
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The first stack of "A,B,C" that there is; -1 when there is none. */
static int open_stack(const char *folder, const char *stacks)
{
    struct span rest = span_of(stacks);
    int folder_fd = open_folder(AT_FDCWD, folder);
    int stack_fd = -1;
    if (folder_fd < 0)
        return -1;
    while (rest.ptr != NULL && stack_fd < 0) {
        char name[ROUTE_NAME_NBYTES];
        struct span one = span_trim(span_cut(&rest, ','));
        if (one.len > 0 && one.ptr[0] != '.' &&
            span_copy(one, name, sizeof(name)))
            stack_fd = open_folder(folder_fd, name);
    }
    close(folder_fd);
    return stack_fd;
}

enum refusal read_font(const char *folder, const struct document *doc)
{
    char name[40];
    uint32_t first = doc->request->number;
    if (folder[0] == '\0')
        return REFUSAL_NOT_FOUND;
    int stack_fd = open_stack(folder, doc->request->name);
    if (stack_fd < 0)
        return REFUSAL_NOT_FOUND;
    (void)snprintf(name, sizeof(name), "%u-%u.pbf", first, first + 255);
    enum refusal refusal = read_file(stack_fd, name, doc->out);
    close(stack_fd);
    /* A stack without these characters has no glyphs for them: that is an
     * answer, and no reason for a map to stop drawing. */
    return refusal == REFUSAL_NOT_FOUND ? REFUSAL_NONE : refusal;
}

enum refusal read_sprite(const char *folder, const struct document *doc)
{
    if (folder[0] == '\0')
        return REFUSAL_NOT_FOUND;
    int folder_fd = open_folder(AT_FDCWD, folder);
    if (folder_fd < 0)
        return REFUSAL_NOT_FOUND;
    enum refusal refusal = read_file(folder_fd, doc->request->name, doc->out);
    close(folder_fd);
    return refusal;
}
