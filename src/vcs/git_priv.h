/* What the files of git share. Nobody outside includes it. */
#ifndef MODGATE_VCS_GIT_PRIV_H
#define MODGATE_VCS_GIT_PRIV_H

#include "base/proc.h"
#include "vcs/git.h"

#include <pthread.h>

enum {
    GIT_OBJECT_MAX_BYTES = 16 << 20,    /* go's limit for a go.mod and a LICENSE */
    GIT_COMMIT_MAX_BYTES = 16 << 20,    /* of a commit object */
    GIT_REFS_MAX_BYTES = 512 << 20,     /* what ls-remote may say */
    GIT_KEPT_REFS_MAX_BYTES = 64 << 20, /* of it, HEAD, heads and tags */
    GIT_CACHED_FILE_BYTES = 64 << 10,   /* larger files are not kept in memory */
    GIT_CACHED_OBJECTS = 256,           /* per repository */
};

/* ---- git_url.c: what a URL says. Pure. [any] ---- */

struct git_url {
    struct slice scheme; /* "https", "ssh" (git+ssh and host:path too), "http", "git" */
    struct slice place;  /* "host", "host:port", both with "/path": what rules are matched on */
};

/* BAD_REQUEST, DENIED: as git_open(). */
struct error *git_url_parse(struct arena *a, struct slice url, bool is_insecure,
                            struct git_url *out) MUST_CHECK;
/* The same without any refusal: for what git makes of a URL. False when it is no URL. */
bool git_url_split(struct arena *a, struct slice url, struct git_url *out);
/* Whether a rule's place holds for one; the longer, the better: its length + 1, or 0. */
size_t git_place_match(struct slice rule, struct slice place);
/* The text with what looks like user:password@ in a URL taken out, in the arena. */
struct slice git_redact(struct arena *a, struct slice text);

/* ---- git_outcome.c: what git's failure means. Pure. [any] ---- */

/*
 * The error for a child that failed, from its standard error. CORRUPT: the mirror is damaged.
 * NOT_FOUND: the host answered and has no such ref. name: the repository, for the text.
 */
struct error *git_outcome(struct arena *a, struct slice name, const struct proc_result *r,
                          bool is_remote);
/* The ref that a fetch did not find ("refs/tags/v1"), a part of errors; empty = none. */
struct slice git_missing_ref(struct slice errors);

/* ---- git_env.c: the environment and the fixed options of every child ---- */

struct git_rewrite { /* url.<to>.insteadOf = from */
    struct slice from;
    struct slice to;
};

struct git_env {
    const char **base; /* for all children; NULL ends it */
    size_t count;
    const char **fixed; /* the program, "-c" options; for all children */
    size_t fixed_count;
    struct git_rewrite *rewrites;
    size_t rewrite_count;
    bool has_own_ssh; /* the user says how ssh is run */
    const char
        *ca_file; /* GIT_SSL_CAINFO and GIT_SSL_CAPATH unless git is told otherwise, or NULL */
    const char *ca_dir;
    bool has_own_ca_file, has_own_ca_dir; /* git's configuration tells it otherwise */
};

/* Makes the environment; the rest is in the arena a, which outlives everything. [any] */
struct error *git_env_make(struct arena *a, const struct git_options *o, const char *program,
                           char *const *environment, struct git_env *out) MUST_CHECK;
/* Takes what `git config -z --get-regexp` said about insteadOf, core.sshCommand and http.sslCA*.
 * [any] */
void git_env_take_config(struct arena *a, struct slice output, struct git_env *e);
/* The environment for a child that talks to url: GIT_ALLOW_PROTOCOL, GIT_SSH_COMMAND. [any] */
const char *const *git_env_for(struct arena *a, const struct git_options *o,
                               const struct git_env *e, const char *git_dir, struct slice url,
                               bool is_insecure);

/* ---- git_refs.c: what ls-remote says ---- */

struct git_ref {
    struct slice name; /* "HEAD", "refs/heads/main", "refs/tags/v1.0.0" */
    struct slice hash; /* of the commit */
    bool is_peeled;    /* an annotated tag */
};

