/* db_wal.h - a way for SQLite to read a database together with its write-ahead
 * log without writing anything: the log's index lives in memory, and nothing
 * is created, locked or deleted on disk. */
#ifndef IBX_CONVERT_DB_WAL_H
#define IBX_CONVERT_DB_WAL_H

/* The name of the VFS, for sqlite3_open_v2(); NULL when it could not be
 * registered. Any thread. */
const char *db_wal_vfs(void);

#endif
