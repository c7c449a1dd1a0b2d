#include "pack/writer/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pack/err.h"
#include "pack/fileio.h"
#include "pack/path.h"

enum ibx_status ibx_folder_mkdir(const char *path, struct ibx_err *err)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return IBX_OK;
    return ibx_fail_sys(err, path, "mkdir");
}

static enum ibx_status lock(struct ibx_folder *folder, struct ibx_err *err)
{
    folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->fd < 0)
        return ibx_fail_sys(err, folder->path, "open");
    if (flock(folder->fd, LOCK_EX | LOCK_NB) == 0)
        return IBX_OK;
    if (errno == EWOULDBLOCK)
        return ibx_fail(err, IBX_ERR_BUSY, folder->path,
                        "another process is writing to it");
    return ibx_fail_sys(err, folder->path, "flock");
}

enum ibx_status ibx_folder_open(struct ibx_folder *folder, const char *path,
                                bool create, struct ibx_err *err)
{
    struct ibx_folder fresh = {.path = strdup(path), .fd = -1};
    if (!fresh.path)
        return ibx_fail_nomem(err);
    enum ibx_status st = IBX_OK;
    if (create) {
        fresh.created = mkdir(path, 0777) == 0;
        if (!fresh.created && errno != EEXIST)
            st = ibx_fail_sys(err, path, "mkdir");
    }
    if (st == IBX_OK)
        st = lock(&fresh, err);
    if (st != IBX_OK) {
        if (fresh.created)
            (void)rmdir(path);
        ibx_folder_close(&fresh);
        return st;
    }
    *folder = fresh;
    return IBX_OK;
}

void ibx_folder_close(struct ibx_folder *folder)
{
    if (folder->fd >= 0)
        close(folder->fd);
    folder->fd = -1;
    free(folder->path);
    folder->path = NULL;
}

enum ibx_status ibx_folder_sync(const char *path, struct ibx_err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ibx_fail_sys(err, path, "open");
    enum ibx_status st = IBX_OK;
    if (fsync(fd) != 0)
        st = ibx_fail_sys(err, path, "fsync");
    close(fd);
    return st;
}

static enum ibx_status write_synced(const char *path, const void *bytes,
                                    size_t nbytes, struct ibx_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return ibx_fail_sys(err, path, "open");
    enum ibx_status st = ibx_write_at(fd, path, 0, bytes, nbytes, err);
    if (st == IBX_OK && fsync(fd) != 0)
        st = ibx_fail_sys(err, path, "fsync");
    if (close(fd) != 0 && st == IBX_OK)
        st = ibx_fail_sys(err, path, "close");
    return st;
}

enum ibx_status ibx_folder_set_current(const struct ibx_folder *folder,
                                       const char *line, bool *replaced,
                                       struct ibx_err *err)
{
    *replaced = false;
    char *beside = ibx_path_join(folder->path, IBX_BUILD_DIR "/replacement");
    char *path = ibx_path_join(folder->path, "CURRENT");
    enum ibx_status st = beside && path
                             ? write_synced(beside, line, strlen(line), err)
                             : ibx_fail_nomem(err);
    if (st == IBX_OK && rename(beside, path) != 0)
        st = ibx_fail_sys(err, path, "rename");
    else if (st == IBX_OK)
        *replaced = true;
    if (*replaced)
        st = ibx_folder_sync(folder->path, err);
    else if (beside)
        (void)unlink(beside);
    free(beside);
    free(path);
    return st;
}

void ibx_folder_remove_flat(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry = NULL;
    while (dir && (entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    (void)rmdir(path);
}

bool ibx_folder_has(const struct ibx_folder *folder, const char *name)
{
    return faccessat(folder->fd, name, F_OK, 0) == 0;
}
