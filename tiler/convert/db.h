/* db.h - SQLite, used by a careful reader and a plain writer.
 *
 * A database opened with db_open() may be hostile: it is opened read-only
 * with every defence SQLite has, is never changed and gets no files beside
 * it, and a view that computes without end is stopped. One thread per
 * database. */
#ifndef IBX_CONVERT_DB_H
#define IBX_CONVERT_DB_H

#include "tiler/convert/buf.h"

struct db;
struct db_query;

/* Opens somebody's database for reading. A write-ahead log beside it that
 * holds pages is read too, without creating its index file. `path` must
 * outlive the database.
 * IBX_ERR_MISSING, IBX_ERR_SYSTEM; IBX_ERR_CORRUPT: not a database, damaged,
 * or a rollback journal lies beside it, which only a writer may play back. */
IBX_MUST_CHECK enum ibx_status db_open(const char *path, struct db **out,
                                       struct ibx_err *err);

/* True when a table or view `name` is there, in any case of letters. */
bool db_has(const struct db *db, const char *name);

/* True when it is a view. */
bool db_is_view(const struct db *db, const char *name);

/* Size of the database and its log when they were opened. */
uint64_t db_file_nbytes(const struct db *db);

/* Fails with IBX_ERR_CORRUPT when the database or its log was changed since
 * db_open(), so that what was read may never have been there together. */
IBX_MUST_CHECK enum ibx_status db_unchanged(const struct db *db,
                                            struct ibx_err *err);

/* Creates an empty database for bulk writing: no journal, no syncing, so the
 * caller must write beside the final name and sync. */
IBX_MUST_CHECK enum ibx_status db_create(const char *path, struct db **out,
                                         struct ibx_err *err);

/* Runs statements that return no rows. */
IBX_MUST_CHECK enum ibx_status db_exec(struct db *db, const char *sql,
                                       struct ibx_err *err);

/* NULL is allowed. Queries must be closed before. IBX_ERR_SYSTEM when the
 * last pages could not be written. */
IBX_MUST_CHECK enum ibx_status db_close(struct db *db, struct ibx_err *err);

IBX_MUST_CHECK enum ibx_status db_query_open(struct db *db, const char *sql,
                                             struct db_query **out,
                                             struct ibx_err *err);
void db_query_close(struct db_query *query);

/* IBX_OK with a row, IBX_NOT_FOUND at the end (the query can then be bound
 * and stepped again), IBX_ERR_CORRUPT, _SYSTEM, _NOMEM, and
 * IBX_ERR_INTERRUPTED after a signal (cli/stop.h). */
IBX_MUST_CHECK enum ibx_status db_step(struct db_query *query,
                                       struct ibx_err *err);

enum db_type { DB_NULL, DB_INTEGER, DB_REAL, DB_TEXT, DB_BLOB };

enum db_type db_type(struct db_query *query, int column);
int64_t db_integer(struct db_query *query, int column);

/* The bytes of a blob, or a value's text in UTF-8. Borrowed until the next
 * db_step() or db_query_close(). */
struct bytes db_bytes(struct db_query *query, int column);

/* Parameters count from 1. Bytes must live until the query is stepped. */
void db_bind_integer(struct db_query *query, int at, int64_t value);
void db_bind_text(struct db_query *query, int at, struct bytes text);
void db_bind_blob(struct db_query *query, int at, struct bytes blob);
void db_bind_null(struct db_query *query, int at);

#endif
