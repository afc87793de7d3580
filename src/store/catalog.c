/*
 * The catalog in SQLite.
 *
 * WAL, so that readers and the writer do not wait for each other; synchronous = NORMAL, so that a
 * transaction costs no sync: what a power loss takes is made good from the tree (settle.c). Where
 * that is not enough (an eviction is about to remove files; intents are about to be forgotten) the
 * transaction is ended with synchronous = FULL, which syncs the log with all that stands in it.
 * The sum of the bytes is kept by triggers, so that it is right whichever process writes.
 *
 * Opening is tried again on each use: a full disk or a folder that was read-only for a while does
 * not need a restart.
 */
#include "store/catalog.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

enum { BUSY_MS = 5000, SCHEMA_VERSION = 1 };

#define COLUMNS "path, version, state, bytes, zip_h1, first_seen, last_use, origin, refetchable"

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS versions("
    " path TEXT NOT NULL, version TEXT NOT NULL, state INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " zip_h1 TEXT NOT NULL, first_seen INTEGER NOT NULL, last_use INTEGER NOT NULL,"
    " origin TEXT NOT NULL, refetchable INTEGER NOT NULL,"
    " PRIMARY KEY(path, version)) WITHOUT ROWID, STRICT;"
    "CREATE INDEX IF NOT EXISTS versions_by_use ON versions(last_use)"
    " WHERE state <= 2 AND refetchable = 1;"
    "CREATE INDEX IF NOT EXISTS versions_evicting ON versions(state) WHERE state = 3;"
    "CREATE TABLE IF NOT EXISTS totals(id INTEGER PRIMARY KEY CHECK (id = 1),"
    " bytes INTEGER NOT NULL, syncs INTEGER NOT NULL) STRICT;"
    "INSERT OR IGNORE INTO totals VALUES(1, 0, 0);"
    "CREATE TRIGGER IF NOT EXISTS versions_insert AFTER INSERT ON versions BEGIN"
    " UPDATE totals SET bytes = bytes + new.bytes; END;"
    "CREATE TRIGGER IF NOT EXISTS versions_update AFTER UPDATE OF bytes ON versions BEGIN"
    " UPDATE totals SET bytes = bytes + new.bytes - old.bytes; END;"
    "CREATE TRIGGER IF NOT EXISTS versions_delete AFTER DELETE ON versions BEGIN"
    " UPDATE totals SET bytes = bytes - old.bytes; END;"
    "PRAGMA user_version = 1;"
    "COMMIT;";

enum statement {
    ST_BEGIN,
    ST_COMMIT,
    ST_ROLLBACK,
    ST_PUT,
    ST_SET_STATE,
    ST_SET_GONE,
    ST_FORGET,
    ST_TOUCH,
    ST_GET,
    ST_BYTES,
    ST_SYNC,
    ST_OLDEST,
    ST_EVICTING,
    ST_AFTER,
    ST_COUNT
};

static const char *const statement_sql[ST_COUNT] = {
    [ST_BEGIN] = "BEGIN IMMEDIATE",
    [ST_COMMIT] = "COMMIT",
    [ST_ROLLBACK] = "ROLLBACK",
    [ST_PUT] = "INSERT INTO versions(" COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
               "ON CONFLICT(path, version) DO UPDATE SET "
               "state = CASE WHEN state = 3 THEN 3 ELSE excluded.state END, "
               "bytes = excluded.bytes, "
               "zip_h1 = CASE WHEN excluded.zip_h1 = '' THEN zip_h1 ELSE excluded.zip_h1 END, "
               "last_use = max(last_use, excluded.last_use), "
               "origin = CASE WHEN excluded.origin = '' THEN origin ELSE excluded.origin END, "
               "refetchable = excluded.refetchable",
    [ST_SET_STATE] = "UPDATE versions SET state = ?3, bytes = ?4 WHERE path = ?1 AND version = ?2",
    [ST_SET_GONE] = "UPDATE versions SET state = 4, bytes = 0 "
                    "WHERE path = ?1 AND version = ?2 AND state <> 3",
    [ST_FORGET] = "DELETE FROM versions WHERE path = ?1 AND version = ?2",
    [ST_TOUCH] = "UPDATE versions SET last_use = ?3 "
                 "WHERE path = ?1 AND version = ?2 AND last_use < ?3",
    [ST_GET] = "SELECT " COLUMNS " FROM versions WHERE path = ?1 AND version = ?2",
    [ST_BYTES] = "SELECT bytes FROM totals",
    [ST_SYNC] = "UPDATE totals SET syncs = syncs + 1",
    [ST_OLDEST] = "SELECT " COLUMNS " FROM versions WHERE state <= 2 AND refetchable = 1 "
                  "ORDER BY last_use LIMIT ?1",
    [ST_EVICTING] = "SELECT " COLUMNS " FROM versions WHERE state = 3",
    [ST_AFTER] = "SELECT " COLUMNS " FROM versions WHERE (path, version) > (?1, ?2) "
                 "ORDER BY path, version LIMIT ?3",
};

struct catalog {
    pthread_mutex_t mutex;
    char *path;
    bool is_read_only;
    sqlite3 *db; /* NULL until opened */
    bool is_full_sync;
    sqlite3_stmt *statements[ST_COUNT];
};

/* ---- errors ---- */

static enum status status_of_sqlite(sqlite3 *db, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return STATUS_NO_SPACE;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return STATUS_READ_ONLY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return STATUS_CORRUPT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return STATUS_TIMEOUT;
    default:
        return db && sqlite3_system_errno(db) == ENOSPC ? STATUS_NO_SPACE : STATUS_IO;
    }
}

