/* writer.c - the writer's life: open, add, finish, close. */
#include "pack/writer.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "pack/err.h"
#include "pack/maintain.h"
#include "pack/path.h"
#include "pack/tileset_impl.h"
#include "pack/verify.h"
#include "pack/writer/manifest_write.h"
#include "pack/writer/packfile.h"
#include "pack/writer/plan.h"
#include "pack/writer/sort.h"
#include "pack/writer/spool.h"

enum {
    MEMORY_NBYTES_MIN = 8 << 20,
    MEMORY_NBYTES_DEFAULT = 64 << 20,
    TILE_NBYTES_MAX = INT32_MAX,
    FINGERPRINT_NBYTES_MAX = 64 << 10,
    PROGRESS_EVERY = 1 << 10, /* records between calls */
};

struct ibx_writer {
    struct ibx_writer_options options;
    struct ibx_folder folder;
    char *build_dir; /* in the folder */
    char *spool_dir; /* the same, or in temp_dir */
    char *spool_path;
    struct ibx_spool *spool;
    pthread_mutex_t lock; /* guards `sort` and `linked` while adding */
    struct ibx_sort *sort;
    struct ibx_pack_list linked;
    char **linked_paths;        /* one per linked pack */
    uint64_t linked_nbytes_cap; /* largest pack size of their tilesets */
    uint64_t resumed_units;
    bool finished;
};

void ibx_writer_options_init(struct ibx_writer_options *options)
{
    *options = (struct ibx_writer_options){
        .pack_nbytes = IBX_PACK_NBYTES_DEFAULT,
        .memory_nbytes = MEMORY_NBYTES_DEFAULT,
    };
}

static bool must_stop(const struct ibx_writer *writer)
{
    return writer->options.stop && *writer->options.stop != 0;
}

static enum ibx_status interrupted(struct ibx_err *err)
{
    return ibx_fail(err, IBX_ERR_INTERRUPTED, NULL, "interrupted");
}

/* ---- opening ----------------------------------------------------------- */

static enum ibx_status check_options(const struct ibx_writer_options *options,
                                     struct ibx_err *err)
{
    if (options->pack_nbytes < IBX_PACK_NBYTES_MIN ||
        options->pack_nbytes > IBX_PACK_NBYTES_MAX)
        return ibx_fail(err, IBX_ERR_INVALID, NULL,
                        "the pack size must be 64K to 256M");
    if (options->memory_nbytes < MEMORY_NBYTES_MIN)
        return ibx_fail(err, IBX_ERR_INVALID, NULL,
                        "the writer needs at least 8M of memory");
    if (options->fingerprint &&
        strlen(options->fingerprint) > FINGERPRINT_NBYTES_MAX)
        return ibx_fail(err, IBX_ERR_INVALID, NULL,
                        "the fingerprint is longer than 64K");
    return IBX_OK;
}

/* temp_dir/imbrex-<hash of the folder's real path>: two builds that share a
 * temp_dir do not meet there. */
static char *temp_spool_dir(const char *temp_dir, const char *folder)
{
    char *real = realpath(folder, NULL);
    if (!real)
        return NULL;
    char name[sizeof "imbrex-" + 16];
    (void)snprintf(name, sizeof name, "imbrex-%016llx",
                   (unsigned long long)XXH3_64bits(real, strlen(real)));
    free(real);
    return ibx_path_join(temp_dir, name);
}

static enum ibx_status name_dirs(struct ibx_writer *writer, struct ibx_err *err)
{
    const char *temp_dir = writer->options.temp_dir;
    writer->build_dir = ibx_path_join(writer->folder.path, IBX_BUILD_DIR);
    writer->spool_dir = temp_dir
                            ? temp_spool_dir(temp_dir, writer->folder.path)
                            : ibx_path_join(writer->folder.path, IBX_BUILD_DIR);
    if (writer->spool_dir)
        writer->spool_path = ibx_path_join(writer->spool_dir, "spool");
    return writer->build_dir && writer->spool_path ? IBX_OK
                                                   : ibx_fail_nomem(err);
}

