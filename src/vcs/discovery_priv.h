/* What the files of discovery share. */
#ifndef MODGATE_VCS_DISCOVERY_PRIV_H
#define MODGATE_VCS_DISCOVERY_PRIV_H

#include "net/http_client.h"

#include "vcs/discovery.h"
#include "vcs/discovery_page.h"

/* ---- discovery_hosts.c: what needs no page. Pure. [any] */

enum host_answer {
    HOST_UNKNOWN, /* its page must be asked */
    HOST_FOUND,
    HOST_NO_REPOSITORY, /* by the rules of the host */
};
/* What a host that is known by its name, or a path with ".git" in it, says. */
struct host_repo {
    struct slice root;
    struct slice vcs;  /* "git", "hg", … */
    struct slice repo; /* the URL; without a scheme when is_schemeless */
    bool is_schemeless;
};
enum host_answer host_find(struct arena *a, struct slice path, struct host_repo *out);
/* Hosts that are known by their name only when their page said nothing. */
bool host_find_late(struct slice path, struct host_repo *out);

/* ---- discovery_rules.c. Pure. [any] */

/* The first rule that matches: root, url and subdir of out; false: none does. */
bool rules_find(struct arena *a, const struct vcs_rule *rules, size_t count, struct slice path,
                struct vcs_place *out);

/* ---- discovery_allow.c. Pure. [any] */

struct allow_question {
    const char *allow;
    struct slice root;
    bool is_private;
    bool is_insecure;
};
/* DENIED with the reason and the way out, unless vcs is git and may be used for the root. */
struct error *allow_check_vcs(struct arena *a, const struct allow_question *q,
                              struct slice vcs) MUST_CHECK;
/* The same for a repository's URL. BAD_ANSWER when it is none. */
struct error *allow_check_url(struct arena *a, const struct allow_question *q,
                              struct slice url) MUST_CHECK;

/* ---- discovery_cache.c: what pages said. [any] */

struct page_cache;

/* What a page said. */
struct page {
    struct go_imports imports;
    struct slice url;        /* where it was found */
    struct slice why_absent; /* for NOT_FOUND, when there are no imports */
};

struct page_cache *page_cache_new(uint64_t ttl_ms, uint64_t negative_ttl_ms);
void page_cache_free(struct page_cache *c);
/*
 * The page of an import path, copied into cx->arena: from the cache, or from fetch(), which one
 * caller at a time runs for a path. Errors are not remembered.
 */
struct error *page_cache_get(struct page_cache *c, struct ctx *cx, struct slice path,
                             struct error *(*fetch)(void *arg, struct ctx *cx, struct slice path,
                                                    struct page *out),
                             void *arg, struct page *out) MUST_CHECK;

/* ---- discovery_fetch.c */

struct page_source {
    struct http_client *secure;
    struct http_client *insecure; /* takes any certificate; NULL when nobody needs it */
    const struct credentials *credentials;
};
/*
 * GET https://path?go-get=1; where is_insecure says so also without a certificate that is trusted,
 * and over http, but then without credentials. [worker]
 */
struct error *page_fetch(const struct page_source *s, struct ctx *cx, struct slice path,
                         bool is_insecure, struct page *out) MUST_CHECK;

#endif
