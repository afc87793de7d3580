/* Walking a folder as Go's filepath.Walk does. Blocks. [worker] */
#ifndef MODGATE_CLI_WALK_H
#define MODGATE_CLI_WALK_H

#include "base/base.h"

enum walk_kind { WALK_FILE, WALK_FOLDER, WALK_SYMLINK, WALK_OTHER };

struct walk_entry {
    struct slice path; /* below the root, in the arena, NUL-terminated */
    enum walk_kind kind;
};

/* For a folder, *skip = true keeps the walk out of it. An error ends the walk. */
typedef struct error *(*walk_fn)(void *arg, struct arena *a, const struct walk_entry *e,
                                 bool *skip);

/*
 * Calls fn for everything below root, the root itself not: names of one folder in bytewise order, a
 * folder before what is in it. Symbolic links are reported, not followed. What vanishes meanwhile
 * is passed over; a root that is not there is NOT_FOUND.
 */
struct error *walk(struct arena *a, const char *root, walk_fn fn, void *arg) MUST_CHECK;

#endif
