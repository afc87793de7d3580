/*
 * One module in one repository: which tags and commits are its versions, and the .info, .mod and
 * .zip of each, by the rules of the go command with GOPROXY=direct. The repository is a codehost.
 * Source of the rules: cmd/go/internal/modfetch/coderepo.go, cmd/go/internal/modload/query.go (for
 * latest), golang.org/x/mod/zip.
 *
 * Statuses a caller may branch on: NOT_FOUND for what is known not to be a version of the module
 * (the text is go's reason), TOO_LARGE, and whatever the codehost reports of a host in trouble,
 * never turned into an absence. A coderepo is not changed once it is made: several threads may use
 * one. Results and errors live in cx->arena.
 */
#ifndef MODGATE_VCS_CODEREPO_H
#define MODGATE_VCS_CODEREPO_H

#include "vcs/codehost.h"
#include "vcs/vcs.h"

/* What discovery knows of a module. */
struct coderepo_place {
    struct codehost *host;
    struct slice path;   /* of the module */
    struct slice root;   /* the import path that the repository stands for: path or above it */
    struct slice subdir; /* what the fourth field of go-import says; may be empty */
    struct slice url;    /* of the repository, for vcs_answer.source */
};

struct coderepo {
    struct coderepo_place place;
    struct slice dir;         /* of the module in the repository, without "/v2"; empty: its root */
    struct slice path_prefix; /* place.path without path_major */
    struct slice path_major;  /* "", "/v2", ".v2", ".v2-unstable" */
};

/*
 * The texts of p must outlive r; what is made here lives in the arena. NOT_FOUND when no module of
 * that path can be in that repository. [any]
 */
struct error *coderepo_init(struct arena *a, const struct coderepo_place *p,
                            struct coderepo *r) MUST_CHECK;

/*
 * Tagged versions, a line each, upwards; an empty body when there are none. out->tags are the tags
 * that they stand for. [worker]
 */
struct error *coderepo_list(const struct coderepo *r, struct ctx *cx,
                            struct vcs_answer *out) MUST_CHECK;
/*
 * The .info of what `go list -m path@latest` takes: the highest release, else the highest
 * pre-release, else the newest commit of the default branch; retracted ones are passed over.
 * [worker]
 */
struct error *coderepo_latest(const struct coderepo *r, struct ctx *cx,
                              struct vcs_answer *out) MUST_CHECK;
/*
 * The .info of a version, tag, branch or commit; "latest" is coderepo_latest. When the query is the
 * version itself, Origin holds what stays true (as in the go command's cache); else it also holds
 * what the answer depended on (Ref, TagSum). [worker]
 */
struct error *coderepo_info(const struct coderepo *r, struct ctx *cx, struct slice query,
                            struct vcs_answer *out) MUST_CHECK;
/*
 * The go.mod of a canonical version; made when the commit has none. commit is the full hash in the
 * .info that was served for this version: it is taken, wherever the tag may point by now, and
 * MISMATCH says that the repository does not have it any more. Empty: the version is resolved;
 * then, as in the go command, of a tagged version only the go.mod itself is judged, not whether
 * +incompatible is right: whoever wants to know that asks coderepo_info. [worker]
 */
struct error *coderepo_mod(const struct coderepo *r, struct ctx *cx, struct slice version,
                           struct slice commit, struct vcs_answer *out) MUST_CHECK;

struct coderepo_zip_request {
    struct slice version;  /* canonical */
    struct slice commit;   /* as for coderepo_mod; may be empty */
    const char *dest_path; /* a new file */
    uint64_t max_bytes;    /* of the zip */
};

/*
 * The zip of a version into a new file, which must not exist; not synced. On error the file is
 * removed. The same version gives the same bytes; the h1 is go's. TOO_LARGE above max_bytes and
 * above go's own limits. Beside dest_path a nameless file takes up to 8 * max_bytes for a while.
 * [worker]
 */
struct error *coderepo_zip(const struct coderepo *r, struct ctx *cx,
                           const struct coderepo_zip_request *q, struct vcs_answer *out) MUST_CHECK;

#endif
