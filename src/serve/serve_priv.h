/* What the files of serve share. All [loop] unless marked. */
#ifndef MODGATE_SERVE_SERVE_PRIV_H
#define MODGATE_SERVE_SERVE_PRIV_H

#include "serve/serve.h"

#include "ops/metrics.h"

#include <pthread.h>
#include <stdatomic.h>

struct memcache;

struct serve {
    struct serve_options o;
    struct http_server *server;
    struct memcache **caches; /* one a loop */
    atomic_uint generation;   /* of the settings: what caches hold of another one is dropped */
    atomic_bool is_draining;
    atomic_bool has_access_log;
    pthread_mutex_t lock; /* guards what follows */
    char *reload_error;
    char *vanity, *public_url; /* NULL = "" */
};

/* What is noted about a request, for its log line and metrics. In the request's arena. */
struct note {
    enum metric_route route;
    enum metric_result result;
    bool has_result;
};
struct note *note_of(struct http_request *req);

/*
 * entry.c: an answer ready to be sent: a body in memory or an open file, and its headers. Belongs
 * to one loop; counted references, one for the cache and one for each response that is being sent.
 */
struct entry {
    unsigned refs;
    struct arena arena;
    struct slice key; /* the request path */
    enum question_kind kind;
    int status;
    struct slice body;
    int fd;
    uint64_t size;
    int64_t mtime_unix_s;
    int64_t good_until_s; /* Unix seconds */
    struct slice etag;    /* with its quotes */
    struct http_header headers[6];
    size_t header_count;
    struct entry *lru_prev, *lru_next, *chain; /* the cache's */
};

/* A copy of the answer (its descriptor is duplicated). One reference, the caller's. NULL: no
 * descriptor. */
struct entry *entry_new(struct slice key, enum question_kind kind,
                        const struct repo_answer *answer);
void entry_ref(struct entry *e);
void entry_unref(struct entry *e);
enum metric_route route_of(enum question_kind kind);

/* memcache.c: entries by request path, the least recently used go first. */
struct memcache *memcache_new(uint64_t max_bytes, unsigned max_files);
void memcache_free(struct memcache *c);
/* Drops everything when the generation is not the one of the last call. */
void memcache_keep(struct memcache *c, unsigned generation);
/* The entry, still good at now_s, without a new reference; NULL when there is none. */
struct entry *memcache_get(struct memcache *c, struct slice key, int64_t now_s);
/* Takes a reference of its own; replaces what is there. */
void memcache_put(struct memcache *c, struct entry *e);
uint64_t memcache_bytes(const struct memcache *c);

/* respond.c: the one place where statuses become HTTP. */
void respond_entry(struct http_request *req, struct entry *e, const char *cache_status);
void respond_error(struct http_request *req, const struct error *err);
void respond_text(struct http_request *req, int status, const char *content_type,
                  struct slice text);
/* The text for a status: one to three lines, at most 648 bytes, as go shows it. Pure. */
struct slice refusal_text(struct arena *a, enum status status, struct slice reason);

/* A page that a worker makes: make() adds to text, and may set status and content_type. */
struct page {
    struct job job;
    struct loop_task task;
    struct serve *serve;
    struct http_request *req;
    struct loop *loop;
    bool has_left;
    void (*make)(struct page *p, struct arena *a); /* [worker] */
    int status;
    const char *content_type;
    struct buf text;
};
void make_metrics(struct page *p, struct arena *a);   /* page_metrics.c */
void make_readiness(struct page *p, struct arena *a); /* page_ready.c */

/* page_goget.c: ?go-get=1. False: the request does not ask that. */
bool goget_handle(struct serve *s, struct http_request *req, struct slice path);
/* The first of the comma-separated prefixes in which the path lies; empty when none does. Pure. */
struct slice vanity_prefix(struct slice prefixes, struct slice path);
/* The page whose go-import tag names the gateway for the prefix. Pure. */
struct slice goget_html(struct arena *a, struct slice prefix, struct slice public_url);

/* pages.c: /, /healthz, /livez, /readyz, /version, /metrics. False: not one of them. */
bool pages_handle(struct serve *s, struct http_request *req, struct slice path);

#endif
