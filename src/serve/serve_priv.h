/* What the files of serve share. All [loop] unless marked. */
#ifndef MODGATE_SERVE_SERVE_PRIV_H
#define MODGATE_SERVE_SERVE_PRIV_H

#include "serve/serve.h"

#include "base/ctx.h"

#include "ops/audit.h"
#include "ops/metrics.h"
#include "repo/facts.h"

#include <pthread.h>
#include <stdatomic.h>

struct memcache;
struct rules;

/* What one loop has for itself. */
struct desk {
    struct memcache *cache;
    struct mount_table *mounts; /* as of the generation */
    unsigned generation;
};

struct serve {
    struct serve_options o;
    struct http_server *server;
    struct desk *desks;     /* one a loop */
    atomic_uint generation; /* of the settings: what caches hold of another one is dropped */
    atomic_uint uploads;    /* under way */
    atomic_uint_fast64_t publish_max_bytes;
    atomic_bool is_draining;
    atomic_bool has_access_log;
    atomic_bool has_open_metrics;
    atomic_bool has_rules;
    pthread_mutex_t lock; /* guards what follows */
    struct rules *rules;  /* NULL: none */
    char *reload_error;
    char *vanity, *public_url; /* NULL = "" */
};

/* done.c: "hit", "miss" … */
extern const struct slice result_names[RESULT_COUNT];

/* What is noted about a request, for its log line and metrics. In the request's arena. */
struct note {
    enum metric_route route;
    enum metric_result result;
    bool has_result;
    struct slice repository;          /* whose mount was asked; empty: the only one */
    struct access_identity *identity; /* NULL: nobody needs to be known */
    struct error *credential_error;   /* what is wrong with those that came; reading is open */
    struct quota_place *place;        /* that is given back at the end */
    int64_t retry_after_s;            /* for an answer 429 */
    bool has_waited;                  /* for keys of an issuer */
    int64_t allowed_until_s;          /* policy: an exception ends then; 0: none counted */
    bool is_recorded;                 /* the audit has what it needs */
    struct module_version mv;         /* what is asked for; lives as long as the request or entry */
    struct entry *entry;              /* what is given; a reference */
    struct slice rule;                /* which rule refused it */
    struct slice rest;                /* the path below the mount; p is NULL: not looked at yet */
};
struct note *note_of(struct http_request *req);

/* guard.c: what somebody must be allowed to get an answer. */
struct guard_need {
    enum { NEED_PATH, NEED_SOME, NEED_ALL, NEED_ADMIN } kind;
    struct slice path; /* of a module, for NEED_PATH */
    enum access_action action;
};
/* For a question, or what question_parse() said of it; the path is the question's. Pure. */
struct guard_need guard_need_of(const struct question *q, const struct error *err);
/*
 * Finds out who asks. False: the request was refused, or, if it has no body, parked until the keys
 * that its token needs have come, and then is handled anew. Needed while access_is_active(), and
 * always for what not everybody may do.
 */
bool guard_enter(struct serve *s, struct http_request *req);
/* False: it was refused. Whoever was not asked for may read, and nothing else. */
bool guard_may(struct http_request *req, const struct guard_need *need);
/* Whether whoever asks may see how the gateway is: anybody may while reading is open. */
bool guard_is_admin(struct serve *s, struct http_request *req);
/* The request has ended. */
void guard_leave(struct serve *s, struct note *n);

/*
 * desk.c: brings the loop's desk up to date: to the table of mounts of now, and with nothing in
 * memory from before. Once for a request: the table of before may be gone then.
 */
struct desk *desk_of(struct serve *s, struct http_request *req);
unsigned generation_of(struct serve *s);

/*
 * entry.c: an answer ready to be sent: a body in memory or an open file, and its headers. Belongs
 * to one loop; counted references, one for the cache and one for each response that is being sent.
 */
