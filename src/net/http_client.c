#include "net/http_client.h"

#include "net/ca_store.h"
#include "net/courier.h"

struct http_client {
    struct courier *courier;
    struct http_client_options options;
    struct arena arena; /* the proxy variables */
    struct proxy_env proxy_env;
    pthread_mutex_t roots_lock;
    X509_STORE *roots; /* NULL until the first https request */
};

static void init_curl(void)
{
    if (curl_global_init(CURL_GLOBAL_ALL))
        BUG("libcurl does not start");
}

static const char *keep(struct http_client *c, const char *s)
{
    return s ? arena_cstr(&c->arena, slice_of(s)) : NULL;
}

struct error *http_client_new(struct arena *a, const struct http_client_options *o,
                              struct http_client **out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    if (o->ca_file && *o->ca_file)
        TRY(ca_file_check(a, o->ca_file));
    struct http_client *c = xcalloc(1, sizeof(*c));
    struct proxy_env env = proxy_env_read();
    c->options = *o;
    c->options.ca_file = keep(c, o->ca_file);
    c->proxy_env = (struct proxy_env){keep(c, env.http_proxy), keep(c, env.https_proxy),
                                      keep(c, env.no_proxy), env.is_cgi};
    pthread_mutex_init(&c->roots_lock, NULL);
    c->courier = courier_new();
    *out = c;
    return NULL;
}

void http_client_free(struct http_client *c)
{
    if (!c)
        return;
    courier_free(c->courier);
    X509_STORE_free(c->roots);
    pthread_mutex_destroy(&c->roots_lock);
    arena_release(&c->arena);
    free(c);
}

/* Loads the trusted certificates when they are needed first. */
static struct error *get_roots(struct http_client *c, struct arena *a, X509_STORE **out)
{
    struct error *err = NULL;
    struct ca_sources sources = ca_sources_read(c->options.ca_file);
    pthread_mutex_lock(&c->roots_lock);
    if (!c->roots)
        err = ca_store_load(a, &sources, &c->roots);
    *out = c->roots;
    pthread_mutex_unlock(&c->roots_lock);
    return err;
}

static struct error *prepare(struct http_client *c, struct transfer *t)
{
    bool is_https = slice_eq(t->url.scheme, S("https"));
    if (!is_https && !slice_eq(t->url.scheme, S("http")))
        return error_new(t->cx->arena, STATUS_BAD_REQUEST,
                         "%.*s: only http and https URLs can be fetched",
                         SLICE_ARG(url_redacted(t->cx->arena, &t->url)));
    t->options.connect_timeout_ms = c->options.connect_timeout_ms;
    t->options.stall_timeout_ms = c->options.stall_timeout_ms;
    t->options.is_insecure = c->options.is_insecure;
    TRY(proxy_find(t->cx->arena, &c->proxy_env, &t->url, &t->proxy));
    if (is_https || slice_starts(t->proxy.url, S("https:")))
        TRY(get_roots(c, t->cx->arena, &t->options.roots));
    return NULL;
}

/* One hop; *redirect is where the answer sends us, or empty. */
static struct error *run_hop(struct http_client *c, struct transfer *t, bool with_authorization,
                             struct slice *redirect)
{
    TRY(ctx_check(t->cx));
    TRY(prepare(c, t));
    transfer_open(t, with_authorization);
    courier_run(c->courier, t);
    struct error *err = transfer_result(t);
    *redirect = err ? S("") : transfer_redirect(t);
    transfer_close(t);
    return err;
}

static struct error *check_redirect(struct ctx *cx, const struct url *from, struct slice to,
                                    struct url *next)
{
    struct error *err = url_parse(cx->arena, to, next);
    if (err)
        return error_as(cx->arena, STATUS_BAD_ANSWER, err, "%.*s redirects to nowhere",
                        SLICE_ARG(url_redacted(cx->arena, from)));
    bool is_http = slice_eq(next->scheme, S("http"));
    if (!is_http && !slice_eq(next->scheme, S("https")))
        return error_new(cx->arena, STATUS_BAD_ANSWER,
                         "%.*s redirects to %.*s: only http and https are followed",
                         SLICE_ARG(url_redacted(cx->arena, from)),
                         SLICE_ARG(url_redacted(cx->arena, next)));
    if (is_http && slice_eq(from->scheme, S("https")))
        return error_new(
            cx->arena, STATUS_BAD_ANSWER, "%.*s redirects from https to %.*s: that is not followed",
            SLICE_ARG(url_redacted(cx->arena, from)), SLICE_ARG(url_redacted(cx->arena, next)));
    return NULL;
}

struct error *http_send(struct http_client *c, struct ctx *cx, const struct http_request *rq,
                        struct http_response *out)
{
    struct slice redirect;
    struct transfer t = {.cx = cx, .rq = rq, .response = out};
    TRY(url_parse(cx->arena, rq->url, &t.url));
    *out = (struct http_response){0};
    TRY(run_hop(c, &t, true, &redirect));
    if (!redirect.n)
        return NULL;
    return error_new(cx->arena, STATUS_BAD_ANSWER,
                     "%.*s redirects a %s to %.*s: that is not followed; give the address that it "
                     "should go to",
                     SLICE_ARG(url_redacted(cx->arena, &t.url)), rq->upload->method,
                     SLICE_ARG(redirect));
}

struct error *http_get(struct http_client *c, struct ctx *cx, const struct http_request *rq,
                       struct http_response *out)
{
    struct url first, url;
    bool is_home = true; /* no redirect has led away from the first origin */
    TRY(url_parse(cx->arena, rq->url, &first));
    url = first;
    *out = (struct http_response){0};
    for (unsigned hop = 0; hop <= HTTP_MAX_REDIRECTS; hop++) {
        struct transfer t = {.cx = cx, .rq = rq, .response = out, .url = url};
        struct slice redirect;
        struct url next;
        out->is_redirected = hop > 0;
        TRY(run_hop(c, &t, is_home, &redirect));
        if (!redirect.n)
            return NULL;
        TRY(check_redirect(cx, &url, redirect, &next));
        url = next;
        is_home = is_home && url_same_origin(&first, &url);
    }
    return error_new(cx->arena, STATUS_BAD_ANSWER,
                     "%.*s: gave up after %d redirects; the upstream sends in circles",
                     SLICE_ARG(url_redacted(cx->arena, &first)), HTTP_MAX_REDIRECTS);
}
