/*
 * Repositories over the git program: a struct codehost per URL, with one bare mirror each under one
 * folder. Sources of the rules: cmd/go/internal/modfetch/codehost/git.go for what is answered,
 * git's manual for how it is asked.
 *
 * What a call costs in children (git processes; what they start themselves is not counted):
 *
 *                             nothing known    refs fresh,        refs fresh,
 *                                              commit missing     commit in the mirror
 *   tags                      1 ls-remote      0                  0
 *   stat of a tag, a branch   3                2 fetch, cat-file  0, or 1 cat-file
 *   stat of a short hash      as that, but a commit that is no tip needs the whole history once
 *   latest                    as stat
 *   read_files                3                2                  0, or 1 cat-file
 *   archive                   3                2                  0, or 1 cat-file; 1 git archive
 * more where attributes change files recent_tag, descends_from 2 or 3, the whole history once; then
 * 1; 0 when no tag can qualify
 *
 * A cat-file serves all that is read of its repository, one call at a time, and waits for a minute
 * when nothing is; at most 16 wait. So info, mod and zip of one version together cost three
 * children at first, and mostly none when others of that repository were asked for. Fetches of one
 * repository that are wanted while one runs are made together by the next one; tags of a small
 * repository come along with those that are wanted.
 */
#ifndef MODGATE_VCS_GIT_H
#define MODGATE_VCS_GIT_H

#include "vcs/codehost.h"

/*
 * A place is "host", "host:port" (when it is not the scheme's own) or one of them with a path:
 * "git.example.com/team"; "git.example.com/team/lib" holds for lib.git too; "*" is every place. The
 * longest place that fits counts, of equal ones the first.
 */
struct git_token {
    const char *place; /* not "*": a secret is for one host */
    const char *user;  /* NULL: "x-access-token", which the big hosts take with any token */
    const char *secret;
    bool is_bearer; /* "Authorization: Bearer", for hosts that do not take a token as password */
};

/* Files by place: ssh keys, known hosts. */
struct git_file_rule {
    const char *place;
    const char *path;
};

struct git_options {
    const char *dir;                /* folder of the mirrors; made when it is missing */
    const char *program;            /* NULL = git of PATH */
    int64_t refs_ttl_ms;            /* how long what ls-remote said is fresh */
    int64_t miss_ttl_ms;            /* the same, for saying that something is not there; 0 = 5 s */
    uint64_t max_bytes;             /* of all mirrors together; 0 = no limit */
    uint64_t max_repo_bytes;        /* of one mirror; 0 = no limit */
    uint64_t memory_bytes;          /* for refs and small files; 0 = 64 MiB */
    int64_t stall_timeout_ms;       /* http: no byte for so long ends a fetch; 0 = 30 s */
    const struct git_token *tokens; /* over https only */
    size_t token_count;
    const struct git_file_rule *ssh_keys;
    size_t ssh_key_count;
    const struct git_file_rule *known_hosts;
    size_t known_hosts_count;
    bool use_ssh_agent;
    bool is_local; /* for commands: file:// URLs, and nothing else */
    const char
        *config_file; /* instead of the user's and the system's git configuration; NULL = none */
    const char *netrc_file; /* NULL = git's own, ~/.netrc */
    const char *ca_file;    /* PEM bundle, instead of git's own; NULL = git's */
};

struct git;

/*
 * Reads the environment and git's configuration (two children). BAD_CONFIG when git is not there or
 * too old, or an option cannot be used. Strings are copied. [worker]
 */
struct error *git_new(struct ctx *cx, const struct git_options *o, struct git **out) MUST_CHECK;
/* No repository of it may be open. */
void git_free(struct git *g);
/*
 * The repository at that URL, valid until cx->arena is cleared or released. No child. BAD_REQUEST
 * for what is no URL or holds a password, DENIED for schemes that are never used: only https and
 * ssh are, and where is_insecure says so http and git (and certificates are not looked at). [any]
 */
struct error *git_open(struct git *g, struct ctx *cx, struct slice url, bool is_insecure,
                       struct codehost **out) MUST_CHECK;
/* Whether the repository answers: one ls-remote, nothing remembered. Statuses as codehost.h. */
struct error *git_probe(struct git *g, struct ctx *cx, struct slice url,
                        bool is_insecure) MUST_CHECK;
/*
 * Whether ssh will be able to use a private key: a regular file, readable by us alone, without a
 * passphrase (one ssh-keygen). BAD_CONFIG says what is wrong and how to repair it. [worker]
 */
struct error *git_check_key(struct ctx *cx, const char *path) MUST_CHECK;

#endif
