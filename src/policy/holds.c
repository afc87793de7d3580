#include "policy/holds.h"

/* Nothing that would not come back from a line. */
static bool is_word(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] <= ' ')
            return false;
    }
    return s.n > 0;
}

static bool parse_line(struct slice line, struct hold *h)
{
    uint64_t at;
    struct slice word = slice_cut(&line, ' ');
    h->is_release = slice_eq(word, S("release"));
    if (!h->is_release && !slice_eq(word, S("hold")))
        return false;
    h->mv.path = slice_cut(&line, ' ');
    h->mv.version = slice_cut(&line, ' ');
    if (!is_word(h->mv.path) || !is_word(h->mv.version) ||
        !slice_parse_u64(slice_cut(&line, ' '), &at) || at > INT64_MAX)
        return false;
    h->at_unix_s = (int64_t)at;
    h->reason = line.p ? line : S("");
    return true;
}

struct error *holds_parse(struct arena *a, struct slice text, struct holds *out)
{
    size_t lines = 1, number = 0;
    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    *out = (struct holds){.rows = ARENA_ARRAY(a, struct hold, lines)};
    while (text.n) {
        struct slice line = slice_cut_line(&text);
        number++;
        if (!parse_line(line, &out->rows[out->count++]))
            return error_new(a, STATUS_CORRUPT,
                             "line %zu is not one of 'hold|release MODULE VERSION "
                             "TIME REASON'",
                             number);
    }
    return NULL;
}

static void add_line(struct buf *b, const struct hold *h)
{
    buf_printf(b, "%s %.*s %.*s %" PRId64 " ", h->is_release ? "release" : "hold",
               SLICE_ARG(h->mv.path), SLICE_ARG(h->mv.version), h->at_unix_s);
    for (size_t i = 0; i < h->reason.n; i++)
        buf_add_byte(b, (unsigned char)h->reason.p[i] < ' ' ? ' ' : h->reason.p[i]);
    buf_add_byte(b, '\n');
}

static bool is_same(struct module_version a, struct module_version b)
{
    return slice_eq(a.path, b.path) && slice_eq(a.version, b.version);
}

struct slice holds_put(struct arena *a, const struct holds *hs, struct hold h)
{
    BUF_SCOPED(b);
    for (size_t i = 0; i < hs->count; i++) {
        if (!is_same(hs->rows[i].mv, h.mv))
            add_line(&b, &hs->rows[i]);
    }
    add_line(&b, &h);
    return arena_dup(a, buf_slice(&b));
}

const struct hold *holds_find(const struct holds *hs, struct module_version mv)
{
    for (size_t i = hs ? hs->count : 0; i-- > 0;) {
        const struct hold *h = &hs->rows[i];
        if (slice_eq(h->mv.path, mv.path) &&
            (slice_eq(h->mv.version, S("*")) || slice_eq(h->mv.version, mv.version)))
            return h;
    }
    return NULL;
}
