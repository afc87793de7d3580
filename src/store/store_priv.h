/*
 * What the files of the store share. Every path below is relative to the data folder (dir_fd), so
 * that no call depends on the working directory and a lookup is one openat().
 */
#ifndef MODGATE_STORE_STORE_PRIV_H
#define MODGATE_STORE_STORE_PRIV_H

#include "store/catalog.h"
#include "store/store.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#define TREE_DIR "cache/download"
#define PARTIAL_DIR "partial"
#define PINNED_DIR "pinned"
#define ANSWERS_DIR "answers"
#define BLOBS_DIR "sumdb"
#define FACTS_DIR "facts"
#define DOUBT_DIR "unverified"
#define SERVED_DIR "served"
#define QUARANTINE_DIR "quarantine"
#define STAGE_DIR "stage"
#define TOMBSTONE_DIR "tombstones"
#define LOCK_FILE "lock"

enum { ANSWER_BUCKETS = 256, SMALL_MAX_BYTES = 16 << 20 };

/* The folder of this process under stage/. Made when first needed. */
struct owner {
    pthread_mutex_t mutex;
    char *rel;   /* "stage/<pid>-<random>"; NULL until made */
    int fd;      /* the folder; -1 until made */
    int lock_fd; /* locked for as long as the process lives */
    atomic_uint next_number;
};

/* The thread that flushes now and then. */
struct flusher {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_started, is_due, is_stopping;
};

struct touches;
struct news;
struct journal;

struct store {
    char *dir; /* absolute */
    char *tree;
    int dir_fd;
    bool is_read_only;
    struct owner owner;
    struct catalog *catalog;
    struct touches *touches;
    struct journal *journal;
    pthread_mutex_t flush_mutex; /* one flush at a time */
    pthread_mutex_t news_mutex;
    struct news *news;         /* what the catalog has not been told of */
    atomic_uint pending_count; /* of them */
    _Atomic int64_t pending_bytes;
    _Atomic uint64_t catalog_bytes;
    _Atomic uint64_t max_bytes;
    struct flusher flusher;
    atomic_uint answer_puts[ANSWER_BUCKETS];
};

/* ---- names.c: where things lie. Pure. ---- */

struct names {
    struct slice escaped_path;
    struct slice escaped_version;
};
/* Errors: BAD_PATH, BAD_VERSION. */
struct error *names_make(struct arena *a, struct module_version mv, struct names *out) MUST_CHECK;
/* The concatenation, NUL-terminated, in the arena. */
const char *join(struct arena *a, const struct slice *parts, size_t count);
#define JOIN(a, ...)                                                                               \
    join((a), (const struct slice[]){__VA_ARGS__},                                                 \
         sizeof((const struct slice[]){__VA_ARGS__}) / sizeof(struct slice))
/* "<root>/<escaped path>/@v" and "<that>/<escaped version>.zip". */
const char *names_dir(struct arena *a, const char *root, const struct names *n);
const char *names_file(struct arena *a, const char *root, const struct names *n,
                       enum artefact what);
/* The marker of a version that cannot be fetched again. */
const char *names_pin(struct arena *a, const struct names *n);
/* What lock_take() is told for a version. */
struct slice names_lock(struct arena *a, const struct names *n);
/* ".zip" and so on. */
struct slice artefact_suffix(enum artefact what);
/* True when s is a path of plain elements below its root: none is empty, "." or "..". */
bool is_plain_rel_path(struct slice s);
/* CRC-32, against what a power loss tears. */
uint32_t checksum(struct slice s);

/* ---- disk.c: folders, small files, locks ---- */

/*
 * As error_errno, but ENOENT is an I/O error: a folder of the store that vanished must never be
 * taken for a version that does not exist.
 */
#define disk_error(a, err, ...) disk_not_absent(error_errno((a), (err), __VA_ARGS__))
struct error *disk_not_absent(struct error *e) __attribute__((returns_nonnull));

/* errno of a lookup that means "there is none". */
bool is_absent_errno(int err);
bool disk_exists(const struct store *s, const char *rel);
void dir_cleanup(DIR **d);
#define DIR_SCOPED __attribute__((cleanup(dir_cleanup))) DIR *
/* Opens a folder for readdir(); *d is NULL when there is none. */
struct error *disk_open_dir(const struct store *s, struct arena *a, const char *rel,
                            DIR **d) MUST_CHECK;
