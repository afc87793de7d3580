/*
 * The keys of an issuer are one block (set) with a reference count: a loop takes a reference under
 * the lock, verifies without it, and lets go. A fetch makes a new block and swaps it. The job is
 * part of the issuer and holds a reference to it while it is queued or runs; is_fetching says that,
 * and that whoever waits will be woken.
 */
#include "access/issuer.h"

#include "base/ctx.h"

#include "net/http_client.h"
#include "net/url.h"
#include "ops/log.h"

#include <pthread.h>

enum { FETCH_TIMEOUT_MS = 20000, CONNECT_TIMEOUT_MS = 5000, DISCOVERY_MAX_BYTES = 64 * 1024 };

struct key_block {
    atomic_uint refs;
    struct arena arena;
    struct jwk_set set;
};

struct issuer {
    struct job job; /* first: the job is the issuer */
    atomic_uint refs;
    struct arena arena; /* of what follows, up to the lock */
    struct issuer_options o;
    struct http_client *client;
    pthread_mutex_t lock;
    struct key_block *keys; /* NULL: none yet */
    int64_t fetched_ms;     /* when they came; 0 = never */
    int64_t tried_ms;       /* when the last fetch began; 0 = never */
    bool is_fetching;
    struct issuer_waiter *waiters;
    char *trouble; /* NULL: the last fetch went well */
};

static void keys_unref(struct key_block *k)
{
    if (!k || atomic_fetch_sub(&k->refs, 1) != 1)
        return;
    arena_release(&k->arena);
    free(k);
}

static const char *keep(struct arena *a, const char *text)
{
    return arena_cstr(a, slice_of(text));
}

static struct error *check_https(struct arena *a, const char *text)
{
    struct url u;
    TRY(url_parse(a, slice_of(text), &u));
    if (!slice_eq(u.scheme, S("https")) || u.user.p)
        return error_new(a, STATUS_BAD_CONFIG, "%s is no https:// URL without user", text);
    return NULL;
}

static struct error *set_up(struct arena *a, struct issuer *i, const struct issuer_options *o)
{
    struct http_client_options co = {.ca_file = o->ca_file,
                                     .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                     .stall_timeout_ms = CONNECT_TIMEOUT_MS};
    if (!*o->audience)
        return error_new(a, STATUS_BAD_CONFIG,
                         "it has no audience: without one a token made for somebody else would do");
    TRY_CTX(a, check_https(a, o->url), "url");
    if (o->jwks_url && *o->jwks_url)
        TRY_CTX(a, check_https(a, o->jwks_url), "jwks_url");
    i->o = (struct issuer_options){
        .name = keep(&i->arena, o->name),
        .url = keep(&i->arena, o->url),
        .audience = keep(&i->arena, o->audience),
        .jwks_url = keep(&i->arena, o->jwks_url),
        .ca_file = keep(&i->arena, o->ca_file),
        .lane = o->lane,
        .cancelled = o->cancelled,
    };
    TRY_CTX(a, http_client_new(a, &co, &i->client), "ca_file");
    return NULL;
}

static void issuer_release(struct issuer *i)
{
    http_client_free(i->client);
    keys_unref(i->keys);
    pthread_mutex_destroy(&i->lock);
    free(i->trouble);
    arena_release(&i->arena);
    free(i);
}

static void run_fetch(struct job *job);

struct error *issuer_new(struct arena *a, const struct issuer_options *o, struct issuer **out)
{
    struct issuer *i = xcalloc(1, sizeof(*i));
    i->job.run = run_fetch;
    atomic_init(&i->refs, 1);
    pthread_mutex_init(&i->lock, NULL);
    struct error *err = set_up(a, i, o);
    if (err) {
        issuer_release(i);
        return error_as(a, STATUS_BAD_CONFIG, err, "access_issuers.%s", o->name);
    }
    *out = i;
    return NULL;
}

void issuer_ref(struct issuer *i)
{
    atomic_fetch_add(&i->refs, 1);
}

void issuer_unref(struct issuer *i)
{
    if (i && atomic_fetch_sub(&i->refs, 1) == 1)
        issuer_release(i);
}

static bool is_same(const char *a, const char *b)
{
    return slice_eq(slice_of(a), slice_of(b));
}