/* Immutable; shared by those who hold it. */
struct git_refs {
    atomic_int users;
    struct arena arena;
    struct git_ref *rows; /* sorted by name */
    size_t count;
    struct git_ref *by_hash; /* the same, sorted by hash, then name */
    struct slice repo_sum;   /* "r1:…" */
    int64_t loaded_at_ms;
    size_t bytes;
};

/* Parses ls-remote's output. [any] */
struct git_refs *git_refs_parse(struct slice output);
void git_refs_release(struct git_refs *refs);
/* NULL when there is no such ref. */
const struct git_ref *git_refs_find(const struct git_refs *refs, struct slice name);
/* The refs whose hash starts with these digits: rows of by_hash. */
size_t git_refs_with_hash(const struct git_refs *refs, struct slice digits,
                          const struct git_ref **first);
/* The rows of tags that start with prefix. */
size_t git_refs_tags(const struct git_refs *refs, struct slice prefix,
                     const struct git_ref **first);
/* go's TagSum for the tags of that prefix, in the arena. */
struct slice git_refs_tag_sum(struct arena *a, const struct git_refs *refs, struct slice prefix);

/* ---- git.c: the repositories that are open ---- */

struct git_object { /* a commit's time or a small file, for good */
    struct git_object *next;
    char *key; /* "<hash>" or "<hash>:<path>" */
    char *body;
    size_t n;
    int64_t time_unix_s;
    bool is_absent;
};

struct git_want; /* git_fetch.c */

struct git_repo {
    struct codehost host;
    struct git *git;
    struct git_repo *next; /* most recently used first */
    unsigned users;
    bool is_insecure;
    atomic_int_least64_t too_large_at_ms; /* 0 = it was not */
    const char *url;
    const char *dir;       /* of the mirror */
    const char *lock_path; /* of the file that guards it */
    pthread_mutex_t lock;  /* guards what follows */
    pthread_cond_t changed;
    struct git_refs *refs; /* NULL = not known */
    bool is_loading;       /* somebody asks for the refs */
    uint64_t load_turn;
    struct arena load_arena;
    struct error *load_error; /* of the last load; NULL = it went well or was given up */
    bool is_fetching;
    struct git_want *waiting; /* for the next fetch */
    struct git_want *running;
    struct git_object *objects; /* most recently used first */
    size_t object_count;
    size_t object_bytes;
};

/* Those that wait for work (git_reader.c). */
struct git_readers {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct git_reader *idle; /* most recently used first */
    unsigned count;
    pthread_t thread; /* ends those that nobody takes */
    bool has_thread, is_closing;
};

struct git {
    struct arena arena; /* copies of the options, the environment */
    struct git_options o;
    struct git_env env;
    unsigned version; /* 239 for 2.39 */
    pthread_mutex_t lock;
    struct git_repo *repos;
    struct git_readers readers;
    int64_t measured_at_ms; /* 0 = mirrors_bytes is not known */
    uint64_t mirrors_bytes;
};

static inline struct git_repo *git_repo_of(struct codehost *h)
{
    return (struct git_repo *)(void *)((char *)h - offsetof(struct git_repo, host));
}

/* Waits, with r->lock held, until something changes, at most a moment; then looks at cx. */
struct error *git_repo_wait(struct git_repo *r, struct ctx *cx) MUST_CHECK;
/*
 * The refs, at most max_age_ms old; many who ask at once cost one ls-remote. Valid as long as
 * cx->arena. [worker]
 */
struct error *git_repo_refs(struct git_repo *r, struct ctx *cx, int64_t max_age_ms,
                            const struct git_refs **out) MUST_CHECK;
/* How old the refs are; INT64_MAX when none are known. */
int64_t git_repo_refs_age_ms(struct git_repo *r);
/* The cache of commits and small files. */
bool git_cache_get(struct git_repo *r, struct arena *a, struct slice key, struct slice *body,
                   int64_t *time_unix_s);
void git_cache_put(struct git_repo *r, struct slice key, struct slice body, int64_t time_unix_s);

/* ---- git_run.c: children ---- */

struct git_call {
    const char *const *args; /* the command and its arguments; NULL ends it */
    bool is_conversation;    /* base/proc.h */
    uint64_t max_output_bytes;
    bool is_remote;      /* it talks to the host */
    bool without_mirror; /* it needs none, and shall not be disturbed by a damaged one */
    struct error *(*watch)(void *arg, struct ctx *cx); /* base/proc.h */
    void *watch_arg;
};

