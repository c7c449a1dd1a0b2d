/* The library: finds tilesets, opens their generations, swaps catalogs. */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/catalog.h"
#include "server/json_scan.h"
#include "server/log.h"
#include "server/media.h"

/* One tileset that was found, before its generation is looked at. */
struct found {
    char id[ROUTE_ID_NBYTES];
    char *folder;
    const struct tileset_option *option;
    bool named; /* given itself, not found in a FOLDER */
};

struct found_list {
    struct found *items;
    size_t count;
    bool failed; /* out of memory */
};

/* Remembers what could not be opened, so that it is logged once and tried
 * again only when the file has changed. */
struct failure {
    char *folder;
    struct file_mark mark;
};

struct library {
    const struct options *options;
    struct ibx_cache *cache;
    struct counters *counters;
    pthread_mutex_t reloading; /* guards `failures`; held while reloading */
    struct failure *failures;
    size_t nfailures;
    uint64_t nopened;     /* likewise guarded; serials come from it */
    pthread_mutex_t lock; /* guards `catalog`, nothing else */
    struct catalog *catalog;
    _Atomic uint64_t version;
};

struct catalog *library_catalog(struct library *library)
{
    pthread_mutex_lock(&library->lock);
    struct catalog *catalog = catalog_hold(library->catalog);
    pthread_mutex_unlock(&library->lock);
    return catalog;
}

uint64_t library_version(const struct library *library)
{
    return atomic_load_explicit(&library->version, memory_order_acquire);
}

/* ---- finding ------------------------------------------------------------- */

static bool path_join(const char *folder, const char *name, char *out,
                      size_t nbytes)
{
    int len = snprintf(out, nbytes, "%s/%s", folder, name);
    return len > 0 && (size_t)len < nbytes;
}

/* False when the file is not there. */
static bool mark_read(const char *folder, struct file_mark *out)
{
    char path[4096];
    struct stat info;
    memset(out, 0, sizeof(*out));
    if (!path_join(folder, "CURRENT", path, sizeof(path)) ||
        stat(path, &info) != 0)
        return false;
    out->device = info.st_dev;
    out->inode = info.st_ino;
    out->nbytes = (uint64_t)info.st_size;
    out->modified_ns =
        (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
    return true;
}

static bool ends_with(const char *text, const char *suffix)
{
    size_t len = strlen(text), suffix_len = strlen(suffix);
    return len > suffix_len && strcmp(text + len - suffix_len, suffix) == 0;
}

/* The id of a folder: its last name without ".imbrex". */
static bool id_of_folder(const char *folder, char out[ROUTE_ID_NBYTES])
{
    struct span path = span_of(folder);
    while (path.len > 1 && path.ptr[path.len - 1] == '/')
        path.len--;
    const char *slash = memrchr(path.ptr, '/', path.len);
    if (slash != NULL) {
        path.len -= (size_t)(slash + 1 - path.ptr);
        path.ptr = slash + 1;
    }
    if (path.len > 7 && memcmp(path.ptr + path.len - 7, ".imbrex", 7) == 0)
        path.len -= 7;
    return span_copy(path, out, ROUTE_ID_NBYTES) && route_id_is_valid(out);
}

static void found_add(struct found_list *list, const struct found *found)
{
    struct found *items =
        realloc(list->items, (list->count + 1) * sizeof(*items));
    if (items == NULL) {
        list->failed = true;
        return;
    }
    list->items = items;
    items[list->count] = *found;
    items[list->count].folder = strdup(found->folder);
    if (items[list->count].folder == NULL)
        list->failed = true;
    else
        list->count++;
}

static void found_fini(struct found_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].folder);
    free(list->items);
}

static void find_in_folder(const struct tileset_option *option, DIR *dir,
                           struct found_list *out)
{
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        char path[4096];
        struct found found = {.option = option};
        if (!ends_with(entry->d_name, ".imbrex") ||
            !path_join(option->path, entry->d_name, path, sizeof(path)))
            continue;
        found.folder = path;
        if (id_of_folder(path, found.id))
            found_add(out, &found);
        else if (log_allows())
            log_line(LOG_ERROR, "%s: its name cannot be an id: left out", path);
    }
}

/* A tileset has a CURRENT file or its suffix; another folder may hold some. */
static bool is_tileset(const char *path)
{
    struct file_mark mark;
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    return mark_read(path, &mark) ||
           (len > 7 && memcmp(path + len - 7, ".imbrex", 7) == 0);
}

