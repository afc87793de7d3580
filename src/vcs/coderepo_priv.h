/* Shared by the coderepo files of this folder only. */
#ifndef MODGATE_VCS_CODEREPO_PRIV_H
#define MODGATE_VCS_CODEREPO_PRIV_H

#include "gomod/modfile.h"
#include "vcs/coderepo.h"

/*
 * The files of one commit that the rules look at. What is wanted is read in one call of the
 * codehost as soon as one of them is needed.
 */
enum { COMMIT_FILES_MAX = 4 };

struct commit_files {
    const struct coderepo *r;
    struct ctx *cx;
    struct slice hash;
    struct slice paths[COMMIT_FILES_MAX];
    struct slice bodies[COMMIT_FILES_MAX]; /* p is NULL where the commit has no such file */
    size_t wanted, read;
};

void commit_want(struct commit_files *f, struct slice path);
bool commit_wants(const struct commit_files *f, struct slice path);
/* Wants, reads, and gives the body. */
struct error *commit_read(struct commit_files *f, struct slice path, struct slice *body) MUST_CHECK;

/* Whether a commit has these files; keeps no memory. */
struct error *files_exist(struct codehost *h, struct ctx *cx, struct slice hash,
                          const struct slice *paths, size_t count, bool *exist) MUST_CHECK;

/* Where a module is in a commit. */
struct module_place {
    struct slice dir;    /* "" is the root */
    struct slice go_mod; /* p is NULL when the commit has none, and needs none */
};

/* The files of a commit, with those wanted that module_find() and a zip may need. */
struct commit_files commit_files_of(const struct coderepo *r, struct ctx *cx, struct slice hash,
                                    bool for_zip);
/* The directory of a version's module. NOT_FOUND with the reason when it is not there. */
struct error *module_find(struct commit_files *f, struct slice version,
                          struct module_place *out) MUST_CHECK;

/* "a/b" of "a" and "b", "b" of "" and "b". */
struct slice repo_path(struct arena *a, struct slice dir, struct slice name);
/* The prefix of the module's tags: "" or "sub/". */
struct slice tag_prefix(const struct coderepo *r, struct arena *a);
/* What to ask the codehost for: a version's tag or commit, anything else as it is. */
struct slice rev_of_query(const struct coderepo *r, struct arena *a, struct slice query);
/* Wraps a failure: "path@version: invalid version: …". */
struct error *invalid_version_because(const struct coderepo *r, struct ctx *cx,
                                      struct slice version, const struct error *cause);
/* NOT_FOUND: the same, with a reason of our own. */
#define invalid_version(r, cx, version, ...)                                                       \
    invalid_version_because((r), (cx), (version),                                                  \
                            error_new((cx)->arena, STATUS_NOT_FOUND, __VA_ARGS__))

/* Whether an error is a fact about the repository and not a trouble in asking. */
bool is_fact(const struct error *e);

struct tagged_versions {
    struct slice *versions; /* upwards */
    size_t count;
    struct slice *incompatible; /* candidates, without "+incompatible", upwards */
    size_t incompatible_count;
    struct vcs_tag *tags; /* all with the module's prefix, sorted by name */
    size_t tag_count;
    struct vcs_origin origin;
};

/* The tags that are versions. add_incompatible() appends those of the candidates that count. */
struct error *tagged_versions(const struct coderepo *r, struct ctx *cx,
                              struct tagged_versions *out) MUST_CHECK;
struct error *add_incompatible(const struct coderepo *r, struct ctx *cx,
                               struct tagged_versions *t) MUST_CHECK;

/* What the go.mod of the highest version retracts. */
struct retractions {
    const struct mod_retract *list;
    size_t count;
};

bool is_retracted(const struct retractions *t, struct slice version);
/* Reads them from a go.mod; a faulty one retracts nothing. */
struct retractions retractions_of(struct ctx *cx, struct slice go_mod);

/* A version and all that was learnt of it. */
struct resolved {
    struct slice version;
    struct slice commit;
    int64_t time_unix_s;
    struct vcs_origin origin; /* of an answer to a query */
    struct commit_files files;
    struct module_place place;
};

/* Stat and convert. query may be a version, tag, branch or commit. */
struct error *resolve_query(const struct coderepo *r, struct ctx *cx, struct slice query,
                            struct resolved *out) MUST_CHECK;
/* The newest commit of the default branch. */
struct error *resolve_newest(const struct coderepo *r, struct ctx *cx,
                             struct resolved *out) MUST_CHECK;

/* Whose go.mod or zip is wanted. */
struct content {
    struct slice version; /* canonical */
    struct slice commit;  /* if known: full hash */
    bool for_zip;
};

/* The commit of a version, with the place of the module in it. */
struct error *resolve_content(const struct coderepo *r, struct ctx *cx, struct content wanted,
                              struct resolved *out) MUST_CHECK;
/* Checks a pseudo-version against the commit that it names. */
struct error *pseudo_validate(const struct coderepo *r, struct ctx *cx, const struct vcs_rev *rev,
                              struct slice version) MUST_CHECK;

#endif
