/*
 * How answers and refusals go out: conditional requests, ranges, and the one mapping from a status
 * to HTTP. A refusal is one to three lines of text that say what to do: the go command prints at
 * most eight lines and 648 bytes, stops at a blank line, and drops what is not printable
 * (cmd/go/internal/web.(*errorDetailBuffer)).
 */
#include "serve/serve_priv.h"

enum { MAX_REFUSAL_BYTES = 648, MAX_REASON_BYTES = 380 };

static const char *hint_for(enum status status)
{
    switch (status) {
    case STATUS_NO_SPACE:
        return "the gateway's store is full: free some disk, or set store.max_size";
    case STATUS_AUDIT_DOWN:
        return "the disk of the gateway's audit file may be full; whoever runs it can also set "
               "audit.on_error: serve";
    case STATUS_READ_ONLY:
        return "the gateway cannot write its store: check its owner and mount";
    case STATUS_UPSTREAM_OFF:
        return "the gateway is set not to fetch it (setting upstream)";
    case STATUS_NOT_STORED:
        return "the request said Disable-Module-Fetch";
    case STATUS_TLS_CERT:
        return "if a proxy intercepts TLS, give its CA as fetch.ca_file";
    case STATUS_UPSTREAM_DENIED:
        return "what is stored is still served; credentials for upstreams are set as "
               "fetch.credentials, for repositories as vcs.tokens and vcs.ssh_keys";
    case STATUS_SUMDB_DOWN:
        return "what is stored is still served: try again when the database is back";
    case STATUS_FORKED:
        return "what was stored before is still served; tell whoever runs this gateway";
    case STATUS_NO_CREDENTIALS:
        return "send a token of this gateway over https, by netrc or GOAUTH";
    case STATUS_BAD_CREDENTIALS:
        return "get a new token, and see that netrc or GOAUTH gives it to this gateway";
    case STATUS_DNS:
        return "check the name and the gateway's DNS; what is stored is still served";
    default:
        break;
    }
    switch (status_class(status)) {
    case CLASS_ABSENT:
    case CLASS_INVALID:
        return NULL;
    case CLASS_DENIED:
        return "ask whoever runs this gateway if you need it";
    case CLASS_INTEGRITY:
        return "nothing of it was stored; tell whoever runs this gateway before you trust another "
               "copy";
    case CLASS_UPSTREAM:
    case CLASS_TIMEOUT:
        return "the gateway's upstream is in trouble; what is stored is still served: try again "
               "later";
    case CLASS_OVERLOAD:
        return "try again in a moment";
    default:
        return "see the gateway's log";
    }
}

/* The first max bytes, cut between characters. */
static struct slice cut_text(struct slice text, size_t max)
{
    struct slice head = slice_head(text, max);
    while (head.n < text.n && head.n && ((unsigned char)text.p[head.n] & 0xc0) == 0x80)
        head.n--;
    return head;
}

/* Appends text on one line: control characters become blanks, what is not UTF-8 question marks. */
static void add_line(struct buf *b, struct slice text)
{
    bool is_utf8 = slice_is_utf8(text);
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c >= 0x80 && !is_utf8)
            c = '?';
        buf_add_byte(b, c < 0x20 || c == 0x7f ? ' ' : (char)c);
    }
}

struct slice refusal_text(struct arena *a, enum status status, struct slice reason)
{
    BUF_SCOPED(b);
    const char *hint = hint_for(status);
    struct slice prefix = slice_of(status_text(status));
    if (!slice_starts(reason, prefix))
        buf_printf(&b, "%s%s", prefix.p, reason.n ? ": " : "");
    add_line(&b, cut_text(slice_trim(reason), MAX_REASON_BYTES));
    buf_add_byte(&b, '\n');
    if (hint)
        buf_printf(&b, "%s\n", hint);
    if (b.n > MAX_REFUSAL_BYTES)
        BUG("a refusal of %zu bytes", b.n);
    return arena_dup(a, buf_slice(&b));
}

/* Appends "before", the text cut to max bytes, and a line end; nothing for an empty text. */
static void add_cut(struct buf *b, const char *before, struct slice text, size_t max)
{
    text = slice_trim(text);
    if (text.n == 0)
        return;
    buf_printf(b, "%s", before);
    add_line(b, cut_text(text, max));
    buf_add_byte(b, '\n');
}