static bool find_named(const struct options *options,
                       const struct tileset_option *option,
                       struct found_list *out, char error[OPTIONS_ERROR_NBYTES])
{
    struct found found = {
        .folder = option->path, .option = option, .named = true};
    const char *id = option->id != NULL ? option->id : options->id;
    bool valid = id != NULL ? span_copy(span_of(id), found.id, sizeof(found.id))
                            : id_of_folder(option->path, found.id);
    if (!valid) {
        (void)snprintf(error, OPTIONS_ERROR_NBYTES,
                       "%.300s: its name cannot be an id: give --id",
                       option->path);
        return false;
    }
    found_add(out, &found);
    return true;
}

static bool find_one(const struct options *options,
                     const struct tileset_option *option,
                     struct found_list *out, char error[OPTIONS_ERROR_NBYTES])
{
    if (is_tileset(option->path))
        return find_named(options, option, out, error);
    DIR *dir = opendir(option->path);
    if (dir == NULL) {
        (void)snprintf(error, OPTIONS_ERROR_NBYTES,
                       "%.300s: is no tileset and no folder: %s", option->path,
                       strerrordesc_np(errno));
        return false;
    }
    find_in_folder(option, dir, out);
    return closedir(dir) == 0;
}

static int found_order(const void *a, const void *b)
{
    const struct found *left = a, *right = b;
    int order = strcmp(left->id, right->id);
    return order != 0 ? order : (int)right->named - (int)left->named;
}

/* Lists what there is, sorted by id. False with a reason when something that
 * was named is not there. */
static bool find_all(const struct library *library, struct found_list *out,
                     char error[OPTIONS_ERROR_NBYTES])
{
    const struct options *options = library->options;
    bool complete = true;
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < options->ntilesets; i++) {
        if (!find_one(options, &options->tilesets[i], out, error))
            complete = false;
    }
    if (out->count > 0)
        qsort(out->items, out->count, sizeof(*out->items), found_order);
    if (out->failed)
        (void)snprintf(error, OPTIONS_ERROR_NBYTES, "out of memory");
    return complete && !out->failed;
}

/* ---- opening ------------------------------------------------------------- */

static void take_settings(const struct library *library,
                          const struct found *found, struct served *served)
{
    const struct options *options = library->options;
    static const enum absent_policy policies[] = {ABSENT_DEFAULT, ABSENT_204,
                                                  ABSENT_404};
    served->absent = found->option->absent != ABSENT_DEFAULT
                         ? found->option->absent
                         : policies[options->absent];
    if (served->absent == ABSENT_DEFAULT)
        served->absent = served->vector ? ABSENT_204 : ABSENT_404;
    int64_t age = found->option->max_age_s >= 0 ? found->option->max_age_s
                                                : (int64_t)options->max_age_s;
    (void)snprintf(served->cache_control, sizeof(served->cache_control),
                   "public, max-age=%lld", (long long)age);
}

