/*
 * GET /<path>?go-get=1: what the go command asks of a module path's host when it goes directly
 * (GOPRIVATE, GOPROXY=direct). For paths that the settings name, the page says that the module
 * comes from this gateway: then a client needs no setting of its own. Two ways lead here: the host
 * name of the module path is ours, or a server of that name passes the request on with the whole
 * path behind our own name.
 *
 * The tag names the prefix of the settings whatever path below it was asked for, so that the page
 * of the prefix, which go asks too, says the same.
 */
#include "serve/serve_priv.h"

/* True when path is the prefix or lies below it; a '/' at the prefix's end does not count. */
static bool lies_in(struct slice path, struct slice prefix)
{
    if (slice_ends(prefix, S("/")))
        prefix.n--;
    if (prefix.n == 0 || !slice_eq_nocase(slice_head(path, prefix.n), prefix))
        return false;
    return path.n == prefix.n || path.p[prefix.n] == '/';
}

struct slice vanity_prefix(struct slice prefixes, struct slice path)
{
    while (prefixes.p) {
        struct slice prefix = slice_trim(slice_cut(&prefixes, ','));
        if (lies_in(path, prefix))
            return slice_ends(prefix, S("/")) ? slice_head(prefix, prefix.n - 1) : prefix;
    }
    return S("");
}

/* "host/path" of a request to /path; without the port, which no module path has. */
static struct slice path_at_host(struct arena *a, struct slice host, struct slice path)
{
    struct slice name = slice_cut(&host, ':');
    struct slice full = arena_printf(a, "%.*s%.*s", SLICE_ARG(name), SLICE_ARG(path));
    return slice_ends(full, S("/")) ? slice_head(full, full.n - 1) : full;
}

static void add_html(struct buf *b, struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (strchr("&<>\"'", text.p[i]))
            buf_printf(b, "&#%d;", text.p[i]);
        else
            buf_add_byte(b, text.p[i]);
    }
}

struct slice goget_html(struct arena *a, struct slice prefix, struct slice public_url)
{
    BUF_SCOPED(b);
    buf_add(&b, S("<!DOCTYPE html>\n<html><head>\n<meta charset=\"utf-8\">\n"
                  "<meta name=\"go-import\" content=\""));
    add_html(&b, prefix);
    buf_add(&b, S(" mod "));
    add_html(&b, public_url);
    buf_add(&b, S("\">\n<title>"));
    add_html(&b, prefix);
    buf_add(&b, S("</title>\n</head><body>\nThe Go modules below "));
    add_html(&b, prefix);
    buf_add(&b, S(" are served by "));
    add_html(&b, public_url);
    buf_add(&b, S(".\n</body></html>\n"));
    return arena_dup(a, buf_slice(&b));
}

static bool is_goget(struct slice query)
{
    while (query.p) {
        if (slice_eq(slice_cut(&query, '&'), S("go-get=1")))
            return true;
    }
    return false;
}

/* Copies, for the settings may be taken up anew meanwhile. */
static void read_vanity(struct serve *s, struct arena *a, struct slice *prefixes, struct slice *url)
{
    pthread_mutex_lock(&s->lock);
    *prefixes = arena_dup(a, slice_of(s->vanity));
    *url = arena_dup(a, slice_of(s->public_url));
    pthread_mutex_unlock(&s->lock);
}

bool goget_handle(struct serve *s, struct http_request *req, struct slice path)
{
    struct slice prefixes, url, query = http_request_query(req);
    struct arena *a = http_request_arena(req);
    const struct guard_need need = {.kind = NEED_SOME};
    if (query.n == 0 || !is_goget(query))
        return false;
    if (!guard_may(req, &need))
        return true;
    read_vanity(s, a, &prefixes, &url);
    struct slice asked = path_at_host(a, http_request_header(req, S("host")), path);
    struct slice prefix = vanity_prefix(prefixes, asked);
    if (prefix.n == 0)
        prefix = vanity_prefix(prefixes, slice_skip(path, 1));
    note_of(req)->route = ROUTE_OTHER;
    if (prefix.n)
        respond_text(req, 200, "text/html; charset=utf-8", goget_html(a, prefix, url));
    else
        respond_error(req, error_new(a, STATUS_NOT_FOUND,
                                     "this gateway answers ?go-get=1 for the paths of its setting "
                                     "vcs.vanity only, and %.*s is none",
                                     SLICE_ARG(slice_head(asked, 200))));
    return true;
}

void serve_set_vanity(struct serve *s, const char *prefixes, const char *public_url)
{
    pthread_mutex_lock(&s->lock);
    free(s->vanity);
    free(s->public_url);
    s->vanity = xstrdup(prefixes);
    s->public_url = xstrdup(public_url);
    pthread_mutex_unlock(&s->lock);
}
