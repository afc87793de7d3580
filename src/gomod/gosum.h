/*
 * go.sum files: the hashes that a project has seen. Source of the rules:
 * go.dev/ref/mod#go-sum-files and modfetch/fetch.go of the go command. All pure. [any]
 */
#ifndef MODGATE_GOMOD_GOSUM_H
#define MODGATE_GOMOD_GOSUM_H

#include "gomod/module.h"

#define GOSUM_MAX_BYTES ((size_t)16 << 20)

struct gosum_line {
    struct module_version mod;
    bool is_go_mod;    /* hash of the go.mod file, not of the zip */
    struct slice hash; /* "h1:…", or of a kind yet unknown */
    int line;
};

struct gosum {
    struct gosum_line *lines; /* by path, version (by semver), zip before go.mod, and line */
    size_t n;
};

enum gosum_verdict {
    GOSUM_ABSENT,   /* nothing is said about it */
    GOSUM_MATCH,    /* the hash is there */
    GOSUM_MISMATCH, /* another h1 is there */
};

/*
 * Parses a go.sum file. Blank lines are passed over, and so is the hash of an empty go.mod file,
 * which old go commands wrote for things that are no modules. name is for messages. The lines are
 * in the arena, their texts parts of file. Errors: BAD_SYNTAX ("name:line: …"), TOO_LARGE.
 */
struct error *gosum_parse(struct arena *a, struct slice name, struct slice file,
                          struct gosum *out) MUST_CHECK;
/* The lines of a module version's zip or go.mod file: *n of them, in the order of the file. */
const struct gosum_line *gosum_find(const struct gosum *sum, struct module_version mod,
                                    bool is_go_mod, size_t *n);
/* What the file says about a hash ("h1:…"). *seen is the line that decided; NULL when ABSENT. */
enum gosum_verdict gosum_check(const struct gosum *sum, struct module_version mod, bool is_go_mod,
                               struct slice hash, const struct gosum_line **seen);

#endif
