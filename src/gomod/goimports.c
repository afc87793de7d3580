/*
 * Only the head of a file is read as Go: blanks, comments, the package clause, and the import
 * declarations, which by the language's grammar come before everything else. Semicolons count as
 * blanks, so that nothing needs to be known of where the compiler inserts them. Directives are
 * lines of their own anywhere in the file.
 */
#include "gomod/goimports.h"

#include "gomod/quote.h"
#include "gomod/text.h"

struct scan {
    struct arena *a;
    struct slice src;
    size_t at;
    struct go_imports *out;
    size_t cap;
};

static void found(struct scan *s, struct go_import one)
{
    struct go_imports *o = s->out;
    if (o->count == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 16;
        struct go_import *more = ARENA_ARRAY(s->a, struct go_import, s->cap);
        if (o->count)
            memcpy(more, o->list, o->count * sizeof(*more));
        o->list = more;
    }
    o->list[o->count++] = one;
}

static struct slice rest_of(const struct scan *s)
{
    return slice_skip(s->src, s->at);
}

static int peek(const struct scan *s)
{
    return s->at < s->src.n ? (unsigned char)s->src.p[s->at] : -1;
}

/* Steps behind the next occurrence of needle, or to the end. */
static void skip_past(struct scan *s, struct slice needle)
{
    ptrdiff_t i = slice_find_slice(rest_of(s), needle);
    s->at = i < 0 ? s->src.n : s->at + (size_t)i + needle.n;
}

static bool skip_comment(struct scan *s)
{
    bool is_line = slice_starts(rest_of(s), S("//"));
    if (!is_line && !slice_starts(rest_of(s), S("/*")))
        return false;
    s->at += 2;
    skip_past(s, is_line ? S("\n") : S("*/"));
    return true;
}

static void skip_blank(struct scan *s)
{
    for (;;) {
        int c = peek(s);
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';')
            s->at++;
        else if (c != '/' || !skip_comment(s))
            return;
    }
}

static bool is_word_byte(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c >= 0x80;
}

static struct slice take_word(struct scan *s)
{
    size_t from = s->at;
    while (is_word_byte(peek(s)))
        s->at++;
    return slice_make(s->src.p + from, s->at - from);
}

static bool take_keyword(struct scan *s, struct slice keyword)
{
    size_t from = s->at;
    if (slice_eq(take_word(s), keyword))
        return true;
    s->at = from;
    return false;
}

/* The end of the string literal that begins at s->at; false when there is none. */
static bool literal_end(const struct scan *s, size_t *end)
{
    int quote = peek(s);
    if (quote != '"' && quote != '`')
        return false;
    for (size_t i = s->at + 1; i < s->src.n; i++) {
        char c = s->src.p[i];
        if (quote == '"' && c == '\\')
            i++;
        else if (c == '\n')
            return false; /* no path goes over lines */
        else if (c == quote) {
            *end = i + 1;
            return true;
        }
    }
    return false;
}

static bool take_literal(struct scan *s, enum go_import_kind kind)
{
    size_t end;
    struct go_import one = {.kind = kind, .at = s->at};
    if (!literal_end(s, &end))
        return false;
    one.n = end - s->at;
    if (!go_unquote(s->a, slice_make(s->src.p + one.at, one.n), &one.path))
        return false;
    s->at = end;
    found(s, one);
    return true;
}

/* package x // import "path": on the line of the clause. (go/build.findImportComment) */
static void take_import_comment(struct scan *s)
{
    size_t back = s->at;
    while (peek(s) == ' ' || peek(s) == '\t' || peek(s) == ';')
        s->at++;
    if (slice_starts(rest_of(s), S("//")) || slice_starts(rest_of(s), S("/*"))) {
        s->at += 2;
        while (peek(s) == ' ' || peek(s) == '\t')
            s->at++;
        if (take_keyword(s, S("import"))) {
            while (peek(s) == ' ' || peek(s) == '\t')
                s->at++;
            take_literal(s, GO_IMPORT_COMMENT);
        }
    }
    s->at = back; /* the comment is skipped as any other */
}