struct entry {
    unsigned refs;
    struct arena arena;
    struct slice key; /* the request path */
    enum question_kind kind;
    struct guard_need need;
    struct module_version of; /* empty for what is of no module */
    int status;
    struct slice body;
    int fd;
    uint64_t size;
    int64_t mtime_unix_s;
    int64_t good_until_s; /* Unix seconds */
    struct slice etag;    /* with its quotes */
    struct http_header headers[6];
    size_t header_count;
    struct module_version mv;  /* set when rules about who asks are to be looked at on each hit */
    struct policy_facts facts; /* what was known of it */
    struct entry *lru_prev, *lru_next, *chain; /* the cache's */
};

/* What an entry is made of besides the answer. */
struct entry_about {
    struct slice key;
    enum question_kind kind;
    struct guard_need need;
    struct module_version mv; /* what it is of; empty when it is of no module */
    bool is_private;          /* not for caches that several people share */
};
/* A copy of the answer (its descriptor is duplicated). One reference, the caller's. NULL: no
 * descriptor. */
struct entry *entry_new(const struct entry_about *about, const struct repo_answer *answer);
/* Notes what rules are looked at with. Copied. */
void entry_set_facts(struct entry *e, struct module_version mv, const struct policy_facts *facts);
void entry_ref(struct entry *e);
void entry_unref(struct entry *e);
enum metric_route route_of(enum question_kind kind);

/*
 * audit.c: what the audit gets to know. audit_answer(): of a request that has ended.
 * audit_blocks(): true when it was answered with 503, because the answer could not be recorded.
 * audit_refusal(): true when the refusal will be given once its record is durable; denial is its
 * text when a policy rule refuses, and then err is what the audit is told.
 * audit_caller(): who asks, for a record that a worker makes; in the arena.
 * audit_change(): records what a worker has done, durably; err: that it could not. Returns err, or
 * why it could not be recorded. [worker]
 */
void audit_answer(struct http_request *req, const struct note *n, const struct http_done *done);
bool audit_blocks(struct http_request *req, bool is_hit);
bool audit_refusal(struct http_request *req, const struct error *err, struct slice denial);
struct audit_record audit_caller(struct http_request *req, struct arena *a);
struct error *audit_change(struct arena *a, struct audit_record *r, struct error *err);

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

/* What is asked, and of whom. The table is only kept by who has a reference to it. */
struct errand {
    struct mount_table *mounts;
    const struct mount *mount;
    struct question q;
};

/* An answer that is ready, and what is to be known of it. */
struct gift {
    const struct errand *e;
    const struct question *q;
    const struct repo_answer *answer;
    unsigned generation; /* of the settings under which it was got */
    const char *cache_status;
    const struct policy_facts *facts; /* NULL: no rule about who asks has to be looked at again */
    struct module_version mv;         /* whose facts these are */
    bool is_for_one;                  /* made for this client alone: not kept in memory */
};
/* handle.c: sends it, and keeps it in memory while it is good. */
void give_now(struct serve *s, struct http_request *req, const struct gift *g);
/* The client asks for what is stored alone. */
bool forbids_fetch(struct http_request *req);

/*
 * verdict.c: what the rules say. Each that returns true has answered, or will.
 *   verdict_refuses      before anything is looked up: what can be told by the name alone
 *   verdict_takes_over   of an answer: what needs facts, and lists, is looked at by a worker
 *   verdict_of_hit       of an answer in memory
 */
void rules_release(struct serve *s); /* at the end */
bool verdict_refuses(struct serve *s, struct http_request *req, const struct question *q);
bool verdict_takes_over(struct serve *s, struct http_request *req, const struct gift *g);
enum hit_verdict {
    HIT_GIVE,
    HIT_ANSWERED, /* with a refusal */
    HIT_LOOK,     /* it was got for somebody whom other rules are for: facts are missing */
};
enum hit_verdict verdict_of_hit(struct serve *s, struct http_request *req, const struct entry *e);
static inline bool has_rules(struct serve *s)
{
    return atomic_load_explicit(&s->has_rules, memory_order_relaxed);
}

