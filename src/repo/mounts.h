/*
 * The repositories of a gateway, and where each is served: a table that a reload replaces as a
 * whole. A mount is an address: one repository, or a group that stands for several.
 *
 * Whom a question is for, in a group: the members that own the module path, in their order; if none
 * does, the proxies, in their order. So a path that somebody owns is never asked of a mirror. When
 * only one member can answer, it is asked as if it stood alone. Of several:
 *
 * - an artefact comes from the first that has the version, and from then on from that one for ever:
 *   the store remembers which it was
 * - lists are merged; @latest is the highest by the go command's rule; a query (a branch, a commit)
 *   is answered by the first that knows it
 * - "absent" passes the question on; whatever else fails ends it and is said, with the member's
 *   name: what a member in trouble would have said is never left out
 */
#ifndef MODGATE_REPO_MOUNTS_H
#define MODGATE_REPO_MOUNTS_H

#include "repo/repo.h"

#include "ops/metrics.h"

struct mounts;
struct mount_table;
struct mount;

struct mounts_options {
    struct store *root; /* the store in data_dir: heads of checksum databases, memory of groups */
    struct lane *upstream_lane, *vcs_lane, *admin_lane; /* as in repo_options */
    struct repo_host host;
    const struct sign_key *signer; /* as in repo_options */
};

/* One repository or group, as the settings say. Texts are copied. */
struct mount_spec {
    const char *name;    /* "" for the one that is there without settings */
    const char *mount;   /* its address without slashes around it; "" = none of its own */
    const char *members; /* of a group: names, separated by commas; NULL = not a group */
    /* What follows is of use for other than groups. */
    enum repo_kind kind;
    const char *dir; /* folder of its store; NULL = it is the root's */
    uint64_t max_bytes;
    const char *from; /* of REPO_REHOMED: the name of a repository of another kind */
    struct repo_sources sources;
};

/* All that the options name outlives the mounts. There is no table before mounts_set(). [any] */
struct mounts *mounts_new(const struct mounts_options *o);
/* As repo_on_forget(), for all repositories to come. [any] */
void mounts_on_forget(struct mounts *m, void (*fn)(void *arg), void *arg);
/*
 * Replaces the table; the spec at at_root is what "/" is. A repository that was there with the same
 * name, kind and folder goes on with new sources; one that is gone ends after its last request.
 * The sources are taken over, on error too; then the old table stays. One thread at a time. [any
 * but a loop]
 */
struct error *mounts_set(struct arena *a, struct mounts *m, const struct mount_spec *specs,
                         size_t count, size_t at_root) MUST_CHECK;
/* Frees repositories that were taken away and are done; true: some are not yet. [any but a loop] */
bool mounts_reap(struct mounts *m);
/* Tells all that is under way to stop soon: before the lanes are closed. [any] */
void mounts_cancel(struct mounts *m);
/* After the lanes were closed, and when nobody has a table any more. */
void mounts_free(struct mounts *m);

/* The table of now, with a reference that the caller gives back. [any] */
struct mount_table *mounts_take(struct mounts *m);
struct mount_table *mount_table_ref(struct mount_table *t);
void mount_table_drop(struct mount_table *t);

/* What follows lives as long as its table. [any] */

/*
 * The mount that a request path is for; *rest is the path behind its address, from '/' on. A path
 * below no mount's address is for the one at "/".
 */
const struct mount *mount_route(const struct mount_table *t, struct slice path, struct slice *rest);
/* By name; NULL: there is none. The empty name is the one at "/". */
const struct mount *mount_find(const struct mount_table *t, struct slice name);
/* Empty for the one that is there without settings. */
struct slice mount_name(const struct mount *m);
/* Counts how a request to it was answered, and tells. */
void mount_count(const struct mount *m, enum metric_result result);
uint64_t mount_counted(const struct mount *m, enum metric_result result);
/* The mounts, one after the other; NULL behind the last. */
const struct mount *mount_at(const struct mount_table *t, size_t i);

/* The repositories, groups left out. */
struct repository {
    struct slice name;
    enum repo_kind kind;
    struct repo *repo;
    struct store *store;
};
/* false behind the last. */
bool repository_at(const struct mount_table *t, size_t i, struct repository *out);

/* As repo_lookup(), repo_join(), repo_refresh() and repo_get(). */
struct error *mount_lookup(const struct mount *m, struct arena *a, const struct question *q,
                           struct repo_answer *out) MUST_CHECK;
bool mount_join(const struct mount *m, const struct question *q,
                struct flight_waiter *w) MUST_CHECK;
void mount_refresh(const struct mount *m, const struct question *q);
/* In which lane work for it that asks outside belongs. */
struct lane *mount_lane(const struct mount *m, const struct question *q);
struct error *mount_get(const struct mount *m, struct ctx *cx, const struct question *q,
                        struct repo_answer *out) MUST_CHECK;
/*
 * Who has signed the zip that the mount gives of a version, in the arena: those of whom signatures
 * came with it, and whose signature lies beside it in the store. What was found before counts while
 * zip, signature and keys are the same; else the zip is read. [worker]
 */
struct error *mount_signers(const struct mount *m, struct ctx *cx, struct module_version mv,
                            struct signed_zip *zip) MUST_CHECK;

#endif
