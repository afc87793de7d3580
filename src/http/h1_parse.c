/*
 * The HTTP/1.1 reader: request line and fields.
 *
 * It is stateless: it starts from the first byte each time, and the caller asks again only when a
 * new line has come, so that a slow client costs at most lines times bytes, both bounded. Every
 * line ends with CR LF; every other control byte is refused where it stands. What decides the
 * framing of the body (Content-Length, Transfer-Encoding) may appear once and in one form only.
 */
#include "http/h1_parse.h"

enum { TOKEN = 1, TARGET = 2, VALUE = 4, HOST = 8, MAX_METHOD = 16 };

#define ALNUM (TOKEN | TARGET | VALUE | HOST)

static const uint8_t classes[256] = {
    ['\t'] = VALUE,
    [' '] = VALUE,
    [0x80 ... 0xff] = VALUE,
    ['0' ... '9'] = ALNUM,
    ['a' ... 'z'] = ALNUM,
    ['A' ... 'Z'] = ALNUM,
    ['!'] = ALNUM,
    ['"'] = TARGET | VALUE,
    ['#'] = TOKEN | VALUE,
    ['$'] = ALNUM,
    ['%'] = ALNUM,
    ['&'] = ALNUM,
    ['\''] = ALNUM,
    ['('] = TARGET | VALUE | HOST,
    [')'] = TARGET | VALUE | HOST,
    ['*'] = ALNUM,
    ['+'] = ALNUM,
    [','] = TARGET | VALUE,
    ['-'] = ALNUM,
    ['.'] = ALNUM,
    ['/'] = TARGET | VALUE,
    [':'] = TARGET | VALUE | HOST,
    [';'] = TARGET | VALUE | HOST,
    ['<'] = TARGET | VALUE,
    ['='] = TARGET | VALUE | HOST,
    ['>'] = TARGET | VALUE,
    ['?'] = TARGET | VALUE,
    ['@'] = TARGET | VALUE,
    ['['] = TARGET | VALUE | HOST,
    ['\\'] = TARGET | VALUE,
    [']'] = TARGET | VALUE | HOST,
    ['^'] = TOKEN | TARGET | VALUE,
    ['_'] = ALNUM,
    ['`'] = TOKEN | TARGET | VALUE,
    ['{'] = TARGET | VALUE,
    ['|'] = TOKEN | TARGET | VALUE,
    ['}'] = TARGET | VALUE,
    ['~'] = ALNUM,
};

static bool is_class(char c, unsigned class)
{
    return classes[(unsigned char)c] & class;
}

/* How many bytes at the start of s are of the class. */
static size_t span(struct slice s, unsigned class)
{
    size_t i = 0;
    while (i < s.n && is_class(s.p[i], class))
        i++;
    return i;
}

bool h1_is_target(struct slice s)
{
    return span(s, TARGET) == s.n;
}

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* Whether one of eight bytes may be a control: below a blank, a tab too, or DEL. */
static inline bool may_have_control(const char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof(x));
    uint64_t del = x ^ EACH_BYTE(0x7f);
    uint64_t low = (x - EACH_BYTE(0x20)) & ~x;
    return ((low | ((del - EACH_BYTE(1)) & ~del)) & EACH_BYTE(0x80)) != 0;
}

/* Each answer has eight values of some thirty bytes: most are looked at eight bytes at a time. */
bool h1_is_value(struct slice s)
{
    unsigned bad = 0;
    while (s.n >= 8 && !may_have_control(s.p))
        s = slice_skip(s, 8);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bad |= (unsigned)((c < 0x20) & (c != '\t')) | (unsigned)(c == 0x7f);
    }
    return !bad;
}

bool h1_is_method(struct slice s)
{
    static const struct slice known[] = {S("GET"),    S("HEAD"),    S("POST"), S("PUT"),
                                         S("DELETE"), S("OPTIONS"), S("PATCH")};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (slice_eq(s, known[i]))
            return true;
    return false;
}

