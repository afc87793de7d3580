/*
 * A request's way through the loop:
 *
 *   who asks (guard) -> ?go-get=1 -> the loop's memory cache -> pages -> what it asks (question) ->
 * what the rules say of its name (verdict_refuses) -> what is stored (repo_lookup), or parked until
 * the flight that fetches it has landed -> what the rules say of its facts (verdict_takes_over) ->
 * answered
 *
 * The cache is looked at first, by the path as it was sent: what is in it was parsed before. An
 * entry says what somebody must be allowed to get it, so that is asked for hits too.
 */
#include "serve/serve_priv.h"

#include <unistd.h>

enum { MAX_CACHED_FILES = 512 };

struct serve *serve_new(const struct serve_options *o)
{
    struct serve *s = xcalloc(1, sizeof(*s));
    s->o = *o;
    s->has_access_log = o->has_access_log;
    pthread_mutex_init(&s->lock, NULL);
    s->caches = xcalloc(o->loops, sizeof(struct memcache *));
    for (unsigned i = 0; i < o->loops; i++)
        s->caches[i] = memcache_new(o->memory_bytes / o->loops, MAX_CACHED_FILES);
    return s;
}

void serve_free(struct serve *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < s->o.loops; i++)
        memcache_free(s->caches[i]);
    free(s->caches);
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

void serve_forget(struct serve *s)
{
    atomic_fetch_add(&s->generation, 1);
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

static void note_result(struct http_request *req, enum question_kind kind,
                        enum metric_result result)
{
    struct note *n = note_of(req);
    n->route = route_of(kind);
    n->result = result;
    n->has_result = true;
}

/* A request that waits for a flight. */
struct parked {
    struct flight_waiter waiter;
    struct serve *serve;
    struct http_request *req;
    const struct question *q;
    unsigned generation; /* of the settings under which it was asked */
};

static struct memcache *cache_of(struct serve *s, struct http_request *req)
{
    return s->caches[http_request_loop_index(req)];
}

static unsigned generation_of(struct serve *s)
{
    return atomic_load_explicit(&s->generation, memory_order_relaxed);
}

void give_now(struct serve *s, struct http_request *req, const struct gift *g)
{
    struct entry_about about = {http_request_path(req), g->q->kind, guard_need_of(g->q, NULL),
                                access_is_required(s->o.access)};
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
        memcache_put(cache_of(s, req), e);
    respond_entry(req, e, g->cache_status);
    entry_unref(e);
}

static void give(struct serve *s, struct http_request *req, const struct question *q,
                 const struct repo_answer *answer, unsigned generation, const char *cache_status)
{
    struct gift g = {
        .q = q, .answer = answer, .generation = generation, .cache_status = cache_status};
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
        note_result(req, p->q->kind, RESULT_STALE);
        give(p->serve, req, p->q, answer, p->generation,
             "modgate; hit; fwd=stale; detail=upstream-down");
    } else {
        give(p->serve, req, p->q, answer, p->generation, "modgate; fwd=miss; stored");
    }
}

static void release_parked(struct flight_waiter *w)
{
    free(w);
}

static void on_gone(void *arg)
{
    flight_leave(&((struct parked *)arg)->waiter);
}

static void wait_for_flight(struct serve *s, struct http_request *req, const struct question *q)
{
    struct arena *a = http_request_arena(req);
    struct parked *p = xcalloc(1, sizeof(*p));
    *p = (struct parked){
        .waiter = {.loop = http_request_loop(req), .on_done = on_landed, .release = release_parked},
        .serve = s,
        .req = req,
        .q = q,
        .generation = generation_of(s),
    };
    note_result(req, q->kind, RESULT_MISS);
    if (!http_request_park(req, on_gone, p)) {
        free(p);
        respond_error(req,
                      error_new(a, STATUS_OVERLOAD, "this connection waits for too many things"));
    } else if (!repo_join(s->o.repo, q, &p->waiter)) {
        free(p);
        respond_error(req, error_new(a, STATUS_OVERLOAD, "too many fetches are under way"));
    }
}

