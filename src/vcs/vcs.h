/*
 * Modules straight from version control, without a Go toolchain: which repository a module path
 * means (discovery, rules), what its tags, branches and commits are as versions, and the .info,
 * .mod and .zip that the go command would make of them with GOPROXY=direct. All calls block.
 * [worker] unless marked.
 */
#ifndef MODGATE_VCS_VCS_H
#define MODGATE_VCS_VCS_H

#include "base/ctx.h"

#include "gomod/module.h"

#include "vcs/codehost.h"

struct vcs;

/* What a call found. Slices are in cx->arena. */
struct vcs_answer {
    struct slice body;    /* list lines, .info JSON or go.mod */
    struct slice version; /* the canonical version, for info and latest */
    struct slice commit;  /* full hash, for all but list */
    struct slice source;  /* the repository's URL without credentials */
    uint64_t size;        /* of the zip */
    /* For list: what each version's tag names now, in the list's order, so that a tag that has
     * moved can be told from the .info that was served. */
    struct vcs_tag *tags;
    size_t tag_count;
};

/* Tagged versions, a line each, sorted; an empty body when there are none. */
struct error *vcs_list(struct vcs *v, struct ctx *cx, struct slice path,
                       struct vcs_answer *out) MUST_CHECK;
/* The .info of what `go list -m path@latest` takes. */
struct error *vcs_latest(struct vcs *v, struct ctx *cx, struct slice path,
                         struct vcs_answer *out) MUST_CHECK;
/* The .info of a version, a branch, a tag or a commit. */
struct error *vcs_info(struct vcs *v, struct ctx *cx, struct module_version mv,
                       struct vcs_answer *out) MUST_CHECK;
/*
 * The go.mod of a canonical version; made when the commit has none. commit is the full hash in the
 * .info that was served for this version: it is taken, wherever the tag may point by now, so that a
 * version's parts are always of one commit (MISMATCH, with the reason, when the repository does not
 * have it any more). Empty: the version is resolved.
 */
struct error *vcs_mod(struct vcs *v, struct ctx *cx, struct module_version mv, struct slice commit,
                      struct vcs_answer *out) MUST_CHECK;
/*
 * The zip of a canonical version into a new file at dest_path, which must not exist; not synced. On
 * error the file is removed. commit: as for vcs_mod().
 */
struct error *vcs_zip(struct vcs *v, struct ctx *cx, struct module_version mv, struct slice commit,
                      const char *dest_path, uint64_t max_bytes, struct vcs_answer *out) MUST_CHECK;

#endif