static enum h1_verdict bad(struct h1_head *out, int status, const char *text)
{
    out->status = status;
    out->text = text;
    return H1_BAD;
}

/* The line that starts at *pos, without CR LF; *pos moves behind it. */
static enum h1_verdict next_line(struct slice in, size_t *pos, struct slice *line,
                                 struct h1_head *out)
{
    struct slice rest = slice_skip(in, *pos);
    const char *lf = rest.n ? memchr(rest.p, '\n', rest.n) : NULL;
    if (!lf) {
        const char *cr = rest.n ? memchr(rest.p, '\r', rest.n - 1) : NULL;
        return cr ? bad(out, 400, "a CR without LF") : H1_MORE;
    }
    size_t n = (size_t)(lf - rest.p);
    if (n == 0 || rest.p[n - 1] != '\r')
        return bad(out, 400, "a line ends without CR");
    *line = slice_head(rest, n - 1);
    *pos += n + 1;
    return H1_DONE;
}

/* "http://host[:port]" at the start of *target is cut off and given out as the authority. */
static bool cut_authority(struct slice *target, struct slice *authority)
{
    size_t scheme = slice_starts(*target, S("http://"))    ? 7
                    : slice_starts(*target, S("https://")) ? 8
                                                           : 0;
    if (!scheme)
        return false;
    *target = slice_skip(*target, scheme);
    size_t n = span(*target, HOST);
    *authority = slice_head(*target, n);
    *target = slice_skip(*target, n);
    return n > 0 && (target->n == 0 || target->p[0] == '/' || target->p[0] == '?');
}

