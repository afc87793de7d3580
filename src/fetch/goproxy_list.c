#include "fetch/goproxy_list.h"

#include "base/encode.h"
#include "net/url.h"

static bool has_any(struct slice s, const char *chars)
{
    for (; *chars; chars++)
        if (slice_find(s, *chars) >= 0)
            return true;
    return false;
}

/* Cuts the next entry off; *falls_on_error tells whether '|' stood behind it. */
static struct slice next_entry(struct slice *rest, bool *falls_on_error)
{
    size_t i = 0;
    while (i < rest->n && rest->p[i] != ',' && rest->p[i] != '|')
        i++;
    struct slice entry = slice_head(*rest, i);
    *falls_on_error = i < rest->n && rest->p[i] == '|';
    *rest = slice_skip(*rest, i + 1);
    return slice_trim(entry);
}

/* "proxy.example/x" means https; one word is kept for names like off, and "/srv" is no URL. */
static struct slice with_scheme(struct arena *a, struct slice text)
{
    bool is_word = !has_any(text, ".:/");
    if (is_word || slice_find_slice(text, S(":/")) >= 0 || text.p[0] == '/')
        return text;
    return arena_printf(a, "https://%.*s", SLICE_ARG(text));
}

static bool percent_decode(struct arena *a, struct slice s, struct slice *out)
{
    char *p = arena_alloc(a, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t byte = (uint8_t)s.p[i];
        if (s.p[i] == '%') {
            if (i + 2 >= s.n || !hex_decode(slice_make(s.p + i + 1, 2), &byte) || byte == 0)
                return false;
            i += 2;
        }
        p[n++] = (char)byte;
    }
    p[n] = '\0';
    *out = slice_make(p, n);
    return true;
}

static struct slice without_slashes(struct slice s)
{
    while (s.n > 1 && s.p[s.n - 1] == '/')
        s.n--;
    return s;
}

static struct error *parse_tree(struct arena *a, struct slice text, struct goproxy_entry *e)
{
    struct slice path = slice_skip(text, strlen("file:"));
    if (slice_starts(path, S("//")))
        path = slice_skip(path, 2);
    bool is_plain = path.n && path.p[0] == '/' && !has_any(path, "?#");
    if (!is_plain || !percent_decode(a, path, &e->path))
        return error_new(a, STATUS_BAD_CONFIG,
                         "upstream '%.*s': a file URL has a path and nothing else, as in "
                         "file:///srv/modules",
                         SLICE_ARG(text));
    e->kind = GOPROXY_TREE;
    e->path = without_slashes(e->path);
    e->url = arena_printf(a, "file://%.*s", SLICE_ARG(without_slashes(path)));
    return NULL;
}

static struct error *parse_mirror(struct arena *a, struct slice text, struct goproxy_entry *e)
{
    struct url u;
    struct error *err = url_parse(a, text, &u);
    if (err)
        return error_as(a, STATUS_BAD_CONFIG, err, "upstream");
    struct slice shown = url_redacted(a, &u);
    if (!slice_eq(u.scheme, S("https")) && !slice_eq(u.scheme, S("http")))
        return error_new(a, STATUS_BAD_CONFIG,
                         "upstream '%.*s': the scheme must be https, http or file",
                         SLICE_ARG(shown));
    if (has_any(text, "?#"))
        return error_new(a, STATUS_BAD_CONFIG, "upstream '%.*s' must not have a query or fragment",
                         SLICE_ARG(shown));
    if (u.user.p && slice_eq(u.scheme, S("http")))
        return error_new(a, STATUS_BAD_CONFIG,
                         "upstream '%.*s' would get its password in the clear; use https",
                         SLICE_ARG(shown));
    e->kind = GOPROXY_MIRROR;
    e->user = u.user;
    e->password = u.password;
    e->url = without_slashes(shown);
    return NULL;
}

static bool has_control_byte(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return true;
    return false;
}

static struct error *parse_entry(struct arena *a, struct slice text, struct goproxy_entry *e)
{
    e->url = text;
    if (has_control_byte(text))
        return error_new(a, STATUS_BAD_CONFIG, "a control character in the list of upstreams");
    if (slice_eq(text, S("off"))) {
        e->kind = GOPROXY_OFF;
        return NULL;
    }
    if (slice_eq(text, S("direct"))) {
        e->kind = GOPROXY_DIRECT;
        return NULL;
    }
    text = with_scheme(a, text);
    if (slice_starts(text, S("file:")))
        return parse_tree(a, text, e);
    if (slice_find_slice(text, S("://")) < 0)
        return error_new(a, STATUS_BAD_CONFIG,
                         "upstream '%.*s' is neither a URL (https://…, http://…, file:///…) nor "
                         "'off' or 'direct'",
                         SLICE_ARG(text));
    return parse_mirror(a, text, e);
}

struct error *goproxy_parse(struct arena *a, struct slice list, struct goproxy_entry **out,
                            size_t *count)
{
    struct goproxy_entry *entries = ARENA_ARRAY(a, struct goproxy_entry, GOPROXY_MAX_ENTRIES);
    bool is_ended = false;
    size_t n = 0;
    while (list.n && !is_ended) {
        struct goproxy_entry e = {0};
        struct slice text = next_entry(&list, &e.falls_on_error);
        if (!text.n)
            continue;
        if (n == GOPROXY_MAX_ENTRIES)
            return error_new(a, STATUS_BAD_CONFIG, "more than %d upstreams", GOPROXY_MAX_ENTRIES);
        TRY(parse_entry(a, arena_dup(a, text), &e));
        entries[n++] = e;
        is_ended = e.kind == GOPROXY_OFF || e.kind == GOPROXY_DIRECT;
    }
    if (!n)
        return error_new(a, STATUS_BAD_CONFIG, "the list of upstreams has no entry");
    *out = entries;
    *count = n;
    return NULL;
}