/* What a worker judges with, and what comes out. */
struct judging {
    struct job job;
    struct loop_task task;
    struct serve *serve;
    struct http_request *req;
    struct loop *loop;
    atomic_bool has_left;
    struct arena arena;
    struct rules *rules; /* a reference */
    struct slice identity, repository;
    struct errand e; /* with a reference to its table; its question is q */
    struct question q;
    struct repo_answer answer; /* and how it goes out in the end; its descriptor is owned */
    unsigned generation;
    const char *cache_status;
    bool may_fetch;
    bool is_report; /* nothing is refused or taken out */
    struct ctx cx;
    struct policy_facts facts; /* of the version, or of the last that was looked at */
    struct error *err;
    bool is_refused; /* by the decision, about refused */
    struct policy_decision decision;
    struct module_version refused;
    int64_t allowed_until_s; /* 0: nothing ends */
};
/* verdict_list.c: [worker] Filters a list; finds another @latest when that is refused. */
struct error *judge_list(struct judging *j);
struct error *judge_latest(struct judging *j);
/* [worker] The version by its name, age and vulnerabilities; *is_given tells. */
struct error *judge_version(struct judging *j, struct module_version mv, bool *is_given);
/* [worker] One whose age counts from since_unix_s; 0: nobody knows. */
bool judge_since(struct judging *j, struct module_version mv, int64_t since_unix_s);
/* [any] Whether rules for the path may ask for its age. */
bool judge_needs_age(const struct judging *j, struct module_version mv);
struct facts_source judge_source(struct judging *j);

/* respond.c: the one place where statuses become HTTP. */
void respond_entry(struct http_request *req, struct entry *e, const char *cache_status);
void respond_error(struct http_request *req, const struct error *err);
void respond_text(struct http_request *req, int status, const char *content_type,
                  struct slice text);
/* 403, with the rule, the reason and whom to ask. */
void respond_denial(struct http_request *req, struct module_version mv,
                    const struct policy_decision *d);
/* The same, when the text was made already. */
void respond_denial_text(struct http_request *req, struct slice text);
/* Its text: at most four lines and 648 bytes, as go shows it. Pure. */
struct slice denial_text(struct arena *a, struct module_version mv,
                         const struct policy_decision *d);
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
    bool has_details; /* for those who may see how the gateway is */
    const char *content_type;
    char *file; /* what is asked for, on the heap; NULL for the pages that are one */
    struct buf text;
};
void make_metrics(struct page *p, struct arena *a);   /* page_metrics.c */
void make_readiness(struct page *p, struct arena *a); /* page_ready.c */

/* page_vulndb.c: a file of the vulnerability database. */
void make_vulndb(struct page *p, struct arena *a);
/* Whether it is one by its name: "index/db.json", "ID/GO-2024-0001.json.gz". Pure. */
bool vulndb_has_name(struct slice name);

/* page_goget.c: ?go-get=1. False: the request does not ask that. */
bool goget_handle(struct serve *s, struct http_request *req, struct slice path);
/* The first of the comma-separated prefixes in which the path lies; empty when none does. Pure. */
struct slice vanity_prefix(struct slice prefixes, struct slice path);
/* The page whose go-import tag names the gateway for the prefix. Pure. */
struct slice goget_html(struct arena *a, struct slice prefix, struct slice public_url);

/* publish.c: PUT and DELETE. False: another method. */
bool publish_handle(struct serve *s, struct http_request *req);

/* pages.c: the public key, below each mount. False: rest is not it. */
bool signing_key_handle(struct serve *s, struct http_request *req, struct slice rest);
/* pages.c: /, /healthz, /livez, /readyz, /version, /metrics. False: not one of them. */
bool pages_handle(struct serve *s, struct http_request *req, struct slice path);
/* Whether it asks only if the process is alive: that is answered whatever is wrong with credentials
 * or with the file of tokens. */
bool pages_is_probe(const struct http_request *req);

#endif
