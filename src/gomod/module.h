/*
 * Module paths and versions: which are valid, how they are written in URLs and file names, which
 * belong together. Names are as Go writes them (not escaped) unless said otherwise. Source of the
 * rules: go.dev/ref/mod#module-path and golang.org/x/mod/module. All pure. [any]
 */
#ifndef MODGATE_GOMOD_MODULE_H
#define MODGATE_GOMOD_MODULE_H

#include "base/base.h"

struct module_version {
    struct slice path;
    struct slice version;
};

/* A path that a module may be published under. Errors: BAD_PATH. */
struct error *module_check_path(struct arena *a, struct slice path) MUST_CHECK;
/* A path that a package may be imported by. Errors: BAD_PATH. */
struct error *module_check_import_path(struct arena *a, struct slice path) MUST_CHECK;
/* A slash-separated file name that may stand in a module zip. Errors: BAD_PATH. */
struct error *module_check_file_path(struct arena *a, struct slice path) MUST_CHECK;
/*
 * A valid path, a valid semantic version (short forms included), and the major version that the
 * path asks for. Errors: BAD_PATH, BAD_VERSION.
 */
struct error *module_check(struct arena *a, struct module_version mv) MUST_CHECK;

/*
 * The escaped form, in which every capital is '!' and its small letter; *out is in the arena.
 * Paths must be valid (BAD_PATH); a version may be any file name without '!' (BAD_VERSION), so that
 * branch and commit names can be asked for.
 */
struct error *module_escape_path(struct arena *a, struct slice path, struct slice *out) MUST_CHECK;
struct error *module_escape_version(struct arena *a, struct slice version,
                                    struct slice *out) MUST_CHECK;
/*
 * The way back. Errors: BAD_ESCAPE when it is no escaped form of anything, BAD_PATH or BAD_VERSION
 * when it is one of something invalid.
 */
struct error *module_unescape_path(struct arena *a, struct slice escaped,
                                   struct slice *out) MUST_CHECK;
struct error *module_unescape_version(struct arena *a, struct slice escaped,
                                      struct slice *out) MUST_CHECK;

/*
 * Splits "example.com/m/v2" into "example.com/m" and "/v2", "gopkg.in/yaml.v2" into "gopkg.in/yaml"
 * and ".v2"; without a major suffix the second part is empty. False when the suffix is malformed
 * ("/v1", "/v02", "/v1.2", none in gopkg.in): then the first part is the whole path.
 */
bool module_split_path_version(struct slice path, struct slice *prefix, struct slice *path_major);
/* Whether a valid version may stand with a path of that suffix ("", "/v2", ".v1-unstable"). */
bool module_match_path_major(struct slice version, struct slice path_major);
/* The same, with the reason. Errors: BAD_VERSION. */
struct error *module_check_path_major(struct arena *a, struct slice version,
                                      struct slice path_major) MUST_CHECK;
/* What versions begin with: "v2" for "/v2", "" for "" (v0 and v1). A part of path_major. */
struct slice module_path_major_prefix(struct slice path_major);
/* As semver_canonical, but keeps "+incompatible". Empty when the version is invalid. */
struct slice module_canonical_version(struct arena *a, struct slice version);
/*
 * Whether a leading part of target matches one of the comma-separated globs: the rule of GOPRIVATE.
 * Empty and malformed globs match nothing. (go help module-private, path.Match)
 */
bool module_match_prefix_patterns(struct slice globs, struct slice target);
/*
 * Sorts by path, then by version; a version may carry a file name ("v1.0.0/go.mod"), which comes
 * last in the order.
 */
void module_sort(struct module_version *list, size_t n);

#endif
