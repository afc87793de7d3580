/*
 * The store: verified artefacts under a data folder, and what the outside last answered.
 *
 *   <dir>/cache/download/<path>/@v/<version>.{mod,zip,ziphash,info}   whole versions, escaped
 *   <dir>/cache/download/<path>/@v/<version>.zip.sig                  signatures of zips, if any
 *   <dir>/cache/download/<path>/@v/list                               names them
 *   <dir>/partial/<path>/@v/<version>.{info,mod}   versions whose zip nobody asked for
 *   <dir>/answers/…                          lists, @latest, queries and absences, and when learnt
 *   <dir>/sumdb/…                            what is known of checksum databases
 *   <dir>/facts/…                            what policy rules ask of modules and versions
 *   <dir>/unverified/…                       marks of versions that were stored unchecked
 *   <dir>/served/…                           which member of a group served a version first
 *   <dir>/quarantine/…                       what was refused, and why
 *   <dir>/tombstones/…                       versions that were withdrawn, and why: tombstone.h
 *   <dir>/stage/                             work under way and its journal; emptied at start
 *   <dir>/catalog.db                         SQLite: sizes, first seen, origin, last use
 *
 * The first folder is a plain GOPROXY tree with the shape of $GOMODCACHE/cache/download. A version
 * appears in it whole and durable: staged, in the journal, renamed, `.info` last. What is in it
 * never changes. Several processes may share a store. All calls block on the disk. [worker] unless
 * marked.
 */
#ifndef MODGATE_STORE_STORE_H
#define MODGATE_STORE_STORE_H

#include "base/ctx.h"

#include "gomod/module.h"

struct store;

/* ZIPSIG: a detached signature of the zip, of whole versions only; not each has one. */
enum artefact { ARTEFACT_INFO, ARTEFACT_MOD, ARTEFACT_ZIP, ARTEFACT_ZIPHASH, ARTEFACT_ZIPSIG };
#define ARTEFACT_COUNT 5

enum { H1_BYTES = 47 }; /* "h1:" and 44 characters */

struct store_options {
    const char *dir;
    uint64_t max_bytes; /* 0 = no limit; above it store_evict() has work to do */
};

/* Opens or creates. A folder that cannot be written opens read-only; store_is_read_only() tells. */
struct error *store_open(struct arena *a, const struct store_options *o,
                         struct store **out) MUST_CHECK;
/* Writes what is pending (last use) and frees. */
void store_close(struct store *s);
bool store_is_read_only(const struct store *s);
/* The root of the GOPROXY tree, for as long as the store is open. [any] */
const char *store_tree(const struct store *s);

struct store_object {
    int fd; /* open for reading; the caller closes it */
    uint64_t size;
    int64_t mtime_unix_s;
    bool has_h1;
    char h1[H1_BYTES + 1]; /* of the zip; for ZIP and ZIPHASH only */
};

/*
 * Looks an artefact up: the whole versions first, then the partial ones. Costs one open and one
 * fstat (ZIP: and the read of its .ziphash). Absence is found = false, not an error. [any: may run
 * on a loop]
 */
struct error *store_get(struct store *s, struct arena *a, struct module_version mv,
                        enum artefact what, bool *found, struct store_object *out) MUST_CHECK;
/* Notes a use for eviction: memory only, written to the catalog now and then. [any] */
void store_touch(struct store *s, struct module_version mv);
/*
 * Writes to the catalog what was published and used since the last time. A thread of the store does
 * so every few seconds, and so do store_evict() and store_close().
 */
struct error *store_flush(struct store *s, struct arena *a) MUST_CHECK;

/* A place under stage/ for one zip. */
struct store_stage;
struct error *store_stage_new(struct store *s, struct arena *a,
                              struct store_stage **out) MUST_CHECK;
/* Where to write the zip, a new file; lives as long as the stage. */
const char *store_stage_zip(const struct store_stage *st);
/* Removes what is staged and frees; after a commit too. NULL is fine. */
void store_stage_free(struct store_stage *st);

