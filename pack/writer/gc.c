/* gc.c - remove generations and packs that nothing names any more. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pack/err.h"
#include "pack/format.h"
#include "pack/maintain.h"
#include "pack/path.h"
#include "pack/writer/folder.h"

struct generation {
    char name[IBX_GENERATION_NCHARS + 1];
    struct timespec modified;
};

struct generations {
    struct generation *list;
    size_t n;
};

struct names {
    uint8_t (*list)[IBX_SHA256_NBYTES];
    size_t n, room;
};

/* ---- generations ------------------------------------------------------- */

static bool add_generation(struct generations *all, const char *name,
                           const struct stat *info)
{
    struct generation *grown = realloc(all->list, (all->n + 1) * sizeof *grown);
    if (!grown)
        return false;
    all->list = grown;
    memcpy(grown[all->n].name, name, sizeof grown->name);
    grown[all->n].modified = info->st_mtim;
    all->n++;
    return true;
}

static enum ibx_status list_entry(const char *folder, DIR *dir,
                                  const char *file, struct generations *all,
                                  struct ibx_err *err)
{
    char name[IBX_GENERATION_NCHARS + 1];
    struct stat info;
    if (!ibx_manifest_name_parse(file, strlen(file), name))
        return IBX_OK;
    if (fstatat(dirfd(dir), file, &info, 0) != 0)
        return ibx_fail_sys(err, folder, "fstatat");
    return add_generation(all, name, &info) ? IBX_OK : ibx_fail_nomem(err);
}

/* All of them or an error: a generation that is overlooked would lose its
 * packs. */
static enum ibx_status list_generations(const char *folder,
                                        struct generations *all,
                                        struct ibx_err *err)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return ibx_fail_sys(err, folder, "opendir");
    enum ibx_status st = IBX_OK;
    struct dirent *entry = NULL;
    errno = 0; /* readdir tells its end from a failure by nothing else */
    while (st == IBX_OK && (entry = readdir(dir)) != NULL) {
        st = list_entry(folder, dir, entry->d_name, all, err);
        errno = 0;
    }
    if (st == IBX_OK && errno != 0)
        st = ibx_fail_sys(err, folder, "readdir");
    closedir(dir);
    return st;
}

static int newest_first(const void *a, const void *b)
{
    const struct generation *left = a;
    const struct generation *right = b;
    if (left->modified.tv_sec != right->modified.tv_sec)
        return left->modified.tv_sec > right->modified.tv_sec ? -1 : 1;
    if (left->modified.tv_nsec != right->modified.tv_nsec)
        return left->modified.tv_nsec > right->modified.tv_nsec ? -1 : 1;
    return strcmp(left->name, right->name);
}

/* Puts the generation in force first, the others newest first. */
static enum ibx_status order_generations(const char *folder,
                                         struct generations *all,
                                         struct ibx_err *err)
{
    char current[IBX_GENERATION_NCHARS + 1];
    enum ibx_status st = ibx_tileset_current(folder, current, err);
    if (st != IBX_OK)
        return st;
    if (all->n > 0)
        qsort(all->list, all->n, sizeof *all->list, newest_first);
    size_t at = 0;
    while (at < all->n && strcmp(all->list[at].name, current) != 0)
        at++;
    if (at == all->n)
        return ibx_fail(err, IBX_ERR_MISSING, folder,
                        "the manifest that CURRENT names is missing");
    struct generation in_force = all->list[at];
    memmove(all->list + 1, all->list, at * sizeof *all->list);
    all->list[0] = in_force;
    return IBX_OK;
}

/* ---- names ------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    return memcmp(a, b, IBX_SHA256_NBYTES);
}

static bool add_name(struct names *names, const uint8_t *sha256)
{
    if (names->n == names->room) {
        size_t room = names->room ? names->room * 2 : 256;
        void *grown = realloc(names->list, room * sizeof *names->list);
        if (!grown)
            return false;
        names->list = grown;
        names->room = room;
    }
    memcpy(names->list[names->n++], sha256, IBX_SHA256_NBYTES);
    return true;
}

static enum ibx_status add_named(struct ibx_tileset *tileset,
                                 struct names *names, struct ibx_err *err)
{
    uint64_t npacks = ibx_tileset_info(tileset)->npacks;
    enum ibx_status st = IBX_OK;
    for (uint64_t i = 0; i < npacks && st == IBX_OK; i++) {
        struct ibx_pack_info info;
        st = ibx_pack_info(tileset, i, &info, err);
        if (st == IBX_OK && !add_name(names, info.sha256))
            st = ibx_fail_nomem(err);
    }
    return st;
}

/* Every pack that the first `n` generations name, sorted. */
static enum ibx_status collect_names(const char *folder,
                                     const struct generations *all, size_t n,
                                     struct names *names, struct ibx_err *err)
{
    struct ibx_cache_options options;
    struct ibx_cache *cache = NULL;
    ibx_cache_options_init(&options);
    options.max_mapped_nbytes = UINT64_MAX / 2; /* manifests only */
    enum ibx_status st = ibx_cache_open(&options, &cache, err);
    for (size_t i = 0; i < n && st == IBX_OK; i++) {
        struct ibx_tileset *tileset = NULL;
        st = ibx_tileset_open(cache, folder, all->list[i].name, &tileset, err);
        if (st == IBX_OK)
            st = add_named(tileset, names, err);
        ibx_tileset_release(tileset);
    }
    ibx_cache_close(cache);
    if (names->n > 0)
        qsort(names->list, names->n, sizeof *names->list, compare_names);
    return st;
}

