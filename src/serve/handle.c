/*
 * A request's way through the loop:
 *
 *   who asks (guard) -> whose it is (mount) -> ?go-get=1 -> the loop's memory cache -> pages ->
 * what it asks (question) -> what the rules say of its name (verdict_refuses) -> what is stored
 * (mount_lookup), or parked until the flight that fetches it has landed -> what the rules say of
 * its facts (verdict_takes_over) -> answered
 *
 * The cache is looked at first, by the path as it was sent: what is in it was parsed before. An
 * entry says what somebody must be allowed to get it, so that is asked for hits too.
 */
#include "serve/serve_priv.h"

#include "ops/audit.h"

#include <unistd.h>

enum { MAX_CACHED_FILES = 512 };

struct serve *serve_new(const struct serve_options *o)
{
    struct serve *s = xcalloc(1, sizeof(*s));
    s->o = *o;
    s->has_access_log = o->has_access_log;
    pthread_mutex_init(&s->lock, NULL);
    s->desks = xcalloc(o->loops, sizeof(struct desk));
    for (unsigned i = 0; i < o->loops; i++)
        s->desks[i].cache = memcache_new(o->memory_bytes / o->loops, MAX_CACHED_FILES);
    return s;
}

void serve_free(struct serve *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < s->o.loops; i++) {
        memcache_free(s->desks[i].cache);
        mount_table_drop(s->desks[i].mounts);
    }
    free(s->desks);
    rules_release(s);
    free(s->reload_error);
    free(s->vanity);
    free(s->public_url);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void serve_set_server(struct serve *s, struct http_server *server)
{
    s->server = server;
}

void serve_set_draining(struct serve *s)
{
    atomic_store(&s->is_draining, true);
}

void serve_set_access_log(struct serve *s, bool is_on)
{
    atomic_store(&s->has_access_log, is_on);
}

void serve_set_open_metrics(struct serve *s, bool is_open)
{
    atomic_store(&s->has_open_metrics, is_open);
}

void serve_set_publish_max(struct serve *s, uint64_t max_bytes)
{
    atomic_store(&s->publish_max_bytes, max_bytes);
}

void serve_set_reload_error(struct serve *s, const char *text)
{
    pthread_mutex_lock(&s->lock);
    free(s->reload_error);
    s->reload_error = text ? xstrdup(text) : NULL;
    pthread_mutex_unlock(&s->lock);
}

struct note *note_of(struct http_request *req)
{
    struct note *n = http_request_user(req);
    if (!n) {
        n = ARENA_NEW(http_request_arena(req), struct note);
        n->route = ROUTE_OTHER;
        http_request_set_user(req, n);
    }
    return n;
}

static void note_result(struct http_request *req, const struct mount *mount,
                        enum question_kind kind, enum metric_result result)
{
    mount_count(mount, result);
    struct note *n = note_of(req);
    n->route = route_of(kind);
    n->result = result;
    n->has_result = true;
}

/* The module that a request is about; what databases say of one is no download of it. */
static struct module_version mv_of(const struct question *q)
{
    return question_is_sumdb(q->kind) ? (struct module_version){0} : q->mv;
}

/* Keeps what is given until the audit has heard of it. */
static void note_entry(struct http_request *req, struct entry *e)
{
    struct note *n = note_of(req);
    n->mv = e->of;
    n->entry = e;
    entry_ref(e);
}

/* A request that waits for a flight. */
struct parked {
    struct flight_waiter waiter;
    struct serve *serve;
    struct http_request *req;
    struct mount_table *mounts; /* a reference */
    const struct errand *e;     /* in the request's arena */
    unsigned generation;        /* of the settings under which it was asked */
};

