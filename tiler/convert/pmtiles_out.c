/* A tileset as a PMTiles v3 archive: clustered, every content once, header and
 * directories first, in one pass over the tiles. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tiler/convert/compress.h"
#include "tiler/convert/export.h"
#include "tiler/convert/file.h"
#include "tiler/convert/pmtiles_dirs.h"

enum { OUT_NBYTES = 1 << 20, COMPARE_NBYTES = 64 << 10 };

struct archive {
    struct export_job *job;
    struct export_plan plan;
    struct pmtiles_dirs *dirs;
    struct pmtiles_header header;
    struct buf metadata;
    struct out_file file;
    struct buf out; /* on its way to the file */
    uint64_t tiles_done;
    bool collision; /* equal hashes of unequal tiles: plan again */
};

/* ---- directories ----------------------------------------------------------
 */

static enum ibx_status add_entries(struct archive *a, struct ibx_err *err)
{
    struct plan_reader reader;
    struct plan_run run;
    enum ibx_status st = plan_reader_open(&a->plan, &reader, err);
    while (st == IBX_OK &&
           (st = plan_reader_next(&reader, &run, err)) == IBX_OK) {
        struct pmtiles_entry where = {.off = run.off, .nbytes = run.nbytes};
        if (run.action == PLAN_EMPTY)
            continue;
        a->header.addressed_count += run.count;
        st = pmtiles_dirs_add(a->dirs, run.first_id, run.count, where, err);
    }
    plan_reader_close(&reader);
    return st == IBX_NOT_FOUND ? IBX_OK : st;
}

static enum ibx_status pack_metadata(struct archive *a, struct ibx_err *err)
{
    struct buf text = {0};
    meta_put_pmtiles(&a->job->meta, a->job->layers, &text);
    enum ibx_status st = text.failed
                             ? convert_no_memory(err, NULL)
                             : pack_gzip(text.ptr, text.len, &a->metadata, err);
    buf_free(&text);
    return st;
}

static void fill_header(struct archive *a,
                        const struct pmtiles_dirs_result *dirs)
{
    struct pmtiles_header *h = &a->header;
    struct meta_tiles tiles;
    meta_tiles_from(&a->plan.coverage, &a->plan.kinds, a->job->name, &tiles);
    meta_fill_header(&a->job->meta, &tiles, h);
    h->root_off = PMTILES_HEADER_NBYTES;
    h->root_nbytes = dirs->root.len;
    h->metadata_off = h->root_off + h->root_nbytes;
    h->metadata_nbytes = a->metadata.len;
    h->leaves_off = h->metadata_off + h->metadata_nbytes;
    h->leaves_nbytes = dirs->leaves_nbytes;
    h->tiles_off = h->leaves_off + h->leaves_nbytes;
    h->tiles_nbytes = a->plan.contents_nbytes;
    h->entry_count = dirs->entries;
    h->content_count = a->plan.contents;
    h->clustered = true;
    h->internal = IBX_ENCODING_GZIP;
    h->encoding_known = true;
    h->kind = tiles.kind;
    /* An archive without tiles stays what it was. */
    if (!tiles.any && a->job->meta.has_header) {
        h->kind = a->job->meta.header.kind;
        h->encoding_known = a->job->meta.header.encoding_known;
    }
    a->job->mixed = a->plan.kinds.total -
                    a->plan.kinds.counts[h->kind.format][h->kind.encoding];
    a->job->empty_left_out = a->plan.kinds.empty;
}

/* ---- writing --------------------------------------------------------------
 */

static enum ibx_status cannot_write(const struct archive *a,
                                    struct ibx_err *err)
{
    return convert_fail(err, IBX_ERR_SYSTEM, a->job->output,
                        "cannot be written");
}

static enum ibx_status flush(struct archive *a, struct ibx_err *err)
{
    bool good = file_write_all(a->file.fd, a->out.ptr, a->out.len);
    buf_clear(&a->out);
    return good ? IBX_OK : cannot_write(a, err);
}

static enum ibx_status put(struct archive *a, struct bytes bytes,
                           struct ibx_err *err)
{
    buf_put(&a->out, bytes.ptr, bytes.len);
    if (a->out.failed)
        return convert_no_memory(err, NULL);
    return a->out.len >= OUT_NBYTES ? flush(a, err) : IBX_OK;
}

static enum ibx_status put_leaves(struct archive *a,
                                  const struct pmtiles_dirs_result *dirs,
                                  struct ibx_err *err)
{
    uint64_t done = 0;
    enum ibx_status st = IBX_OK;
    while (done < dirs->leaves_nbytes && st == IBX_OK) {
        uint64_t left = dirs->leaves_nbytes - done;
        size_t want = left < OUT_NBYTES ? (size_t)left : OUT_NBYTES;
        if (!buf_reserve(&a->out, want))
            return convert_no_memory(err, NULL);
        ssize_t n =
            pread(dirs->leaves_fd, a->out.ptr + a->out.len, want, (off_t)done);
        if (n <= 0)
            return cannot_write(a, err);
        a->out.len += (size_t)n;
        done += (uint64_t)n;
        st = flush(a, err);
    }
    return st;
}