struct slice denial_text(struct arena *a, struct module_version mv, const struct policy_decision *d)
{
    BUF_SCOPED(b);
    buf_printf(&b, "denied: ");
    add_line(&b, cut_text(mv.path, 120));
    if (mv.version.n)
        buf_printf(&b, "@");
    add_line(&b, cut_text(mv.version, 60));
    bool is_held = d->action == POLICY_HOLD;
    buf_printf(&b, is_held ? " is held by policy rule " : " is denied by policy rule ");
    add_line(&b, cut_text(d->rule, 64));
    if (is_held)
        buf_printf(&b, " until it is released");
    add_cut(&b, ": ", d->why, 100);
    if (d->why.n == 0)
        buf_add_byte(&b, '\n');
    add_cut(&b, "reason: ", d->reason, 120);
    add_cut(&b, "ask: ", d->contact, 64);
    if (d->contact.n == 0)
        buf_printf(&b, "ask whoever runs this gateway if you need it\n");
    if (b.n > MAX_REFUSAL_BYTES)
        BUG("a refusal of %zu bytes", b.n);
    return arena_dup(a, buf_slice(&b));
}

void respond_denial_text(struct http_request *req, struct slice text)
{
    struct http_header headers[] = {
        {S("content-type"), S("text/plain; charset=utf-8")},
        {S("cache-control"), S("no-store")},
        {S("x-content-type-options"), S("nosniff")},
    };
    struct http_body body = {.kind = HTTP_BODY_BYTES,
                             .bytes = arena_dup(http_request_arena(req), text)};
    http_respond(req, status_http(STATUS_DENIED), headers, ARRAY_LEN(headers), body);
}

/* Given once it is recorded, too. */
void respond_denial(struct http_request *req, struct module_version mv,
                    const struct policy_decision *d)
{
    struct arena *a = http_request_arena(req);
    struct note *n = note_of(req);
    struct slice text = denial_text(a, mv, d);
    struct error *err = error_new(a, STATUS_DENIED, "%.*s", SLICE_ARG(d->why));
    n->mv = (struct module_version){arena_dup(a, mv.path), arena_dup(a, mv.version)};
    n->rule = arena_dup(a, d->rule);
    if (!audit_refusal(req, err, text))
        respond_denial_text(req, text);
}

void respond_text(struct http_request *req, int status, const char *content_type, struct slice text)
{
    struct http_header headers[] = {
        {S("content-type"), slice_of(content_type)},
        {S("cache-control"), S("no-store")},
    };
    struct http_body body = {.kind = HTTP_BODY_BYTES,
                             .bytes = arena_dup(http_request_arena(req), text)};
    http_respond(req, status, headers, ARRAY_LEN(headers), body);
}

/* How to identify oneself (RFC 7617, RFC 6750 3); two headers. */
static size_t add_challenges(struct http_header *headers, bool is_invalid)
{
    headers[0] = (struct http_header){S("www-authenticate"), S("Basic realm=\"modgate\"")};
    headers[1] = (struct http_header){S("www-authenticate"), S("Bearer realm=\"modgate\"")};
    if (is_invalid)
        headers[1].value = S("Bearer realm=\"modgate\", error=\"invalid_token\"");
    return 2;
}

/* A refusal by a rule is given once it is recorded. */
void respond_error(struct http_request *req, const struct error *err)
{
    if (status_class(err->status) == CLASS_DENIED && audit_refusal(req, err, S("")))
        return;
    struct arena *a = http_request_arena(req);
    struct http_header headers[6];
    size_t n = 0;
    int status = status_http(err->status);
    headers[n++] = (struct http_header){S("content-type"), S("text/plain; charset=utf-8")};
    headers[n++] = (struct http_header){S("cache-control"), S("no-store")};
    headers[n++] = (struct http_header){S("x-content-type-options"), S("nosniff")};
    if (err->status == STATUS_METHOD_NOT_ALLOWED)
        headers[n++] = (struct http_header){S("allow"), S("GET, HEAD")};
    else if (status == 503)
        headers[n++] = (struct http_header){S("retry-after"), S("5")};
    else if (status == 429)
        headers[n++] = (struct http_header){
            S("retry-after"), arena_printf(a, "%" PRId64, note_of(req)->retry_after_s)};
    if (status == 401)
        n += add_challenges(headers + n, err->status == STATUS_BAD_CREDENTIALS);
    struct http_body body = {.kind = HTTP_BODY_BYTES,
                             .bytes = refusal_text(a, err->status, error_chain(a, err))};
    http_respond(req, status, headers, n, body);
}

