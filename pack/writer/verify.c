/* verify.c - the whole tileset: CURRENT, manifest, and every pack by threads
 * that take the next one. */
#include "pack/verify.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pack/err.h"
#include "pack/path.h"
#include "pack/tileset_impl.h"
#include "pack/writer/repair.h"
#include "pack/writer/verify_manifest.h"
#include "pack/writer/verify_pack.h"

struct verify {
    const char *folder;
    const struct ibx_verify_options *options;
    struct ibx_tileset *tileset;
    struct ibx_folder locked; /* open only to repair */
    uint64_t total_nbytes;
    pthread_mutex_t lock; /* guards all below, and the callbacks */
    uint64_t next_pack;
    struct ibx_verify_result result;
    enum ibx_status fatal;
};

static bool must_stop(const struct verify *v)
{
    return v->options->stop && *v->options->stop != 0;
}

static bool repairs(const struct ibx_verify_options *options)
{
    return options->repair_from || options->fetch;
}

static void tell(struct verify *v, const struct ibx_problem *problem)
{
    v->result.problems++;
    if (v->options->problem)
        v->options->problem(v->options->arg, problem);
}

/* With the lock held, or before there are threads. */
static void tell_findings(struct verify *v, const char *file,
                          const struct ibx_findings *findings)
{
    for (size_t i = 0; i < findings->n; i++)
        tell(v, &(struct ibx_problem){findings->list[i].status, file,
                                      findings->list[i].what});
    if (findings->more == 0)
        return;
    char what[64];
    (void)snprintf(what, sizeof what, "and %llu more of the kind",
                   (unsigned long long)findings->more);
    tell(v, &(struct ibx_problem){IBX_ERR_CORRUPT, file, what});
    v->result.problems += findings->more - 1;
}

static void tell_err(struct verify *v, const struct ibx_err *err)
{
    tell(v, &(struct ibx_problem){err->status, err->file, err->what});
}

/* ---- packs ------------------------------------------------------------- */

struct worker {
    struct verify *verify;
    struct ibx_pack_check *check;
    unsigned number;
    pthread_t thread;
};

static void pack_is_done(struct verify *v, const struct ibx_pack_info *info,
                         bool good)
{
    if (good) {
        v->result.tile_count += info->tile_count;
        v->result.blob_count += info->blob_count;
    } else {
        v->result.packs_bad++;
    }
    if (v->options->progress)
        v->options->progress(v->options->arg, v->result.nbytes,
                             v->total_nbytes);
}

/* Tries to replace the file and, if that went well, checks the new one. */
static bool repair(struct worker *w, const char *path,
                   const struct ibx_pack_info *info,
                   struct ibx_findings *findings)
{
    struct verify *v = w->verify;
    const struct ibx_repair job = {
        .folder = &v->locked,
        .from = v->options->repair_from,
        .fetch = v->options->fetch,
        .arg = v->options->arg,
        .worker = w->number,
    };
    struct ibx_err err;
    enum ibx_status st = ibx_repair_pack(&job, info->sha256, &err);
    if (st != IBX_OK) {
        ibx_findings_add(findings, st, "no good copy of it: %s", err.what);
        return false;
    }
    bool named = false;
    *findings = (struct ibx_findings){0};
    (void)ibx_pack_check_run(w->check, path, info, findings, &named);
    return true;
}

static void check_pack(struct worker *w, const struct ibx_pack_info *info,
                       const char *path)
{
    struct verify *v = w->verify;
    struct ibx_findings findings = {0};
    bool named = false;
    bool repaired = false;
    uint64_t nbytes =
        ibx_pack_check_run(w->check, path, info, &findings, &named);
    if (must_stop(v))
        return;
    if (!named && repairs(v->options))
        repaired = repair(w, path, info, &findings);
    pthread_mutex_lock(&v->lock);
    v->result.nbytes += nbytes;
    tell_findings(v, path, &findings);
    if (repaired) {
        v->result.packs_repaired++;
        if (v->options->repaired)
            v->options->repaired(v->options->arg, path);
    }
    pack_is_done(v, info, findings.n == 0);
    pthread_mutex_unlock(&v->lock);
}

static void take_pack(struct worker *w, uint64_t number)
{
    struct verify *v = w->verify;
    struct ibx_pack_info info;
    if (ibx_pack_info(v->tileset, number, &info, NULL) != IBX_OK) {
        /* Its page was reported. */
        pthread_mutex_lock(&v->lock);
        v->result.packs_bad++;
        pthread_mutex_unlock(&v->lock);
        return;
    }
    char name[IBX_PACK_NAME_NBYTES];
    ibx_pack_name(info.sha256, name);
    char *path = ibx_path_join(v->folder, name);
    if (path) {
        check_pack(w, &info, path);
        free(path);
        return;
    }
    pthread_mutex_lock(&v->lock);
    v->fatal = IBX_ERR_NOMEM;
    pthread_mutex_unlock(&v->lock);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct verify *v = w->verify;
    for (;;) {
        pthread_mutex_lock(&v->lock);
        bool more = v->next_pack < v->result.packs && v->fatal == IBX_OK;
        uint64_t number = v->next_pack++;
        pthread_mutex_unlock(&v->lock);
        if (!more || must_stop(v))
            return NULL;
        take_pack(w, number);
    }
}