/* Opens a regular file for reading. */
struct error *disk_open_object(const struct store *s, struct arena *a, const char *rel, bool *found,
                               struct store_object *out) MUST_CHECK;
/* Makes the folder and its parents unless they are there. Not synced. */
struct error *disk_make_dir(struct store *s, struct arena *a, const char *rel) MUST_CHECK;
/* The same, and opens it. */
struct error *disk_dir(struct store *s, struct arena *a, const char *rel, int *fd) MUST_CHECK;
/* Reads a regular file of at most SMALL_MAX_BYTES; its p is never NULL then. */
struct error *disk_read_small(struct arena *a, int dir_fd, const char *name,
                              struct slice *out) MUST_CHECK;
/* Creates (fails when it is there), writes; is_synced: fsyncs. */
struct error *disk_write(struct arena *a, int dir_fd, const char *name, struct slice data,
                         mode_t mode, bool is_synced) MUST_CHECK;
/* fsync with an error text that names the file. */
struct error *disk_sync(struct arena *a, int fd, const char *name) MUST_CHECK;
/* Makes all that was written to the file system durable, and reports what could not be. */
struct error *disk_sync_all(struct store *s, struct arena *a) MUST_CHECK;
/* Removes a file; absence is fine. */
struct error *disk_unlink(const struct store *s, struct arena *a, const char *rel) MUST_CHECK;
/*
 * Renames without replacing. *is_placed is false when the target is there; the source stays then.
 */
struct error *disk_place(struct arena *a, int from_fd, const char *from, int to_fd, const char *to,
                         bool *is_placed) MUST_CHECK;
/* Renames over whatever is there. */
struct error *disk_replace(struct arena *a, int from_fd, const char *from, int to_fd,
                           const char *to) MUST_CHECK;
/*
 * Takes the exclusive lock of a name, against other threads and other processes; closing *lock_fd
 * gives it back. cx: its deadline and cancellation are kept; NULL waits up to a minute.
 */
struct error *lock_take(struct store *s, struct arena *a, const struct ctx *cx, struct slice name,
                        int *lock_fd) MUST_CHECK;

/* ---- stage.c ---- */

struct store_stage {
    struct store *s;
    unsigned number;
    const char *rel;  /* "stage/<owner>/zip-<number>" */
    const char *path; /* the same, absolute */
    bool is_kept;     /* a commit broke off half-way: recovery needs what is staged */
    struct arena arena;
};
/* Where the zip of a stage is. */
const char *stage_rel(struct arena *a, const char *owner_rel, unsigned number);
/* Makes the folder of this process, unless there is one. */
struct error *owner_ready(struct store *s, struct arena *a) MUST_CHECK;
void owner_release(struct store *s);
/* A name for a temporary file in the folder of this process. */
const char *owner_temp_name(struct store *s, struct arena *a);
/*
 * Writes a temporary file in the folder of this process, not synced, and renames it without
 * replacing. *is_placed is false when the target is there.
 */
struct error *owner_place(struct store *s, struct arena *a, struct slice body, int to_fd,
                          const char *to, bool *is_placed) MUST_CHECK;
/* Finishes what dead processes left under stage/, or drops it. */
struct error *stage_recover(struct store *s, struct arena *a) MUST_CHECK;

/* ---- intent.c: what is about to be published ---- */

enum intent_kind { INTENT_PARTIAL, INTENT_WHOLE, INTENT_GONE };

struct intent {
    struct module_version mv;
    enum intent_kind kind;
    bool is_pinned;
    unsigned stage_number; /* of the zip */
    uint64_t bytes;        /* of all files */
    struct slice zip_h1, origin;
    struct slice info, mod, signature; /* p is NULL: there is none */
    struct slice zip;                  /* when it is small; p is NULL: it was synced by itself */
    uint32_t zip_sum;                  /* intent.c's */
};
/* All but the zip, which is to follow. */
struct slice intent_format(struct arena *a, struct intent *in);
/* Cuts the next one off; false at the end, and where the journal is torn. The texts stay in it. */
bool intent_parse(struct slice *journal, struct intent *out);

/* ---- journal.c: intents that are durable ---- */

