/* A tileset as MBTiles 1.3: every content once in `images`, addresses in
 * `map`, and the view `tiles` over both. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tiler/convert/db.h"
#include "tiler/convert/export.h"
#include "tiler/convert/file.h"

/* tile_id is the table's own key, so that contents are appended and found
 * without an index. "MPBX" marks the file for file(1). */
static const char schema[] =
    "PRAGMA application_id=0x4d504258;"
    "CREATE TABLE metadata (name TEXT, value TEXT);"
    "CREATE TABLE map (zoom_level INTEGER, tile_column INTEGER,"
    " tile_row INTEGER, tile_id INTEGER);"
    "CREATE TABLE images (tile_id INTEGER PRIMARY KEY, tile_data BLOB);"
    "CREATE VIEW tiles AS SELECT map.zoom_level AS zoom_level,"
    " map.tile_column AS tile_column, map.tile_row AS tile_row,"
    " images.tile_data AS tile_data FROM map"
    " JOIN images ON images.tile_id = map.tile_id;"
    "BEGIN";

/* Sorted once at the end: far cheaper than kept in order all along. */
static const char finish[] = "COMMIT;"
                             "CREATE UNIQUE INDEX map_index ON map"
                             " (zoom_level, tile_column, tile_row)";

struct mbtiles_out {
    struct export_job *job;
    struct export_plan plan;
    struct db *db;
    struct db_query *add_image, *add_address, *get_image;
    bool collision;
    bool empty_added;
};

/* The empty content is image -1; others count from 0. */
enum { EMPTY_IMAGE = -1 };

static enum ibx_status run_once(struct db_query *query, struct ibx_err *err)
{
    enum ibx_status st = db_step(query, err);
    return st == IBX_NOT_FOUND ? IBX_OK : st;
}

static enum ibx_status add_image(struct mbtiles_out *m, int64_t number,
                                 struct bytes bytes, struct ibx_err *err)
{
    db_bind_integer(m->add_image, 1, number);
    db_bind_blob(m->add_image, 2, bytes);
    return run_once(m->add_image, err);
}

/* Whether an image written before has these bytes. */
static enum ibx_status compare(struct mbtiles_out *m, int64_t number,
                               struct bytes bytes, struct ibx_err *err)
{
    db_bind_integer(m->get_image, 1, number);
    enum ibx_status st = db_step(m->get_image, err);
    if (st != IBX_OK)
        return st;
    struct bytes have = db_bytes(m->get_image, 0);
    m->collision =
        have.len != bytes.len || memcmp(have.ptr, bytes.ptr, bytes.len) != 0;
    return run_once(m->get_image, err);
}

static enum ibx_status put_content(struct mbtiles_out *m,
                                   struct plan_walk *walk,
                                   const struct plan_run *run,
                                   struct ibx_err *err)
{
    struct bytes bytes = {0};
    if (run->action == PLAN_REPEAT)
        return IBX_OK;
    if (run->action == PLAN_EMPTY) {
        bool added = m->empty_added;
        m->empty_added = true;
        return added ? IBX_OK : add_image(m, EMPTY_IMAGE, bytes, err);
    }
    enum ibx_status st = plan_walk_bytes(walk, run, &bytes, err);
    if (st != IBX_OK)
        return st;
    if (run->action == PLAN_WRITE)
        return add_image(m, (int64_t)run->content, bytes, err);
    return compare(m, (int64_t)run->content, bytes, err);
}

static enum ibx_status put_addresses(struct mbtiles_out *m,
                                     const struct plan_run *run,
                                     struct ibx_err *err)
{
    int64_t image =
        run->action == PLAN_EMPTY ? EMPTY_IMAGE : (int64_t)run->content;
    enum ibx_status st = IBX_OK;
    for (uint64_t i = 0; i < run->count && st == IBX_OK; i++) {
        struct ibx_zxy at = ibx_tile_zxy(run->first_id + i);
        db_bind_integer(m->add_address, 1, at.z);
        db_bind_integer(m->add_address, 2, at.x);
        db_bind_integer(m->add_address, 3,
                        (INT64_C(1) << at.z) - 1 - at.y); /* TMS */
        db_bind_integer(m->add_address, 4, image);
        st = run_once(m->add_address, err);
    }
    m->job->tiles_written += run->count;
    return st;
}

static enum ibx_status put_tiles(struct mbtiles_out *m, struct ibx_err *err)
{
    struct plan_walk walk;
    struct plan_run run;
    enum ibx_status st = plan_walk_open(m->job, &m->plan, &walk, err);
    if (st != IBX_OK)
        return st;
    while (!m->collision && (st = plan_walk_next(&walk, &run, err)) == IBX_OK) {
        st = put_content(m, &walk, &run, err);
        if (st == IBX_OK)
            st = put_addresses(m, &run, err);
        if (st != IBX_OK)
            break;
        if (m->job->tiles_written % 1024 < run.count)
            progress_set(m->job->progress, m->job->tiles_written,
                         m->plan.coverage.tiles);
    }
    plan_walk_close(&walk);
    return st == IBX_NOT_FOUND ? IBX_OK : st;
}