/* In the mirror of r. The child must be ended with git_finish(). */
struct error *git_start(struct git_repo *r, struct ctx *cx, const struct git_call *c,
                        struct proc **out) MUST_CHECK;
/* Ends it. err: what went wrong meanwhile, or NULL; it comes back unless the child says more. */
struct error *git_finish(struct git_repo *r, struct ctx *cx, const struct git_call *c,
                         struct proc *p, struct error *err, struct proc_result *out) MUST_CHECK;
/* Both, with all of its output. */
struct error *git_run(struct git_repo *r, struct ctx *cx, const struct git_call *c,
                      struct slice *output, struct proc_result *out) MUST_CHECK;

/* ---- git_mirror.c: the folder of one repository ---- */

enum git_lock_kind { GIT_LOCK_FETCH, GIT_LOCK_USE, GIT_LOCK_KINDS };

struct git_lock { /* held while fd >= 0 */
    int fd;
};

/* Takes part in reading the mirror: nobody deletes it meanwhile. *is_there: it exists. */
struct error *git_mirror_use(struct git_repo *r, struct ctx *cx, struct git_lock *l,
                             bool *is_there) MUST_CHECK;
/* Takes the right to write it, makes it if it is missing, removes what a killed git left. */
struct error *git_mirror_write(struct git_repo *r, struct ctx *cx, size_t hash_digits,
                               struct git_lock *l) MUST_CHECK;
void git_mirror_unlock(struct git_lock *l);
#define GIT_LOCK_SCOPED(name)                                                                      \
    __attribute__((cleanup(git_mirror_unlock))) struct git_lock name = {.fd = -1}
/* Deletes the mirror: it is damaged. l: the right to write it, held by the caller. */
struct error *git_mirror_delete(struct git_repo *r, struct ctx *cx, struct git_lock *l) MUST_CHECK;
/* The same for who holds nothing. */
struct error *git_mirror_drop(struct git_repo *r, struct ctx *cx) MUST_CHECK;
/* Bytes of the mirror's files. */
uint64_t git_mirror_bytes(const char *dir);
/* Whether all history is there, and for which refs ("r1:…"). */
bool git_mirror_is_complete(struct git_repo *r, struct arena *a, struct slice *repo_sum);
struct error *git_mirror_set_complete(struct git_repo *r, struct arena *a,
                                      struct slice repo_sum) MUST_CHECK;
/* False when the commit was never fetched, which saves asking git; true says nothing. */
bool git_mirror_may_have(struct git_repo *r, struct arena *a, struct slice hash);
/*
 * Counts what a fetch added to this mirror. Above max_bytes, mirrors that nobody has used for
 * longest are deleted until all fit again; never this one, and none in use.
 */
void git_mirror_grown(struct git_repo *r, uint64_t before, uint64_t after);

/* ---- git_fetch.c ---- */

/* Gets a ref and its commit. */
struct error *git_fetch(struct git_repo *r, struct ctx *cx, struct slice ref,
                        struct slice hash) MUST_CHECK;
/* Whether the mirror has all that these refs lead to. */
bool git_history_is_current(struct git_repo *r, struct arena *a, const struct git_refs *refs);
/* All heads and tags with their history, unless it is current. */
struct error *git_fetch_history(struct git_repo *r, struct ctx *cx,
                                const struct git_refs *refs) MUST_CHECK;

/* ---- git_reader.c: conversations with git about objects ---- */

enum git_found { GIT_ABSENT, GIT_FOUND, GIT_LARGE, GIT_AMBIGUOUS };

struct git_head {
    enum git_found found; /* never GIT_LARGE */
    struct slice hash;    /* of what was found, until the callback returns */
    struct slice type;    /* "commit", "tree", "blob", "tag" */
    uint64_t bytes;
};

/* Receives answers in the order asked. What was found has a body: pieces, if any, and an end. */
struct git_answers {
    struct error *(*head)(void *arg, size_t i, const struct git_head *h);
    struct error *(*piece)(void *arg, struct slice piece);
    struct error *(*end)(void *arg);
    void *arg;
};

struct git_reader;

/* One that waits for work, or a new one. The caller uses the mirror, and closes the reader. */
struct error *git_reader_open(struct git_repo *r, struct ctx *cx,
                              struct git_reader **out) MUST_CHECK;