/* Whether the archive holds these bytes at `off` already. */
static enum ibx_status compare(struct archive *a, uint64_t off,
                               struct bytes want, bool *equal,
                               struct ibx_err *err)
{
    uint8_t part[COMPARE_NBYTES];
    /* What is still in memory cannot be read back. */
    enum ibx_status st =
        off + want.len > a->tiles_done - a->out.len ? flush(a, err) : IBX_OK;
    *equal = true;
    for (size_t at = 0; at < want.len && *equal && st == IBX_OK;) {
        size_t n = want.len - at < sizeof(part) ? want.len - at : sizeof(part);
        ssize_t got =
            pread(a->file.fd, part, n, (off_t)(a->header.tiles_off + off + at));
        if (got <= 0)
            st = convert_fail(err, IBX_ERR_SYSTEM, a->job->output,
                              "cannot be read back");
        else
            *equal = memcmp(part, want.ptr + at, (size_t)got) == 0;
        at += got > 0 ? (size_t)got : 0;
    }
    return st;
}

static enum ibx_status put_run(struct archive *a, struct plan_walk *walk,
                               const struct plan_run *run, struct ibx_err *err)
{
    struct bytes bytes;
    bool equal = true;
    if (run->action == PLAN_REPEAT || run->action == PLAN_EMPTY)
        return IBX_OK;
    enum ibx_status st = plan_walk_bytes(walk, run, &bytes, err);
    if (st != IBX_OK)
        return st;
    if (run->action == PLAN_WRITE) {
        a->tiles_done += bytes.len;
        return put(a, bytes, err);
    }
    st = compare(a, run->off, bytes, &equal, err);
    a->collision = !equal;
    return st;
}

static enum ibx_status put_tiles(struct archive *a, struct ibx_err *err)
{
    struct plan_walk walk;
    struct plan_run run;
    uint64_t done = 0;
    enum ibx_status st = plan_walk_open(a->job, &a->plan, &walk, err);
    if (st != IBX_OK)
        return st;
    while (!a->collision && (st = plan_walk_next(&walk, &run, err)) == IBX_OK) {
        st = put_run(a, &walk, &run, err);
        if (st != IBX_OK)
            break;
        done += run.count;
        if (done % 1024 < run.count)
            progress_set(a->job->progress, done, a->plan.coverage.tiles);
    }
    plan_walk_close(&walk);
    return st == IBX_NOT_FOUND ? flush(a, err) : st;
}

static enum ibx_status write_file(struct archive *a,
                                  const struct pmtiles_dirs_result *dirs,
                                  struct ibx_err *err)
{
    uint8_t header[PMTILES_HEADER_NBYTES];
    pmtiles_header_write(&a->header, header);
    enum ibx_status st = put(a, (struct bytes){header, sizeof(header)}, err);
    if (st == IBX_OK)
        st = put(a, dirs->root, err);
    if (st == IBX_OK)
        st = put(a, buf_bytes(&a->metadata), err);
    if (st == IBX_OK)
        st = flush(a, err);
    if (st == IBX_OK)
        st = put_leaves(a, dirs, err);
    return st == IBX_OK ? put_tiles(a, err) : st;
}

/* ---- the whole ------------------------------------------------------------
 */

static enum ibx_status prepare(struct archive *a, bool share,
                               struct pmtiles_dirs_result *dirs,
                               struct ibx_err *err)
{
    struct export_job *job = a->job;
    enum ibx_status st = export_job_plan(job, share, &a->plan, err);
    if (st == IBX_OK)
        st = pmtiles_dirs_open(job->temp_dir, job->output, &a->dirs, err);
    if (st == IBX_OK)
        st = add_entries(a, err);
    if (st == IBX_OK)
        st = pmtiles_dirs_finish(a->dirs, dirs, err);
    if (st == IBX_OK)
        st = pack_metadata(a, err);
    if (st == IBX_OK)
        fill_header(a, dirs);
    return st;
}

static enum ibx_status publish(struct archive *a, struct ibx_err *err)
{
    struct export_job *job = a->job;
    job->tiles_written = a->header.addressed_count;
    job->contents = a->header.content_count;
    job->output_nbytes = a->header.tiles_off + a->header.tiles_nbytes;
    return out_file_commit(&a->file, err);
}

/* IBX_AGAIN: hashes collided; try without sharing between packs. */
static enum ibx_status export_once(struct export_job *job, bool share,
                                   struct ibx_err *err)
{
    struct archive a = {.job = job, .plan.fd = -1};
    struct pmtiles_dirs_result dirs;
    enum ibx_status st =
        out_file_create(job->output, job->replace, &a.file, err);
    if (st != IBX_OK)
        return st;
    st = prepare(&a, share, &dirs, err);
    if (st == IBX_OK)
        st = write_file(&a, &dirs, err);
    if (st == IBX_OK && a.collision)
        st = IBX_AGAIN;
    if (st == IBX_OK)
        st = publish(&a, err);
    else
        out_file_abandon(&a.file);
    pmtiles_dirs_close(a.dirs);
    export_plan_free(&a.plan);
    buf_free(&a.metadata);
    buf_free(&a.out);
    return st;
}

enum ibx_status export_pmtiles(struct export_job *job, struct ibx_err *err)
{
    enum ibx_status st = export_once(job, true, err);
    return st == IBX_AGAIN ? export_once(job, false, err) : st;
}