static double within(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

/* Reads the few members that documents about all tilesets need. */
static void take_digest(struct span text, struct served *served)
{
    static const double world[4] = {-180, -85.051129, 180, 85.051129};
    double *b = served->bounds, *c = served->center;
    (void)json_string(json_member(text, "name"), served->name,
                      sizeof(served->name));
    (void)json_string(json_member(text, "description"), served->description,
                      sizeof(served->description));
    (void)json_string(json_member(text, "attribution"), served->attribution,
                      sizeof(served->attribution));
    if (!json_numbers(json_member(text, "bounds"), b, 4) || b[1] > b[3])
        memcpy(b, world, sizeof(world));
    if (json_numbers(json_member(text, "center"), c, 3))
        return;
    c[0] = (b[0] + b[2]) / 2;
    c[1] = (b[1] + b[3]) / 2;
    c[2] = within(served->info->min_zoom, 0, IBX_MAX_ZOOM);
}

static bool take_text(struct served *served, struct ibx_err *err)
{
    char *text = NULL;
    size_t nbytes = 0;
    if (ibx_tileset_text(served->tileset, IBX_TEXT_TILEJSON, &text, &nbytes,
                         err) != IBX_OK)
        return false;
    take_digest((struct span){text, nbytes}, served);
    served->tilejson_nbytes = nbytes;
    free(text);
    return true;
}

/* NULL with *err filled in when the generation in force cannot be opened. */
static struct served *served_open(struct library *library,
                                  const struct found *found,
                                  const struct file_mark *mark,
                                  struct ibx_err *err)
{
    struct served *served = calloc(1, sizeof(*served));
    memset(err, 0, sizeof(*err));
    if (served == NULL) {
        err->status = IBX_ERR_NOMEM;
        return NULL;
    }
    atomic_init(&served->holds, 1);
    served->serial = ++library->nopened;
    served->mark = *mark;
    memcpy(served->id, found->id, sizeof(served->id));
    if (ibx_tileset_open(library->cache, found->folder, NULL, &served->tileset,
                         err) != IBX_OK) {
        free(served);
        return NULL;
    }
    served->info = ibx_tileset_info(served->tileset);
    served->vector = media_all_vector(served->info->format_bits);
    if (!take_text(served, err)) {
        ibx_tileset_release(served->tileset);
        free(served);
        return NULL;
    }
    served->renamed = found->option->name != NULL && found->named &&
                      span_copy(span_of(found->option->name), served->name,
                                sizeof(served->name));
    if (served->name[0] == '\0')
        memcpy(served->name, served->id, sizeof(served->id));
    take_settings(library, found, served);
    return served;
}

/* ---- swapping ------------------------------------------------------------ */

static bool same_mark(const struct file_mark *a, const struct file_mark *b)
{
    return a->device == b->device && a->inode == b->inode &&
           a->nbytes == b->nbytes && a->modified_ns == b->modified_ns;
}

static struct failure *failure_of(struct library *library, const char *folder)
{
    for (size_t i = 0; i < library->nfailures; i++) {
        if (strcmp(library->failures[i].folder, folder) == 0)
            return &library->failures[i];
    }
    return NULL;
}

/* Notes a failure; true when it is news. */
static bool failure_note(struct library *library, const char *folder,
                         const struct file_mark *mark)
{
    struct failure *known = failure_of(library, folder);
    if (known != NULL) {
        bool news = !same_mark(&known->mark, mark);
        known->mark = *mark;
        return news;
    }
    struct failure *more =
        realloc(library->failures, (library->nfailures + 1) * sizeof(*more));
    if (more == NULL)
        return true;
    library->failures = more;
    more[library->nfailures].folder = strdup(folder);
    more[library->nfailures].mark = *mark;
    if (more[library->nfailures].folder != NULL)
        library->nfailures++;
    return true;
}

static void failure_clear(struct library *library, const char *folder)
{
    struct failure *known = failure_of(library, folder);
    if (known == NULL)
        return;
    free(known->folder);
    *known = library->failures[--library->nfailures];
}

/* A reload in progress. */
struct change {
    const struct catalog *before;
    struct catalog *after;
    struct library_result result;
    bool force;  /* try again what failed before */
    char *error; /* of a tileset that was named */
};

static void report_failure(struct library *library, const struct found *found,
                           const struct file_mark *mark,
                           const struct ibx_err *err, struct change *change)
{
    char text[800];
    log_describe(err, text, sizeof(text));
    change->result.failed++;
    counter_add(library->counters, COUNTER_RELOADS_FAILED, 1);
    if (found->named && change->error != NULL)
        (void)snprintf(change->error, OPTIONS_ERROR_NBYTES, "%.500s", text);
    if (failure_note(library, found->folder, mark) &&
        (change->error == NULL || !found->named))
        log_line(LOG_ERROR, "%s: not taken into service: %s", found->id, text);
}

/* The tileset as it was, with one more hold; NULL when it is new. */
static struct served *as_before(const struct change *change,
                                const struct found *found)
{
    struct served *old =
        change->before == NULL ? NULL : catalog_find(change->before, found->id);
    if (old == NULL ||
        strcmp(ibx_tileset_folder(old->tileset), found->folder) != 0)
        return NULL;
    atomic_fetch_add(&old->holds, 1);
    return old;
}

/* What is served for `found` from now on; NULL for nothing. */
static struct served *next_served(struct library *library,
                                  const struct found *found,
                                  struct change *change)
{
    struct file_mark mark;
    struct ibx_err err;
    bool there = mark_read(found->folder, &mark);
    struct served *old = as_before(change, found);
    if (old != NULL && there && same_mark(&old->mark, &mark))
        return old;
    const struct failure *failed = failure_of(library, found->folder);
    if (failed != NULL && same_mark(&failed->mark, &mark) && !change->force)
        return old; /* still as bad as it was */
    struct served *fresh = served_open(library, found, &mark, &err);
    if (fresh == NULL) {
        report_failure(library, found, &mark, &err, change);
        return old;
    }
    failure_clear(library, found->folder);
    if (old != NULL &&
        strcmp(old->info->generation, fresh->info->generation) == 0)
        atomic_store(&fresh->readiness, atomic_load(&old->readiness));
    if (change->before != NULL)
        log_line(LOG_INFO, "%s: generation %s in service", fresh->id,
                 fresh->info->generation);
    change->result.changed++;
    counter_add(library->counters, COUNTER_RELOADS, 1);
    served_release(old);
    return fresh;
}

static void catalog_build(struct library *library,
                          const struct found_list *list, struct change *change)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct found *found = &list->items[i];
        if (i > 0 && strcmp(found->id, list->items[i - 1].id) == 0) {
            if (change->before == NULL)
                log_line(LOG_ERROR, "%s: has the id of %s: left out",
                         found->folder, list->items[i - 1].folder);
            continue;
        }
        struct served *served = next_served(library, found, change);
        if (served != NULL)
            change->after->served[change->after->nserved++] = served;
    }
}

