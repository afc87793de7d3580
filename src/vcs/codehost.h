/*
 * One repository under version control, as the module rules see it: tags, commits, files. git.c is
 * what stands behind it; the rules (coderepo.c) know nothing else of it. Source of the rules:
 * cmd/go/internal/modfetch/codehost (codehost.go, git.go).
 *
 * Every call may start child processes and blocks until cx's deadline. Results and errors live in
 * cx->arena. [worker], from several threads at once.
 *
 * Statuses a caller may branch on: NOT_FOUND for a revision, tag or file that the repository is
 * known not to have; UPSTREAM_DENIED when the host refused (a private repository looks absent: the
 * text says so); UPSTREAM and TIMEOUT classes for a host in trouble; TOO_LARGE; CANCELLED.
 */
#ifndef MODGATE_VCS_CODEHOST_H
#define MODGATE_VCS_CODEHOST_H

#include "base/ctx.h"

#define VCS_HASH_BYTES 65 /* hex SHA-1 or SHA-256, and the NUL */

/* Where an answer came from: the Origin of an .info. Fields that do not apply are empty. */
struct vcs_origin {
    struct slice vcs;    /* "git" */
    struct slice url;    /* of the repository, as go prints it */
    struct slice subdir; /* of the module in it */
    struct slice hash;   /* full commit hash */
    struct slice ref;    /* "refs/tags/v1.0.0", "refs/heads/main", "HEAD" */
    struct slice tag_prefix;
    struct slice tag_sum;  /* "t1:…", when tags were looked at */
    struct slice repo_sum; /* "r1:…", when all refs were */
};

struct vcs_tag {
    struct slice name; /* without "refs/tags/" */
    struct slice hash; /* of the commit, an annotated tag peeled */
};

struct vcs_rev {
    struct slice name;       /* full hash */
    struct slice short_name; /* its first 12 digits */
    struct slice version;    /* the tag that was asked for, else the hash */
    int64_t time_unix_s;     /* commit time */
    struct slice *tags;      /* names of all tags on this commit */
    size_t tag_count;
    struct vcs_origin origin;
};

/* One file of an archive; its content follows through the sink's write. */
struct vcs_entry {
    struct slice path; /* relative to the repository's root, '/' between elements */
    uint64_t size;
    bool is_regular; /* false: symbolic link, submodule: no content follows */
    bool is_executable;
};

/*
 * Receives an archive entry by entry, in the archive's order; folders are left out. An error stops
 * it and comes back. Each entry is begun and ended, one that is not regular without a write.
 */
struct vcs_archive_sink {
    struct error *(*begin)(void *arg, const struct vcs_entry *e);
    struct error *(*write)(void *arg, struct slice piece);
    struct error *(*end)(void *arg);
    /* Forgets everything: the archive comes again from its start. NULL = cannot. */
    struct error *(*restart)(void *arg);
    void *arg;
};

struct codehost;

struct codehost_ops {
    /* Tags whose name starts with prefix, sorted by name; origin gets what go's Tags() gives. */
    struct error *(*tags)(struct codehost *h, struct ctx *cx, struct slice prefix,
                          struct vcs_tag **out, size_t *count, struct vcs_origin *origin);
    /*
     * Resolves a tag, branch, full or short hash, or "HEAD"; "latest" is as latest. With NOT_FOUND,
     * out->origin says of which state of the repository that is true.
     */
    struct error *(*stat)(struct codehost *h, struct ctx *cx, struct slice rev,
                          struct vcs_rev *out);
    /* The newest commit of the default branch. */
    struct error *(*latest)(struct codehost *h, struct ctx *cx, struct vcs_rev *out);
    /*
     * Several files of one commit at once (one journey for all of them): bodies[i].p is NULL
     * where the commit has no such file (a symbolic link is a file with the target as its text, as
     * for go). A file above max_bytes is TOO_LARGE.
     */
    struct error *(*read_files)(struct codehost *h, struct ctx *cx, struct slice hash,
                                const struct slice *paths, size_t count, size_t max_bytes,
                                struct slice *bodies);
    /*
     * What `git archive` gives for subdir ("" = all) of a commit, with the settings that go uses:
     * core.autocrlf=input, core.eol=lf, export-subst and export-ignore without effect. More than
     * max_bytes of archive is TOO_LARGE. NOT_FOUND when there is no subdir.
     */
    struct error *(*archive)(struct codehost *h, struct ctx *cx, struct slice hash,
                             struct slice subdir, uint64_t max_bytes,
                             const struct vcs_archive_sink *sink);
    /*
     * The highest (semver) tag with this prefix on the commit or an ancestor for which is_allowed
     * says true; empty when there is none.
     */
    struct error *(*recent_tag)(struct codehost *h, struct ctx *cx, struct slice hash,
                                struct slice prefix,
                                bool (*is_allowed)(void *arg, struct slice tag), void *arg,
                                struct slice *tag);
    /* Whether the commit of the tag is the commit or an ancestor of it. */
    struct error *(*descends_from)(struct codehost *h, struct ctx *cx, struct slice hash,
                                   struct slice tag, bool *out);
};

struct codehost {
    const struct codehost_ops *ops;
};

#endif