bool forbids_fetch(struct http_request *req)
{
    struct slice v = http_request_header(req, S("disable-module-fetch"));
    return slice_eq_nocase(v, S("true")) || slice_eq(v, S("1")) || slice_eq_nocase(v, S("t"));
}

static void answer_question(struct serve *s, struct http_request *req, const struct question *q)
{
    struct repo_answer answer;
    unsigned generation = generation_of(s);
    struct error *err = repo_lookup(s->o.repo, http_request_arena(req), q, &answer);
    bool may_fetch = !forbids_fetch(req);
    if (err) {
        respond_error(req, err);
        return;
    }
    if (answer.freshness == REPO_MISSING && !may_fetch) {
        note_result(req, q->kind, RESULT_NEGATIVE);
        respond_error(req, error_new(http_request_arena(req), STATUS_NOT_STORED,
                                     "%.*s is not stored here", SLICE_ARG(q->key)));
        return;
    }
    if (may_fetch && (answer.freshness == REPO_MISSING || answer.freshness == REPO_OLD)) {
        wait_for_flight(s, req, q);
        return;
    }
    bool is_fresh = answer.freshness == REPO_FRESH;
    note_result(req, q->kind,
                answer.status != 200 ? RESULT_NEGATIVE
                : is_fresh           ? RESULT_HIT
                                     : RESULT_STALE);
    give(s, req, q, &answer, generation, is_fresh ? "modgate; hit" : "modgate; hit; fwd=stale");
    if (answer.fd >= 0)
        close(answer.fd);
    if (!is_fresh && may_fetch)
        repo_refresh(s->o.repo, q);
}

/* GET and HEAD of an answer that this loop has in memory. */
static bool answer_from_memory(struct serve *s, struct http_request *req, struct slice path)
{
    struct memcache *c = cache_of(s, req);
    memcache_keep(c, generation_of(s));
    struct entry *e = memcache_get(c, path, now_unix_s());
    if (!e)
        return false;
    note_of(req)->route = route_of(e->kind);
    if (!guard_may(req, &e->need))
        return true;
    enum hit_verdict verdict = has_rules(s) ? verdict_of_hit(s, req, e) : HIT_GIVE;
    if (verdict == HIT_LOOK)
        return false;
    note_result(req, e->kind, e->status == 200 ? RESULT_HIT : RESULT_NEGATIVE);
    if (verdict == HIT_ANSWERED)
        return true;
    respond_entry(req, e, "modgate; hit");
    return true;
}

void serve_handle(void *serve, struct http_request *req)
{
    struct serve *s = serve;
    struct arena *a = http_request_arena(req);
    struct slice method = http_request_method(req);
    struct slice path = http_request_path(req);
    struct question *q;
    if (access_is_active(s->o.access) && !pages_is_probe(req) && !guard_enter(s, req))
        return;
    if (!slice_eq(method, S("GET")) && !slice_eq(method, S("HEAD"))) {
        respond_error(req, error_new(a, STATUS_METHOD_NOT_ALLOWED,
                                     "%.*s; only GET and HEAD are understood",
                                     SLICE_ARG(slice_head(method, 32))));
        return;
    }
    if (goget_handle(s, req, path) || answer_from_memory(s, req, path) ||
        pages_handle(s, req, path))
        return;
    q = ARENA_NEW(a, struct question);
    struct error *err = question_parse(a, path, q);
    struct guard_need need = guard_need_of(q, err);
    if (!err)
        note_of(req)->route = route_of(q->kind);
    if (!guard_may(req, &need))
        return;
    if (err) {
        respond_error(req, err);
        return;
    }
    if (has_rules(s) && verdict_refuses(s, req, q))
        return;
    answer_question(s, req, q);
}
