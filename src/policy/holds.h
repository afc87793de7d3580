/*
 * What people held back or released by hand, as the file that keeps it: a line for each,
 *
 *   hold|release <module path> <version> <Unix seconds> <reason>
 *
 * A version is one version; "*" is all of the module. The last line for a version counts. All pure.
 * [any]
 */
#ifndef MODGATE_POLICY_HOLDS_H
#define MODGATE_POLICY_HOLDS_H

#include "gomod/module.h"

struct hold {
    bool is_release;
    struct module_version mv;
    int64_t at_unix_s;
    struct slice reason;
};

struct holds {
    struct hold *rows;
    size_t count;
};

/* In the arena and parts of text. CORRUPT with the line. */
struct error *holds_parse(struct arena *a, struct slice text, struct holds *out) MUST_CHECK;
/* The text with h added, instead of what it replaces. In the arena. */
struct slice holds_put(struct arena *a, const struct holds *hs, struct hold h);
/* What was last said of the version; NULL: nothing. */
const struct hold *holds_find(const struct holds *hs, struct module_version mv);

#endif