#define JOURNAL_PREFIX "journal-"
struct journal_file;
struct journal *journal_new(void);
void journal_free(struct journal *j);
/*
 * Appends; durable when it returns. The intent is not forgotten before journal_end(), which is left
 * out when the publication broke off half-way. With an error *file is NULL.
 */
struct error *journal_append(struct store *s, struct arena *a, struct intent *in,
                             struct journal_file **file) MUST_CHECK;
/* What the intent said is done, or was not begun; NULL is fine. The catalog's news come before. */
void journal_end(struct store *s, struct journal_file *file);
/*
 * The files whose publications have all ended. When what they placed is in the catalog and synced,
 * they are forgotten; until then they can be put back.
 */
struct journal_file *journal_take_ended(struct store *s);
void journal_put_back(struct store *s, struct journal_file *ended);
void journal_forget(struct store *s, struct journal_file *ended);
/* False while there are intents that were not forgotten. */
bool journal_is_empty(struct store *s);
/* All intents in the folder of a dead process, in their order; their texts live in the arena. */
struct error *journal_read(struct store *s, struct arena *a, const char *owner_rel,
                           struct intent **list, size_t *count) MUST_CHECK;

/* ---- recover.c ---- */

/* Finishes what an intent of a dead process says. owner_rel: the folder of that process. */
struct error *recover_intent(struct store *s, struct arena *a, const char *owner_rel,
                             const struct intent *in) MUST_CHECK;

/* ---- list.c: @v/list of the tree ---- */

struct error *list_add(struct store *s, struct arena *a, const struct ctx *cx,
                       const struct names *n, struct slice version) MUST_CHECK;
/* Makes the list say what the folder holds. */
struct error *list_rewrite(struct store *s, struct arena *a, const struct ctx *cx,
                           struct slice escaped_path) MUST_CHECK;

/* ---- settle.c: from the tree to the catalog ---- */

/* Reads what the disk has of a version into its row. Inside a transaction. */
struct error *settle(struct store *s, struct arena *a, struct module_version mv,
                     struct slice origin) MUST_CHECK;
/* The same of many, in a transaction of its own, and makes all durable. */
struct error *settle_intents(struct store *s, struct arena *a, const struct intent *list,
                             size_t count) MUST_CHECK;
/* Notes what was published; the flusher hurries when there is much. */
void settle_later(struct store *s, const struct intent *in);
void flusher_start(struct store *s);
/* Returns when the thread has ended. */
void flusher_stop(struct store *s);
/* Reads the sum of the catalog. */
struct error *settle_bytes(struct store *s, struct arena *a) MUST_CHECK;

/* ---- news.c: what was published since the last flush ---- */

struct news;
void news_add(struct store *s, const struct intent *in);
struct news *news_take(struct store *s);
struct error *news_settle(struct store *s, struct arena *a, const struct news *all) MUST_CHECK;
void news_put_back(struct store *s, struct news *all);
/* Returns how many there were, and adds their bytes. */
unsigned news_free(struct news *all, int64_t *bytes);

/* ---- reindex.c ---- */

/* Opens the catalog; a damaged one is put aside, and an empty one filled from the tree. */
struct error *catalog_ready(struct store *s, struct arena *a) MUST_CHECK;
/* After an error: puts a damaged catalog aside and makes it anew. NULL when that helped. */
struct error *catalog_heal(struct store *s, struct arena *a, struct error *err) MUST_CHECK;

/* ---- evict.c ---- */

/* Removes all that is stored of a version, .info first. Under its lock. */
struct error *version_remove(struct store *s, struct arena *a, const struct names *n) MUST_CHECK;
/* Finishes evictions that broke off. */
struct error *evict_finish(struct store *s, struct arena *a) MUST_CHECK;

/* ---- tombstone.c ---- */

bool is_withdrawn(const struct store *s, struct arena *a, const struct names *n);
/* Removes what a withdrawal that broke off has left. */
struct error *withdrawals_finish(struct store *s, struct arena *a) MUST_CHECK;

/* ---- touch.c ---- */

struct touches *touches_new(void);
void touches_free(struct touches *t);
bool touches_any(struct touches *t);
/* Writes the gathered uses. Inside a transaction. */
struct error *touches_write(struct store *s, struct arena *a) MUST_CHECK;

#endif