struct store_commit {
    struct module_version mv;
    struct slice zip_h1; /* of the staged zip */
    struct slice info, mod;
    struct slice signature; /* of the zip; p is NULL: there is none */
    struct slice origin;    /* which upstream it came from, for the catalog */
    bool is_refetchable;    /* eviction may drop it */
};
/*
 * Publishes the staged zip, .info and .mod as a whole version, with the signature if there is one.
 * Durable when it returns. What is
 * already stored stays and wins: *was_stored tells; the same bytes or not, nothing is overwritten.
 * Errors: BAD_REQUEST when something lacks, MISMATCH when the version was another one before.
 */
struct error *store_commit(struct store *s, struct ctx *cx, struct store_stage *st,
                           const struct store_commit *c, bool *was_stored) MUST_CHECK;

/*
 * Puts the signature of a stored zip beside it, in place of one that is there. Durable when it
 * returns. NOT_FOUND when the version is not stored whole.
 */
struct error *store_put_signature(struct store *s, struct ctx *cx, struct module_version mv,
                                  struct slice signature) MUST_CHECK;

/*
 * Publishes one small artefact alone, INFO or MOD, as partial: the short way for what is asked for
 * before the zip. Durable when it returns. What is stored already, whole or partial, stays:
 * *was_stored tells.
 */
struct error *store_put_partial(struct store *s, struct ctx *cx, struct module_version mv,
                                enum artefact what, struct slice body, struct slice origin,
                                bool is_refetchable, bool *was_stored) MUST_CHECK;
/* Whether the version, whole or partial, was stored as one that cannot be fetched again. [any] */
bool store_is_pinned(struct store *s, struct arena *a, struct module_version mv);

/* The whole versions stored of a path, pseudo-versions (which @v/list leaves out) too: unsorted. */
struct error *store_versions(struct store *s, struct arena *a, struct slice path,
                             struct slice **versions, size_t *count) MUST_CHECK;

/*
 * Mutable answers from outside. The key is a GOPROXY request path, "<escaped path>/@v/list",
 * "<escaped path>/@latest", "<escaped path>/@v/<query>.info", or that of an absence. The body is at
 * most 16 MiB. Atomic, not synced: an answer that a power loss takes is asked again.
 */
struct store_answer {
    bool found;
    int status; /* 200, 404 or 410 */
    int64_t learnt_unix_s;
    struct slice body; /* in the arena */
};
struct error *store_answer_get(struct store *s, struct arena *a, struct slice key,
                               struct store_answer *out) MUST_CHECK;
struct error *store_answer_put(struct store *s, struct arena *a, struct slice key, int status,
                               struct slice body) MUST_CHECK;

/*
 * Bytes that never change, by name ("sum.example.com/tile/8/0/000"): atomic, first one wins. name
 * has no empty, "." or ".." element. [any: the get may run on a loop]
 */
struct error *store_blob_get(struct store *s, struct arena *a, struct slice name, bool *found,
                             struct store_object *out) MUST_CHECK;
struct error *store_blob_put(struct store *s, struct arena *a, struct slice name,
                             struct slice body) MUST_CHECK;

/* What a power loss may do to bytes that were replaced. */
enum blob_sync {
    BLOB_UNSYNCED, /* leave zeros, a part or nothing: for what its reader checks */
    BLOB_SYNCED,   /* bring the old ones back */
    BLOB_DURABLE,  /* nothing */
};
/* The same for bytes that do change: replaces them. */
struct error *store_blob_replace(struct store *s, struct arena *a, struct slice name,
                                 struct slice body, enum blob_sync sync) MUST_CHECK;
/*
 * Takes the lock of a name, against other threads and processes; closing *lock_fd gives it back.
 */
struct error *store_blob_lock(struct store *s, struct ctx *cx, struct slice name,
                              int *lock_fd) MUST_CHECK;

/*
 * What is known about modules and versions beside their artefacts, by name
 * ("example.com/m/@seen"): synced and replaced whole. Who reads, changes and puts takes the lock of
 * the name meanwhile, against other threads and processes; closing *lock_fd gives it back.
 */