/* Runs as many workers as can be had, the calling thread being one. */
static enum ibx_status check_packs(struct verify *v, struct ibx_err *err)
{
    unsigned n = v->options->threads;
    if (n > v->result.packs)
        n = v->result.packs > 0 ? (unsigned)v->result.packs : 1;
    struct worker *workers = calloc(n, sizeof *workers);
    if (!workers)
        return ibx_fail_nomem(err);
    unsigned ready = 0;
    while (ready < n) {
        struct worker *w = &workers[ready];
        *w = (struct worker){.verify = v, .number = ready};
        w->check = ibx_pack_check_new(v->options->stop);
        if (!w->check)
            break;
        if (ready > 0 && pthread_create(&w->thread, NULL, work, w) != 0)
            break;
        ready++;
    }
    if (ready > 0)
        (void)work(&workers[0]);
    for (unsigned i = 1; i < ready; i++)
        (void)pthread_join(workers[i].thread, NULL);
    for (unsigned i = 0; i < n; i++)
        ibx_pack_check_free(workers[i].check);
    free(workers);
    if (ready == 0 || v->fatal != IBX_OK)
        return ibx_fail_nomem(err);
    return IBX_OK;
}

/* ---- the whole --------------------------------------------------------- */

static enum ibx_status check_all_packs(struct verify *v, struct ibx_err *err)
{
    const struct ibx_manifest_header *header = &v->tileset->manifest.header;
    struct ibx_findings findings = {0};
    v->result.packs = header->npacks;
    v->total_nbytes = header->pack_nbytes + header->file_nbytes;
    ibx_verify_order(v->tileset, &findings);
    tell_findings(v, v->tileset->manifest.path, &findings);
    enum ibx_status st = check_packs(v, err);
    return st == IBX_OK && must_stop(v)
               ? ibx_fail(err, IBX_ERR_INTERRUPTED, v->folder, "interrupted")
               : st;
}

static enum ibx_status check_generation(struct verify *v,
                                        struct ibx_cache *cache,
                                        struct ibx_err *err)
{
    struct ibx_findings findings = {0};
    char name[sizeof "manifest-.ibm" + IBX_GENERATION_NCHARS];
    (void)snprintf(name, sizeof name, "manifest-%s.ibm", v->result.generation);
    char *path = ibx_path_join(v->folder, name);
    if (!path)
        return ibx_fail_nomem(err);
    v->result.nbytes =
        ibx_verify_manifest(path, v->result.generation, &findings);
    tell_findings(v, path, &findings);
    free(path);
    struct ibx_err why;
    enum ibx_status st = ibx_tileset_open(
        cache, v->folder, v->result.generation, &v->tileset, &why);
    if (st == IBX_OK) {
        st = check_all_packs(v, err);
        ibx_tileset_release(v->tileset);
        return st;
    }
    if (findings.n == 0) /* else the reason has been given */
        tell_err(v, &why);
    return IBX_OK;
}

static enum ibx_status check_tileset(struct verify *v, struct ibx_err *err)
{
    struct ibx_err why;
    struct ibx_cache *cache = NULL;
    struct ibx_cache_options options;
    ibx_cache_options_init(&options);
    options.max_mapped_nbytes = UINT64_MAX / 2; /* the manifest only */
    if (v->options->generation)
        memcpy(v->result.generation, v->options->generation,
               IBX_GENERATION_NCHARS + 1);
    else if (ibx_tileset_current(v->folder, v->result.generation, &why) !=
             IBX_OK) {
        v->result.generation[0] = '\0';
        tell_err(v, &why);
        return IBX_OK;
    }
    enum ibx_status st = ibx_cache_open(&options, &cache, err);
    if (st == IBX_OK)
        st = check_generation(v, cache, err);
    ibx_cache_close(cache);
    return st;
}

static enum ibx_status check_options(const struct ibx_verify_options *options,
                                     struct ibx_err *err)
{
    if (options->threads == 0 || options->threads > IBX_VERIFY_THREADS_MAX)
        return ibx_fail(err, IBX_ERR_INVALID, NULL, "threads: 1 to %d",
                        IBX_VERIFY_THREADS_MAX);
    if (options->generation &&
        (strlen(options->generation) != IBX_GENERATION_NCHARS ||
         strspn(options->generation, "0123456789abcdef") !=
             IBX_GENERATION_NCHARS))
        return ibx_fail(err, IBX_ERR_INVALID, NULL,
                        "a generation has 16 hexadecimal digits");
    return IBX_OK;
}

enum ibx_status ibx_verify(const char *folder,
                           const struct ibx_verify_options *options,
                           struct ibx_verify_result *out, struct ibx_err *err)
{
    struct verify v = {.folder = folder, .options = options};
    v.locked.fd = -1;
    enum ibx_status st = check_options(options, err);
    if (st == IBX_OK && repairs(options))
        st = ibx_folder_open(&v.locked, folder, false, err);
    if (st != IBX_OK)
        return st;
    if (pthread_mutex_init(&v.lock, NULL) == 0) {
        st = check_tileset(&v, err);
        (void)pthread_mutex_destroy(&v.lock);
    } else {
        st = ibx_fail_nomem(err);
    }
    if (repairs(options))
        ibx_repair_end(&v.locked);
    ibx_folder_close(&v.locked);
    if (st == IBX_OK)
        *out = v.result;
    return st;
}

uint64_t ibx_tileset_pack_nbytes_cap(const struct ibx_tileset *tileset)
{
    return tileset->manifest.header.pack_nbytes_cap;
}
