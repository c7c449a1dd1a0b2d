#include "tiler/convert/db_wal.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>

/* A database file or its log: SQLite's own file behind our methods. */
struct wal_file {
    sqlite3_file base; /* must be first: SQLite casts */
    void **regions;    /* the log's index, in place of a -shm file */
    int nregions;
    /* SQLite's own file lies behind, aligned to 8 as SQLite's memory is. */
    uint64_t real[];
};

static sqlite3_file *real_of(sqlite3_file *file)
{
    return (sqlite3_file *)((struct wal_file *)file)->real;
}

static int wal_shm_unmap(sqlite3_file *file, int delete_it)
{
    struct wal_file *f = (struct wal_file *)file;
    (void)delete_it;
    for (int i = 0; i < f->nregions; i++)
        free(f->regions[i]);
    free(f->regions);
    f->regions = NULL;
    f->nregions = 0;
    return SQLITE_OK;
}

static int wal_close(sqlite3_file *file)
{
    wal_shm_unmap(file, 0);
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int wal_read(sqlite3_file *file, void *to, int n, sqlite3_int64 off)
{
    return real_of(file)->pMethods->xRead(real_of(file), to, n, off);
}

static int wal_write(sqlite3_file *file, const void *from, int n,
                     sqlite3_int64 off)
{
    (void)file, (void)from, (void)n, (void)off;
    return SQLITE_READONLY;
}

static int wal_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    (void)file, (void)size;
    return SQLITE_READONLY;
}

static int wal_sync(sqlite3_file *file, int flags)
{
    (void)file, (void)flags;
    return SQLITE_OK;
}

static int wal_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

/* We are alone with our index; an exclusive lock would mean writing. */
static int wal_lock(sqlite3_file *file, int level)
{
    (void)file;
    return level <= SQLITE_LOCK_SHARED ? SQLITE_OK : SQLITE_BUSY;
}

static int wal_unlock(sqlite3_file *file, int level)
{
    (void)file, (void)level;
    return SQLITE_OK;
}

static int wal_check_lock(sqlite3_file *file, int *held)
{
    (void)file;
    *held = 0;
    return SQLITE_OK;
}

static int wal_control(sqlite3_file *file, int op, void *arg)
{
    (void)file, (void)op, (void)arg;
    return SQLITE_NOTFOUND;
}

static int wal_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int wal_device(sqlite3_file *file)
{
    (void)file;
    return 0;
}

static int grow_regions(struct wal_file *f, int count)
{
    void **grown = realloc(f->regions, (size_t)count * sizeof(*grown));
    if (grown == NULL)
        return SQLITE_NOMEM;
    for (int i = f->nregions; i < count; i++)
        grown[i] = NULL;
    f->regions = grown;
    f->nregions = count;
    return SQLITE_OK;
}

static int wal_shm_map(sqlite3_file *file, int region, int size, int extend,
                       void volatile **out)
{
    struct wal_file *f = (struct wal_file *)file;
    *out = NULL;
    if (region >= f->nregions && extend == 0)
        return SQLITE_OK;
    if (region >= f->nregions && grow_regions(f, region + 1) != SQLITE_OK)
        return SQLITE_NOMEM;
    if (f->regions[region] == NULL && extend != 0)
        f->regions[region] = calloc(1, (size_t)size);
    if (f->regions[region] == NULL && extend != 0)
        return SQLITE_NOMEM;
    *out = f->regions[region];
    return SQLITE_OK;
}

static int wal_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    (void)file, (void)offset, (void)n, (void)flags;
    return SQLITE_OK;
}

static void wal_shm_barrier(sqlite3_file *file)
{
    (void)file;
    __sync_synchronize();
}

static const sqlite3_io_methods wal_methods = {
    .iVersion = 2,
    .xClose = wal_close,
    .xRead = wal_read,
    .xWrite = wal_write,
    .xTruncate = wal_truncate,
    .xSync = wal_sync,
    .xFileSize = wal_file_size,
    .xLock = wal_lock,
    .xUnlock = wal_unlock,
    .xCheckReservedLock = wal_check_lock,
    .xFileControl = wal_control,
    .xSectorSize = wal_sector_size,
    .xDeviceCharacteristics = wal_device,
    .xShmMap = wal_shm_map,
    .xShmLock = wal_shm_lock,
    .xShmBarrier = wal_shm_barrier,
    .xShmUnmap = wal_shm_unmap,
};

static sqlite3_vfs *root_of(sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file,
                    int flags, int *out_flags)
{
    struct wal_file *f = (struct wal_file *)file;
    sqlite3_vfs *root = root_of(vfs);
    f->base.pMethods = NULL;
    f->regions = NULL;
    f->nregions = 0;
    real_of(file)->pMethods = NULL;
    /* Sorting and joins may need temporary files; those are SQLite's own. */
    if ((flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) != 0) {
        flags &= ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
        flags |= SQLITE_OPEN_READONLY;
    } else if (name != NULL) {
        return SQLITE_CANTOPEN; /* a journal: not ours to play back */
    } else {
        return root->xOpen(root, name, file, flags, out_flags);
    }
    int code = root->xOpen(root, name, real_of(file), flags, out_flags);
    if (code == SQLITE_OK)
        f->base.pMethods = &wal_methods;
    return code;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs, (void)name, (void)sync;
    return SQLITE_READONLY;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    return root_of(vfs)->xAccess(root_of(vfs), name, flags, out);
}

static sqlite3_vfs wal_vfs;
static const char *wal_vfs_name;

/* What we do not speak to ourselves is copied from the default VFS. */
static void wal_vfs_register(void)
{
    sqlite3_vfs *root = sqlite3_vfs_find(NULL);
    if (root == NULL)
        return;
    wal_vfs = *root;
    wal_vfs.pNext = NULL;
    wal_vfs.zName = "imbrex-wal";
    wal_vfs.pAppData = root;
    wal_vfs.szOsFile = (int)sizeof(struct wal_file) + root->szOsFile;
    wal_vfs.xOpen = vfs_open;
    wal_vfs.xDelete = vfs_delete;
    wal_vfs.xAccess = vfs_access;
    if (sqlite3_vfs_register(&wal_vfs, 0) == SQLITE_OK)
        wal_vfs_name = wal_vfs.zName;
}

const char *db_wal_vfs(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, wal_vfs_register);
    return wal_vfs_name;
}
