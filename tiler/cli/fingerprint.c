#include "tiler/cli/fingerprint.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

/* stat() of the file itself, or of the one that it is packed in. */
static bool stat_input(const char *path, struct stat *info)
{
    const char *inside = without_prefix(path);
    if (inside == NULL)
        return stat(path, info) == 0;
    char *copy = strdup(inside);
    bool found = copy != NULL && stat_archive(copy, info);
    free(copy);
    return found;
}

/* FNV-1a. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *b = bytes;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ b[i]) * 0x100000001b3;
    return hash;
}

uint64_t fingerprint_input(uint64_t hash, const char *path)
{
    struct stat info;
    hash = mix(hash, path, strlen(path) + 1);
    if (!stat_input(path, &info))
        return hash;
    hash = mix(hash, &info.st_size, sizeof info.st_size);
    hash = mix(hash, &info.st_mtim.tv_sec, sizeof info.st_mtim.tv_sec);
    return mix(hash, &info.st_mtim.tv_nsec, sizeof info.st_mtim.tv_nsec);
}
