/*
 * Facts about versions that policy rules ask for and no artefact tells by itself: from when a
 * version's age counts, and its licences. Who has signed it: see mount_signers(). They are kept in
 * the store, beside the tree, so that they are found out once.
 */
#ifndef MODGATE_REPO_FACTS_H
#define MODGATE_REPO_FACTS_H

#include "base/ctx.h"

#include "policy/licence.h"
#include "policy/policy.h"
#include "repo/question.h"
#include "repo/repo.h"

struct facts_source {
    struct store *store; /* keeps them */
    /* Gives an answer, as repo_get(): for lists, .info and .mod files. [worker] */
    struct error *(*get)(void *arg, struct ctx *cx, const struct question *q,
                         struct repo_answer *out);
    void *arg;
};

/*
 * From when the age of each version counts, in Unix seconds; 0: nobody knows. A version that was
 * not heard of before is noted now. On the first contact with a module its list is asked for, so
 * that what is new later is told from what is only new here. list is that list when it is at hand,
 * else its p is NULL. Versions without a known time are asked for their .info, the last ones first;
 * when that takes too long the rest stays unknown until the next time. Errors: those of the store
 * and of asking for the list; of a single version also those of its .info. [worker]
 */
struct error *facts_since(const struct facts_source *src, struct ctx *cx, struct slice path,
                          struct slice list, const struct slice *versions, size_t n,
                          int64_t *since_unix_s) MUST_CHECK;
/*
 * The licences of a version: as they were kept; else from its zip, which is open as zip_fd (-1: it
 * is not at hand, then *known may come out false). h1 is that of the zip, or empty. [worker]
 */
struct error *facts_licences(const struct facts_source *src, struct ctx *cx,
                             struct module_version mv, int zip_fd, struct slice h1, bool *known,
                             struct licences *out) MUST_CHECK;
/* Age and licences that are kept in the store at data_dir, which is not opened. [worker] */
struct error *facts_stored(struct arena *a, const char *data_dir, struct module_version mv,
                           struct policy_facts *out) MUST_CHECK;
/*
 * The signers that are kept in the store in dir, which is not opened: added to out when they were
 * found with these keys. [worker]
 */
struct error *facts_signers(struct arena *a, const char *dir, const struct sign_trust *trust,
                            struct module_version mv, struct policy_facts *out) MUST_CHECK;
/* A kept fact by its name, in the arena; its p is NULL when there is none. [worker] */
struct error *facts_read(struct arena *a, const char *dir, struct slice name,
                         struct slice *text) MUST_CHECK;
/* What repo_get() would say of that kind of thing of a version, or of a list. [worker] */
struct error *facts_ask(const struct facts_source *src, struct ctx *cx, enum question_kind kind,
                        struct module_version mv, struct slice *body) MUST_CHECK;
/* The canonical version of an .info, in the arena. BAD_ANSWER. [any] */
struct error *facts_info_version(struct arena *a, struct slice info,
                                 struct slice *version) MUST_CHECK;

#endif
