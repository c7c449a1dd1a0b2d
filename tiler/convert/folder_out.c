/* A tileset as a folder z/x/y.ext, made beside its name and renamed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tiler/cli/stop.h"
#include "tiler/convert/export.h"
#include "tiler/convert/file.h"

struct folder_out {
    struct export_job *job;
    char *beside; /* the folder it is written as */
    int root;
    /* The column that is open. */
    int column;
    uint8_t z;
    uint32_t x;
    struct coverage coverage;
    struct kinds kinds;
};

static enum ibx_status cannot(const struct folder_out *f, const char *name,
                              const char *what, struct ibx_err *err)
{
    char path[IBX_ERR_FILE_NBYTES];
    int saved = errno;
    (void)snprintf(path, sizeof(path), "%.*s/%s",
                   (int)file_name_len(f->job->output), f->job->output, name);
    errno = saved;
    return convert_fail(err, IBX_ERR_SYSTEM, path, "%s", what);
}

/* ---- files ----------------------------------------------------------------
 */

static enum ibx_status open_column(struct folder_out *f, uint8_t z, uint32_t x,
                                   struct ibx_err *err)
{
    char name[32];
    if (f->column >= 0 && f->z == z && f->x == x)
        return IBX_OK;
    if (f->column >= 0)
        close(f->column);
    f->column = -1;
    (void)snprintf(name, sizeof(name), "%u", z);
    if (mkdirat(f->root, name, 0777) != 0 && errno != EEXIST)
        return cannot(f, name, "cannot be made", err);
    (void)snprintf(name, sizeof(name), "%u/%u", z, x);
    if (mkdirat(f->root, name, 0777) != 0 && errno != EEXIST)
        return cannot(f, name, "cannot be made", err);
    f->column = openat(f->root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->column < 0)
        return cannot(f, name, "cannot be opened", err);
    f->z = z;
    f->x = x;
    return IBX_OK;
}

