/*
 * A hosted repository gets its versions from those who publish them: what they send is verified as
 * any zip, stored once and for all, and may be withdrawn, but never replaced.
 */
#ifndef MODGATE_REPO_PUBLISH_H
#define MODGATE_REPO_PUBLISH_H

#include "gomod/modzip.h"
#include "repo/repo.h"
#include "store/tombstone.h"
#include "vcs/codehost.h"

struct repo_publication {
    struct module_version mv;
    struct store_stage *stage;       /* its zip is there; of the repo's store */
    int64_t time_unix_s;             /* for the .info */
    const struct vcs_origin *origin; /* for the .info; NULL: not told */
    struct slice h1;                 /* what the publisher says; empty: nothing */
    struct slice publisher;          /* for the catalog and the log */
    struct slice signature;          /* of the zip, in base64; empty: there is none */
};

struct repo_published {
    bool is_new; /* false: the same content was published before */
    struct slice h1, mod_h1;
};

/*
 * What can be said before the zip is here. h1: what it will have, by its publisher; empty: unknown.
 * DENIED when the repository is not one that is published to, or does not own the path; CONFLICT
 * when the version is there with another content, or was withdrawn; BAD_PATH and BAD_VERSION for
 * what no module version is called. At most two opens and a read. [loop]
 */
struct error *repo_may_publish(struct repo *r, struct arena *a, struct module_version mv,
                               struct slice h1) MUST_CHECK;
/*
 * Verifies the staged zip, makes .mod and .info and stores the version, durably. As above, and
 * BAD_UPLOAD (or TOO_LARGE) with the reason when it is no module zip, its go.mod names another
 * module, or its h1 is not the announced one; or the signature is by
 * nobody who is trusted. [worker]
 */
struct error *repo_publish(struct repo *r, struct ctx *cx, const struct repo_publication *p,
                           struct repo_published *out) MUST_CHECK;
/* store_withdraw(), and memory forgets. [worker] */
struct error *repo_withdraw(struct repo *r, struct ctx *cx, struct module_version mv,
                            struct store_tombstone *t) MUST_CHECK;
/*
 * WITHDRAWN when the version has a tombstone: for answering a reader who asks for what is not
 * stored. At most an open and a read. [loop]
 */
struct error *repo_check_withdrawn(struct repo *r, struct arena *a,
                                   struct module_version mv) MUST_CHECK;

/*
 * The .mod of a version with that zip: its go.mod, or what go makes of its absence. BAD_UPLOAD when
 * the go.mod does not parse, names another module, or the version says that there is none. Pure.
 * [any]
 */
struct error *publication_go_mod(struct arena *a, struct module_version mv,
                                 const struct modzip_result *zip, struct slice *mod) MUST_CHECK;
/*
 * What a publisher may say of a version, checked: its time ("2026-01-02T15:04:05Z", not after now;
 * empty: now) and where it came from (a JSON object as the Origin of an .info, with VCS "git", a
 * URL without credentials, Hash, Ref and Subdir; empty: nothing). BAD_REQUEST. Pure. [any]
 */
struct error *claims_parse(struct arena *a, struct slice time, struct slice origin, int64_t now,
                           struct repo_publication *out) MUST_CHECK;

#endif
