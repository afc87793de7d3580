/*
 * Upstream mirrors: GOPROXY lists with the go command's meaning of ',' and '|', over https, http
 * and file; which list is asked follows from the module path. Each request is tried entry by entry;
 * a small answer comes back in the arena, a large one in a file. Retries, time-outs, credentials,
 * proxies and the breaker of each upstream are below this face. All calls block. [worker]
 */
#ifndef MODGATE_FETCH_FETCH_H
#define MODGATE_FETCH_FETCH_H

#include "base/ctx.h"

#include "net/credentials.h"

struct fetcher;

/* Whose modules come from where. */
struct fetch_route {
    const char *patterns; /* of module paths, in GOPRIVATE's syntax; "*" = all */
    const char *goproxy;  /* "https://a.example,https://b.example|file:///srv/mod,off" */
};

struct fetch_options {
    const struct fetch_route *routes; /* the first that matches counts */
    size_t route_count;
    const char *ca_file;    /* PEM bundle added to the system's; NULL = none */
    const char *netrc_file; /* NULL = $NETRC or ~/.netrc, as go */
    const struct credential_option *credentials;
    size_t credential_count;
    unsigned connect_timeout_ms;
    unsigned stall_timeout_ms; /* no byte for so long */
    unsigned retries;          /* further tries on 429, 5xx and broken transfers */
    unsigned breaker_failures; /* consecutive failures that mark an upstream down; 0 = never */
    unsigned breaker_pause_ms; /* how long it stays so before one request tries again */
};

/* Parses the lists and reads the credentials. Errors name the entry. [any] */
struct error *fetcher_new(struct arena *a, const struct fetch_options *o,
                          struct fetcher **out) MUST_CHECK;
void fetcher_free(struct fetcher *f);
/* Whether the list for this module path begins with "direct": there is no mirror to ask. [any] */
bool fetcher_is_direct(const struct fetcher *f, struct slice path);

struct fetch_answer {
    struct slice body;     /* in cx->arena, for fetch_small */
    uint64_t size;         /* bytes of the body */
    uint8_t sha256[32];    /* of the body */
    struct slice upstream; /* the entry it came from, without credentials; in cx->arena */
    /* Set with an error too: the walk came to "direct", and whoever reads version control goes on.
     */
    bool reached_direct;
};

/*
 * GET <entry>/<rel>, for example "golang.org/x/mod/@v/v0.20.0.info" (escaped as the GOPROXY
 * protocol says; '!' is sent as %21). The next entry is tried as go does: after ',' on 404 and 410,
 * after '|' on any error. Statuses a caller may branch on: class ABSENT when every entry that was
 * asked said 404 or 410 (the text is the reason that the last one gave); UPSTREAM_OFF when the list
 * is "off" and nobody was asked, when the walk reached "direct", or when no route is for this path;
 * else UPSTREAM and TIMEOUT classes, of the last entry that failed. More than max_bytes is
 * TOO_LARGE. BAD_REQUEST when rel has empty elements, "." or "..".
 */
struct error *fetch_small(struct fetcher *f, struct ctx *cx, struct slice rel, size_t max_bytes,
                          struct fetch_answer *out) MUST_CHECK;
/*
 * The same into a new file at dest_path, which must not exist and is not synced. A broken transfer
 * is resumed with a Range request when the upstream gave a validator. On error the file is removed.
 */
struct error *fetch_file(struct fetcher *f, struct ctx *cx, struct slice rel, const char *dest_path,
                         uint64_t max_bytes, struct fetch_answer *out) MUST_CHECK;
/*
 * One absolute URL, outside the list (the checksum database itself). The origin gets a breaker and
 * a row of figures of its own; more than 16 origins are BAD_REQUEST.
 */
struct error *fetch_url(struct fetcher *f, struct ctx *cx, struct slice url, size_t max_bytes,
                        struct fetch_answer *out) MUST_CHECK;

/* The same into a new file, as fetch_file(). */
struct error *fetch_url_file(struct fetcher *f, struct ctx *cx, struct slice url,
                             const char *dest_path, uint64_t max_bytes,
                             struct fetch_answer *out) MUST_CHECK;

struct fetch_upstream_stats {
    struct slice name; /* as in fetch_answer; lives as long as the fetcher */
    bool is_up;        /* the breaker lets requests through */
    uint64_t ok_total;
    uint64_t absent_total;
    uint64_t failed_total;
    uint64_t retried_total;
    uint64_t bytes_total;
    struct slice last_error; /* in the arena; empty when the last request went well */
};
/* One row per entry that is a mirror, then one per origin that fetch_url() asked. [any] */
void fetcher_stats(struct fetcher *f, struct arena *a, struct fetch_upstream_stats **rows,
                   size_t *count);

#endif