static enum ibx_status check_vacant(const struct ibx_writer *writer,
                                    struct ibx_err *err)
{
    const struct ibx_writer_options *options = &writer->options;
    bool spool = access(writer->spool_path, F_OK) == 0;
    if (spool && !options->resume && !options->restart)
        return ibx_fail(err, IBX_ERR_EXISTS, writer->folder.path,
                        "an interrupted build is in it");
    if (ibx_folder_has(&writer->folder, "CURRENT") && !options->replace &&
        !(spool && options->resume))
        return ibx_fail(err, IBX_ERR_EXISTS, writer->folder.path,
                        "it holds a tileset already");
    return IBX_OK;
}

static enum ibx_status take_record(void *arg, const struct ibx_record *record,
                                   struct ibx_err *err)
{
    struct ibx_writer *writer = arg;
    return ibx_sort_add(writer->sort, record, err);
}

static enum ibx_status open_files(struct ibx_writer *writer,
                                  struct ibx_err *err)
{
    const struct ibx_writer_options *options = &writer->options;
    char *runs = ibx_path_join(writer->spool_dir, "sort");
    enum ibx_status st =
        runs ? ibx_folder_mkdir(writer->build_dir, err) : ibx_fail_nomem(err);
    if (st == IBX_OK)
        st = ibx_folder_mkdir(writer->spool_dir, err);
    /* Half for sorting; planning needs the other half at the same time. */
    if (st == IBX_OK)
        st =
            ibx_sort_open(runs, options->memory_nbytes / 2, &writer->sort, err);
    struct ibx_spool_found found = {take_record, writer};
    if (st == IBX_OK)
        st = ibx_spool_open(writer->spool_path,
                            options->fingerprint ? options->fingerprint : "",
                            options->resume && !options->restart, found,
                            &writer->spool, err);
    if (st == IBX_OK)
        writer->resumed_units = ibx_spool_nunits(writer->spool);
    free(runs);
    return st;
}

