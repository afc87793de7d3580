/*
 * Which repository a module path means: rules of the settings, hosts that are known by their name,
 * and for all others the go-import tags of the path's own page, as the go command reads them
 * (source of the rules: cmd/go/internal/vcs/vcs.go, RepoRootForImportPath).
 *
 * A discovery may be used by several threads. What pages said is remembered for a while, in bounded
 * memory; who asks for a page that is being fetched waits for it.
 */
#ifndef MODGATE_VCS_DISCOVERY_H
#define MODGATE_VCS_DISCOVERY_H

#include "base/ctx.h"

#include "net/credentials.h"

#include "vcs/vcs.h"

struct discovery;

/* NULL texts count as empty. Everything is copied. */
struct discovery_options {
    /*
     * GOPRIVATE's syntax, one pattern; and "URL" or "URL SUBDIR", where a * is what the pattern's *
     * matched. The first that matches counts.
     */
    const struct vcs_rule *rules;
    size_t rule_count;
    const char *private_patterns;
    const char *insecure_patterns;
    const char *allow;  /* GOVCS's syntax; go's own default follows it */
    const char *vanity; /* path prefixes, separated by commas, whose pages are our own */
    struct credentials_options credentials;
    const char *ca_file;
    unsigned connect_timeout_ms;
    unsigned stall_timeout_ms;
    uint64_t ttl_ms;          /* how long it is known what a page says */
    uint64_t negative_ttl_ms; /* … that a page has no tag for a path */
};

enum { PLACE_MAX_URLS = 4 };

/* What a module path means. All in cx->arena. */
struct vcs_place {
    bool is_mod;         /* the module comes from a GOPROXY at urls[0], not from a repository */
    bool is_insecure;    /* http, git:// and any certificate will do */
    struct slice root;   /* the import path that the repository stands for: path or above it */
    struct slice subdir; /* of the root in the repository; mostly empty */
    /* Of the repository. When there are several, the first that answers is it. */
    struct slice urls[PLACE_MAX_URLS];
    size_t url_count;
};

/* BAD_CONFIG names what is wrong with credentials or the CA file. [any] */
struct error *discovery_new(struct arena *a, const struct discovery_options *o,
                            struct discovery **out) MUST_CHECK;
/* No call may be under way. NULL is fine. [any] */
void discovery_free(struct discovery *d);
/*
 * The place of a valid module path. Statuses a caller may branch on:
 *   NOT_FOUND        by the rules of its host the path can be no repository; or its page is our own
 *                    and no rule is for it; or the host answered
 *                    (2xx, 404, 410) and its page has no go-import tag for the path. That is all
 *                    that can be known, go takes it as "no such module", and it must be an absence:
 *                    the go command asks for every leading part of a package's path and goes on
 *                    only where it hears 404 or 410
 *   DENIED           setting vcs.allow, an insecure URL, or a system other than git
 *   UPSTREAM_DENIED  the host wants other credentials, or sends to a log-in page
 *   BAD_ANSWER       tags that contradict each other or are malformed: not an absence, somebody
 *                    meant to name a repository
 *   class UPSTREAM and TIMEOUT for a host in trouble
 * [worker]
 */
struct error *discovery_find(struct discovery *d, struct ctx *cx, struct slice path,
                             struct vcs_place *out) MUST_CHECK;
/*
 * Whether the host of a place ("host", "host:port", "host/path") takes the credentials that are
 * known for it: asks for the page of that path. UPSTREAM_DENIED when not; classes UPSTREAM and
 * TIMEOUT for a host in trouble. [worker]
 */
struct error *discovery_probe(struct discovery *d, struct ctx *cx, struct slice place) MUST_CHECK;

#endif