static bool take_package(struct scan *s)
{
    if (slice_starts(s->src, S("\xef\xbb\xbf")))
        s->at = 3;
    skip_blank(s);
    if (!take_keyword(s, S("package")))
        return false;
    skip_blank(s);
    if (take_word(s).n == 0)
        return false;
    take_import_comment(s);
    return true;
}

/* One import: perhaps a name, then the path. */
static bool take_spec(struct scan *s)
{
    if (peek(s) == '.')
        s->at++;
    else
        take_word(s);
    skip_blank(s);
    return take_literal(s, GO_IMPORT);
}

static bool take_block(struct scan *s)
{
    s->at++;
    for (;;) {
        skip_blank(s);
        if (peek(s) == ')') {
            s->at++;
            return true;
        }
        if (!take_spec(s))
            return false;
    }
}

static void take_imports(struct scan *s)
{
    bool is_good = true;
    while (is_good) {
        skip_blank(s);
        if (!take_keyword(s, S("import")))
            return;
        skip_blank(s);
        is_good = peek(s) == '(' ? take_block(s) : take_spec(s);
    }
}

/* Where the package's path ends in a symbol: at the first dot behind its last slash. */
static struct slice package_of(struct slice symbol)
{
    size_t base = (size_t)(slice_rfind(symbol, '/') + 1);
    ptrdiff_t dot = slice_find(slice_skip(symbol, base), '.');
    return dot < 0 ? S("") : slice_head(symbol, base + (size_t)dot);
}

static struct slice unescape_dots(struct arena *a, struct slice escaped)
{
    char *p = arena_alloc(a, escaped.n + 1);
    size_t n = 0;
    while (escaped.n) {
        bool is_dot = slice_starts(escaped, S("%2e"));
        p[n++] = is_dot ? '.' : escaped.p[0];
        escaped = slice_skip(escaped, is_dot ? 3 : 1);
    }
    return slice_make(p, n);
}

/* //go:linkname local package.name */
static void take_directive(struct scan *s, struct slice line)
{
    if (!slice_starts(line, S("//go:linkname ")))
        return;
    struct slice rest = slice_skip(line, strlen("//go:linkname "));
    text_cut_field(&rest);
    struct slice package = package_of(text_cut_field(&rest));
    if (package.n)
        found(s, (struct go_import){.kind = GO_IMPORT_SYMBOL,
                                    .at = (size_t)(package.p - s->src.p),
                                    .n = package.n,
                                    .path = unescape_dots(s->a, package)});
}

/* They may stand above the imports too. */
static int by_place(const void *a, const void *b)
{
    const struct go_import *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

static void take_directives(struct scan *s)
{
    s->at = 0;
    struct slice needle = S("\n//go:linkname ");
    while (s->at < s->src.n) {
        ptrdiff_t i = slice_find_slice(rest_of(s), needle);
        if (i < 0)
            return;
        s->at += (size_t)i + 1;
        struct slice rest = rest_of(s);
        take_directive(s, slice_cut_line(&rest));
    }
}

void go_imports_find(struct arena *a, struct slice source, struct go_imports *out)
{
    struct scan s = {.a = a, .src = source, .out = out};
    *out = (struct go_imports){0};
    if (!take_package(&s))
        return;
    take_imports(&s);
    take_directives(&s);
    if (out->count)
        qsort(out->list, out->count, sizeof(*out->list), by_place);
}

struct slice go_symbol_prefix(struct arena *a, struct slice path)
{
    size_t base = (size_t)(slice_rfind(path, '/') + 1);
    char *p = arena_alloc(a, 3 * path.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < path.n; i++) {
        if (i >= base && path.p[i] == '.') {
            p[n++] = '%';
            p[n++] = '2';
            p[n++] = 'e';
        } else {
            p[n++] = path.p[i];
        }
    }
    return slice_make(p, n);
}
