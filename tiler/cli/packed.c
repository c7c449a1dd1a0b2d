#include "tiler/cli/packed.h"

#include <stdlib.h>
#include <string.h>

static const char *without_prefix(const char *path)
{
    static const char *const prefixes[] = {"/vsigzip/", "/vsizip/"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        size_t n = strlen(prefixes[i]);
        if (strncmp(path, prefixes[i], n) == 0)
            return path + n;
    }
    return NULL;
}

/* The longest beginning that is a regular file: what follows it is inside. */
static bool stat_archive(char *path, struct stat *info)
{
    while (stat(path, info) != 0) {
        char *slash = strrchr(path, '/');
        if (slash == NULL)
            return false;
        *slash = '\0';
    }
    return S_ISREG(info->st_mode);
}

bool packed_stat(const char *path, struct stat *info)
{
    const char *inside = without_prefix(path);
    if (inside == NULL)
        return stat(path, info) == 0;
    char *copy = strdup(inside);
    bool found = copy != NULL && stat_archive(copy, info);
    free(copy);
    return found;
}
