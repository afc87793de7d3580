/*
 * The catalog: what the tree cannot tell of a version, in SQLite (WAL). The tree is the truth; the
 * catalog may lag behind it, be lost and be made anew.
 *
 * One connection under a mutex; other processes may have the file open too. Calls marked [tx] run
 * between catalog_begin() and catalog_end(), which hold the mutex and the file's write lock.
 * Errors: NO_SPACE, READ_ONLY, CORRUPT (the file is damaged), TIMEOUT (another process holds it).
 */
#ifndef MODGATE_STORE_CATALOG_H
#define MODGATE_STORE_CATALOG_H

#include "gomod/module.h"

struct catalog;

enum version_state {
    VERSION_PARTIAL = 1,
    VERSION_WHOLE = 2,
    VERSION_EVICTING = 3, /* its files are being removed: a start finishes that */
    VERSION_EVICTED = 4,  /* only remembered, so that it cannot come back changed */
};

struct catalog_row {
    struct module_version mv;
    enum version_state state;
    uint64_t bytes;      /* stored now */
    struct slice zip_h1; /* empty when its zip was never stored */
    int64_t first_seen_unix_s;
    int64_t last_use_unix_s;
    struct slice origin;
    bool is_refetchable;
};

/* A catalog that is not open yet; path is that of the file. */
struct catalog *catalog_new(const char *path, bool is_read_only);
void catalog_free(struct catalog *c);
/* Opens it unless it is; *is_new when the file has just been made. */
struct error *catalog_open(struct catalog *c, struct arena *a, bool *is_new) MUST_CHECK;
/* Closes it and renames its files to "<path>.damaged". */
struct error *catalog_put_aside(struct catalog *c, struct arena *a) MUST_CHECK;

/* is_durable: the commit syncs everything written until then, earlier transactions too. */
struct error *catalog_begin(struct catalog *c, struct arena *a, bool is_durable) MUST_CHECK;
/* Commits when err is NULL, else rolls back and returns err. */
struct error *catalog_end(struct catalog *c, struct arena *a, struct error *err) MUST_CHECK;

/*
 * [tx] Inserts or updates. Of an existing row stay: first seen; EVICTING; the later last use; h1
 * and origin when the new ones are empty.
 */
struct error *catalog_put(struct catalog *c, struct arena *a,
                          const struct catalog_row *row) MUST_CHECK;
/* [tx] Sets the state and the bytes of a row; no row is fine. */
struct error *catalog_set_state(struct catalog *c, struct arena *a, struct module_version mv,
                                enum version_state state, uint64_t bytes) MUST_CHECK;
/*
 * [tx] Nothing is stored of the version: EVICTED, unless it is EVICTING, for then there may be
 * leftovers that a start has to find.
 */
struct error *catalog_set_gone(struct catalog *c, struct arena *a,
                               struct module_version mv) MUST_CHECK;
/* [tx] Drops the row, with what it remembers; no row is fine. */
struct error *catalog_forget(struct catalog *c, struct arena *a,
                             struct module_version mv) MUST_CHECK;
/* [tx] Sets last use, unless the row has a later one; no row is fine. */
struct error *catalog_touch(struct catalog *c, struct arena *a, struct module_version mv,
                            int64_t last_use_unix_s) MUST_CHECK;

/* Takes the mutex by itself. */
struct error *catalog_get(struct catalog *c, struct arena *a, struct module_version mv, bool *found,
                          struct catalog_row *row) MUST_CHECK;
/* The sum of bytes. Takes the mutex by itself. */
struct error *catalog_bytes(struct catalog *c, struct arena *a, uint64_t *bytes) MUST_CHECK;

/* Called for each row; slices live until it returns. An error of it ends the walk. */
typedef struct error *(*catalog_row_fn)(void *arg, struct arena *a, const struct catalog_row *row);
/* [tx] Refetchable rows, stored, least recently used first, at most limit. */
struct error *catalog_each_oldest(struct catalog *c, struct arena *a, uint64_t limit,
                                  catalog_row_fn fn, void *arg) MUST_CHECK;
/* [tx] Rows whose eviction is under way. */
struct error *catalog_each_evicting(struct catalog *c, struct arena *a, catalog_row_fn fn,
                                    void *arg) MUST_CHECK;
/* [tx] Rows behind after, in the order of path and version, at most limit. */
struct error *catalog_each_after(struct catalog *c, struct arena *a, struct module_version after,
                                 uint64_t limit, catalog_row_fn fn, void *arg) MUST_CHECK;

#endif