bool issuer_is(const struct issuer *i, const struct issuer_options *o)
{
    return is_same(i->o.name, o->name) && is_same(i->o.url, o->url) &&
           is_same(i->o.audience, o->audience) && is_same(i->o.jwks_url, o->jwks_url) &&
           is_same(i->o.ca_file, o->ca_file);
}

struct slice issuer_name(const struct issuer *i)
{
    return slice_of(i->o.name);
}

struct slice issuer_url(const struct issuer *i)
{
    return slice_of(i->o.url);
}

struct slice issuer_audience(const struct issuer *i)
{
    return slice_of(i->o.audience);
}

/* ---- The job */

struct gathered {
    struct buf body;
};

static struct error *gather(void *arg, struct arena *a, struct slice data)
{
    buf_add(&((struct gathered *)arg)->body, data);
    return NULL;
}

static struct error *get(struct issuer *i, struct ctx *cx, struct slice url, uint64_t max_bytes,
                         struct slice *out)
{
    struct gathered g = {.body = BUF_INIT};
    struct http_request rq = {
        .url = url, .max_bytes = max_bytes, .sink = {.arg = &g, .body = gather}};
    struct http_response response;
    struct error *err = http_get(i->client, cx, &rq, &response);
    *out = arena_dup(cx->arena, buf_slice(&g.body));
    buf_release(&g.body);
    if (!err && response.status != 200)
        err = error_new(cx->arena, STATUS_BAD_ANSWER, "%.*s answered %d", SLICE_ARG(url),
                        response.status);
    return err;
}

/* OpenID Connect Discovery 1.0, 4.3: the issuer that it names must be the one that was asked. */
static struct error *read_discovery(struct issuer *i, struct arena *a, struct slice json,
                                    struct slice *jwks_url)
{
    json_t *root = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, NULL);
    const char *issuer = json_string_value(json_object_get(root, "issuer"));
    const char *url = json_string_value(json_object_get(root, "jwks_uri"));
    struct error *err = NULL;
    if (!issuer || strcmp(issuer, i->o.url) != 0)
        err = error_new(a, STATUS_BAD_ANSWER, "its configuration does not name %s as the issuer",
                        i->o.url);
    else if (!url || check_https(a, url))
        err = error_new(a, STATUS_BAD_ANSWER, "its configuration names no https:// jwks_uri");
    else
        *jwks_url = arena_dup(a, slice_of(url));
    json_decref(root);
    return err;
}

static struct error *find_jwks(struct issuer *i, struct ctx *cx, struct slice *url)
{
    struct slice json, base = slice_of(i->o.url);
    *url = slice_of(i->o.jwks_url);
    if (url->n)
        return NULL;
    if (slice_ends(base, S("/")))
        base.n--;
    TRY(get(i, cx,
            arena_printf(cx->arena, "%.*s/.well-known/openid-configuration", SLICE_ARG(base)),
            DISCOVERY_MAX_BYTES, &json));
    return read_discovery(i, cx->arena, json, url);
}

static struct error *fetch_keys(struct issuer *i, struct ctx *cx, struct key_block *k)
{
    struct slice url, json;
    TRY(find_jwks(i, cx, &url));
    TRY(get(i, cx, url, JWKS_MAX_BYTES, &json));
    return jwks_parse(&k->arena, json, &k->set);
}

/* Under the lock: what came of the fetch; the keys that are no longer used are returned. */
static struct key_block *take_keys(struct issuer *i, struct key_block *k, const struct error *err)
{
    struct key_block *old = i->keys;
    free(i->trouble);
    i->trouble = NULL;
    if (err) {
        BUF_SCOPED(b);
        error_chain_to(&b, err);
        i->trouble = xstrdup(b.p);
        return k;
    }
    i->keys = k;
    i->fetched_ms = now_ms();
    return old;
}

static void wake_all(struct issuer_waiter *w)
{
    while (w) {
        struct issuer_waiter *next = w->next;
        loop_post(w->loop, &w->task);
        w = next;
    }
}