/* ---- removing ---------------------------------------------------------- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "<64 hex>.ibx" to bytes. Files called otherwise are not ours to remove. */
static bool parse_pack_name(const char *name, uint8_t out[IBX_SHA256_NBYTES])
{
    if (strlen(name) != 2 * IBX_SHA256_NBYTES + 4 ||
        strcmp(name + 2 * IBX_SHA256_NBYTES, ".ibx") != 0)
        return false;
    for (size_t i = 0; i < IBX_SHA256_NBYTES; i++) {
        int high = hex_value(name[2 * i]);
        int low = hex_value(name[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

struct sweep {
    const struct names *names;
    bool dry_run;
    struct ibx_gc_result *result;
};

static void sweep_file(const struct sweep *sweep, int dir, const char *name)
{
    uint8_t sha256[IBX_SHA256_NBYTES];
    struct stat info;
    if (!parse_pack_name(name, sha256))
        return;
    if (sweep->names->n > 0 &&
        bsearch(sha256, sweep->names->list, sweep->names->n,
                sizeof *sweep->names->list, compare_names)) {
        sweep->result->packs_kept++;
        return;
    }
    if (fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    if (!sweep->dry_run && unlinkat(dir, name, 0) != 0)
        return;
    sweep->result->packs_removed++;
    sweep->result->nbytes_removed += (uint64_t)info.st_size;
}

static void sweep_subdir(const struct sweep *sweep, const char *path)
{
    DIR *dir = opendir(path);
    if (!dir)
        return;
    struct dirent *entry = NULL;
    while ((entry = readdir(dir)) != NULL)
        sweep_file(sweep, dirfd(dir), entry->d_name);
    closedir(dir);
    if (!sweep->dry_run)
        (void)rmdir(path); /* stays while anything is in it */
}

static enum ibx_status sweep_packs(const char *folder,
                                   const struct sweep *sweep,
                                   struct ibx_err *err)
{
    char *packs = ibx_path_join(folder, "packs");
    if (!packs)
        return ibx_fail_nomem(err);
    for (unsigned i = 0; i < 256; i++) {
        char name[3];
        (void)snprintf(name, sizeof name, "%02x", i);
        char *sub = ibx_path_join(packs, name);
        if (sub)
            sweep_subdir(sweep, sub);
        free(sub);
    }
    if (!sweep->dry_run)
        (void)rmdir(packs);
    free(packs);
    return IBX_OK;
}

static enum ibx_status remove_manifests(const char *folder,
                                        const struct generations *all,
                                        size_t keep, struct ibx_err *err)
{
    for (size_t i = keep; i < all->n; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "manifest-%s.ibm", all->list[i].name);
        char *path = ibx_path_join(folder, name);
        if (!path)
            return ibx_fail_nomem(err);
        int failed = unlink(path);
        enum ibx_status st =
            failed ? ibx_fail_sys(err, path, "unlink") : IBX_OK;
        free(path);
        if (st != IBX_OK)
            return st;
    }
    /* Before any pack goes: after a power cut no manifest may be back whose
     * packs are not. */
    return ibx_folder_sync(folder, err);
}

static enum ibx_status collect_garbage(const char *folder, unsigned keep,
                                       bool dry_run,
                                       struct ibx_gc_result *result,
                                       struct ibx_err *err)
{
    struct generations all = {0};
    struct names names = {0};
    struct sweep sweep = {&names, dry_run, result};
    enum ibx_status st = list_generations(folder, &all, err);
    if (st == IBX_OK)
        st = order_generations(folder, &all, err);
    size_t kept = all.n < keep ? all.n : keep;
    if (st == IBX_OK)
        st = collect_names(folder, &all, kept, &names, err);
    if (st == IBX_OK && !dry_run)
        st = remove_manifests(folder, &all, kept, err);
    if (st == IBX_OK)
        st = sweep_packs(folder, &sweep, err);
    result->generations_kept = kept;
    result->generations_removed = all.n - kept;
    free(all.list);
    free(names.list);
    return st;
}

enum ibx_status ibx_gc(const char *folder, unsigned keep, bool dry_run,
                       struct ibx_gc_result *out, struct ibx_err *err)
{
    if (keep == 0)
        return ibx_fail(err, IBX_ERR_INVALID, folder,
                        "at least one generation must be kept");
    struct ibx_folder locked = {.fd = -1};
    enum ibx_status st = ibx_folder_open(&locked, folder, false, err);
    if (st != IBX_OK)
        return st;
    struct ibx_gc_result result = {0};
    st = collect_garbage(folder, keep, dry_run, &result, err);
    ibx_folder_close(&locked);
    if (st == IBX_OK)
        *out = result;
    return st;
}

/* The length of what is not named, or with dry_run would be removed. */
static uint64_t sweep_unnamed(const char *folder, bool dry_run)
{
    struct generations all = {0};
    struct names names = {0};
    struct ibx_gc_result result = {0};
    struct sweep sweep = {&names, dry_run, &result};
    if (list_generations(folder, &all, NULL) == IBX_OK &&
        collect_names(folder, &all, all.n, &names, NULL) == IBX_OK)
        (void)sweep_packs(folder, &sweep, NULL);
    free(all.list);
    free(names.list);
    return result.nbytes_removed;
}

void ibx_discard_unnamed(const char *folder)
{
    (void)sweep_unnamed(folder, false);
}

uint64_t ibx_unnamed_nbytes(const char *folder)
{
    return sweep_unnamed(folder, true);
}
