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

struct vcs;

/* What a call found, besides its body. */
struct vcs_answer {
    struct slice body;    /* list lines, .info JSON or go.mod; in cx->arena */
    struct slice version; /* the canonical version, for info and latest */
    struct slice source;  /* the repository's URL without credentials; in cx->arena */
    uint64_t size;        /* of the zip */
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
/* The go.mod of a canonical version; made when the commit has none. */
struct error *vcs_mod(struct vcs *v, struct ctx *cx, struct module_version mv,
                      struct vcs_answer *out) MUST_CHECK;
/*
 * The zip of a canonical version into a new file at dest_path, which must not exist; not synced. On
 * error the file is removed.
 */
struct error *vcs_zip(struct vcs *v, struct ctx *cx, struct module_version mv,
                      const char *dest_path, uint64_t max_bytes, struct vcs_answer *out) MUST_CHECK;

#endif