static void run_fetch(struct job *job)
{
    struct issuer *i = (struct issuer *)job;
    struct arena a = ARENA_INIT;
    struct ctx cx = {
        .arena = &a, .deadline_ms = now_ms() + FETCH_TIMEOUT_MS, .cancelled = i->o.cancelled};
    struct key_block *k = xcalloc(1, sizeof(*k));
    atomic_init(&k->refs, 1);
    struct error *err = fetch_keys(i, &cx, k);
    if (err)
        log_error(LOG_WARN, "the keys of a token issuer could not be fetched", err,
                  &LOG_STR("issuer", slice_of(i->o.name)), 1);
    pthread_mutex_lock(&i->lock);
    struct key_block *unused = take_keys(i, k, err);
    struct issuer_waiter *waiters = i->waiters;
    i->waiters = NULL;
    i->is_fetching = false;
    pthread_mutex_unlock(&i->lock);
    wake_all(waiters);
    keys_unref(unused);
    arena_release(&a);
    issuer_unref(i);
}

/* Under the lock: begins a fetch unless one is under way or was not long ago. */
static void begin_fetch(struct issuer *i, int64_t now_ms, enum lane_class class)
{
    if (i->is_fetching || (i->tried_ms && now_ms - i->tried_ms < ISSUER_PAUSE_SECONDS * 1000))
        return;
    i->job = (struct job){.run = run_fetch};
    issuer_ref(i);
    i->is_fetching = lane_submit(i->o.lane, &i->job, class);
    if (i->is_fetching)
        i->tried_ms = now_ms;
    else
        atomic_fetch_sub(&i->refs, 1); /* the caller has another one */
}

static bool is_older(int64_t at_ms, int64_t now_ms, int64_t seconds)
{
    return at_ms == 0 || now_ms - at_ms >= seconds * 1000;
}

void issuer_update(struct issuer *i, int64_t now_ms)
{
    pthread_mutex_lock(&i->lock);
    if (is_older(i->fetched_ms, now_ms, ISSUER_FRESH_SECONDS))
        begin_fetch(i, now_ms, LANE_BACKGROUND);
    if (is_older(i->fetched_ms, now_ms, ISSUER_KEEP_SECONDS)) {
        keys_unref(i->keys);
        i->keys = NULL;
    }
    pthread_mutex_unlock(&i->lock);
}

static struct key_block *take_ref(struct issuer *i)
{
    pthread_mutex_lock(&i->lock);
    struct key_block *k = i->keys;
    if (k)
        atomic_fetch_add(&k->refs, 1);
    pthread_mutex_unlock(&i->lock);
    return k;
}

static enum issuer_verdict ask_for_key(struct issuer *i, int64_t now_ms)
{
    pthread_mutex_lock(&i->lock);
    begin_fetch(i, now_ms, LANE_INTERACTIVE);
    enum issuer_verdict verdict = i->is_fetching           ? ISSUER_FETCHING
                                  : i->trouble || !i->keys ? ISSUER_DOWN
                                                           : ISSUER_UNKNOWN_KEY;
    pthread_mutex_unlock(&i->lock);
    return verdict;
}

enum issuer_verdict issuer_verify(struct issuer *i, const struct jwt *t, int64_t now_ms)
{
    struct key_block *k = take_ref(i);
    const struct jwk *key = k ? jwks_find(&k->set, t->kid, t->algorithm) : NULL;
    enum issuer_verdict verdict;
    if (key)
        verdict = jwt_is_signed(t, key) ? ISSUER_GOOD : ISSUER_BAD;
    else
        verdict = ask_for_key(i, now_ms);
    keys_unref(k);
    return verdict;
}

void issuer_wait(struct issuer *i, struct issuer_waiter *w)
{
    pthread_mutex_lock(&i->lock);
    bool is_fetching = i->is_fetching;
    if (is_fetching) {
        w->next = i->waiters;
        i->waiters = w;
    }
    pthread_mutex_unlock(&i->lock);
    if (!is_fetching)
        loop_post(w->loop, &w->task);
}

struct slice issuer_trouble(struct issuer *i, struct arena *a)
{
    pthread_mutex_lock(&i->lock);
    struct slice text = arena_dup(a, slice_of(i->trouble));
    pthread_mutex_unlock(&i->lock);
    return text;
}
