#include "net/url.h"

#include <curl/curl.h>

static void url_handle_cleanup(CURLU **h)
{
    curl_url_cleanup(*h);
}

/* One part, copied into the arena; p stays NULL when the URL has none. */
static bool take_part(struct arena *a, CURLU *h, CURLUPart part, unsigned flags, struct slice *out)
{
    char *text = NULL;
    CURLUcode code = curl_url_get(h, part, &text, flags);
    *out = (struct slice){0};
    if (code == CURLUE_OK)
        *out = slice_of(arena_cstr(a, slice_of(text)));
    curl_free(text);
    return code == CURLUE_OK;
}

static bool take_parts(struct arena *a, CURLU *h, struct url *out)
{
    struct slice query;
    if (!take_part(a, h, CURLUPART_SCHEME, 0, &out->scheme) ||
        !take_part(a, h, CURLUPART_HOST, 0, &out->host) ||
        !take_part(a, h, CURLUPART_PATH, 0, &out->path))
        return false;
    if (!take_part(a, h, CURLUPART_PORT, CURLU_DEFAULT_PORT, &out->port))
        out->port = S("");
    take_part(a, h, CURLUPART_USER, CURLU_URLDECODE, &out->user);
    take_part(a, h, CURLUPART_PASSWORD, CURLU_URLDECODE, &out->password);
    if (take_part(a, h, CURLUPART_QUERY, 0, &query))
        out->path = arena_printf(a, "%s?%s", out->path.p, query.p);
    if (out->host.n > 2 && out->host.p[0] == '[')
        out->host = slice_of(arena_cstr(a, slice_make(out->host.p + 1, out->host.n - 2)));
    return out->host.n > 0;
}

/* The text as far as it can be shown: nothing before an '@' that ends user information. */
static struct slice showable(struct slice text)
{
    ptrdiff_t at = slice_rfind(text, '@');
    return slice_head(at < 0 ? text : slice_skip(text, (size_t)at + 1), 200);
}

struct error *url_parse(struct arena *a, struct slice text, struct url *out)
{
    __attribute__((cleanup(url_handle_cleanup))) CURLU *h = curl_url();
    if (!h)
        BUG("out of memory");
    bool is_c_string = text.n && text.n <= URL_MAX_BYTES && !memchr(text.p, '\0', text.n);
    if (!is_c_string ||
        curl_url_set(h, CURLUPART_URL, arena_cstr(a, text), CURLU_NON_SUPPORT_SCHEME) ||
        !take_parts(a, h, out))
        return error_new(a, STATUS_BAD_REQUEST, "'%.*s' is not a URL", SLICE_ARG(showable(text)));
    return NULL;
}

static bool has_default_port(const struct url *u)
{
    return slice_eq(u->port, slice_eq(u->scheme, S("https")) ? S("443") : S("80"));
}

struct slice url_origin(struct arena *a, const struct url *u)
{
    bool is_v6 = slice_find(u->host, ':') >= 0;
    struct slice port = has_default_port(u) ? S("") : u->port;
    return arena_printf(a, "%.*s://%s%.*s%s%s%.*s", SLICE_ARG(u->scheme), is_v6 ? "[" : "",
                        SLICE_ARG(u->host), is_v6 ? "]" : "", port.n ? ":" : "", SLICE_ARG(port));
}

struct slice url_redacted(struct arena *a, const struct url *u)
{
    struct slice origin = url_origin(a, u);
    return arena_printf(a, "%.*s%.*s", SLICE_ARG(origin), SLICE_ARG(u->path));
}

bool url_same_origin(const struct url *a, const struct url *b)
{
    return slice_eq(a->scheme, b->scheme) && slice_eq_nocase(a->host, b->host) &&
           slice_eq(a->port, b->port);
}