/* Asks for objects by name; a name with a line break is absent. An error of `to` stops it. */
struct error *git_reader_ask(struct git_reader *rd, struct ctx *cx, const struct slice *names,
                             size_t count, const struct git_answers *to) MUST_CHECK;
/*
 * Gives the reader back or ends it. err: of the last git_reader_ask(); it comes back unless git has
 * said more. CORRUPT when something could not be read. *try_again: only because the reader was an
 * old one, perhaps; everything may be asked once more.
 */
struct error *git_reader_close(struct git_reader *rd, struct ctx *cx, struct error *err,
                               bool *try_again) MUST_CHECK;
void git_readers_init(struct git_readers *pool);
/* Ends those of a repository that wait for work; all of them for NULL. */
void git_readers_forget(struct git_readers *pool, const struct git_repo *r);
void git_readers_release(struct git_readers *pool);

/* ---- git_object.c: commits and files out of the mirror ---- */

struct git_item {
    struct slice name; /* "<hash>^{commit}", "<hash>:<path>" */
    size_t max_bytes;  /* a longer body is not kept */
    enum git_found found;
    struct slice hash; /* of the object */
    struct slice body;
};

/* In one conversation. Everything is absent when there is no mirror. CORRUPT: damaged. */
struct error *git_read_items(struct git_repo *r, struct ctx *cx, struct git_item *items,
                             size_t count) MUST_CHECK;
/* The committer's time of a commit object. */
int64_t git_commit_time(struct slice body);
/*
 * Makes items[0], which must name the commit `hash`, present by all means, the others as far as
 * they are there. NOT_FOUND when the repository has no such commit. ref: where it is the tip, or
 * empty.
 */
struct error *git_read_present(struct git_repo *r, struct ctx *cx, struct slice hash,
                               struct slice ref, struct git_item *items, size_t count) MUST_CHECK;
/* Fetches a commit that is missing; ref as above, found among the refs when it is empty. */
struct error *git_fetch_commit(struct git_repo *r, struct ctx *cx, struct slice hash,
                               struct slice ref) MUST_CHECK;

/* ---- git_tree.c: a commit's files without git archive ---- */

struct git_walk {
    struct slice hash;   /* of the commit */
    struct slice subdir; /* "" = all */
    uint64_t max_bytes;
    const struct vcs_archive_sink *sink;
    bool has_begun; /* out: something was passed on */
};

enum git_walked {
    GIT_WALK_DONE,
    GIT_WALK_UNUSUAL,   /* nothing was passed on: only git archive knows what is right */
    GIT_WALK_NO_COMMIT, /* likewise: the mirror does not have it */
};

/*
 * Passes on what git archive would give, in its order. The caller uses the mirror. TOO_LARGE, and
 * what the sink returns; CORRUPT when something is missing. *try_again: as git_reader_close().
 */
struct error *git_walk_files(struct git_repo *r, struct ctx *cx, struct git_walk *w,
                             enum git_walked *out, bool *try_again) MUST_CHECK;

/* ---- the operations of codehost.h ---- */

struct error *git_op_tags(struct codehost *h, struct ctx *cx, struct slice prefix,
                          struct vcs_tag **out, size_t *count, struct vcs_origin *origin);
struct error *git_op_stat(struct codehost *h, struct ctx *cx, struct slice rev,
                          struct vcs_rev *out);
struct error *git_op_latest(struct codehost *h, struct ctx *cx, struct vcs_rev *out);
struct error *git_op_read_files(struct codehost *h, struct ctx *cx, struct slice hash,
                                const struct slice *paths, size_t count, size_t max_bytes,
                                struct slice *bodies);
struct error *git_op_archive(struct codehost *h, struct ctx *cx, struct slice hash,
                             struct slice subdir, uint64_t max_bytes,
                             const struct vcs_archive_sink *sink);
struct error *git_op_recent_tag(struct codehost *h, struct ctx *cx, struct slice hash,
                                struct slice prefix,
                                bool (*is_allowed)(void *arg, struct slice tag), void *arg,
                                struct slice *tag);
struct error *git_op_descends_from(struct codehost *h, struct ctx *cx, struct slice hash,
                                   struct slice tag, bool *out);

#endif