/* `name` is below the root; what has a folder is in the open column. */
static enum ibx_status write_file(struct folder_out *f, const char *name,
                                  struct bytes bytes, struct ibx_err *err)
{
    const char *slash = strrchr(name, '/');
    int fd = openat(slash == NULL ? f->root : f->column,
                    slash == NULL ? name : slash + 1,
                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return cannot(f, name, "cannot be made", err);
    bool good = file_write_all(fd, bytes.ptr, bytes.len);
    int saved = errno;
    good = close(fd) == 0 && good;
    f->job->output_nbytes += bytes.len;
    if (good)
        return IBX_OK;
    errno = saved;
    return cannot(f, name, "cannot be written", err);
}

/* What the source's files were called, as long as it was true of this tile;
 * otherwise by its format: vector tiles that are packed say so. */
static void extension_of(const struct folder_out *f, struct tile_kind kind,
                         char out[META_EXTENSION_NBYTES])
{
    const char *was = f->job->meta.extension;
    char word[META_EXTENSION_NBYTES];
    size_t len = strcspn(was, ".");
    memcpy(word, was, len);
    word[len] = 0;
    bool packed_name = was[len] == '.';
    if (was[0] != 0 && format_from_name(word) == kind.format &&
        (!packed_name || kind.encoding != IBX_ENCODING_NONE)) {
        memcpy(out, was, META_EXTENSION_NBYTES);
        return;
    }
    const char *name = format_name(kind.format);
    (void)snprintf(out, META_EXTENSION_NBYTES, "%s",
                   name == NULL ? "bin" : name);
}

static enum ibx_status put_tile(struct folder_out *f, uint64_t id,
                                const struct ibx_tile *tile,
                                struct ibx_err *err)
{
    struct ibx_zxy at = ibx_tile_zxy(id);
    uint32_t row =
        f->job->scheme == SCHEME_TMS ? ((uint32_t)1 << at.z) - 1 - at.y : at.y;
    char extension[META_EXTENSION_NBYTES];
    char name[META_EXTENSION_NBYTES + 32];
    struct tile_kind kind = {tile->facts.format, tile->facts.encoding};
    extension_of(f, kind, extension);
    (void)snprintf(name, sizeof(name), "%u/%u/%u.%s", at.z, at.x, row,
                   extension);
    enum ibx_status st = open_column(f, at.z, at.x, err);
    if (st != IBX_OK)
        return st;
    kinds_add(&f->kinds, kind, tile->facts.nbytes, 1);
    f->job->tiles_written++;
    return write_file(f, name, (struct bytes){tile->bytes, tile->facts.nbytes},
                      err);
}

static enum ibx_status put_run(struct folder_out *f, struct ibx_walk *walk,
                               const struct ibx_span *span, struct ibx_err *err)
{
    struct ibx_tile tile;
    enum ibx_status st = ibx_walk_tile(walk, &tile, err);
    if (st != IBX_OK)
        return st;
    for (uint64_t i = 0; i < span->count && st == IBX_OK; i++) {
        st = put_tile(f, span->first_id + i, &tile, err);
        if (st == IBX_OK && stop_requested())
            st = convert_fail(err, IBX_ERR_INTERRUPTED, NULL, "interrupted");
    }
    ibx_tile_release(&tile);
    coverage_add(&f->coverage, span->first_id, span->count);
    return st;
}

static enum ibx_status put_tiles(struct folder_out *f, struct ibx_err *err)
{
    struct ibx_walk *walk;
    struct ibx_span span;
    struct ibx_tileset *tileset = f->job->tiles.tileset;
    enum ibx_status st = ibx_walk_open(tileset, 0, &walk, err);
    if (st != IBX_OK)
        return st;
    while ((st = ibx_walk_next(walk, &span, err)) == IBX_OK) {
        st = put_run(f, walk, &span, err);
        if (st != IBX_OK)
            break;
        progress_set(f->job->progress, f->job->tiles_written,
                     ibx_tileset_info(tileset)->tile_count);
    }
    ibx_walk_close(walk);
    return st == IBX_NOT_FOUND ? IBX_OK : st;
}

static enum ibx_status put_metadata(struct folder_out *f, struct ibx_err *err)
{
    struct buf text = {0};
    enum ibx_status st = IBX_OK;
    meta_put_folder(&f->job->meta, &text);
    if (text.failed)
        st = convert_no_memory(err, NULL);
    else if (text.len > 0)
        st = write_file(f, "metadata.json", buf_bytes(&text), err);
    buf_free(&text);
    return st;
}

/* ---- the folder itself ----------------------------------------------------
 */

static int remove_entry(const char *path, const struct stat *info, int kind,
                        struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    (void)remove(path);
    return 0;
}

/* Removes a folder with everything in it; best effort. */
static void remove_tree(const char *path)
{
    (void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static enum ibx_status make_beside(struct folder_out *f, struct ibx_err *err)
{
    struct buf name = {0};
    buf_put(&name, f->job->output, file_name_len(f->job->output));
    buf_printf(&name, ".partial-%ld", (long)getpid());
    f->beside = buf_take_text(&name);
    if (f->beside == NULL)
        return convert_no_memory(err, NULL);
    if (mkdir(f->beside, 0777) != 0)
        return convert_fail(err, IBX_ERR_SYSTEM, f->beside, "cannot be made");
    f->root = open(f->beside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return f->root >= 0 ? IBX_OK
                        : convert_fail(err, IBX_ERR_SYSTEM, f->beside,
                                       "cannot be opened");
}

/* One sync of the file system in place of one for each of millions of files;
 * then the rename, which takes the place of nothing or of an empty folder. */
static enum ibx_status publish(struct folder_out *f, struct ibx_err *err)
{
    if (syncfs(f->root) != 0)
        return convert_fail(err, IBX_ERR_SYSTEM, f->job->output,
                            "cannot be synced");
    if (rename(f->beside, f->job->output) != 0)
        return convert_fail(err,
                            errno == ENOTEMPTY || errno == EEXIST
                                ? IBX_ERR_EXISTS
                                : IBX_ERR_SYSTEM,
                            f->job->output, "is there and not empty");
    if (syncfs(f->root) != 0)
        return convert_fail(err, IBX_ERR_SYSTEM, f->job->output,
                            "cannot be synced");
    return IBX_OK;
}

static bool is_empty_folder(const char *path)
{
    DIR *dir = opendir(path);
    bool empty = dir != NULL;
    for (struct dirent *entry; empty && (entry = readdir(dir)) != NULL;)
        empty =
            strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (dir != NULL)
        closedir(dir);
    return empty;
}

/* Early, so that nobody waits an hour for this answer. */
static enum ibx_status check_vacant(const char *path, struct ibx_err *err)
{
    struct stat info;
    if (lstat(path, &info) != 0)
        return IBX_OK;
    if (S_ISDIR(info.st_mode) && is_empty_folder(path))
        return IBX_OK;
    return convert_fail(err, IBX_ERR_EXISTS, path, "is there and not empty");
}

enum ibx_status export_folder(struct export_job *job, struct ibx_err *err)
{
    struct folder_out f = {.job = job, .root = -1, .column = -1};
    enum ibx_status st = check_vacant(job->output, err);
    if (st != IBX_OK)
        return st;
    st = make_beside(&f, err);
    if (st == IBX_OK)
        st = put_tiles(&f, err);
    if (st == IBX_OK)
        st = put_metadata(&f, err);
    if (st == IBX_OK)
        st = publish(&f, err);
    if (f.column >= 0)
        close(f.column);
    if (f.root >= 0)
        close(f.root);
    if (st != IBX_OK && f.beside != NULL)
        remove_tree(f.beside);
    free(f.beside);
    job->contents = job->tiles_written;
    return st;
}
