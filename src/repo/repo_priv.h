/* What the files of repo share. */
#ifndef MODGATE_REPO_REPO_PRIV_H
#define MODGATE_REPO_REPO_PRIV_H

#include "repo/database.h"
#include "repo/repo.h"

#include <pthread.h>
#include <semaphore.h>

enum {
    LIST_MAX_BYTES = 1 << 20,    /* some hundred thousand versions */
    SMALL_MAX_BYTES = 256 << 10, /* a larger .mod is sent from its file, not from memory */
    INFO_MAX_BYTES = 1 << 20,
    MOD_MAX_BYTES = 16 << 20, /* golang.org/x/mod/zip.MaxGoMod */
    SUMDB_MAX_BYTES = 1 << 20,
    OLD_REFRESH_MS = 5000, /* how long a request waits for news when it could have an old answer */
};

/* How one checksum database is reached. */
struct relay {
    struct database *db;       /* the repo's */
    struct slice url;          /* "https://sum.example.com", without a last '/' */
    bool has_own_url;          /* given in the settings: the mirrors are not asked */
    atomic_int may_use_mirror; /* 0 = not known yet, 1 = yes, 2 = no */
};

/* Sources in use, shared by the jobs that started with them. */
struct source_set {
    atomic_uint refs;
    struct arena arena;
    struct repo_sources s;
    struct relay *relays;
    size_t relay_count;
    struct repo *from; /* of a re-homed repository: the one that it takes its modules from */
    void (*release_from)(void *arg);
    void *from_arg;
};

struct repo {
    struct repo_options o;
    struct flights *flights;
    pthread_mutex_t lock; /* guards the pointer below */
    struct source_set *sources;
    atomic_bool is_cancelled; /* for work that is done for several askers */
    sem_t verify_slots;       /* as many as cores */
    struct job evict_job;
    atomic_bool is_evicting;
    struct job recheck_job;
    atomic_bool is_rechecking, has_doubts;
    atomic_uint jobs; /* in the background, under way */
    void (*on_forget)(void *arg);
    void *forget_arg;
};

/* The current sources, with a reference that the caller gives back. */
struct source_set *sources_take(struct repo *r);
void sources_drop(void *set);

/* DENIED for a private path that is asked of a checksum database. */
struct error *refuse_private_sum(struct arena *a, const struct source_set *set,
                                 const struct question *q);

/*
 * DENIED for a path that another repository owns; NOT_FOUND for one that this one, which owns
 * paths, does not own.
 */
struct error *refuse_misplaced(const struct repo *r, struct arena *a, const struct source_set *set,
                               const struct question *q);

/* What one job works with. */
struct resolve {
    struct repo *repo;
    struct source_set *set;
    struct ctx *cx;
    const struct question *q;
    struct repo_answer *out;
    enum flight_leg leg;
    bool wants_direct; /* the mirrors are through: what came out is nothing, DIRECT is next */
};

/* resolve.c: finds out what the question asks, and stores it. */
struct error *repo_resolve(void *repo, struct ctx *cx, const struct question *q,
                           enum flight_leg *leg, struct repo_answer *out);
/*
 * Remembers an answer or an absence. A full or read-only store is only logged: it must not keep the
 * answer from a client that can be given it.
 */
void keep_answer(struct resolve *r, int status, struct slice body);
/* The body as the answer of now, with its times and digest. */
void give_answer(struct resolve *r, struct slice body, enum repo_freshness freshness);
/* source.c */
enum flight_leg first_leg(void *repo, const struct question *q);
/* "<escaped path>/@v/list" and so on: what a GOPROXY is asked. */
struct error *question_rel(struct arena *a, enum question_kind kind, struct module_version mv,
                           struct slice *rel);
/* Whether eviction may drop what is stored now: it will come back the same. */
bool is_refetchable(const struct resolve *r);
/* A private path never leaves the house: it comes from version control, and nobody else hears of
 * it. */
bool path_is_private(const struct source_set *set, struct slice path);
/* Under which key the answer is remembered: what mirrors said is no answer for a private path. */
struct slice answer_key(struct arena *a, const struct source_set *set, const struct question *q);
/* A list, .info (of a version or a query), @latest or .mod. With an error look at r->wants_direct
 * first. */
struct error *source_small(struct resolve *r, enum question_kind kind, struct module_version mv,
                           struct fetch_answer *got);
/* The zip of the question into a new file. */
struct error *source_zip(struct resolve *r, const char *path, struct fetch_answer *got);

/* artefact.c: .info, .mod and .zip of a version. */
/* The stored bytes of a small artefact; *found tells. */
struct error *artefact_stored(struct resolve *r, struct module_version mv, enum artefact what,
                              bool *found, struct slice *body);
