#include "tiler/convert/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool set_path(struct tree *tree, const char *name)
{
    size_t keep = tree->depth == 0 ? 0 : tree->lengths[tree->depth - 1];
    tree->path.len = keep;
    if (keep > 0)
        buf_puts(&tree->path, "/");
    buf_put(&tree->path, name, strlen(name) + 1);
    tree->path.len -= tree->path.failed ? 0 : 1; /* the NUL stays behind it */
    return !tree->path.failed;
}

static const char *path_of(const struct tree *tree)
{
    return (const char *)tree->path.ptr;
}

static enum ibx_status cannot(struct tree *tree, struct ibx_err *err)
{
    return convert_fail(err, errno == ENOENT ? IBX_ERR_MISSING : IBX_ERR_SYSTEM,
                        path_of(tree), "cannot be opened");
}

static enum ibx_status push(struct tree *tree, struct ibx_err *err)
{
    if (tree->depth == TREE_DEPTH_MAX)
        return convert_fail(err, IBX_ERR_TOO_LARGE, path_of(tree),
                            "folders are nested more than %d deep",
                            TREE_DEPTH_MAX);
    DIR *dir = opendir(path_of(tree));
    if (dir == NULL)
        return cannot(tree, err);
    tree->dirs[tree->depth] = dir;
    tree->lengths[tree->depth++] = tree->path.len;
    return IBX_OK;
}

enum ibx_status tree_open(const char *path, struct tree *out,
                          struct ibx_err *err)
{
    struct stat info;
    *out = (struct tree){0};
    if (!set_path(out, path))
        return convert_no_memory(err, path);
    if (stat(path, &info) != 0)
        return cannot(out, err);
    return S_ISDIR(info.st_mode) ? push(out, err) : IBX_OK;
}

static bool is_folder(const struct tree *tree, const struct dirent *entry)
{
    struct stat info;
    if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK)
        return entry->d_type == DT_DIR;
    return stat(path_of(tree), &info) == 0 && S_ISDIR(info.st_mode);
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);
    return n >= m && strcmp(name + n - m, suffix) == 0;
}

/* One entry of the deepest folder: IBX_OK when it is a file that is wanted,
 * IBX_AGAIN to go on. */
static enum ibx_status step(struct tree *tree, const char *suffix,
                            uint64_t *skipped, struct ibx_err *err)
{
    errno = 0;
    struct dirent *entry = readdir(tree->dirs[tree->depth - 1]);
    if (entry == NULL && errno != 0)
        return convert_fail(err, IBX_ERR_SYSTEM, path_of(tree),
                            "cannot be listed");
    if (entry == NULL) {
        closedir(tree->dirs[--tree->depth]);
        return tree->depth == 0 ? IBX_NOT_FOUND : IBX_AGAIN;
    }
    if (entry->d_name[0] == '.')
        return IBX_AGAIN;
    if (!set_path(tree, entry->d_name))
        return convert_no_memory(err, NULL);
    if (is_folder(tree, entry)) {
        enum ibx_status st = push(tree, err);
        return st == IBX_OK ? IBX_AGAIN : st;
    }
    if (ends_with(entry->d_name, suffix))
        return IBX_OK;
    (*skipped)++;
    return IBX_AGAIN;
}

enum ibx_status tree_next(struct tree *tree, const char *suffix,
                          uint64_t *skipped, const char **out,
                          struct ibx_err *err)
{
    enum ibx_status st = IBX_AGAIN;
    if (tree->depth == 0) { /* a single file, once */
        st = tree->path.len > 0 ? IBX_OK : IBX_NOT_FOUND;
        tree->path.len = 0;
    }
    while (st == IBX_AGAIN)
        st = step(tree, suffix, skipped, err);
    if (st == IBX_NOT_FOUND)
        tree->path.len = 0;
    if (st == IBX_OK)
        *out = path_of(tree);
    return st;
}

void tree_close(struct tree *tree)
{
    while (tree->depth > 0)
        closedir(tree->dirs[--tree->depth]);
    buf_free(&tree->path);
}
