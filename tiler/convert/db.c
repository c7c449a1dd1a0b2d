#include "tiler/convert/db.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "tiler/cli/stop.h"
#include "tiler/convert/db_wal.h"

enum {
    PROGRESS_OPS = 20000,
    /* Work allowed between two rows: some tenths of a second, and more for
     * larger files, whose joins may first have to build an index. */
    IDLE_OPS = 10 << 20,
    BLOB_NBYTES_MAX = 512 << 20,
};

struct db_name {
    char *name;
    bool view;
};

struct db {
    sqlite3 *handle;
    const char *path;      /* borrowed */
    struct db_name *names; /* tables and views, not virtual ones */
    size_t nnames;
    uint64_t ops_allowed, ops_used;
    bool too_long;         /* the last query was stopped */
    struct stat file, log; /* as they were when opened; log.st_size -1: none */
};

struct db_query {
    struct db *db;
    sqlite3_stmt *stmt;
};

/* ---- failures ---------------------------------------------------------- */

static enum ibx_status db_failed(struct db *db, int code, struct ibx_err *err)
{
    const char *text =
        db->handle != NULL ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code);
    enum ibx_status status = IBX_ERR_CORRUPT;
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return convert_no_memory(err, db->path);
    case SQLITE_INTERRUPT:
        if (!db->too_long)
            return convert_fail(err, IBX_ERR_INTERRUPTED, db->path,
                                "interrupted");
        return convert_fail(err, IBX_ERR_CORRUPT, db->path,
                            "one of its views computes without end");
    case SQLITE_FULL:
    case SQLITE_IOERR:
        status = IBX_ERR_SYSTEM;
        errno = db->handle != NULL ? sqlite3_system_errno(db->handle) : EIO;
        break;
    case SQLITE_AUTH:
        text = "a view does more than select tiles from tables";
        break;
    default:
        break;
    }
    return convert_fail(err, status, db->path, "SQLite: %s", text);
}

/* ---- defences ---------------------------------------------------------- */

static int on_progress(void *arg)
{
    struct db *db = arg;
    if (stop_requested())
        return 1;
    db->ops_used += PROGRESS_OPS;
    db->too_long = db->ops_used > db->ops_allowed;
    return db->too_long;
}

static const struct db_name *find_name(const struct db *db, const char *name)
{
    for (size_t i = 0; i < db->nnames; i++)
        if (strcasecmp(db->names[i].name, name) == 0)
            return &db->names[i];
    return NULL;
}

/* Functions that a view over tiles may need, and that cannot make a large
 * value of a small one. */
static bool function_allowed(const char *name)
{
    static const char *const allowed[] = {"coalesce", "ifnull", "nullif",
                                          "abs",      "count",  "min",
                                          "max",      "length", "typeof"};
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
        if (strcasecmp(name, allowed[i]) == 0)
            return true;
    return false;
}

/* Selecting columns of ordinary tables, and nothing else: no recursion, no
 * table-valued functions, no virtual tables, no pragmas, no writing. */
static int on_authorize(void *arg, int action, const char *first,
                        const char *second, const char *database,
                        const char *inside)
{
    const struct db *db = arg;
    (void)database, (void)inside;
    if (action == SQLITE_SELECT)
        return SQLITE_OK;
    if (action == SQLITE_READ && first != NULL && find_name(db, first) != NULL)
        return SQLITE_OK;
    if (action == SQLITE_FUNCTION && second != NULL && function_allowed(second))
        return SQLITE_OK;
    return SQLITE_DENY;
}

