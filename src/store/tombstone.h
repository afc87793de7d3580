/*
 * Versions of a hosted repository that were withdrawn:
 *
 *   <dir>/tombstones/<escaped path>/@v/<escaped version>
 *
 * A tombstone says that nothing may ever be published under that name again. [worker] unless
 * marked.
 */
#ifndef MODGATE_STORE_TOMBSTONE_H
#define MODGATE_STORE_TOMBSTONE_H

#include "store/store.h"

struct store_tombstone {
    bool found;
    int64_t withdrawn_unix_s;
    struct slice h1;  /* of the zip that was withdrawn; empty when there was none */
    struct slice who; /* one line, as all here */
    struct slice reason;
};

/* Absence is found = false. Costs an open when there is none. [any: may run on a loop] */
struct error *store_tombstone_get(struct store *s, struct arena *a, struct module_version mv,
                                  struct store_tombstone *out) MUST_CHECK;
/*
 * Lays a tombstone (h1 is filled in, found not read), durably, and then removes the version. Broken
 * off in between, the next open of the store removes it. The first tombstone of a version stays:
 * *t becomes that one. NOT_FOUND when there is neither the version nor a tombstone.
 */
struct error *store_withdraw(struct store *s, struct ctx *cx, struct module_version mv,
                             struct store_tombstone *t) MUST_CHECK;
/*
 * Keeps others, threads and processes, from publishing or withdrawing the version until *lock_fd is
 * closed. store_withdraw() takes it itself; a publisher takes it, looks for a tombstone, commits.
 */
struct error *store_publish_lock(struct store *s, struct ctx *cx, struct module_version mv,
                                 int *lock_fd) MUST_CHECK;

#endif
