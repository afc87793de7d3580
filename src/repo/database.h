/*
 * A checksum database as this gateway knows it: the newest signed head that it has seen, and what
 * it has stored below that head. In the store, for a database and its key:
 *
 *   sumdb/<name>/<key hash>/head                     the head: replaced by newer ones only
 *   sumdb/<name>/<key hash>/record/<path>@<version>  "<id>\n<record>\n", proven
 *   sumdb/<name>/<key hash>/tile/8/<level>/<n>       as wide as was ever proven
 *   sumdb/<name>/<key hash>/forked                   names the evidence of a fork
 *   sumdb/<name>/evidence-<time>.txt
 *
 * Another key means another folder: trust begins anew. What is elsewhere under sumdb/ is not
 * believed.
 */
#ifndef MODGATE_REPO_DATABASE_H
#define MODGATE_REPO_DATABASE_H

#include "base/ctx.h"

#include "store/store.h"
#include "sumdb/client.h"

#include <pthread.h>

struct round_item;

struct database {
    struct database *next;
    struct arena arena; /* of the texts that do not change */
    struct slice name;
    struct slice root; /* "<name>/<key hash>" */
    struct note_verifier verifier;
    struct store *store;

    pthread_mutex_t lock; /* guards what follows */
    struct tlog_tree tree;
    struct buf note;       /* the head's; empty: none was seen yet */
    int64_t learnt_unix_s; /* when the database last said that this is its newest */
    char *fork;            /* the name of the evidence; NULL: none */
    uint64_t behind;       /* the size of its newest head, when that is smaller than ours; else 0 */
    unsigned evidence_count; /* files written by this process */

    /* rounds.c */
    pthread_cond_t changed;
    bool has_leader;
    struct round_item *queue;
};

/*
 * The databases that were ever configured: what is known of them is the same for all repositories,
 * so they share it, in one store. They live until the pool is freed.
 */
struct databases {
    struct store *store;
    pthread_mutex_t lock; /* guards the list */
    struct database *first;
};

/* Loads what is stored; errors are those of the store. [any] */
struct error *database_open(struct arena *a, struct store *store, const struct note_verifier *v,
                            struct database **out) MUST_CHECK;
void database_free(struct database *d);
/* The one of a verifier, opened when it is new. [any] */
struct error *databases_get(struct arena *a, struct databases *pool, const struct note_verifier *v,
                            struct database **out) MUST_CHECK;

/* The head, in the arena; its tree's size is 0 when none was seen. [any] */
struct sumdb_head database_head(struct database *d, struct arena *a);
/*
 * Makes a head that was proven the newest, durably, unless the store has a newer one by another
 * process: then that one is taken up, and *is_overtaken says so. On error (the store cannot be
 * written) it is the newest in memory only. [worker]
 */
struct error *database_advance(struct database *d, struct ctx *cx, const struct sumdb_head *head,
                               bool *is_overtaken) MUST_CHECK;
/* What /latest said of now: a head of that size. [any] */
void database_note_latest(struct database *d, uint64_t size);
/* Keeps the evidence of a fork and tells everybody. [worker] */
void database_report_fork(struct database *d, struct arena *a, struct slice evidence);

/* The stored record of a module version. *found is false, too, when the head is behind it. [any] */
struct error *database_record(struct database *d, struct arena *a, struct module_version mv,
                              bool *found, struct sumdb_record *out) MUST_CHECK;
struct error *database_put_record(struct database *d, struct arena *a, struct module_version mv,
                                  const struct sumdb_record *record) MUST_CHECK;
/* The stored bytes of a tile at just its width, cut from a wider one if need be. [any] */
struct error *database_tile(struct database *d, struct arena *a, struct tile t, bool *found,
                            struct slice *data) MUST_CHECK;
/*
 * Keeps a proven tile if it is wider than the one that is stored, or if that one is damaged
 * (is_repair). [worker]
 */
struct error *database_put_tile(struct database *d, struct ctx *cx, struct tile t,
                                struct slice data, bool is_repair) MUST_CHECK;

#endif
