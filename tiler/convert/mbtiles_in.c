/* MBTiles 1.3 as a source: https://github.com/mapbox/mbtiles-spec. Whatever
 * lies behind `tiles` - a table, a view over map and images, or planetiler's
 * tiles_shallow and tiles_data - is read through that name. */
#include <stdlib.h>
#include <string.h>

#include "tiler/convert/db.h"
#include "tiler/convert/source.h"

struct mbtiles_source {
    struct source base;
    struct db *db;
    struct db_query *tiles;
    uint64_t rows, rows_max;
};

/* Puts the place before the cause that *err names already. */
static enum ibx_status at_row(struct ibx_err *err, enum ibx_status st,
                              const char *table, uint64_t rows)
{
    if (err == NULL || st == IBX_ERR_INTERRUPTED)
        return st;
    struct ibx_err inner = *err;
    (void)convert_fail(err, st, inner.file, "table %s, after %llu rows: %.120s",
                       table, (unsigned long long)rows, inner.what);
    err->sys_errno = inner.sys_errno;
    return st;
}

/* ---- metadata ---------------------------------------------------------- */

enum { METADATA_ROWS_MAX = 10000 };

static enum ibx_status add_row(struct meta *meta, struct db_query *query,
                               const char *path, struct ibx_err *err)
{
    struct bytes name = db_bytes(query, 0), value = db_bytes(query, 1);
    const char *text = (const char *)value.ptr;
    if (meta->count == METADATA_ROWS_MAX)
        return convert_fail(err, IBX_ERR_CORRUPT, path,
                            "table metadata has more than %d rows",
                            METADATA_ROWS_MAX);
    if (db_type(query, 0) != DB_TEXT ||
        !json_utf8_valid((const char *)name.ptr, name.len) ||
        strlen((const char *)name.ptr) != name.len)
        return convert_fail(err, IBX_ERR_CORRUPT, path,
                            "table metadata, row %zu: its name is not text",
                            meta->count + 1);
    enum meta_type type = META_TEXT;
    if (db_type(query, 1) == DB_NULL) {
        type = META_RAW;
        value = (struct bytes){(const uint8_t *)"null", 4};
    } else if (db_type(query, 1) == DB_BLOB ||
               !json_utf8_valid(text, value.len)) {
        type = META_BLOB;
    }
    /* The name's bytes may have moved while the value was converted. */
    if (meta_add(meta, (const char *)db_bytes(query, 0).ptr, type, value) !=
        IBX_OK)
        return convert_no_memory(err, path);
    return IBX_OK;
}

static enum ibx_status read_metadata(struct mbtiles_source *s,
                                     struct ibx_err *err)
{
    struct db_query *query;
    struct meta *meta = &s->base.meta;
    enum ibx_status st =
        db_query_open(s->db, "SELECT name, value FROM metadata", &query, err);
    if (st != IBX_OK)
        return at_row(err, st, "metadata", 0);
    enum ibx_status row = IBX_OK;
    while (row == IBX_OK && (st = db_step(query, err)) == IBX_OK)
        row = add_row(meta, query, s->base.path, err);
    db_query_close(query);
    if (row != IBX_OK)
        return row;
    return st == IBX_NOT_FOUND ? IBX_OK
                               : at_row(err, st, "metadata", meta->count);
}

/* ---- opening ----------------------------------------------------------- */

static enum ibx_status check_tables(struct mbtiles_source *s,
                                    struct ibx_err *err)
{
    static const char *const wanted[] = {"metadata", "tiles"};
    for (int i = 0; i < 2; i++)
        if (!db_has(s->db, wanted[i]))
            return convert_fail(err, IBX_ERR_CORRUPT, s->base.path,
                                "not MBTiles: there is no table or view "
                                "\"%s\"",
                                wanted[i]);
    return IBX_OK;
}

static enum ibx_status check_grids(struct mbtiles_source *s,
                                   struct ibx_err *err)
{
    struct db_query *query;
    if (!db_has(s->db, "grids"))
        return IBX_OK;
    enum ibx_status st =
        db_query_open(s->db, "SELECT 1 FROM grids LIMIT 1", &query, err);
    if (st != IBX_OK)
        return at_row(err, st, "grids", 0);
    st = db_step(query, err);
    db_query_close(query);
    if (st == IBX_OK)
        return convert_fail(err, IBX_ERR_UNSUPPORTED, s->base.path,
                            "holds UTFGrids, which a tileset cannot hold: "
                            "give --drop-grids to import the tiles alone");
    return st == IBX_NOT_FOUND ? IBX_OK : at_row(err, st, "grids", 0);
}

/* The largest row id is a good guess at the number of rows, and cheap. */
static uint64_t guess_rows(struct mbtiles_source *s)
{
    struct db_query *query;
    const char *sql =
        !db_is_view(s->db, "tiles") ? "SELECT max(_rowid_) FROM tiles"
        : db_has(s->db, "map")      ? "SELECT max(_rowid_) FROM map"
                                    : "SELECT max(_rowid_) FROM tiles_shallow";
    int64_t rows = 0;
    if (db_query_open(s->db, sql, &query, NULL) != IBX_OK)
        return 0;
    if (db_step(query, NULL) == IBX_OK)
        rows = db_integer(query, 0);
    db_query_close(query);
    return rows > 0 ? (uint64_t)rows : 0;
}