static enum ibx_status put_row(struct db_query *query,
                               const struct meta_item *item,
                               struct ibx_err *err)
{
    struct bytes name = {(const uint8_t *)item->name, strlen(item->name)};
    struct bytes value = {(const uint8_t *)item->text, item->nbytes};
    db_bind_text(query, 1, name);
    if (item->type == META_TEXT)
        db_bind_text(query, 2, value);
    else if (item->type == META_BLOB)
        db_bind_blob(query, 2, value);
    else
        db_bind_null(query, 2);
    return run_once(query, err);
}

static enum ibx_status put_metadata(struct mbtiles_out *m, struct ibx_err *err)
{
    struct meta rows = {0};
    struct meta_tiles tiles;
    struct db_query *query = NULL;
    meta_tiles_from(&m->plan.coverage, &m->plan.kinds, m->job->name, &tiles);
    tiles.layers = m->job->layers;
    enum ibx_status st = meta_to_rows(&m->job->meta, &tiles, &rows);
    if (st != IBX_OK)
        (void)convert_no_memory(err, NULL);
    else
        st = db_query_open(m->db,
                           "INSERT INTO metadata (name, value) VALUES (?, ?)",
                           &query, err);
    for (size_t i = 0; i < rows.count && st == IBX_OK; i++)
        st = put_row(query, &rows.items[i], err);
    db_query_close(query);
    meta_free(&rows);
    return st;
}

static enum ibx_status open_queries(struct mbtiles_out *m, struct ibx_err *err)
{
    enum ibx_status st = db_query_open(
        m->db, "INSERT INTO images (tile_id, tile_data) VALUES (?, ?)",
        &m->add_image, err);
    if (st == IBX_OK)
        st = db_query_open(m->db, "INSERT INTO map VALUES (?, ?, ?, ?)",
                           &m->add_address, err);
    if (st == IBX_OK)
        st = db_query_open(m->db,
                           "SELECT tile_data FROM images WHERE tile_id = ?",
                           &m->get_image, err);
    return st;
}

static enum ibx_status write_database(struct mbtiles_out *m,
                                      struct ibx_err *err)
{
    enum ibx_status st = db_exec(m->db, schema, err);
    if (st == IBX_OK)
        st = open_queries(m, err);
    if (st == IBX_OK)
        st = put_tiles(m, err);
    if (st == IBX_OK && !m->collision)
        st = put_metadata(m, err);
    db_query_close(m->add_image);
    db_query_close(m->add_address);
    db_query_close(m->get_image);
    if (st == IBX_OK && !m->collision)
        st = db_exec(m->db, finish, err);
    return st;
}

static void note_results(struct mbtiles_out *m)
{
    struct stat info;
    m->job->contents = m->plan.contents + m->empty_added;
    struct tile_kind kind = kinds_main(&m->plan.kinds);
    m->job->mixed =
        m->plan.kinds.total - kinds_of_format(&m->plan.kinds, kind.format);
    if (stat(m->job->output, &info) == 0)
        m->job->output_nbytes = (uint64_t)info.st_size;
}

/* IBX_AGAIN: hashes collided; try without sharing between packs. */
static enum ibx_status export_once(struct export_job *job, bool share,
                                   struct ibx_err *err)
{
    struct mbtiles_out m = {.job = job, .plan.fd = -1};
    struct out_file file;
    job->tiles_written = 0;
    enum ibx_status st = out_file_create(job->output, job->replace, &file, err);
    if (st != IBX_OK)
        return st;
    st = export_job_plan(job, share, &m.plan, err);
    if (st == IBX_OK)
        st = db_create(file.beside, &m.db, err);
    if (st == IBX_OK)
        st = write_database(&m, err);
    enum ibx_status closed = db_close(m.db, st == IBX_OK ? err : NULL);
    if (st == IBX_OK)
        st = m.collision ? IBX_AGAIN : closed;
    if (st == IBX_OK)
        st = out_file_commit(&file, err);
    else
        out_file_abandon(&file);
    if (st == IBX_OK)
        note_results(&m);
    export_plan_free(&m.plan);
    return st;
}

enum ibx_status export_mbtiles(struct export_job *job, struct ibx_err *err)
{
    enum ibx_status st = export_once(job, true, err);
    return st == IBX_AGAIN ? export_once(job, false, err) : st;
}