void give_now(struct serve *s, struct http_request *req, const struct gift *g)
{
    struct entry_about about = {http_request_path(req), g->q->kind, guard_need_of(g->q, NULL),
                                mv_of(g->q), access_is_required(s->o.access)};
    struct entry *e = entry_new(&about, g->answer);
    if (!e) {
        respond_error(
            req, error_new(http_request_arena(req), STATUS_OVERLOAD, "no file descriptor is left"));
        return;
    }
    int64_t until_s = note_of(req)->allowed_until_s;
    if (until_s && until_s < e->good_until_s)
        e->good_until_s = until_s;
    if (g->facts)
        entry_set_facts(e, g->mv, g->facts);
    /* One that was got under the settings of now is kept in memory while it is good. */
    if (g->answer->freshness == REPO_FRESH && g->generation == generation_of(s) && !g->is_for_one)
        memcache_put(s->desks[http_request_loop_index(req)].cache, e);
    note_entry(req, e);
    respond_entry(req, e, g->cache_status);
    entry_unref(e);
}

static void give(struct serve *s, struct http_request *req, const struct errand *e,
                 const struct repo_answer *answer, unsigned generation, const char *cache_status)
{
    struct gift g = {.e = e,
                     .q = &e->q,
                     .answer = answer,
                     .generation = generation,
                     .cache_status = cache_status};
    if (!has_rules(s) || !verdict_takes_over(s, req, &g))
        give_now(s, req, &g);
}

static void on_landed(struct flight_waiter *w, const struct error *err,
                      const struct repo_answer *answer)
{
    struct parked *p = (struct parked *)w;
    struct http_request *req = p->req;
    if (err) {
        respond_error(req, err);
    } else if (answer->freshness == REPO_STALE) {
        note_result(req, p->e->mount, p->e->q.kind, RESULT_STALE);
        give(p->serve, req, p->e, answer, p->generation,
             "modgate; hit; fwd=stale; detail=upstream-down");
    } else {
        give(p->serve, req, p->e, answer, p->generation, "modgate; fwd=miss; stored");
    }
}

static void free_parked(struct parked *p)
{
    mount_table_drop(p->mounts);
    free(p);
}

static void release_parked(struct flight_waiter *w)
{
    free_parked((struct parked *)w);
}

static void on_gone(void *arg)
{
    flight_leave(&((struct parked *)arg)->waiter);
}

static void wait_for_flight(struct serve *s, struct http_request *req, const struct errand *e)
{
    struct arena *a = http_request_arena(req);
    struct parked *p = xcalloc(1, sizeof(*p));
    *p = (struct parked){
        .waiter = {.loop = http_request_loop(req), .on_done = on_landed, .release = release_parked},
        .serve = s,
        .req = req,
        .mounts = mount_table_ref(e->mounts),
        .e = e,
        .generation = generation_of(s),
    };
    note_result(req, e->mount, e->q.kind, RESULT_MISS);
    if (note_of(req)->mv.path.n && audit_blocks(req, false)) {
        free_parked(p);
        return;
    }
    if (!http_request_park(req, on_gone, p)) {
        free_parked(p);
        respond_error(req,
                      error_new(a, STATUS_OVERLOAD, "this connection waits for too many things"));
    } else if (!mount_join(e->mount, &e->q, &p->waiter)) {
        free_parked(p);
        respond_error(req, error_new(a, STATUS_OVERLOAD, "too many fetches are under way"));
    }
}

bool forbids_fetch(struct http_request *req)
{
    struct slice v = http_request_header(req, S("disable-module-fetch"));
    return slice_eq_nocase(v, S("true")) || slice_eq(v, S("1")) || slice_eq_nocase(v, S("t"));
}

