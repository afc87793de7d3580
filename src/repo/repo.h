/*
 * One repository: what is stored is answered at once; what is missing is fetched, verified and
 * stored by a worker, once, however many wait; lists and other mutable answers are refreshed, and
 * served stale while the outside is down. Several repositories side by side are mounts.h.
 */
#ifndef MODGATE_REPO_REPO_H
#define MODGATE_REPO_REPO_H

#include "base/ctx.h"

#include "fetch/fetch.h"
#include "gomod/rehome.h"
#include "repo/flight.h"
#include "repo/question.h"
#include "sign/sign.h"
#include "sign/trust.h"
#include "store/store.h"
#include "store/sumlog.h"
#include "vcs/vcs.h"
#include "work/lane.h"

struct repo;

enum repo_kind {
    REPO_PROXY,   /* what mirrors have; private paths come from version control */
    REPO_VCS,     /* the private paths, from version control, and no others */
    REPO_HOSTED,  /* the private paths, as they were published here, and no others */
    REPO_REHOMED, /* the private paths, made of modules that another repository has */
};

/* What a reload may change. Strings are copied; fetcher, vcs and trust are taken over, and freed
 * when the last job that began with them has ended. */
struct repo_sources {
    struct fetcher *fetcher;
    struct vcs *vcs;              /* what "direct" means, and where private paths come from */
    const char *private_patterns; /* GOPRIVATE's syntax: straight from version control, and never
                                     asked of a mirror or a checksum database */
    const char *refused_patterns; /* what other repositories own: not asked of mirrors and checksum
                                     databases here either */
    struct rehome_rules moves;    /* of REHOMED: the other one's paths and those of here */
    struct sign_trust *trust;     /* whose signatures are believed; NULL: nobody's */
    const char *sumdb;            /* GOSUMDB's syntax, several separated by commas; "off" = none */
    bool may_serve_unverified;    /* while no checksum database can be asked */
    uint64_t list_ttl_ms;
    uint64_t stale_while_ms;
    uint64_t negative_ttl_ms;
    uint64_t head_ttl_ms;
    uint64_t total_timeout_ms;
    uint64_t max_zip_bytes;
};

/* The checksum database that is kept here. */
struct repo_host {
    struct sumlog *log;        /* NULL: none */
    const struct slice *names; /* it is served under each */
    size_t name_count;
    bool is_for_all; /* of public modules too; else of what the private patterns match */
};

/* What is known of checksum databases, shared by all repositories. */
struct databases;
/* store: where it is kept; outlives the pool. [any] */
struct databases *databases_new(struct store *store);
/* After the repositories that share it. NULL is fine. */
void databases_free(struct databases *pool);

struct repo_options {
    enum repo_kind kind;
    struct store *store;           /* outlives the repo */
    struct databases *databases;   /* outlive the repo */
    struct lane *upstream_lane;    /* outlives the repo's flights; closed before repo_free() */
    struct lane *vcs_lane;         /* the same; closed after upstream_lane */
    struct lane *admin_lane;       /* eviction */
    struct repo_host host;         /* the log outlives the repo */
    const struct sign_key *signer; /* signs what is stored; NULL: nothing is. Outlives the repo */
};

enum repo_freshness {
    REPO_MISSING, /* nothing is known here */
    REPO_FRESH,
    REPO_STALE, /* to be given at once, and refreshed behind the client's back */
    REPO_OLD,   /* to be refreshed first; given when that fails */
};

struct repo_answer {
    enum repo_freshness freshness;
    int status;            /* 200; 404 or 410: known to be absent, the body is the reason */
    int fd;                /* of a zip or a large .mod: the receiver's to close; else -1 */
    uint64_t size;         /* bytes of the body or file */
    struct slice body;     /* when fd is -1 */
    int64_t mtime_unix_s;  /* when it was stored or learnt */
    int64_t fresh_until_s; /* Unix seconds, for mutable answers and absences; else 0 */
    struct slice etag;     /* without quotes: "h1:…" where there is one, else "sha256:…" */
    struct slice canonical_version; /* of a QUERY's answer; else empty */
    struct slice key_id;            /* of a SIGNATURE's, who made it; else empty */
};

/* A stored zip, and who of those that are trusted has signed it. */
struct signed_zip {
    int fd;
    struct slice h1; /* or empty: not known */
    struct slice *signers;
    size_t signer_count;
};

/* sources: as for repo_set_sources(). [any] */
struct error *repo_new(struct arena *a, const struct repo_options *o,
                       const struct repo_sources *sources, struct repo **out) MUST_CHECK;