static void set_limits(sqlite3 *handle)
{
    static const int limits[][2] = {
        {SQLITE_LIMIT_LENGTH, BLOB_NBYTES_MAX},
        {SQLITE_LIMIT_SQL_LENGTH, 1 << 20},
        {SQLITE_LIMIT_COLUMN, 100},
        {SQLITE_LIMIT_EXPR_DEPTH, 100},
        {SQLITE_LIMIT_COMPOUND_SELECT, 40},
        {SQLITE_LIMIT_VDBE_OP, 25000},
        {SQLITE_LIMIT_FUNCTION_ARG, 8},
        {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        sqlite3_limit(handle, limits[i][0], limits[i][1]);
}

static void set_defences(struct db *db)
{
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    set_limits(db->handle);
    sqlite3_progress_handler(db->handle, PROGRESS_OPS, on_progress, db);
}

/* ---- opening ----------------------------------------------------------- */

static off_t beside_size(const char *path, const char *suffix,
                         struct stat *info)
{
    char name[4096];
    int n = snprintf(name, sizeof(name), "%s%s", path, suffix);
    if (n < 0 || (size_t)n >= sizeof(name) || stat(name, info) != 0)
        info->st_size = -1;
    return info->st_size;
}

/* file:PATH?immutable=1 with what URIs give a meaning escaped. */
static char *immutable_uri(const char *path)
{
    struct buf uri = {0};
    buf_puts(&uri, "file:");
    for (const char *c = path; *c != 0; c++) {
        if (strchr("%?#", *c) != NULL)
            buf_printf(&uri, "%%%02X", (unsigned)(unsigned char)*c);
        else
            buf_put(&uri, c, 1);
    }
    buf_puts(&uri, "?immutable=1");
    return buf_take_text(&uri);
}

static int open_handle(struct db *db)
{
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
    if (db->log.st_size > 0)
        return sqlite3_open_v2(db->path, &db->handle, flags, db_wal_vfs());
    /* Immutable: no locks, and a file that says "write-ahead log" but has
     * none is read without creating one. */
    char *uri = immutable_uri(db->path);
    if (uri == NULL)
        return SQLITE_NOMEM;
    int code = sqlite3_open_v2(uri, &db->handle, flags | SQLITE_OPEN_URI, NULL);
    free(uri);
    return code;
}

static enum ibx_status check_files(struct db *db, struct ibx_err *err)
{
    struct stat journal;
    if (stat(db->path, &db->file) != 0)
        return convert_fail(err,
                            errno == ENOENT ? IBX_ERR_MISSING : IBX_ERR_SYSTEM,
                            db->path, "cannot be opened");
    if (db->file.st_size == 0)
        return convert_fail(err, IBX_ERR_CORRUPT, db->path,
                            "the file is empty");
    if (beside_size(db->path, "-journal", &journal) > 0)
        return convert_fail(err, IBX_ERR_CORRUPT, db->path,
                            "a rollback journal lies beside it: open it once "
                            "with the program that wrote it");
    beside_size(db->path, "-wal", &db->log);
    return IBX_OK;
}

static bool add_name(struct db *db, const char *name, bool view)
{
    struct db_name *grown =
        realloc(db->names, (db->nnames + 1) * sizeof(*grown));
    if (grown == NULL)
        return false;
    db->names = grown;
    grown[db->nnames] = (struct db_name){strdup(name), view};
    if (grown[db->nnames].name == NULL)
        return false;
    db->nnames++;
    return true;
}

enum { NAMES_MAX = 1000 };

/* Ordinary tables and views. Virtual ones have no root page. */
static enum ibx_status read_names(struct db *db, struct ibx_err *err)
{
    struct db_query *query = NULL;
    enum ibx_status st = db_query_open(
        db,
        "SELECT name, type = 'view' FROM sqlite_master WHERE name IS NOT NULL "
        "AND (type = 'view' OR (type = 'table' AND rootpage > 0))",
        &query, err);
    if (st != IBX_OK)
        return st;
    while ((st = db_step(query, err)) == IBX_OK) {
        const char *name = (const char *)sqlite3_column_text(query->stmt, 0);
        if (name == NULL || db->nnames == NAMES_MAX ||
            !add_name(db, name, db_integer(query, 1) != 0)) {
            st = convert_fail(err, IBX_ERR_CORRUPT, db->path,
                              "it has too many tables");
            break;
        }
    }
    db_query_close(query);
    return st == IBX_NOT_FOUND ? IBX_OK : st;
}

static enum ibx_status open_defended(struct db *db, struct ibx_err *err)
{
    enum ibx_status st = check_files(db, err);
    if (st != IBX_OK)
        return st;
    db->ops_allowed = IDLE_OPS + (uint64_t)db->file.st_size / 4;
    int code = open_handle(db);
    if (code != SQLITE_OK)
        return db_failed(db, code, err);
    set_defences(db);
    st = db_exec(db,
                 "PRAGMA cell_size_check=ON; PRAGMA temp_store=FILE;"
                 "PRAGMA mmap_size=0; PRAGMA cache_size=-16384;"
                 "PRAGMA query_only=ON",
                 err);
    if (st == IBX_OK)
        st = read_names(db, err);
    if (st != IBX_OK && err != NULL) {
        struct ibx_err inner = *err;
        return convert_fail(err, st, db->path, "its list of tables: %.150s",
                            inner.what);
    }
    if (st == IBX_OK)
        sqlite3_set_authorizer(db->handle, on_authorize, db);
    return st;
}

static enum ibx_status db_new(const char *path, struct db **out,
                              struct ibx_err *err)
{
    *out = calloc(1, sizeof(**out));
    if (*out == NULL)
        return convert_no_memory(err, path);
    (*out)->path = path;
    return IBX_OK;
}

enum ibx_status db_open(const char *path, struct db **out, struct ibx_err *err)
{
    struct db *db;
    enum ibx_status st = db_new(path, &db, err);
    if (st != IBX_OK)
        return st;
    st = open_defended(db, err);
    if (st == IBX_OK)
        *out = db;
    else if (db_close(db, NULL) != IBX_OK)
        return st; /* the first failure is the one to tell */
    return st;
}

bool db_has(const struct db *db, const char *name)
{
    return find_name(db, name) != NULL;
}

bool db_is_view(const struct db *db, const char *name)
{
    const struct db_name *found = find_name(db, name);
    return found != NULL && found->view;
}

uint64_t db_file_nbytes(const struct db *db)
{
    off_t log = db->log.st_size > 0 ? db->log.st_size : 0;
    return (uint64_t)db->file.st_size + (uint64_t)log;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size &&
           (a->st_size < 0 ||
            (a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
             a->st_mtim.tv_nsec == b->st_mtim.tv_nsec));
}

enum ibx_status db_unchanged(const struct db *db, struct ibx_err *err)
{
    struct stat file, log;
    beside_size(db->path, "", &file);
    beside_size(db->path, "-wal", &log);
    if (same_file(&file, &db->file) && same_file(&log, &db->log))
        return IBX_OK;
    return convert_fail(err, IBX_ERR_CORRUPT, db->path,
                        "was changed while it was being read");
}

/* ---- writing ----------------------------------------------------------- */

enum ibx_status db_create(const char *path, struct db **out,
                          struct ibx_err *err)
{
    struct db *db;
    enum ibx_status st = db_new(path, &db, err);
    if (st != IBX_OK)
        return st;
    int code = sqlite3_open_v2(
        path, &db->handle,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    st = code == SQLITE_OK ? IBX_OK : db_failed(db, code, err);
    if (st == IBX_OK)
        st = db_exec(db,
                     "PRAGMA page_size=4096; PRAGMA journal_mode=OFF;"
                     "PRAGMA synchronous=OFF; PRAGMA temp_store=FILE;"
                     "PRAGMA cache_size=-32768; PRAGMA locking_mode=EXCLUSIVE",
                     err);
    if (st == IBX_OK)
        *out = db;
    else if (db_close(db, NULL) != IBX_OK)
        return st;
    return st;
}

enum ibx_status db_exec(struct db *db, const char *sql, struct ibx_err *err)
{
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? IBX_OK : db_failed(db, code, err);
}

enum ibx_status db_close(struct db *db, struct ibx_err *err)
{
    if (db == NULL)
        return IBX_OK;
    int code = sqlite3_close(db->handle);
    enum ibx_status st = code == SQLITE_OK ? IBX_OK : db_failed(db, code, err);
    for (size_t i = 0; i < db->nnames; i++)
        free(db->names[i].name);
    free(db->names);
    free(db);
    return st;
}

/* ---- queries ----------------------------------------------------------- */

enum ibx_status db_query_open(struct db *db, const char *sql,
                              struct db_query **out, struct ibx_err *err)
{
    struct db_query *query = malloc(sizeof(*query));
    if (query == NULL)
        return convert_no_memory(err, db->path);
    query->db = db;
    db->ops_used = 0;
    int code = sqlite3_prepare_v2(db->handle, sql, -1, &query->stmt, NULL);
    if (code != SQLITE_OK) {
        free(query);
        return db_failed(db, code, err);
    }
    *out = query;
    return IBX_OK;
}

void db_query_close(struct db_query *query)
{
    if (query == NULL)
        return;
    sqlite3_finalize(query->stmt);
    free(query);
}

enum ibx_status db_step(struct db_query *query, struct ibx_err *err)
{
    assert(query != NULL);
    query->db->ops_used = 0;
    int code = sqlite3_step(query->stmt);
    if (code == SQLITE_ROW)
        return IBX_OK;
    enum ibx_status st =
        code == SQLITE_DONE ? IBX_NOT_FOUND : db_failed(query->db, code, err);
    sqlite3_reset(query->stmt);
    return st;
}

enum db_type db_type(struct db_query *query, int column)
{
    switch (sqlite3_column_type(query->stmt, column)) {
    case SQLITE_INTEGER:
        return DB_INTEGER;
    case SQLITE_FLOAT:
        return DB_REAL;
    case SQLITE_TEXT:
        return DB_TEXT;
    case SQLITE_BLOB:
        return DB_BLOB;
    default:
        return DB_NULL;
    }
}

int64_t db_integer(struct db_query *query, int column)
{
    return sqlite3_column_int64(query->stmt, column);
}

struct bytes db_bytes(struct db_query *query, int column)
{
    const void *ptr = db_type(query, column) == DB_BLOB
                          ? sqlite3_column_blob(query->stmt, column)
                          : sqlite3_column_text(query->stmt, column);
    int n = sqlite3_column_bytes(query->stmt, column);
    return (struct bytes){ptr, ptr == NULL ? 0 : (size_t)n};
}

void db_bind_integer(struct db_query *query, int at, int64_t value)
{
    sqlite3_bind_int64(query->stmt, at, value);
}

void db_bind_text(struct db_query *query, int at, struct bytes text)
{
    const char *chars = text.ptr == NULL ? "" : (const char *)text.ptr;
    sqlite3_bind_text64(query->stmt, at, chars, text.len, SQLITE_STATIC,
                        SQLITE_UTF8);
}

void db_bind_blob(struct db_query *query, int at, struct bytes blob)
{
    /* A NULL pointer would be stored as NULL, not as an empty blob. */
    sqlite3_bind_blob64(query->stmt, at,
                        blob.ptr == NULL ? "" : (const void *)blob.ptr,
                        blob.len, SQLITE_STATIC);
}

void db_bind_null(struct db_query *query, int at)
{
    sqlite3_bind_null(query->stmt, at);
}