static void answer_question(struct serve *s, struct http_request *req, const struct errand *e)
{
    struct repo_answer answer;
    const struct question *q = &e->q;
    unsigned generation = generation_of(s);
    struct error *err = mount_lookup(e->mount, http_request_arena(req), q, &answer);
    bool may_fetch = !forbids_fetch(req);
    if (err) {
        respond_error(req, err);
        return;
    }
    if (answer.freshness == REPO_MISSING && !may_fetch) {
        note_result(req, e->mount, q->kind, RESULT_NEGATIVE);
        respond_error(req, error_new(http_request_arena(req), STATUS_NOT_STORED,
                                     "%.*s is not stored here", SLICE_ARG(q->key)));
        return;
    }
    if (may_fetch && (answer.freshness == REPO_MISSING || answer.freshness == REPO_OLD)) {
        wait_for_flight(s, req, e);
        return;
    }
    bool is_fresh = answer.freshness == REPO_FRESH;
    note_result(req, e->mount, q->kind,
                answer.status != 200 ? RESULT_NEGATIVE
                : is_fresh           ? RESULT_HIT
                                     : RESULT_STALE);
    give(s, req, e, &answer, generation, is_fresh ? "modgate; hit" : "modgate; hit; fwd=stale");
    if (answer.fd >= 0)
        close(answer.fd);
    if (!is_fresh && may_fetch)
        mount_refresh(e->mount, q);
}

/* GET and HEAD of an answer that this loop has in memory. */
static bool answer_from_memory(struct serve *s, struct http_request *req, const struct mount *mount,
                               struct slice path)
{
    struct memcache *cache = s->desks[http_request_loop_index(req)].cache;
    struct entry *e = memcache_get(cache, path, now_unix_s());
    if (!e)
        return false;
    note_of(req)->route = route_of(e->kind);
    if (!guard_may(req, &e->need))
        return true;
    enum hit_verdict verdict = has_rules(s) ? verdict_of_hit(s, req, e) : HIT_GIVE;
    if (verdict == HIT_LOOK)
        return false;
    note_result(req, mount, e->kind, e->status == 200 ? RESULT_HIT : RESULT_NEGATIVE);
    if (verdict == HIT_ANSWERED)
        return true;
    note_entry(req, e);
    respond_entry(req, e, "modgate; hit");
    return true;
}

/* While the audit cannot be written: whether the request needs a record. */
static bool is_blocked(struct http_request *req, struct slice rest)
{
    struct question q;
    return !audit_admits() && !question_parse(http_request_arena(req), rest, &q) &&
           mv_of(&q).path.n && audit_blocks(req, true);
}

void serve_handle(void *serve, struct http_request *req)
{
    struct serve *s = serve;
    struct arena *a = http_request_arena(req);
    struct slice method = http_request_method(req);
    struct slice rest, path = http_request_path(req);
    struct errand *e;
    if (access_is_active(s->o.access) && !pages_is_probe(req) && !guard_enter(s, req))
        return;
    if (publish_handle(s, req))
        return;
    if (!slice_eq(method, S("GET")) && !slice_eq(method, S("HEAD"))) {
        respond_error(req, error_new(a, STATUS_METHOD_NOT_ALLOWED,
                                     "%.*s; GET and HEAD are understood, PUT and DELETE of a zip",
                                     SLICE_ARG(slice_head(method, 32))));
        return;
    }
    struct desk *desk = desk_of(s, req);
    const struct mount *mount = mount_route(desk->mounts, path, &rest);
    if (mount_name(mount).n)
        note_of(req)->repository = arena_dup(a, mount_name(mount));
    note_of(req)->rest = rest;
    if (goget_handle(s, req, path) || is_blocked(req, rest) ||
        answer_from_memory(s, req, mount, path) || pages_handle(s, req, path) ||
        signing_key_handle(s, req, rest))
        return;
    e = ARENA_NEW(a, struct errand);
    e->mounts = desk->mounts;
    e->mount = mount;
    struct error *err = question_parse(a, rest, &e->q);
    struct guard_need need = guard_need_of(&e->q, err);
    if (!err) {
        note_of(req)->route = route_of(e->q.kind);
        note_of(req)->mv = mv_of(&e->q);
    }
    if (!guard_may(req, &need))
        return;
    if (err) {
        respond_error(req, err);
        return;
    }
    if (has_rules(s) && verdict_refuses(s, req, &e->q))
        return;
    answer_question(s, req, e);
}