__attribute__((returns_nonnull)) static struct error *fail(struct catalog *c, struct arena *a,
                                                           int rc, const char *doing)
{
    return error_new(a, status_of_sqlite(c->db, rc), "%s the catalog %s: %s", doing, c->path,
                     c->db ? sqlite3_errmsg(c->db) : sqlite3_errstr(rc));
}

/* ---- open and close ---- */

struct catalog *catalog_new(const char *path, bool is_read_only)
{
    struct catalog *c = xcalloc(1, sizeof(*c));
    c->path = xstrdup(path);
    c->is_read_only = is_read_only;
    pthread_mutex_init(&c->mutex, NULL);
    return c;
}

static void close_db(struct catalog *c)
{
    for (int i = 0; i < ST_COUNT; i++) {
        sqlite3_finalize(c->statements[i]);
        c->statements[i] = NULL;
    }
    sqlite3_close(c->db);
    c->db = NULL;
    c->is_full_sync = false;
}

void catalog_free(struct catalog *c)
{
    if (!c)
        return;
    close_db(c);
    pthread_mutex_destroy(&c->mutex);
    free(c->path);
    free(c);
}

static struct error *run(struct catalog *c, struct arena *a, const char *sql)
{
    int rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? NULL : fail(c, a, rc, "setting up");
}

static struct error *schema_version(struct catalog *c, struct arena *a, int *version)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(c->db, "PRAGMA user_version", -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    *version = rc == SQLITE_ROW ? sqlite3_column_int(st, 0) : 0;
    sqlite3_finalize(st);
    return rc == SQLITE_ROW ? NULL : fail(c, a, rc, "opening");
}