static void free_writer(struct ibx_writer *writer)
{
    ibx_spool_close(writer->spool);
    ibx_sort_close(writer->sort);
    for (size_t i = 0; i < writer->linked.n; i++)
        free(writer->linked_paths[i]);
    free(writer->linked_paths);
    ibx_pack_list_fini(&writer->linked);
    ibx_folder_close(&writer->folder);
    free(writer->build_dir);
    free(writer->spool_dir);
    free(writer->spool_path);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

/* Takes away what opening put there; whatever was there before stays. */
static void undo_opening(struct ibx_writer *writer, bool had_build,
                         bool had_spool)
{
    if (writer->spool_dir && !had_spool)
        ibx_folder_remove_flat(writer->spool_dir);
    if (writer->build_dir && !had_build)
        ibx_folder_remove_flat(writer->build_dir);
    if (writer->folder.created)
        (void)rmdir(writer->folder.path);
}

enum ibx_status ibx_writer_open(const char *folder,
                                const struct ibx_writer_options *options,
                                struct ibx_writer **out, struct ibx_err *err)
{
    enum ibx_status st = check_options(options, err);
    if (st != IBX_OK)
        return st;
    struct ibx_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return ibx_fail_nomem(err);
    writer->options = *options;
    writer->folder.fd = -1;
    (void)pthread_mutex_init(&writer->lock, NULL);
    st = ibx_folder_open(&writer->folder, folder, true, err);
    if (st != IBX_OK) {
        free_writer(writer);
        return st;
    }
    st = name_dirs(writer, err);
    bool had_build = ibx_folder_has(&writer->folder, IBX_BUILD_DIR);
    bool had_spool = st == IBX_OK && access(writer->spool_dir, F_OK) == 0;
    if (st == IBX_OK)
        st = check_vacant(writer, err);
    if (st == IBX_OK)
        st = open_files(writer, err);
    if (st != IBX_OK) {
        undo_opening(writer, had_build, had_spool);
        free_writer(writer);
        return st;
    }
    *out = writer;
    return IBX_OK;
}

/* ---- adding ------------------------------------------------------------ */

static enum ibx_status check_tile(const struct ibx_writer_tile *tile,
                                  struct ibx_err *err)
{
    uint64_t end = ibx_zoom_first_id(IBX_MAX_ZOOM + 1);
    if (tile->first_id >= end || tile->count == 0 ||
        tile->count > end - tile->first_id)
        return ibx_fail(err, IBX_ERR_INVALID, NULL,
                        "tile id %llu is out of range",
                        (unsigned long long)tile->first_id);
    if (ibx_id_zoom(tile->first_id) !=
        ibx_id_zoom(tile->first_id + tile->count - 1))
        return ibx_fail(err, IBX_ERR_INVALID, NULL,
                        "a run of tiles crosses from one zoom to the next");
    if (tile->nbytes > TILE_NBYTES_MAX)
        return ibx_fail(err, IBX_ERR_INVALID, NULL,
                        "a tile of %zu bytes is too large", tile->nbytes);
    return IBX_OK;
}

static enum ibx_status remember(struct ibx_writer *writer,
                                const struct ibx_record *records, size_t n,
                                struct ibx_err *err)
{
    enum ibx_status st = IBX_OK;
    pthread_mutex_lock(&writer->lock);
    for (size_t i = 0; i < n && st == IBX_OK; i++)
        st = ibx_sort_add(writer->sort, &records[i], err);
    pthread_mutex_unlock(&writer->lock);
    return st;
}

enum ibx_status ibx_writer_add(struct ibx_writer *writer,
                               const struct ibx_writer_tile *tile,
                               struct ibx_err *err)
{
    struct ibx_record record;
    if (must_stop(writer))
        return interrupted(err);
    enum ibx_status st = check_tile(tile, err);
    if (st == IBX_OK)
        st = ibx_spool_add(writer->spool, tile, &record, err);
    return st == IBX_OK ? remember(writer, &record, 1, err) : st;
}

enum ibx_status ibx_writer_commit(struct ibx_writer *writer,
                                  const struct ibx_writer_unit *unit,
                                  struct ibx_err *err)
{
    if (must_stop(writer))
        return interrupted(err);
    for (size_t i = 0; i < unit->ntiles; i++) {
        enum ibx_status st = check_tile(&unit->tiles[i], err);
        if (st != IBX_OK)
            return st;
    }
    /* One more than needed: malloc(0) may give NULL. */
    struct ibx_record *records = malloc((unit->ntiles + 1) * sizeof *records);
    if (!records)
        return ibx_fail_nomem(err);
    enum ibx_status st = ibx_spool_commit(writer->spool, unit, records, err);
    if (st == IBX_OK)
        st = remember(writer, records, unit->ntiles, err);
    free(records);
    return st;
}

uint64_t ibx_writer_resumed_units(const struct ibx_writer *writer)
{
    return writer->resumed_units;
}

void ibx_writer_kept(struct ibx_writer *writer, struct ibx_writer_kept *out)
{
    *out = (struct ibx_writer_kept){0};
    if (writer->finished)
        return;
    *out = (struct ibx_writer_kept){
        .nunits = ibx_spool_nunits(writer->spool),
        .spool_nbytes = ibx_spool_nbytes(writer->spool),
        .pack_nbytes = ibx_unnamed_nbytes(writer->folder.path),
    };
}

bool ibx_writer_has_unit(const struct ibx_writer *writer, uint64_t key)
{
    return ibx_spool_has_unit(writer->spool, key);
}

enum ibx_status ibx_writer_unit_state(struct ibx_writer *writer, uint64_t key,
                                      uint8_t **out, size_t *out_nbytes,
                                      struct ibx_err *err)
{
    return ibx_spool_unit_state(writer->spool, key, out, out_nbytes, err);
}

static bool keep_link(struct ibx_writer *writer,
                      const struct ibx_pack_info *info, char *path)
{
    size_t n = writer->linked.n;
    char **paths =
        realloc(writer->linked_paths, (n + 1) * sizeof *writer->linked_paths);
    if (!paths)
        return false;
    writer->linked_paths = paths;
    paths[n] = path;
    return ibx_pack_list_add(&writer->linked, info);
}

enum ibx_status ibx_writer_link_pack(struct ibx_writer *writer,
                                     struct ibx_tileset *source,
                                     uint64_t number, struct ibx_err *err)
{
    struct ibx_pack_info info;
    char name[IBX_PACK_NAME_NBYTES];
    enum ibx_status st = ibx_pack_info(source, number, &info, err);
    if (st != IBX_OK)
        return st;
    ibx_pack_name(info.sha256, name);
    char *path = ibx_path_join(ibx_tileset_folder(source), name);
    if (!path)
        return ibx_fail_nomem(err);
    pthread_mutex_lock(&writer->lock);
    bool kept = keep_link(writer, &info, path);
    uint64_t cap = ibx_tileset_pack_nbytes_cap(source);
    if (kept && cap > writer->linked_nbytes_cap)
        writer->linked_nbytes_cap = cap;
    pthread_mutex_unlock(&writer->lock);
    if (!kept) {
        free(path);
        return ibx_fail_nomem(err);
    }
    return IBX_OK;
}

/* ---- finishing --------------------------------------------------------- */

struct finishing {
    struct ibx_writer *writer;
    struct ibx_packfile *packfile;
    struct ibx_pack_list packs;
    struct ibx_writer_result *result;
};

static enum ibx_status keep_pack(struct finishing *f,
                                 const struct ibx_pack_info *info, bool reused,
                                 struct ibx_err *err)
{
    f->result->packs_reused += reused;
    f->result->packs_written += !reused;
    return ibx_pack_list_add(&f->packs, info) ? IBX_OK : ibx_fail_nomem(err);
}

static enum ibx_status write_pack(void *arg, const struct ibx_draft *draft,
                                  struct ibx_err *err)
{
    struct finishing *f = arg;
    struct ibx_pack_info info;
    bool reused = false;
    if (must_stop(f->writer))
        return interrupted(err);
    enum ibx_status st =
        ibx_packfile_write(f->packfile, draft, f->writer->options.pack_nbytes,
                           &info, &reused, err);
    return st == IBX_OK ? keep_pack(f, &info, reused, err) : st;
}

static enum ibx_status conflict(const struct ibx_writer *writer, uint64_t id,
                                struct ibx_err *err)
{
    struct ibx_zxy at = ibx_tile_zxy(id);
    return ibx_fail(err, IBX_ERR_CONFLICT, writer->folder.path,
                    "tile %u/%u/%u was given twice with different contents",
                    at.z, at.x, at.y);
}

/* Cuts off what `record` repeats of the run before it, which must be the same
 * tile. A record that is all repetition is left with count 0. */
static enum ibx_status drop_repeated(struct ibx_writer *writer,
                                     const struct ibx_record *before,
                                     struct ibx_record *record,
                                     struct ibx_err *err)
{
    uint64_t end = before->first_id + before->count;
    if (before->count == 0 || record->first_id >= end)
        return IBX_OK;
    bool equal = false;
    enum ibx_status st =
        ibx_spool_equal(writer->spool, before, record, &equal, err);
    if (st != IBX_OK)
        return st;
    if (!equal)
        return conflict(writer, record->first_id, err);
    uint64_t repeated = end - record->first_id;
    if (repeated > record->count)
        repeated = record->count;
    record->first_id += repeated;
    record->count -= repeated;
    return IBX_OK;
}

static void report_progress(const struct ibx_writer *writer, uint64_t done)
{
    if (writer->options.progress &&
        (done % PROGRESS_EVERY == 0 || done == ibx_sort_count(writer->sort)))
        writer->options.progress(writer->options.progress_arg, done,
                                 ibx_sort_count(writer->sort));
}

/* Whether a linked pack lies between the runs planned so far and the next one.
 * `linked` is sorted by then; *next is the first of it not passed yet. */
static bool passes_linked(const struct ibx_writer *writer, size_t *next,
                          uint64_t id)
{
    size_t before = *next;
    while (*next < writer->linked.n &&
           writer->linked.packs[*next].first_id <= id)
        (*next)++;
    return *next > before;
}

static enum ibx_status plan_records(struct ibx_writer *writer,
                                    struct ibx_plan *plan, struct ibx_err *err)
{
    struct ibx_record before = {0};
    struct ibx_record record;
    size_t linked = 0;
    enum ibx_status st = ibx_sort_rewind(writer->sort, err);
    for (uint64_t done = 1; st == IBX_OK; done++) {
        st = ibx_sort_next(writer->sort, &record, err);
        if (st == IBX_NOT_FOUND)
            return ibx_plan_finish(plan, err);
        if (st == IBX_OK)
            st = drop_repeated(writer, &before, &record, err);
        /* A pack must not span another: what waits is handed out first. */
        if (st == IBX_OK && passes_linked(writer, &linked, record.first_id))
            st = ibx_plan_finish(plan, err);
        if (st == IBX_OK && record.count > 0) {
            st = ibx_plan_add(plan, &record, err);
            before = record;
        }
        report_progress(writer, done);
    }
    return st;
}

static enum ibx_status write_packs(struct finishing *f, struct ibx_err *err)
{
    struct ibx_writer *writer = f->writer;
    struct ibx_plan *plan = NULL;
    struct ibx_plan_sink sink = {write_pack, f};
    enum ibx_status st = ibx_spool_flush(writer->spool, err);
    if (st == IBX_OK)
        st = ibx_plan_open(writer->options.pack_nbytes, writer->spool, sink,
                           &plan, err);
    if (st == IBX_OK)
        st = plan_records(writer, plan, err);
    ibx_plan_close(plan);
    return st;
}

static enum ibx_status link_packs(struct finishing *f, struct ibx_err *err)
{
    struct ibx_writer *writer = f->writer;
    enum ibx_status st = IBX_OK;
    for (size_t i = 0; i < writer->linked.n && st == IBX_OK; i++) {
        bool reused = false;
        if (must_stop(writer))
            return interrupted(err);
        st = ibx_packfile_link(f->packfile, writer->linked_paths[i],
                               &writer->linked.packs[i], &reused, err);
        if (st == IBX_OK)
            st = keep_pack(f, &writer->linked.packs[i], reused, err);
    }
    /* In id order, for passes_linked(); the paths are not needed any more. */
    return st == IBX_OK
               ? ibx_pack_list_sort(&writer->linked, writer->folder.path, err)
               : st;
}

static enum ibx_status publish(struct finishing *f,
                               const struct ibx_writer_meta *meta,
                               struct ibx_err *err)
{
    struct ibx_writer *writer = f->writer;
    uint64_t cap = writer->options.pack_nbytes;
    if (cap < writer->linked_nbytes_cap)
        cap = writer->linked_nbytes_cap;
    enum ibx_status st =
        ibx_packfile_open(&writer->folder, writer->spool, &f->packfile, err);
    if (st == IBX_OK)
        st = link_packs(f, err);
    if (st == IBX_OK)
        st = write_packs(f, err);
    if (st == IBX_OK)
        st = ibx_pack_list_sort(&f->packs, writer->folder.path, err);
    if (st == IBX_OK)
        st = ibx_packfile_sync(f->packfile, err);
    if (st == IBX_OK)
        st = ibx_manifest_publish(&writer->folder, &f->packs, meta, cap,
                                  f->result, err);
    return st;
}

static void remove_temporary(struct ibx_writer *writer)
{
    /* By its name first: what stays when there is no descriptor left to list
     * the folder must not look like an interrupted build. */
    (void)unlink(writer->spool_path);
    ibx_folder_remove_flat(writer->spool_dir);
    ibx_folder_remove_flat(writer->build_dir);
}

enum ibx_status ibx_writer_finish(struct ibx_writer *writer,
                                  const struct ibx_writer_meta *meta,
                                  struct ibx_writer_result *result,
                                  struct ibx_err *err)
{
    struct ibx_writer_result fresh = {0};
    struct finishing f = {.writer = writer, .result = &fresh};
    enum ibx_status st = publish(&f, meta, err);
    ibx_packfile_close(f.packfile);
    ibx_pack_list_fini(&f.packs);
    if (st != IBX_OK)
        return st;
    writer->finished = true;
    remove_temporary(writer);
    *result = fresh;
    return IBX_OK;
}

void ibx_writer_close(struct ibx_writer *writer, enum ibx_writer_close how)
{
    if (!writer)
        return;
    if (!writer->finished && how == IBX_WRITER_DISCARD) {
        remove_temporary(writer);
        ibx_discard_unnamed(writer->folder.path);
        (void)rmdir(writer->folder.path);
    }
    free_writer(writer);
}
