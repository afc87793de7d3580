/*
 * go.mod files. Source of the rules: go.dev/ref/mod#go-mod-file and golang.org/x/mod/modfile. All
 * pure. [any]
 */
#ifndef MODGATE_GOMOD_MODFILE_H
#define MODGATE_GOMOD_MODFILE_H

#include "gomod/module.h"

/* go takes no larger go.mod file. */
#define MODFILE_MAX_BYTES ((size_t)16 << 20)
/* Tokens, comments and blank lines of one file: what bounds the memory that it takes. */
#define MODFILE_MAX_TOKENS ((size_t)1 << 20)

/* What is wrong with a file, and where. */
struct mod_fault {
    int line;
    struct slice text; /* "go.mod:3: unknown directive: foo" */
};

struct mod_require {
    struct module_version mod;
    bool is_indirect; /* has a "// indirect" comment */
    int line;
};

struct mod_exclude {
    struct module_version mod;
    int line;
};

struct mod_replace {
    struct module_version old;  /* version empty: all of them */
    struct module_version with; /* version empty: path is a folder */
    int line;
};

/*
 * Versions from low to high, both included; low is high for a single one. They are as written, and
 * nothing says that they are versions: compare with semver_compare.
 */
struct mod_retract {
    struct slice low, high;
    struct slice rationale; /* lines separated by LF; may be empty */
    int line;
};

struct mod_godebug {
    struct slice key, value;
    int line;
};

/* A tool, an ignored folder, a folder that a workspace uses. */
struct mod_name {
    struct slice name;
    int line;
};

struct modfile {
    bool has_module;
    struct module_version module; /* without a version */
    struct slice deprecated;      /* the deprecation notice; empty: none */
    struct slice go;              /* "1.21"; empty: none */
    struct slice toolchain;       /* "go1.21.3"; empty: none */

    struct mod_godebug *godebugs;
    struct mod_require *requires;
    struct mod_exclude *excludes;
    struct mod_replace *replaces;
    struct mod_retract *retracts;
    struct mod_name *tools;
    struct mod_name *ignores;
    size_t n_godebugs, n_requires, n_excludes, n_replaces, n_retracts, n_tools, n_ignores;

    struct mod_fault *faults; /* the first ones, when parsing failed */
    size_t n_faults;
};

enum modfile_mode {
    MODFILE_STRICT, /* of a main module: every directive is known and right */
    MODFILE_LAX,    /* of a dependency: only module, go, require, retract and ignore count */
};

/*
 * Parses a go.mod file. name is for messages. Versions may be short (v1.2) and come out canonical;
 * branch names are refused. Texts are in the arena or parts of file, which must outlive them.
 * Errors: BAD_SYNTAX with the first fault ("name:line: …"; out->faults has more of them),
 * TOO_LARGE.
 */
struct error *modfile_parse(struct arena *a, struct slice name, struct slice file,
                            enum modfile_mode mode, struct modfile *out) MUST_CHECK;
/*
 * The module path of a go.mod file that may be wrong everywhere else; empty when none is found. In
 * the arena or in file. (modfile.ModulePath)
 */
struct slice modfile_module_path(struct arena *a, struct slice file);
/*
 * Drops what `go mod edit` drops when it rewrites a file: repeated excludes, tools and ignores, all
 * but the last replacement of a module version, entries with empty names.
 */
void modfile_tidy(struct modfile *f);
/* Appends what `go mod edit -json` prints for a tidied file. */
void modfile_json(const struct modfile *f, struct buf *out);

#endif