/* RFC 9110, 13.1.2: a list of entity tags, compared weakly, or "*". */
static bool matches_etag(struct slice list, struct slice etag)
{
    if (slice_eq(slice_trim(list), S("*")))
        return true;
    while (list.p) {
        struct slice one = slice_trim(slice_cut(&list, ','));
        if (slice_starts(one, S("W/")))
            one = slice_skip(one, 2);
        if (etag.n && slice_eq(one, etag))
            return true;
    }
    return false;
}

static bool is_not_modified(struct http_request *req, const struct entry *e)
{
    int64_t since;
    struct slice none_match = http_request_header(req, S("if-none-match"));
    if (e->status != 200)
        return false;
    if (none_match.p)
        return matches_etag(none_match, e->etag);
    struct slice modified = http_request_header(req, S("if-modified-since"));
    return modified.p && e->mtime_unix_s && time_http_parse(modified, &since) &&
           e->mtime_unix_s <= since;
}

/* RFC 9110, 13.1.5: a strong tag or the exact date, else the range is ignored. */
static bool if_range_allows(struct http_request *req, const struct entry *e)
{
    int64_t date;
    struct slice cond = http_request_header(req, S("if-range"));
    if (!cond.p)
        return true;
    if (e->etag.n && slice_eq(cond, e->etag))
        return true;
    return time_http_parse(cond, &date) && date == e->mtime_unix_s;
}

enum range { RANGE_NONE, RANGE_OK, RANGE_BAD };

/* One range of bytes (RFC 9110, 14.1.2); several or another unit are ignored, as a server may. */
static enum range parse_range(struct slice text, uint64_t size, uint64_t *first, uint64_t *length)
{
    uint64_t last = size - 1;
    if (!slice_starts(text, S("bytes=")) || slice_find(text, ',') >= 0)
        return RANGE_NONE;
    struct slice to = slice_trim(slice_skip(text, 6));
    struct slice from = slice_cut(&to, '-');
    if (!to.p)
        return RANGE_NONE;
    if (from.n == 0) {
        uint64_t tail;
        if (!slice_parse_u64(to, &tail))
            return RANGE_NONE;
        if (tail == 0 || size == 0)
            return RANGE_BAD;
        *first = tail < size ? size - tail : 0;
    } else {
        if (!slice_parse_u64(from, first))
            return RANGE_NONE;
        if (to.n && (!slice_parse_u64(to, &last) || last < *first))
            return RANGE_NONE;
        if (*first >= size)
            return RANGE_BAD;
    }
    if (last >= size)
        last = size - 1;
    *length = last - *first + 1;
    return RANGE_OK;
}

static void release_entry(void *owner)
{
    entry_unref(owner);
}

static struct http_body body_of(struct entry *e, uint64_t first, uint64_t length)
{
    struct http_body body = {.release = release_entry, .owner = e};
    if (e->fd >= 0) {
        body.kind = HTTP_BODY_FILE;
        body.fd = e->fd;
        body.offset = first;
        body.length = length;
    } else {
        body.kind = HTTP_BODY_BYTES;
        body.bytes = slice_head(slice_skip(e->body, first), length);
    }
    return body;
}

void respond_entry(struct http_request *req, struct entry *e, const char *cache_status)
{
    struct http_header headers[ARRAY_LEN(e->headers) + 2];
    size_t n = e->header_count;
    memcpy(headers, e->headers, n * sizeof(*headers));
    headers[n++] = (struct http_header){S("cache-status"), slice_of(cache_status)};
    entry_ref(e);
    if (is_not_modified(req, e)) {
        http_respond(req, 304, headers, n, body_of(e, 0, e->size));
        return;
    }
    uint64_t first = 0, length = e->size;
    struct slice text = http_request_header(req, S("range"));
    enum range range = RANGE_NONE;
    if (text.p && e->status == 200 && if_range_allows(req, e))
        range = parse_range(text, e->size, &first, &length);
    if (range == RANGE_NONE) {
        http_respond(req, e->status, headers, n, body_of(e, 0, e->size));
        return;
    }
    struct arena *a = http_request_arena(req);
    struct slice content_range = range == RANGE_BAD
                                     ? arena_printf(a, "bytes */%" PRIu64, e->size)
                                     : arena_printf(a, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
                                                    first, first + length - 1, e->size);
    headers[n++] = (struct http_header){S("content-range"), content_range};
    if (range == RANGE_OK) {
        http_respond(req, 206, headers, n, body_of(e, first, length));
        return;
    }
    entry_unref(e);
    http_respond(req, 416, headers + n - 1, 1, (struct http_body){.kind = HTTP_BODY_NONE});
}
