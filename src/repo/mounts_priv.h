/* What mounts.c and group.c share. */
#ifndef MODGATE_REPO_MOUNTS_PRIV_H
#define MODGATE_REPO_MOUNTS_PRIV_H

#include "repo/mounts.h"

#include <pthread.h>

/* How requests were answered. */
struct tally {
    atomic_uint_fast64_t n[RESULT_COUNT];
};

/* A repository that is or was in a table. */
struct member {
    struct member *next;
    char *name, *dir; /* dir: NULL = the root's store */
    enum repo_kind kind;
    struct store *store;
    struct repo *repo;
    struct tally tally;
    unsigned refs; /* of tables; guarded by the lock of mounts */
};

/* What lasts of a group: the flights of questions that several members may answer. */
struct group {
    struct group *next;
    char *name;
    struct mounts *all;
    struct flights *flights;
    struct tally tally;
    unsigned refs; /* as above */
};

/* A member as one table sees it. */
struct seat {
    struct member *member;
    const char *owns; /* patterns of paths; "" of a proxy */
};

struct mount {
    const struct mount_table *table;
    struct slice name, address;
    struct group *group;       /* NULL: a repository alone */
    const struct seat **seats; /* one, or the members of the group */
    size_t seat_count;
};

struct mount_table {
    atomic_uint refs;
    struct mounts *all;
    struct arena arena;
    struct seat *seats;
    size_t seat_count;
    struct mount *mounts;
    size_t mount_count;
    const struct mount *at_root;
    bool has_addresses;
};

struct mounts {
    struct mounts_options o;
    struct databases *databases;
    void (*on_forget)(void *arg);
    void *forget_arg;
    pthread_mutex_t lock; /* guards what follows */
    struct mount_table *table;
    struct member *members; /* those that were taken away, too, until they are reaped */
    struct group *groups;
};

/* group.c: the work and the choice of a group's flights; arg is the struct group. */
struct error *group_work(void *arg, struct ctx *cx, const struct question *q, enum flight_leg *leg,
                         struct repo_answer *out);
enum flight_leg group_choose(void *arg, const struct question *q);

/* merge.c: pure. */
/* A new answer of several with status 200 or an absence; parts: at least one. */
struct error *merge_answers(struct arena *a, enum question_kind kind,
                            const struct repo_answer *parts, size_t count, struct repo_answer *out);

#endif
