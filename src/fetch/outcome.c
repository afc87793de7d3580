#include "fetch/outcome.h"

/* The length of the character at p[i], of text that is known to be UTF-8. */
static size_t char_length(struct slice s, size_t i)
{
    unsigned char c = (unsigned char)s.p[i];
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static bool is_between(struct slice c, const char *low, const char *high)
{
    return slice_cmp(c, slice_of(low)) >= 0 && slice_cmp(c, slice_of(high)) <= 0;
}

/* White space, controls, and marks that turn or hide text: all of them show as a space. */
static bool is_blank(struct slice c)
{
    if (c.n == 1)
        return (unsigned char)c.p[0] <= 0x20 || c.p[0] == 0x7f;
    return is_between(c, "\xc2\x80", "\xc2\xa0") ||         /* C1 controls, no-break space */
           is_between(c, "\xe2\x80\x80", "\xe2\x80\x8f") || /* spaces, zero width, marks */
           is_between(c, "\xe2\x80\xa8", "\xe2\x80\xaf") || /* separators, embeddings */
           is_between(c, "\xe2\x81\x9f", "\xe2\x81\xaf") || /* joiners, isolates */
           is_between(c, "\xef\xbb\xbf", "\xef\xbb\xbf");   /* byte order mark */
}

struct slice reason_line(struct arena *a, struct slice text)
{
    char *p = arena_alloc(a, REASON_MAX_BYTES);
    size_t n = 0;
    bool is_cut = false, is_after_blank = false;
    if (!slice_is_utf8(text))
        return S("");
    for (size_t i = 0, len; i < text.n && !is_cut; i += len) {
        len = char_length(text, i);
        struct slice c = slice_make(text.p + i, len);
        if (is_blank(c)) {
            is_after_blank = n > 0;
            continue;
        }
        is_cut = n + is_after_blank + len > REASON_MAX_BYTES;
        if (is_cut)
            break;
        if (is_after_blank)
            p[n++] = ' ';
        memcpy(p + n, c.p, len);
        n += len;
        is_after_blank = false;
    }
    return is_cut ? arena_printf(a, "%.*s...", (int)n, p) : slice_make(p, n);
}

static bool is_html(struct slice content_type)
{
    return slice_eq_nocase(slice_head(content_type, strlen("text/html")), S("text/html"));
}

/* ": reason" or nothing. A detail that was cut short may end inside a character. */
static struct slice reason_of(struct arena *a, const struct http_response *r)
{
    struct slice detail = r->detail;
    for (int i = 0; i < 3 && detail.n && !slice_is_utf8(detail); i++)
        detail.n--;
    struct slice line = is_html(r->content_type) ? S("") : reason_line(a, detail);
    return line.n ? arena_printf(a, ": %.*s", SLICE_ARG(line)) : S("");
}

static struct error *absent(struct arena *a, const struct http_response *r, enum status status)
{
    struct slice reason = reason_of(a, r);
    if (!reason.n)
        return error_new(a, status, "%.*s answered %d", SLICE_ARG(r->url), r->status);
    return error_new(a, status, "%.*s (%.*s answered %d)", SLICE_ARG(slice_skip(reason, 2)),
                     SLICE_ARG(r->url), r->status);
}

static struct error *denied(struct arena *a, const struct http_response *r, bool has_credentials)
{
    const char *advice = has_credentials
                             ? "the credentials for this host are not accepted; renew them"
                             : "if it wants credentials, add them for this host";
    return error_new(a, STATUS_UPSTREAM_DENIED, "%.*s answered %d%.*s; %s", SLICE_ARG(r->url),
                     r->status, SLICE_ARG(reason_of(a, r)), advice);
}

static enum status status_of(int http)
{
    if (http == 429)
        return STATUS_UPSTREAM_BUSY;
    return http >= 500 && http <= 599 ? STATUS_UPSTREAM_ERROR : STATUS_BAD_ANSWER;
}

struct error *outcome_of(struct arena *a, const struct http_response *r, bool has_credentials)
{
    switch (r->status) {
    case 200:
    case 206:
        return NULL;
    case 404:
        return absent(a, r, STATUS_NOT_FOUND);
    case 410:
        return absent(a, r, STATUS_GONE);
    case 401:
    case 403:
    case 407:
    case 451:
        return denied(a, r, has_credentials);
    default:
        return error_new(a, status_of(r->status), "%.*s answered %d%.*s", SLICE_ARG(r->url),
                         r->status, SLICE_ARG(reason_of(a, r)));
    }
}
