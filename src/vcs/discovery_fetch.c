/*
 * One page: GET https://<path>?go-get=1. As in go, tags count whatever the status is; what a status
 * means matters only where there are none. The body is read up to a bound, for what go looks at
 * stands in the head; of an answer other than 2xx the client keeps its beginning.
 */
#include "vcs/discovery_priv.h"

enum { PAGE_MAX_BYTES = 1 << 20 };

struct body {
    struct buf text;
    struct http_response head; /* of a 2xx answer */
    bool is_enough;
};

static struct error *on_head(void *arg, struct arena *a, const struct http_response *r)
{
    ((struct body *)arg)->head = *r;
    return NULL;
}

static struct error *on_body(void *arg, struct arena *a, struct slice data)
{
    struct body *b = arg;
    buf_add(&b->text, slice_head(data, PAGE_MAX_BYTES - b->text.n));
    b->is_enough = b->text.n == PAGE_MAX_BYTES;
    return b->is_enough ? error_new(a, STATUS_TOO_LARGE, "the page is long enough") : NULL;
}

/* Where a host sends those whom it does not know. */
static bool is_login_page(struct slice url)
{
    static const char *const words[] = {"login", "log-in",    "signin", "sign_in", "sign-in",
                                        "sso",   "authorize", "oauth2", "oauth",   "saml"};
    struct slice path = slice_cut(&url, '?');
    while (path.p) {
        struct slice element = slice_cut(&path, '/');
        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
            if (slice_eq_nocase(element, slice_of(words[i])))
                return true;
        }
    }
    return false;
}

static enum status status_of(const struct http_response *r)
{
    if (r->status == 401 || r->status == 403 || r->status == 407 || r->status == 451 ||
        (r->is_redirected && is_login_page(r->url)))
        return STATUS_UPSTREAM_DENIED;
    if (r->status == 429)
        return STATUS_UPSTREAM_BUSY;
    if (r->status >= 500)
        return STATUS_UPSTREAM_ERROR;
    return r->status / 100 == 2 || r->status == 404 || r->status == 410 ? STATUS_NOT_FOUND
                                                                        : STATUS_BAD_ANSWER;
}

/* A page without tags: an absence that can be remembered, or what is wrong. */
static struct error *judge(struct arena *a, const struct http_response *r, bool has_credentials,
                           struct page *out)
{
    const char *fault = out->imports.fault;
    const char *advice = has_credentials ? "" : "; a private one may need credentials (vcs.tokens)";
    enum status status = status_of(r);
    if (status == STATUS_UPSTREAM_DENIED)
        return error_new(a, status, "%.*s answered %d%s; %s", SLICE_ARG(r->url), r->status,
                         r->is_redirected ? " after a redirect" : "",
                         has_credentials ? "the credentials for this host are not accepted"
                                         : "add credentials for this host to vcs.tokens");
    if (status != STATUS_NOT_FOUND)
        return error_new(a, status, "%.*s answered %d", SLICE_ARG(r->url), r->status);
    if (r->status / 100 == 2)
        out->why_absent = arena_printf(a, "%.*s has no go-import tag%s%s%s%s", SLICE_ARG(r->url),
                                       fault ? " (reading it stopped at " : "", fault ? fault : "",
                                       fault ? ")" : "", advice);
    else
        out->why_absent =
            arena_printf(a, "%.*s answered %d%s", SLICE_ARG(r->url), r->status, advice);
    return NULL;
}

static struct error *get(struct http_client *client, struct ctx *cx,
                         const struct credentials *known, const char *scheme, struct slice path,
                         struct page *out)
{
    struct url url;
    struct body body = {0};
    struct http_response r;
    const char *slash = slice_find(path, '/') < 0 ? "/" : "";
    struct slice text =
        arena_printf(cx->arena, "%s://%.*s%s?go-get=1", scheme, SLICE_ARG(path), slash);
    TRY(url_parse(cx->arena, text, &url));
    struct http_request rq = {
        .url = text,
        .authorization = known ? credentials_find(known, &url) : NULL,
        .max_bytes = UINT64_MAX,
        .sink = {.arg = &body, .head = on_head, .body = on_body},
    };
    struct error *err = http_get(client, cx, &rq, &r);
    if (err && body.is_enough) {
        err = NULL;
        r = body.head;
    }
    if (!err) {
        bool is_good = r.status / 100 == 2;
        page_read(cx->arena, is_good ? buf_slice(&body.text) : r.detail, &out->imports);
        out->url = r.url;
        if (out->imports.count == 0)
            err = judge(cx->arena, &r, rq.authorization != NULL, out);
    }
    buf_release(&body.text);
    return err;
}

/* Nobody spoke https there; a host that answered, whatever it said, has been heard. */
static bool is_worth_http(struct ctx *cx, const struct error *err)
{
    return (err->status == STATUS_CONNECT || err->status == STATUS_TLS ||
            err->status == STATUS_BROKEN) &&
           ctx_check(cx) == NULL;
}

/* Credentials are only for a host that has proved who it is. */
struct error *page_fetch(const struct page_source *s, struct ctx *cx, struct slice path,
                         bool is_insecure, struct page *out)
{
    *out = (struct page){0};
    struct error *err = get(s->secure, cx, s->credentials, "https", path, out);
    if (err && is_insecure && err->status == STATUS_TLS_CERT)
        err = get(s->insecure, cx, NULL, "https", path, out);
    if (err && is_insecure && is_worth_http(cx, err))
        err = get(s->insecure, cx, NULL, "http", path, out);
    return err;
}