static void set_declared(struct source *source)
{
    source->declared.format = meta_format(&source->meta);
    const struct meta_item *packed = meta_find(&source->meta, "compression");
    if (packed != NULL && packed->type == META_TEXT)
        source->declared.encoding =
            strcmp(packed->text, "gzip") == 0     ? IBX_ENCODING_GZIP
            : strcmp(packed->text, "brotli") == 0 ? IBX_ENCODING_BROTLI
            : strcmp(packed->text, "zstd") == 0   ? IBX_ENCODING_ZSTD
                                                  : IBX_ENCODING_NONE;
}

static enum ibx_status open_tables(struct mbtiles_source *s, bool drop_grids,
                                   struct ibx_err *err)
{
    enum ibx_status st = check_tables(s, err);
    if (st == IBX_OK)
        st = read_metadata(s, err);
    if (st == IBX_OK && !drop_grids)
        st = check_grids(s, err);
    if (st != IBX_OK)
        return st;
    set_declared(&s->base);
    s->base.tiles_expected = guess_rows(s);
    st = db_query_open(s->db,
                       "SELECT zoom_level, tile_column, tile_row, tile_data "
                       "FROM tiles",
                       &s->tiles, err);
    return st == IBX_OK ? st : at_row(err, st, "tiles", 0);
}

/* ---- tiles ------------------------------------------------------------- */

static enum ibx_status read_address(struct mbtiles_source *s, uint64_t *id,
                                    struct ibx_err *err)
{
    int64_t n[3] = {0};
    static const char *const names[] = {"zoom_level", "tile_column",
                                        "tile_row"};
    for (int i = 0; i < 3; i++) {
        if (db_type(s->tiles, i) != DB_INTEGER)
            return convert_fail(err, IBX_ERR_CORRUPT, s->base.path,
                                "table tiles, row %llu: %s is not a whole "
                                "number",
                                (unsigned long long)s->rows, names[i]);
        n[i] = db_integer(s->tiles, i);
    }
    bool zoom_good = n[0] >= 0 && n[0] <= IBX_MAX_ZOOM;
    int64_t side = zoom_good ? INT64_C(1) << n[0] : 0;
    if (n[1] < 0 || n[1] >= side || n[2] < 0 || n[2] >= side)
        return convert_fail(err, IBX_ERR_CORRUPT, s->base.path,
                            "table tiles, row %llu: zoom %lld, column %lld, "
                            "row %lld is no tile",
                            (unsigned long long)s->rows, (long long)n[0],
                            (long long)n[1], (long long)n[2]);
    /* Rows count from the south (TMS). */
    *id = ibx_tile_id((struct ibx_zxy){(uint8_t)n[0], (uint32_t)n[1],
                                       (uint32_t)(side - 1 - n[2])});
    return IBX_OK;
}

static enum ibx_status mbtiles_next(struct source *source,
                                    struct source_tile *out,
                                    struct ibx_err *err)
{
    struct mbtiles_source *s = (struct mbtiles_source *)source;
    enum ibx_status st = db_step(s->tiles, err);
    if (st == IBX_NOT_FOUND)
        return st;
    if (st != IBX_OK)
        return at_row(err, st, "tiles", s->rows);
    if (s->rows++ == s->rows_max)
        return convert_fail(err, IBX_ERR_CORRUPT, source->path,
                            "view tiles gives more rows than the file can "
                            "hold");
    st = read_address(s, &out->first_id, err);
    if (st != IBX_OK)
        return st;
    if (db_type(s->tiles, 3) != DB_BLOB) {
        struct ibx_zxy at = ibx_tile_zxy(out->first_id);
        return convert_fail(err, IBX_ERR_CORRUPT, source->path,
                            "table tiles, row %llu: the tile_data of "
                            "%u/%u/%u is not a blob",
                            (unsigned long long)s->rows, at.z, at.x, at.y);
    }
    out->count = 1;
    out->bytes = db_bytes(s->tiles, 3);
    out->declared = source->declared;
    return IBX_OK;
}

static enum ibx_status mbtiles_check(struct source *source, struct ibx_err *err)
{
    return db_unchanged(((struct mbtiles_source *)source)->db, err);
}

static void mbtiles_close(struct source *source)
{
    struct mbtiles_source *s = (struct mbtiles_source *)source;
    db_query_close(s->tiles);
    /* Nothing was written, so nothing can be lost. */
    if (db_close(s->db, NULL) != IBX_OK)
        s->db = NULL;
    meta_free(&s->base.meta);
    free(s);
}

static const struct source_ops mbtiles_ops = {mbtiles_next, mbtiles_check,
                                              mbtiles_close};

enum ibx_status mbtiles_source_open(const char *path,
                                    const struct source_options *options,
                                    struct source **out, struct ibx_err *err)
{
    struct mbtiles_source *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return convert_no_memory(err, path);
    s->base.ops = &mbtiles_ops;
    s->base.path = path;
    s->base.meta.container = META_MBTILES;
    enum ibx_status st = db_open(path, &s->db, err);
    if (st == IBX_OK)
        st = open_tables(s, options->drop_grids, err);
    if (st != IBX_OK) {
        mbtiles_close(&s->base);
        return st;
    }
    /* A row of an address costs at least six bytes in its table; a view that
     * yields more rows than that multiplies its tables. */
    s->rows_max = db_file_nbytes(s->db) / 6 + 1000;
    *out = &s->base;
    return IBX_OK;
}