/* Tells what is under way to stop soon: before the upstream lane is closed. [any] */
void repo_cancel(struct repo *r);
void repo_free(struct repo *r);
/*
 * Taking up new sources in two steps, the first of which can fail: so that several repositories
 * change together or not at all. What was made is either taken up or dropped; then the sources are
 * the caller's again. [any]
 */
struct source_set;
struct error *repo_make_sources(struct arena *a, struct repo *r, const struct repo_sources *sources,
                                struct source_set **out) MUST_CHECK;
void repo_take_up(struct repo *r, struct source_set *set);
void repo_drop_sources(struct source_set *set);
/*
 * Names the repository that a REHOMED one takes its modules from: before the sources are taken up,
 * or before the first request. set NULL: the sources that the repo was made with. release(arg) is
 * called when nobody uses the sources any more. [any]
 */
void repo_take_from(struct repo *r, struct source_set *set, struct repo *from,
                    void (*release)(void *arg), void *arg);
/* The same, but frees the sources too. */
void repo_discard(struct source_set *set);
/*
 * Takes up new sources: requests from now on use them, those under way end with the old ones. On
 * error (a bad sumdb or pattern list) the old ones stay and the fetcher is the caller's again.
 * [any]
 */
struct error *repo_set_sources(struct arena *a, struct repo *r,
                               const struct repo_sources *sources) MUST_CHECK;
/*
 * What is stored or known here, without asking outside: at most an open and a read. An answer with
 * freshness MISSING is not an error; a refusal (private path, unknown database) is: what a mirror
 * once said of a path that is private now is not given either. [loop]
 */
struct error *repo_lookup(struct repo *r, struct arena *a, const struct question *q,
                          struct repo_answer *out) MUST_CHECK;
/* Waits for the answer to come from outside; see flights_join(). [loop] */
bool repo_join(struct repo *r, const struct question *q, struct flight_waiter *w) MUST_CHECK;
/* In which lane asking for it would begin. [any] */
enum flight_leg repo_first_leg(struct repo *r, const struct question *q);
/*
 * Fetches and stores what is missing here, as far as it can be done in this lane: when *leg is
 * another one afterwards, the result is nothing and the rest belongs there. [worker]
 */
struct error *repo_fetch(struct repo *r, struct ctx *cx, const struct question *q,
                         enum flight_leg *leg, struct repo_answer *out) MUST_CHECK;
/* Whether the name is that of the checksum database that is kept here. [any] */
bool repo_keeps_sumdb(const struct repo_host *host, struct slice name);
/* Whether nothing is under way in it. Nobody may ask it anything any more. [any] */
bool repo_is_idle(struct repo *r);
/* Refreshes a stale answer in the background. [any] */
void repo_refresh(struct repo *r, const struct question *q);
/* The same in line, for commands that fetch: looks up, else fetches and stores. [worker] */
struct error *repo_get(struct repo *r, struct ctx *cx, const struct question *q,
                       struct repo_answer *out) MUST_CHECK;
/* The lane for work that asks what the question asks. [any] */
struct lane *repo_lane(struct repo *r, const struct question *q);
/* Makes another body that of an answer, in memory. [any] */
void repo_answer_set_body(struct arena *a, struct repo_answer *answer, struct slice body);
/* Called when something that was served before may not be served any more. Set before the first
 * request; fn is [any]. */
void repo_on_forget(struct repo *r, void (*fn)(void *arg), void *arg);

struct repo_sumdb_stats {
    struct slice name;     /* in the arena, as all here */
    uint64_t size;         /* records in the newest tree that was seen */
    struct slice evidence; /* of a fork: the file under sumdb/; empty: it was never seen to fork */
    uint64_t behind;       /* the size of an older head that it gives now; 0: it does not */
};
/* The checksum databases of the current sources. [any] */
void repo_sumdb_stats(struct repo *r, struct arena *a, struct repo_sumdb_stats **rows,
                      size_t *count);
/* The upstreams of the current sources, for metrics and readiness. [any] */
void repo_upstream_stats(struct repo *r, struct arena *a, struct fetch_upstream_stats **rows,
                         size_t *count);

/* Whether the setting sumdb can be read. BAD_CONFIG. Pure. [any] */
struct error *repo_check_sumdb(struct arena *a, const char *sumdb) MUST_CHECK;

/* Who has signed a zip that is stored here: see mount_signers(). [worker] */
struct error *repo_signers(struct repo *r, struct ctx *cx, struct module_version mv,
                           struct signed_zip *zip) MUST_CHECK;

#endif