static void swap(struct library *library, struct catalog *after)
{
    pthread_mutex_lock(&library->lock);
    struct catalog *before = library->catalog;
    library->catalog = after;
    pthread_mutex_unlock(&library->lock);
    atomic_fetch_add_explicit(&library->version, 1, memory_order_release);
    catalog_release(before);
}

static bool same_members(const struct catalog *a, const struct catalog *b)
{
    if (a == NULL || a->nserved != b->nserved)
        return false;
    for (size_t i = 0; i < a->nserved; i++) {
        if (a->served[i] != b->served[i])
            return false;
    }
    return true;
}

/* Does one reload; the caller holds `reloading`. */
static bool reload(struct library *library, struct change *change,
                   char error[OPTIONS_ERROR_NBYTES])
{
    struct found_list list;
    bool complete = find_all(library, &list, error);
    /* A FOLDER that cannot be listed now must not empty the catalog. */
    bool usable = complete || change->before == NULL;
    change->after = calloc(1, sizeof(*change->after) +
                                  list.count * sizeof(struct served *));
    if (change->after == NULL || !usable) {
        found_fini(&list);
        free(change->after);
        change->result.failed++;
        return false;
    }
    atomic_init(&change->after->holds, 1);
    catalog_build(library, &list, change);
    found_fini(&list);
    if (same_members(change->before, change->after)) {
        catalog_release(change->after);
        return complete;
    }
    if (change->before != NULL &&
        change->after->nserved != change->before->nserved)
        log_line(LOG_INFO, "%zu tilesets in service", change->after->nserved);
    swap(library, change->after);
    return complete;
}

void library_reload(struct library *library, bool force,
                    struct library_result *result)
{
    char error[OPTIONS_ERROR_NBYTES] = "";
    pthread_mutex_lock(&library->reloading);
    struct catalog *before = library_catalog(library);
    struct change change = {.before = before, .force = force};
    if (!reload(library, &change, error) && error[0] != '\0' && log_allows())
        log_line(LOG_ERROR, "%s", error);
    catalog_release(before);
    pthread_mutex_unlock(&library->reloading);
    *result = change.result;
}

struct library *library_open(const struct options *options,
                             struct ibx_cache *cache, struct counters *counters,
                             char error[OPTIONS_ERROR_NBYTES])
{
    struct library *library = calloc(1, sizeof(*library));
    struct change change = {.error = error};
    error[0] = '\0';
    if (library == NULL) {
        (void)snprintf(error, OPTIONS_ERROR_NBYTES, "out of memory");
        return NULL;
    }
    library->options = options;
    library->cache = cache;
    library->counters = counters;
    (void)pthread_mutex_init(&library->reloading, NULL);
    (void)pthread_mutex_init(&library->lock, NULL);
    bool opened = reload(library, &change, error);
    if (opened && error[0] == '\0')
        return library;
    library_close(library);
    return NULL;
}

void library_close(struct library *library)
{
    if (library == NULL)
        return;
    catalog_release(library->catalog);
    for (size_t i = 0; i < library->nfailures; i++)
        free(library->failures[i].folder);
    free(library->failures);
    (void)pthread_mutex_destroy(&library->reloading);
    (void)pthread_mutex_destroy(&library->lock);
    free(library);
}

/* ---- readiness ----------------------------------------------------------- */

static enum ibx_status read_first_tile(struct ibx_tileset *tileset,
                                       struct ibx_err *err)
{
    struct ibx_walk *walk;
    struct ibx_span span;
    struct ibx_tile tile = {0};
    enum ibx_status status = ibx_walk_open(tileset, 0, &walk, err);
    if (status != IBX_OK)
        return status;
    status = ibx_walk_next(walk, &span, err);
    if (status == IBX_OK)
        status = ibx_walk_tile(walk, &tile, err);
    ibx_tile_release(&tile);
    ibx_walk_close(walk);
    return status == IBX_NOT_FOUND ? IBX_OK : status; /* nothing to read */
}

static bool probe(struct served *served)
{
    struct ibx_err err = {0};
    char text[800];
    if (atomic_load(&served->readiness) == READ_WELL)
        return true;
    if (read_first_tile(served->tileset, &err) == IBX_OK) {
        atomic_store(&served->readiness, READ_WELL);
        return true;
    }
    log_describe(&err, text, sizeof(text));
    if (atomic_exchange(&served->readiness, READ_FAILED) != READ_FAILED)
        log_line(LOG_ERROR, "%s: not ready: %s", served->id, text);
    return false;
}

bool library_probe(struct library *library)
{
    struct catalog *catalog = library_catalog(library);
    bool ready = true;
    for (size_t i = 0; i < catalog->nserved; i++)
        ready = probe(catalog->served[i]) && ready;
    catalog_release(catalog);
    return ready;
}