/* Origin-form, absolute-form (RFC 9112, 3.2.2), or "*" for OPTIONS. */
static bool parse_target(struct slice target, struct slice *authority, struct h1_head *out)
{
    if (target.n == 0 || !h1_is_target(target))
        return false;
    if (slice_eq(target, S("*")) && slice_eq(out->method, S("OPTIONS"))) {
        out->path = target;
        return true;
    }
    if (target.p[0] != '/' && !cut_authority(&target, authority))
        return false;
    ptrdiff_t mark = slice_find(target, '?');
    out->path = mark < 0 ? target : slice_head(target, (size_t)mark);
    out->query = mark < 0 ? slice_make("", 0) : slice_skip(target, (size_t)mark + 1);
    if (out->path.n == 0)
        out->path = S("/");
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static enum h1_verdict parse_version(struct slice s, struct h1_head *out)
{
    bool has_form = s.n == 8 && slice_starts(s, S("HTTP/")) && is_digit(s.p[5]) && s.p[6] == '.' &&
                    is_digit(s.p[7]);
    if (!has_form)
        return bad(out, 400, "no HTTP version in the request line");
    if (s.p[5] != '1' || s.p[7] > '1')
        return bad(out, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    out->is_http_1_0 = s.p[7] == '0';
    out->is_keep_alive = !out->is_http_1_0;
    return H1_DONE;
}

static enum h1_verdict parse_request_line(struct slice line, struct slice *authority,
                                          struct h1_head *out)
{
    size_t n = span(line, TOKEN);
    if (n == 0 || n == line.n || line.p[n] != ' ')
        return bad(out, 400, "malformed request line");
    out->method = slice_head(line, n);
    struct slice rest = slice_skip(line, n + 1);
    ptrdiff_t space = slice_find(rest, ' ');
    if (space < 0)
        return bad(out, 400, "no HTTP version in the request line");
    enum h1_verdict v = parse_version(slice_skip(rest, (size_t)space + 1), out);
    if (v != H1_DONE)
        return v;
    if (!h1_is_method(out->method))
        return bad(out, 501, "method not known");
    if (!parse_target(slice_head(rest, (size_t)space), authority, out))
        return bad(out, 400, "malformed request target");
    return H1_DONE;
}

/* What the fields have said so far about host and framing. */
struct seen {
    struct slice authority; /* of an absolute-form target */
    struct slice host;
    bool has_host;
    bool has_length;
    bool has_encoding;
    bool has_upgrade;
    bool has_close;
    bool has_keep_alive;
};

static enum h1_verdict see_host(struct slice value, struct seen *seen, struct h1_head *out)
{
    if (seen->has_host)
        return bad(out, 400, "more than one Host field");
    if (value.n == 0 || span(value, HOST) != value.n)
        return bad(out, 400, "malformed Host field");
    seen->has_host = true;
    seen->host = value;
    return H1_DONE;
}

/* Readers differ on a tab behind the values that frame the body. The line's end follows a value. */
static bool has_tab_behind(struct slice value)
{
    return value.p[value.n] == '\t';
}

static enum h1_verdict see_length(struct slice value, struct seen *seen, struct h1_head *out)
{
    if (seen->has_length)
        return bad(out, 400, "more than one Content-Length field");
    if (has_tab_behind(value) || value.n > 18 || !slice_parse_u64(value, &out->content_length))
        return bad(out, 400, "malformed Content-Length field");
    seen->has_length = true;
    out->body = out->content_length ? H1_BODY_LENGTH : H1_BODY_NONE;
    return H1_DONE;
}

static enum h1_verdict see_encoding(struct slice value, struct seen *seen, struct h1_head *out)
{
    if (seen->has_encoding)
        return bad(out, 400, "more than one Transfer-Encoding field");
    if (!slice_eq_nocase(value, S("chunked")) || has_tab_behind(value))
        return bad(out, 501, "transfer coding not known");
    if (out->is_http_1_0)
        return bad(out, 400, "Transfer-Encoding in HTTP/1.0");
    seen->has_encoding = true;
    return H1_DONE;
}

static enum h1_verdict see_connection(struct slice value, struct seen *seen)
{
    for (struct slice rest = value; rest.p;) {
        struct slice option = slice_trim(slice_cut(&rest, ','));
        if (slice_eq_nocase(option, S("close")))
            seen->has_close = true;
        else if (slice_eq_nocase(option, S("keep-alive")))
            seen->has_keep_alive = true;
    }
    return H1_DONE;
}

static enum h1_verdict see_expect(struct slice value, struct h1_head *out)
{
    if (!slice_eq_nocase(value, S("100-continue")))
        return bad(out, 417, "expectation not known");
    out->expects_continue = !out->is_http_1_0;
    return H1_DONE;
}

static enum h1_verdict see_field(struct slice name, struct slice value, struct seen *seen,
                                 struct h1_head *out)
{
    switch (name.n) {
    case 4:
        return slice_eq_nocase(name, S("host")) ? see_host(value, seen, out) : H1_DONE;
    case 6:
        return slice_eq_nocase(name, S("expect")) ? see_expect(value, out) : H1_DONE;
    case 7:
        seen->has_upgrade |= slice_eq_nocase(name, S("upgrade"));
        return H1_DONE;
    case 10:
        return slice_eq_nocase(name, S("connection")) ? see_connection(value, seen) : H1_DONE;
    case 14:
        return slice_eq_nocase(name, S("content-length")) ? see_length(value, seen, out) : H1_DONE;
    case 17:
        return slice_eq_nocase(name, S("transfer-encoding")) ? see_encoding(value, seen, out)
                                                             : H1_DONE;
    default:
        /* Some readers stop comparing where the known name ends. */
        return name.n > 17 && slice_eq_nocase(slice_head(name, 17), S("transfer-encoding"))
                   ? bad(out, 400, "a name that begins as Transfer-Encoding")
                   : H1_DONE;
    }
}

static struct slice trim_blanks(struct slice s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = slice_skip(s, 1);
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

static enum h1_verdict parse_field(struct slice line, struct http_header *field,
                                   struct h1_head *out)
{
    size_t n = span(line, TOKEN);
    if (n == 0)
        return bad(out, 400, "a field line does not start with a name (or is folded)");
    if (n == line.n || line.p[n] != ':')
        return bad(out, 400, "a field name is not followed by a colon");
    struct slice value = slice_skip(line, n + 1);
    if (!h1_is_value(value))
        return bad(out, 400, "a control byte in a field value");
    *field = (struct http_header){.name = slice_head(line, n), .value = trim_blanks(value)};
    return H1_DONE;
}

/* What only the whole header can tell. */
static enum h1_verdict check_whole(const struct seen *seen, struct h1_head *out)
{
    if (!seen->has_host && !out->is_http_1_0)
        return bad(out, 400, "no Host field");
    if (seen->authority.n && seen->has_host && !slice_eq_nocase(seen->authority, seen->host))
        return bad(out, 400, "the Host field and the request target disagree");
    if (seen->has_length && seen->has_encoding)
        return bad(out, 400, "both Content-Length and Transfer-Encoding");
    if (seen->has_encoding)
        out->body = H1_BODY_CHUNKED;
    if (seen->has_upgrade && out->body != H1_BODY_NONE)
        return bad(out, 400, "a body in a request for another protocol");
    if (seen->has_close)
        out->is_keep_alive = false;
    else if (seen->has_keep_alive)
        out->is_keep_alive = true;
    if (out->body == H1_BODY_NONE)
        out->expects_continue = false;
    return H1_DONE;
}

/* The verdict while the header is not whole: no more than max_bytes may be outstanding. */
static enum h1_verdict want_more(size_t n, size_t max_bytes, bool has_line, struct h1_head *out)
{
    if (n < max_bytes)
        return H1_MORE;
    return has_line ? bad(out, 431, "the header is too large")
                    : bad(out, 414, "the request line is too long");
}

static enum h1_verdict parse_fields(struct slice in, size_t pos, size_t max_bytes,
                                    struct seen *seen, struct http_header *fields,
                                    size_t max_fields, struct h1_head *out)
{
    for (;;) {
        struct slice line;
        enum h1_verdict v = next_line(in, &pos, &line, out);
        if (v == H1_MORE)
            return want_more(in.n, max_bytes, true, out);
        if (v == H1_BAD)
            return v;
        if (pos > max_bytes)
            return bad(out, 431, "the header is too large");
        if (line.n == 0)
            break;
        if (out->field_count == max_fields)
            return bad(out, 431, "too many header fields");
        struct http_header *field = &fields[out->field_count++];
        v = parse_field(line, field, out);
        if (v == H1_DONE)
            v = see_field(field->name, field->value, seen, out);
        if (v != H1_DONE)
            return v;
    }
    out->consumed = pos;
    return check_whole(seen, out);
}

enum h1_verdict h1_parse_head(struct slice in, size_t max_bytes, struct http_header *fields,
                              size_t max_fields, struct h1_head *out)
{
    *out = (struct h1_head){.query = slice_make("", 0)};
    struct seen seen = {0};
    struct slice line;
    /* RFC 9112, 2.2: one empty line before the request line is passed over. */
    size_t pos = slice_starts(in, S("\r\n")) ? 2 : 0;
    if (in.n > pos && !is_class(in.p[pos], TOKEN) && !(in.n == 1 && in.p[0] == '\r'))
        return bad(out, 400, "this is not HTTP");
    enum h1_verdict v = next_line(in, &pos, &line, out);
    if (v == H1_MORE)
        return want_more(in.n, max_bytes, false, out);
    if (v == H1_BAD)
        return v;
    if (pos > max_bytes)
        return bad(out, 414, "the request line is too long");
    v = parse_request_line(line, &seen.authority, out);
    if (v != H1_DONE)
        return v;
    return parse_fields(in, pos, max_bytes, &seen, fields, max_fields, out);
}
