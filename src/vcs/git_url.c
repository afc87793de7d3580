#include "vcs/git_priv.h"

static bool has_control_byte(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
            return true;
    }
    return false;
}

/* The default ports are left out, so that places compare. */
static struct slice without_default_port(struct slice scheme, struct slice host)
{
    static const struct {
        struct slice scheme, port;
    } known[] = {{S("https"), S(":443")},
                 {S("http"), S(":80")},
                 {S("ssh"), S(":22")},
                 {S("git"), S(":9418")}};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (slice_eq(scheme, known[i].scheme) && slice_ends(host, known[i].port))
            return slice_head(host, host.n - known[i].port.n);
    }
    return host;
}

/* "https" in "https://…", "ssh" in "git+ssh://…" and "host:path"; rest is what follows. */
static struct slice cut_scheme(struct slice *rest)
{
    ptrdiff_t at = slice_find_slice(*rest, S("://"));
    ptrdiff_t colon = slice_find(*rest, ':'), slash = slice_find(*rest, '/');
    if (at < 0)
        return colon > 0 && (slash < 0 || colon < slash) ? S("ssh") : S("");
    struct slice scheme = slice_head(*rest, (size_t)at);
    *rest = slice_skip(*rest, (size_t)at + 3);
    if (slice_eq(scheme, S("git+ssh")) || slice_eq(scheme, S("ssh+git")))
        return S("ssh");
    return scheme;
}

static struct slice lower(struct arena *a, struct slice s)
{
    char *p = arena_cstr(a, s);
    for (size_t i = 0; i < s.n; i++)
        p[i] = p[i] >= 'A' && p[i] <= 'Z' ? (char)(p[i] + 32) : p[i];
    return slice_make(p, s.n);
}

/* Cuts "user:password@" off; p == NULL when there is none. */
static struct slice cut_user(struct slice *host)
{
    ptrdiff_t at = slice_rfind(*host, '@');
    if (at < 0)
        return (struct slice){0};
    struct slice user = slice_head(*host, (size_t)at);
    *host = slice_skip(*host, (size_t)at + 1);
    return user;
}

static bool split(struct arena *a, struct slice url, struct git_url *out, struct slice *user)
{
    bool is_scp = slice_find_slice(url, S("://")) < 0;
    struct slice rest = url;
    out->scheme = cut_scheme(&rest);
    struct slice host = slice_cut(&rest, is_scp ? ':' : '/');
    while (rest.n && rest.p[0] == '/')
        rest = slice_skip(rest, 1);
    *user = cut_user(&host);
    host = without_default_port(out->scheme, lower(a, host));
    out->place = arena_printf(a, "%.*s/%.*s", SLICE_ARG(host), SLICE_ARG(rest));
    return out->scheme.n && host.n && host.p[0] != '-' && host.p[0] != ':' && rest.n &&
           rest.p[0] != '-';
}

bool git_url_split(struct arena *a, struct slice url, struct git_url *out)
{
    struct slice user;
    return split(a, url, out, &user);
}

struct error *git_url_parse(struct arena *a, struct slice url, bool is_insecure,
                            struct git_url *out)
{
    struct slice user;
    if (url.n > 4096 || has_control_byte(url) || !split(a, url, out, &user) ||
        (user.n && user.p[0] == '-'))
        return error_new(a, STATUS_BAD_REQUEST, "'%.*s' is not the URL of a repository",
                         SLICE_ARG(git_redact(a, slice_head(url, 200))));
    bool is_ssh = slice_eq(out->scheme, S("ssh"));
    if (user.p && (!is_ssh || slice_find(user, ':') >= 0))
        return error_new(a, STATUS_BAD_REQUEST,
                         "credentials do not belong into a repository's URL (%.*s); write them in "
                         "vcs.tokens",
                         SLICE_ARG(out->place));
    if (is_ssh || slice_eq(out->scheme, S("https")))
        return NULL;
    if (!slice_eq(out->scheme, S("http")) && !slice_eq(out->scheme, S("git")))
        return error_new(a, STATUS_DENIED, "repositories are not fetched over %.*s",
                         SLICE_ARG(slice_head(out->scheme, 20)));
    if (!is_insecure)
        return error_new(a, STATUS_DENIED,
                         "%.*s would be fetched over plain %.*s; list the module path in "
                         "vcs.insecure if that is meant",
                         SLICE_ARG(out->place), SLICE_ARG(out->scheme));
    return NULL;
}

size_t git_place_match(struct slice rule, struct slice place)
{
    if (slice_eq(rule, S("*")))
        return 1;
    while (slice_ends(rule, S("/")))
        rule.n--;
    size_t host = (size_t)(slice_find(rule, '/') < 0 ? (ptrdiff_t)rule.n : slice_find(rule, '/'));
    struct slice rest = slice_skip(place, rule.n);
    if (host < rule.n && slice_starts(rest, S(".git")))
        rest = slice_skip(rest, strlen(".git"));
    bool fits = rule.n && rule.n <= place.n && (rest.n == 0 || rest.p[0] == '/') &&
                slice_eq_nocase(slice_head(rule, host), slice_head(place, host)) &&
                slice_starts(slice_skip(place, host), slice_skip(rule, host));
    return fits ? rule.n + 1 : 0;
}

struct slice git_redact(struct arena *a, struct slice text)
{
    BUF_SCOPED(b);
    for (ptrdiff_t at; (at = slice_find_slice(text, S("://"))) >= 0;) {
        buf_add(&b, slice_head(text, (size_t)at + 3));
        text = slice_skip(text, (size_t)at + 3);
        size_t end = 0;
        while (end < text.n && !strchr("/ \t\r\n'\"<>", text.p[end]))
            end++;
        ptrdiff_t user = slice_rfind(slice_head(text, end), '@');
        if (user >= 0)
            text = slice_skip(text, (size_t)user + 1);
    }
    buf_add(&b, text);
    return arena_dup(a, buf_slice(&b));
}