static struct error *set_up(struct catalog *c, struct arena *a, bool *is_new)
{
    int version;
    sqlite3_busy_timeout(c->db, BUSY_MS);
    TRY(schema_version(c, a, &version));
    if (version > SCHEMA_VERSION)
        return error_new(a, STATUS_BAD_CONFIG,
                         "the catalog %s was written by a newer modgate: run that one", c->path);
    *is_new = version == 0;
    if (c->is_read_only)
        return NULL;
    TRY(run(c, a, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"));
    return version ? NULL : run(c, a, schema);
}

/* A WAL file on a read-only file system can only be read as one that nobody writes. */
static int open_read_only(struct catalog *c, struct arena *a)
{
    struct slice uri = arena_printf(a, "file:%s?immutable=1", c->path);
    return sqlite3_open_v2(uri.p, &c->db,
                           SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
}

static struct error *open_db(struct catalog *c, struct arena *a, bool *is_new)
{
    *is_new = false;
    if (c->db)
        return NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int rc = c->is_read_only ? open_read_only(c, a) : sqlite3_open_v2(c->path, &c->db, flags, NULL);
    struct error *err = rc == SQLITE_OK ? set_up(c, a, is_new) : fail(c, a, rc, "opening");
    if (err)
        close_db(c);
    return err;
}

struct error *catalog_open(struct catalog *c, struct arena *a, bool *is_new)
{
    pthread_mutex_lock(&c->mutex);
    struct error *err = open_db(c, a, is_new);
    pthread_mutex_unlock(&c->mutex);
    return err;
}

struct error *catalog_put_aside(struct catalog *c, struct arena *a)
{
    static const char *const tails[] = {"", "-wal", "-shm"};
    struct error *err = NULL;
    pthread_mutex_lock(&c->mutex);
    close_db(c);
    for (size_t i = 0; i < ARRAY_LEN(tails) && !err; i++) {
        const char *from = arena_printf(a, "%s%s", c->path, tails[i]).p;
        const char *to = arena_printf(a, "%s.damaged%s", c->path, tails[i]).p;
        if (rename(from, to) < 0 && errno != ENOENT)
            err = error_errno(a, errno, "putting %s aside", from);
    }
    pthread_mutex_unlock(&c->mutex);
    return err;
}

/* ---- statements ---- */

static struct error *prepare(struct catalog *c, struct arena *a, enum statement id,
                             sqlite3_stmt **out)
{
    *out = NULL;
    if (!c->statements[id]) {
        int rc = sqlite3_prepare_v3(c->db, statement_sql[id], -1, SQLITE_PREPARE_PERSISTENT,
                                    &c->statements[id], NULL);
        if (rc != SQLITE_OK)
            return fail(c, a, rc, "reading");
    }
    *out = c->statements[id];
    return NULL;
}

static void bind_text(sqlite3_stmt *st, int at, struct slice s)
{
    sqlite3_bind_text64(st, at, s.n ? s.p : "", s.n, SQLITE_STATIC, SQLITE_UTF8);
}

/* Runs a statement that returns no rows. */
static struct error *finish(struct catalog *c, struct arena *a, sqlite3_stmt *st, const char *doing)
{
    int rc = sqlite3_step(st);
    struct error *err = rc == SQLITE_DONE || rc == SQLITE_ROW ? NULL : fail(c, a, rc, doing);
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return err;
}

static struct error *simple(struct catalog *c, struct arena *a, enum statement id)
{
    sqlite3_stmt *st = NULL;
    TRY(prepare(c, a, id, &st));
    return finish(c, a, st, "writing");
}

/* ---- transactions ---- */

static struct error *roll_back(struct catalog *c, struct arena *a, struct error *err)
{
    if (!c->db || sqlite3_get_autocommit(c->db))
        return err; /* SQLite has rolled back by itself */
    struct error *again = simple(c, a, ST_ROLLBACK);
    return again ? error_wrap(a, err, "rolling back failed too (%s)", again->text.p) : err;
}

/* The setting cannot be changed inside a transaction. */
static struct error *set_sync(struct catalog *c, struct arena *a, bool is_full)
{
    if (c->is_full_sync == is_full)
        return NULL;
    TRY(run(c, a, is_full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL"));
    c->is_full_sync = is_full;
    return NULL;
}

static struct error *begin(struct catalog *c, struct arena *a, bool is_durable)
{
    bool is_new;
    TRY(open_db(c, a, &is_new));
    TRY(set_sync(c, a, is_durable));
    TRY(simple(c, a, ST_BEGIN));
    if (!is_durable)
        return NULL;
    /* A write of its own, so that there is something to sync. */
    struct error *err = simple(c, a, ST_SYNC);
    return err ? roll_back(c, a, err) : NULL;
}

struct error *catalog_begin(struct catalog *c, struct arena *a, bool is_durable)
{
    pthread_mutex_lock(&c->mutex);
    struct error *err = begin(c, a, is_durable);
    if (err)
        pthread_mutex_unlock(&c->mutex);
    return err;
}

struct error *catalog_end(struct catalog *c, struct arena *a, struct error *err)
{
    if (!err)
        err = simple(c, a, ST_COMMIT);
    if (err)
        err = roll_back(c, a, err);
    pthread_mutex_unlock(&c->mutex);
    return err;
}

/* ---- rows ---- */

struct error *catalog_put(struct catalog *c, struct arena *a, const struct catalog_row *row)
{
    sqlite3_stmt *st = NULL;
    TRY(prepare(c, a, ST_PUT, &st));
    bind_text(st, 1, row->mv.path);
    bind_text(st, 2, row->mv.version);
    sqlite3_bind_int(st, 3, (int)row->state);
    sqlite3_bind_int64(st, 4, (int64_t)row->bytes);
    bind_text(st, 5, row->zip_h1);
    sqlite3_bind_int64(st, 6, row->first_seen_unix_s);
    sqlite3_bind_int64(st, 7, row->last_use_unix_s);
    bind_text(st, 8, row->origin);
    sqlite3_bind_int(st, 9, row->is_refetchable);
    return finish(c, a, st, "writing");
}

struct error *catalog_set_state(struct catalog *c, struct arena *a, struct module_version mv,
                                enum version_state state, uint64_t bytes)
{
    sqlite3_stmt *st = NULL;
    TRY(prepare(c, a, ST_SET_STATE, &st));
    bind_text(st, 1, mv.path);
    bind_text(st, 2, mv.version);
    sqlite3_bind_int(st, 3, (int)state);
    sqlite3_bind_int64(st, 4, (int64_t)bytes);
    return finish(c, a, st, "writing");
}

struct error *catalog_set_gone(struct catalog *c, struct arena *a, struct module_version mv)
{
    sqlite3_stmt *st = NULL;
    TRY(prepare(c, a, ST_SET_GONE, &st));
    bind_text(st, 1, mv.path);
    bind_text(st, 2, mv.version);
    return finish(c, a, st, "writing");
}

struct error *catalog_forget(struct catalog *c, struct arena *a, struct module_version mv)
{
    sqlite3_stmt *st = NULL;
    TRY(prepare(c, a, ST_FORGET, &st));
    bind_text(st, 1, mv.path);
    bind_text(st, 2, mv.version);
    return finish(c, a, st, "writing");
}

struct error *catalog_touch(struct catalog *c, struct arena *a, struct module_version mv,
                            int64_t last_use_unix_s)
{
    sqlite3_stmt *st = NULL;
    TRY(prepare(c, a, ST_TOUCH, &st));
    bind_text(st, 1, mv.path);
    bind_text(st, 2, mv.version);
    sqlite3_bind_int64(st, 3, last_use_unix_s);
    return finish(c, a, st, "writing");
}

static struct slice column_text(sqlite3_stmt *st, int at)
{
    const char *p = (const char *)sqlite3_column_text(st, at);
    return slice_make(p ? p : "", p ? (size_t)sqlite3_column_bytes(st, at) : 0);
}

static struct catalog_row row_of(sqlite3_stmt *st)
{
    return (struct catalog_row){
        .mv = {column_text(st, 0), column_text(st, 1)},
        .state = (enum version_state)sqlite3_column_int(st, 2),
        .bytes = (uint64_t)sqlite3_column_int64(st, 3),
        .zip_h1 = column_text(st, 4),
        .first_seen_unix_s = sqlite3_column_int64(st, 5),
        .last_use_unix_s = sqlite3_column_int64(st, 6),
        .origin = column_text(st, 7),
        .is_refetchable = sqlite3_column_int(st, 8) != 0,
    };
}

static struct error *each(struct catalog *c, struct arena *a, sqlite3_stmt *st, catalog_row_fn fn,
                          void *arg)
{
    int rc;
    struct error *err = NULL;
    while (!err && (rc = sqlite3_step(st)) != SQLITE_DONE) {
        if (rc == SQLITE_ROW) {
            struct catalog_row row = row_of(st);
            err = fn(arg, a, &row);
        } else {
            err = fail(c, a, rc, "reading");
        }
    }
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return err;
}

struct error *catalog_each_oldest(struct catalog *c, struct arena *a, uint64_t limit,
                                  catalog_row_fn fn, void *arg)
{
    sqlite3_stmt *st = NULL;
    TRY(prepare(c, a, ST_OLDEST, &st));
    sqlite3_bind_int64(st, 1, limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
    return each(c, a, st, fn, arg);
}

struct error *catalog_each_evicting(struct catalog *c, struct arena *a, catalog_row_fn fn,
                                    void *arg)
{
    sqlite3_stmt *st = NULL;
    TRY(prepare(c, a, ST_EVICTING, &st));
    return each(c, a, st, fn, arg);
}

struct error *catalog_each_after(struct catalog *c, struct arena *a, struct module_version after,
                                 uint64_t limit, catalog_row_fn fn, void *arg)
{
    sqlite3_stmt *st = NULL;
    TRY(prepare(c, a, ST_AFTER, &st));
    bind_text(st, 1, after.path);
    bind_text(st, 2, after.version);
    sqlite3_bind_int64(st, 3, (int64_t)limit);
    return each(c, a, st, fn, arg);
}

/* ---- single reads ---- */

struct get {
    bool found;
    struct catalog_row row;
};

static struct error *keep_row(void *arg, struct arena *a, const struct catalog_row *row)
{
    struct get *get = arg;
    get->found = true;
    get->row = *row;
    get->row.mv.path = arena_dup(a, row->mv.path);
    get->row.mv.version = arena_dup(a, row->mv.version);
    get->row.zip_h1 = arena_dup(a, row->zip_h1);
    get->row.origin = arena_dup(a, row->origin);
    return NULL;
}

static struct error *get_row(struct catalog *c, struct arena *a, struct module_version mv,
                             struct get *get)
{
    bool is_new;
    sqlite3_stmt *st = NULL;
    TRY(open_db(c, a, &is_new));
    TRY(prepare(c, a, ST_GET, &st));
    bind_text(st, 1, mv.path);
    bind_text(st, 2, mv.version);
    return each(c, a, st, keep_row, get);
}

struct error *catalog_get(struct catalog *c, struct arena *a, struct module_version mv, bool *found,
                          struct catalog_row *row)
{
    struct get get = {0};
    pthread_mutex_lock(&c->mutex);
    struct error *err = get_row(c, a, mv, &get);
    pthread_mutex_unlock(&c->mutex);
    *found = get.found;
    *row = get.row;
    return err;
}

static struct error *read_bytes(struct catalog *c, struct arena *a, uint64_t *bytes)
{
    bool is_new;
    sqlite3_stmt *st = NULL;
    TRY(open_db(c, a, &is_new));
    TRY(prepare(c, a, ST_BYTES, &st));
    int rc = sqlite3_step(st);
    int64_t sum = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
    struct error *err = rc == SQLITE_ROW ? NULL : fail(c, a, rc, "reading");
    sqlite3_reset(st);
    *bytes = sum > 0 ? (uint64_t)sum : 0;
    return err;
}

struct error *catalog_bytes(struct catalog *c, struct arena *a, uint64_t *bytes)
{
    pthread_mutex_lock(&c->mutex);
    struct error *err = read_bytes(c, a, bytes);
    pthread_mutex_unlock(&c->mutex);
    return err;
}
