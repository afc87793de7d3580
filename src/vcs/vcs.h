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

#include "net/credentials.h"

#include "vcs/codehost.h"

struct vcs;

struct vcs_rule {
    const char *pattern;
    const char *value;
};

/*
 * All that the settings of version control say; see docs/settings.md. NULL texts count as empty.
 * Everything is copied.
 */
struct vcs_options {
    const char *dir; /* folder of the copies of repositories; made when it is needed first */
    const struct vcs_rule *rules; /* vcs.rules, in order: one pattern, and "URL" or "URL SUBDIR" */
    size_t rule_count;
    const char *private_patterns;
    const char *insecure_patterns;
    const char *allow;
    const char *vanity; /* paths whose pages this gateway answers: only rules lead from them */
    const struct credential_option *tokens; /* vcs.tokens; over https only */
    size_t token_count;
    const struct credential_option *credentials; /* fetch.credentials, for discovery only */
    size_t credential_count;
    const char *netrc_file;          /* NULL = $NETRC or ~/.netrc */
    const char *ca_file;             /* trusted besides the system's; NULL = none */
    const struct vcs_rule *ssh_keys; /* the pattern is a place, the value a file */
    size_t ssh_key_count;
    const struct vcs_rule *known_hosts; /* likewise */
    size_t known_hosts_count;
    bool use_ssh_agent;
    const char *git_config;
    uint64_t connect_timeout_ms, stall_timeout_ms;
    uint64_t timeout_ms; /* for one call below */
    uint64_t refs_ttl_ms, discovery_ttl_ms, negative_ttl_ms;
    uint64_t max_bytes;      /* of all copies; 0 = no limit */
    uint64_t max_repo_bytes; /* of one */
};

/*
 * Reads the credentials (BAD_CONFIG). git itself is looked for when it is needed first: a gateway
 * that never asks version control runs without it. [any]
 */
struct error *vcs_new(struct arena *a, const struct vcs_options *o, struct vcs **out) MUST_CHECK;
/* No call may be under way, and no arena in use that one was given. NULL is fine. [any] */
void vcs_free(struct vcs *v);

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
    /*
     * Not empty: the module's go-import tag says "mod", it comes from the GOPROXY at this URL and
     * not from a repository. The call returned an error then, of status DENIED, for callers that go
     * no further. Who does asks <proxy>/<escaped path>/@v/… or /@latest instead, as any upstream.
     */
    struct slice proxy;
};

/*
 * Statuses that a caller of all below may branch on: class ABSENT for what is known not to be there
 * (no repository for the path: discovery.h; no such version: coderepo.h), DENIED for what the
 * settings forbid, UPSTREAM_DENIED when a host refused, MISMATCH, TOO_LARGE, BAD_CONFIG when git is
 * not there; else classes UPSTREAM and TIMEOUT. Paths must be valid (module_check_path).
 */

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

/*
 * Proves what the settings name, by asking: git is there; each ssh key can be used; each host with
 * a token takes it; each repository of a rule (that names one) answers. tell() hears of every
 * fault, one line each, with the setting's key.
 */
void vcs_check(struct vcs *v, struct ctx *cx, void (*tell)(void *arg, struct slice fault),
               void *arg);

#endif
