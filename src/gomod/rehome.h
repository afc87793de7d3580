/*
 * Re-homing: a module under another path. Its module line, what its own packages import of each
 * other and what its zip's names begin with are rewritten; everything else stays byte for byte. The
 * result depends on the input and the rules alone, so the same source gives the same h1 whenever
 * and wherever it is made. Pure. [any]
 *
 * A rule is a prefix of paths: old.example/lib = corp.example/go/lib also moves old.example/lib/v2
 * and modules below old.example/lib/. What the module takes from other paths that have a rule is
 * taken from their new paths too.
 */
#ifndef MODGATE_GOMOD_REHOME_H
#define MODGATE_GOMOD_REHOME_H

#include "gomod/modzip_make.h"

struct rehome_rule {
    struct slice from, to; /* module paths, without a '/' at the end */
};

struct rehome_rules {
    const struct rehome_rule *list;
    size_t count;
};

/* Larger .go files are not rewritten but refused: each is held in memory. */
#define REHOME_MAX_GO_FILE_BYTES ((uint64_t)32 << 20)

/* The new path by the longest rule that fits; false when none does. In the arena. */
bool rehome_path(struct arena *a, const struct rehome_rules *rules, struct slice path,
                 struct slice *out);
/* The other way: where a path comes from. */
bool rehome_source(struct arena *a, const struct rehome_rules *rules, struct slice path,
                   struct slice *out);
/* A .go file; the source itself when nothing in it changes. In the arena. */
struct slice rehome_go_file(struct arena *a, const struct rehome_rules *rules, struct slice source);
/* A go.mod file: every module path in it that has a rule. BAD_SYNTAX, TOO_LARGE. */
struct error *rehome_go_mod(struct arena *a, const struct rehome_rules *rules, struct slice file,
                            struct slice *out) MUST_CHECK;
/*
 * The zip of `from` as that of `to`, which must be its path by the rules and the same version. The
 * bytes must be those of a zip that was verified. Gives its h1. Errors of the target; BAD_ZIP;
 * TOO_LARGE; BAD_PATH or BAD_VERSION when the version cannot stand under the new path.
 */
struct error *rehome_zip(struct arena *a, const struct rehome_rules *rules, struct slice bytes,
                         struct module_version from, struct module_version to,
                         struct modzip_target target, char h1[H1_TEXT_BYTES]) MUST_CHECK;

#endif