struct error *store_fact_get(struct store *s, struct arena *a, struct slice name, bool *found,
                             struct slice *body) MUST_CHECK;
struct error *store_fact_put(struct store *s, struct arena *a, struct slice name,
                             struct slice body) MUST_CHECK;
struct error *store_fact_lock(struct store *s, struct ctx *cx, struct slice name,
                              int *lock_fd) MUST_CHECK;

/*
 * Marks a version as stored without a check against a checksum database, before the first artefact
 * of it is stored; takes the mark away; tells. The mark survives a crash.
 */
struct error *store_doubt_set(struct store *s, struct arena *a,
                              struct module_version mv) MUST_CHECK;
struct error *store_doubt_clear(struct store *s, struct arena *a,
                                struct module_version mv) MUST_CHECK;
bool store_is_doubted(struct store *s, struct arena *a, struct module_version mv);
/* At most max of the marked versions, in the arena. */
struct error *store_doubts(struct store *s, struct arena *a, size_t max,
                           struct module_version **list, size_t *count) MUST_CHECK;

/*
 * Which source of a group of sources served a version first; empty when none did. [any: may run on
 * a loop]
 */
struct error *store_served_get(struct store *s, struct arena *a, struct slice group,
                               struct module_version mv, struct slice *source) MUST_CHECK;
/*
 * Remembers that, durably. When one is remembered already that one stays, and store_served_get()
 * tells which; is_replacing: it is one that there is no more.
 */
struct error *store_served_put(struct store *s, struct arena *a, struct slice group,
                               struct module_version mv, struct slice source,
                               bool is_replacing) MUST_CHECK;

/*
 * Puts what was refused aside, with a text that says why: the file at path (which is moved), bytes,
 * or what is stored of a version, which is not stored any more then. Bounded: when there is no
 * room, nothing is kept.
 */
struct error *store_quarantine_file(struct store *s, struct arena *a, struct module_version mv,
                                    enum artefact what, const char *path,
                                    struct slice evidence) MUST_CHECK;
struct error *store_quarantine_bytes(struct store *s, struct arena *a, struct module_version mv,
                                     enum artefact what, struct slice body,
                                     struct slice evidence) MUST_CHECK;
struct error *store_quarantine_stored(struct store *s, struct ctx *cx, struct module_version mv,
                                      struct slice evidence) MUST_CHECK;

/* Bytes of the whole and partial versions, as of the catalog. [any] */
uint64_t store_bytes(const struct store *s);
uint64_t store_max_bytes(const struct store *s);
void store_set_max_bytes(struct store *s, uint64_t max_bytes);

/*
 * Tells of the versions that are being published in the store at dir, or whose publication broke
 * off and is made good at its next start: what they lack is no damage. Opens nothing for writing.
 * [worker]
 */
typedef void (*store_unfinished_fn)(void *arg, struct module_version mv);
struct error *store_unfinished(struct arena *a, const char *dir, store_unfinished_fn fn,
                               void *arg) MUST_CHECK;

/* One line per version that eviction drops (or would drop). */
typedef void (*store_evict_fn)(void *arg, struct module_version mv, uint64_t size_bytes,
                               int64_t last_use_unix_s);
/*
 * Drops the least recently used refetchable versions until the store is at or below target_bytes.
 * dry_run changes nothing. Nothing that is not refetchable is touched.
 */
struct error *store_evict(struct store *s, struct ctx *cx, uint64_t target_bytes, bool dry_run,
                          store_evict_fn fn, void *arg, uint64_t *freed_bytes) MUST_CHECK;
/* Makes the catalog anew from the tree: sizes, times; keeps what it can of last use and origin. */
struct error *store_reindex(struct store *s, struct ctx *cx, uint64_t *versions) MUST_CHECK;

/* Free bytes of the file system, and whether a small write works now: for readiness. */
struct error *store_health(struct store *s, struct arena *a, uint64_t *free_bytes) MUST_CHECK;

#endif