struct error *resolve_artefact(struct resolve *r);
/* Checks a zip in a file by go's rules and hashes it. [worker] */
struct modzip_result;
struct error *zip_verify_file(struct repo *repo, struct arena *a, struct module_version mv,
                              const char *path, uint64_t max_bytes, struct modzip_result *zip);
/* The .info of a version, from the store or from outside, stored as partial. */
struct error *artefact_info(struct resolve *r, struct module_version mv, struct slice *body);
/* relay.c: the databases of the setting `sumdb`, and asking them. */
struct error *relays_parse(struct arena *a, struct repo *repo, struct source_set *set);
/* Whether the setting can be read. Pure. */
struct error *relays_check(struct arena *a, struct slice sumdb);
struct relay *relay_find(const struct source_set *set, struct slice name);
/* What the database says below its root: not to be believed. Errors as of fetch_small(). [worker]
 */
struct error *relay_ask(struct resolve *r, struct ctx *cx, struct relay *relay, struct slice rel,
                        struct slice *body);
/* lookup.c: records, tiles and heads for clients and for checking artefacts. */
struct error *resolve_sumdb(struct resolve *r);
/* A proven record, from the store or from the database. [worker] */
struct error *relay_record(struct resolve *r, struct relay *relay, struct module_version mv,
                           struct sumdb_record *out);
struct error *answer_from_database(const struct source_set *set, struct arena *a,
                                   const struct question *q, struct repo_answer *out);

/* published.c: what was published is all that there is. */
struct error *answer_published(struct repo *r, const struct source_set *set, struct arena *a,
                               const struct question *q, struct repo_answer *out);
struct error *resolve_published(struct resolve *r);
/* signers.c */
/*
 * What an upstream has of a zip's signatures, when there is a trusted key for it: who made them is
 * kept, and without a key of our own the signatures are stored with the zip. [worker]
 */
struct error *signers_take(struct resolve *r, const char *zip_path, struct slice h1,
                           struct slice *signature);
/* The same with signatures that are given. BAD_UPLOAD when none of them is a trusted one. */
struct error *signers_take_given(struct repo *repo, struct ctx *cx, struct module_version mv,
                                 const char *zip_path, struct slice h1, struct slice given,
                                 struct slice *signature);

/* signature.c: the signature of a stored zip; one that is missing or not ours is made. */
struct error *resolve_signature(struct resolve *r);

/* rehomed.c: modules of another repository under new paths. As source_small(), source_zip(),
 * first_leg(). */
struct error *rehomed_small(struct resolve *r, enum question_kind kind, struct module_version mv,
                            struct fetch_answer *got);
struct error *rehomed_zip(struct resolve *r, const char *path, struct fetch_answer *got);
enum flight_leg rehomed_leg(struct source_set *set, const struct question *q);

/* recheck.c: versions that were stored unchecked. Starts the job when there are any. [any] */
void recheck_in_background(struct repo *repo);
/* Marks a version: before it is stored, and after. [worker] */
void recheck_doubted(struct resolve *r, struct module_version mv);

/* host.c: the checksum database of our own, which answers for private modules too. */
bool is_hosted(const struct repo *r, const struct question *q);
/* From its log; MISSING: a lookup that is to be resolved. */
struct error *answer_hosted(struct repo *r, const struct source_set *set, struct arena *a,
                            const struct question *q, struct repo_answer *out);
/* Fetches, if need be, and appends. [worker] */
struct error *resolve_hosted(struct resolve *r);

/* answer.c: making answers out of what is stored. */
void answer_bytes(struct arena *a, struct slice body, struct repo_answer *out);
/* Of an .info or .mod that was just stored. */
void answer_new_artefact(struct arena *a, enum question_kind kind, struct slice body,
                         struct repo_answer *out);
void answer_etag(struct arena *a, struct repo_answer *out);
int64_t ttl_of(const struct source_set *set, enum question_kind kind);
struct error *answer_from_store(struct repo *r, const struct source_set *set, struct arena *a,
                                const struct question *q, struct repo_answer *out);

/* versions.c: pure. A list as it should be: canonical tagged versions, sorted, each once, a line
 * each. */
struct slice versions_normalise(struct arena *a, struct slice list);
/* False for a text that is not empty and names no version: a page, or garbage. */
bool versions_is_list(struct slice list);
/* The version of an .info; BAD_ANSWER when it is no JSON object with a canonical Version. */
struct error *info_version(struct arena *a, struct slice info, struct slice *version);
/* The Time of an .info; false when it has none that can be read. */
bool info_time(struct slice info, int64_t *unix_s);
/* The git commit that an .info names as its origin; empty when it names none. */
struct slice info_commit(struct arena *a, struct slice info);
/* The rel path "<escaped path>/<rest>". */
struct error *module_rel(struct arena *a, struct slice path, const char *rest, struct slice *out);
struct error *version_rel(struct arena *a, struct module_version mv, const char *ext,
                          struct slice *out);

#endif
