/*
 * Which repository a path means is what the go command reads in a page, and go reads it with a
 * forgiving XML tokenizer, not as browsers read HTML: it stops at the first thing that is no XML
 * even for it (a bare "<" in a script), keeps the tags before that, and knows five entities. An
 * HTML library would go on there and might find another tag, which is to say another repository. So
 * this is a tokenizer of our own that takes the same steps and stops where go stops; the two are
 * compared on generated pages.
 *
 * It is a cursor over the page. A reader returns false when go's would have stopped; `fault` then
 * says why, and stays. One liberty is taken: beyond ASCII a name may have any letter of Unicode's,
 * where XML has a table of its own.
 */
#include "vcs/discovery_page.h"

#include "gomod/text.h"

struct reader {
    struct arena *a;
    struct slice rest;
    struct buf text; /* the value that was read last */
    const char *fault;
};

/* What is looked at of a start tag. */
struct meta {
    struct slice name;
    struct slice content;
    bool has_name, has_content;
};

static bool stop(struct reader *r, const char *why)
{
    if (!r->fault)
        r->fault = why;
    return false;
}

static bool take(struct reader *r, char *c)
{
    if (r->rest.n == 0)
        return stop(r, "the page ends inside a tag");
    *c = r->rest.p[0];
    r->rest = slice_skip(r->rest, 1);
    return true;
}

static bool take_expected(struct reader *r, const char *expected, const char *why)
{
    for (char c = 0; *expected; expected++) {
        if (!take(r, &c))
            return false;
        if (c != *expected)
            return stop(r, why);
    }
    return true;
}

static void skip_blanks(struct reader *r)
{
    while (r->rest.n && strchr(" \r\n\t", r->rest.p[0]) && r->rest.p[0])
        r->rest = slice_skip(r->rest, 1);
}

/* Skips what comes before the end, and the end. */
static bool skip_past(struct reader *r, struct slice end, const char *why)
{
    ptrdiff_t at = slice_find_slice(r->rest, end);
    if (at < 0)
        return stop(r, why);
    r->rest = slice_skip(r->rest, (size_t)at + end.n);
    return true;
}

static bool is_name_byte(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 0x80 || (u >= 'A' && u <= 'Z') || (u >= 'a' && u <= 'z') ||
           (u >= '0' && u <= '9') || (u && strchr("_:.-", c));
}

static struct slice take_name_bytes(struct reader *r)
{
    size_t n = 0;
    while (n < r->rest.n && is_name_byte(r->rest.p[n]))
        n++;
    struct slice name = slice_head(r->rest, n);
    r->rest = slice_skip(r->rest, n);
    return name;
}

static bool is_name(struct slice name)
{
    if (name.n == 0 || strchr("0123456789.-", name.p[0]))
        return false;
    while (name.n) {
        uint32_t rune;
        size_t n = rune_decode(name, &rune);
        if (rune >= 0x80 && (rune >= 0x10000 || !rune_is_letter(rune)))
            return false;
        name = slice_skip(name, n);
    }
    return true;
}

/* The name of a tag or attribute without its name space. */
static bool take_name(struct reader *r, struct slice *local)
{
    struct slice name = take_name_bytes(r);
    if (r->rest.n == 0)
        return stop(r, "the page ends inside a tag");
    if (!is_name(name))
        return stop(r, "a tag or attribute whose name is none");
    struct slice behind = name;
    struct slice space = slice_cut(&behind, ':');
    if (slice_find(behind, ':') >= 0)
        return stop(r, "a name with two colons");
    *local = space.n && behind.n ? behind : name;
    return true;
}

/* The character behind "&#", if that is what stands there; the digits are in text then. */
static bool take_number(struct reader *r, uint32_t *rune, bool *is_number)
{
    char c;
    unsigned base = 10;
    uint64_t n = 0;
    bool fits = true, has_digits = false;
    if (!take(r, &c))
        return false;
    if (c == 'x') {
        base = 16;
        buf_add_byte(&r->text, c);
        if (!take(r, &c))
            return false;
    }
    for (;;) {
        bool is_digit = c >= '0' && c <= '9';
        bool is_hex = base == 16 && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'));
        if (!is_digit && !is_hex)
            break;
        n = n * base + (unsigned)(is_digit ? c - '0' : (c | 0x20) - 'a' + 10);
        fits = fits && n <= 0x10ffff;
        n = fits ? n : 0;
        has_digits = true;
        buf_add_byte(&r->text, c);
        if (!take(r, &c))
            return false;
    }
    *is_number = c == ';' && has_digits && fits;
    *rune = n >= 0xd800 && n <= 0xdfff ? RUNE_ERROR : (uint32_t)n;
    if (c == ';')
        buf_add_byte(&r->text, c);
    else
        r->rest = slice_make(r->rest.p - 1, r->rest.n + 1);
    return true;
}

static char named_entity(struct slice name)
{
    static const struct {
        const char *name;
        char c;
    } known[] = {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"apos", '\''}, {"quot", '"'}};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (slice_eq(name, slice_of(known[i].name)))
            return known[i].c;
    }
    return 0;
}

/* What follows '&': the character that is meant, or the text as it stands. */
static bool take_entity(struct reader *r)
{
    size_t before = r->text.n;
    uint32_t rune = 0;
    bool is_known = false;
    buf_add_byte(&r->text, '&');
    if (r->rest.n && r->rest.p[0] == '#') {
        buf_add_byte(&r->text, '#');
        r->rest = slice_skip(r->rest, 1);
        if (!take_number(r, &rune, &is_known))
            return false;
    } else {
        struct slice name = take_name_bytes(r);
        buf_add(&r->text, name);
        if (r->rest.n == 0)
            return stop(r, "the page ends inside a tag");
        if (r->rest.p[0] == ';') {
            r->rest = slice_skip(r->rest, 1);
            buf_add_byte(&r->text, ';');
            rune = (unsigned char)named_entity(name);
            is_known = rune != 0;
        }
    }
    if (is_known) {
        r->text.n = before;
        rune_encode(&r->text, rune);
    }
    return true;
}

/* XML's Char, in UTF-8. */
static bool is_character_data(struct slice s)
{
    while (s.n) {
        uint32_t rune;
        size_t n = rune_decode(s, &rune);
        bool is_fine = rune == 0x9 || rune == 0xa || rune == 0xd ||
                       (rune >= 0x20 && rune < 0xd800) || (rune >= 0xe000 && rune <= 0xfffd) ||
                       rune >= 0x10000;
        if (!is_fine || (rune == RUNE_ERROR && n == 1))
            return false;
        s = slice_skip(s, n);
    }
    return true;
}

static bool check_text(struct reader *r)
{
    return is_character_data(buf_slice(&r->text)) ||
           stop(r, "text that is not UTF-8, or with control characters");
}

/*
 * Text up to the next tag (quote 0, the '<' stays) or the closing quote (which is taken). "]]>" may
 * not stand in text outside of quotes.
 */
static bool take_text(struct reader *r, char quote)
{
    char b0 = 0, b1 = 0;
    buf_clear(&r->text);
    while (r->rest.n) {
        char b = r->rest.p[0];
        if (!quote && b0 == ']' && b1 == ']' && b == '>')
            return stop(r, "a stray ]]>");
        if (b == '<' && quote)
            return stop(r, "a < inside quotes");
        if (b == '<')
            break;
        r->rest = slice_skip(r->rest, 1);
        if (quote && b == quote)
            break;
        if (b == '&') {
            if (!take_entity(r))
                return false;
            b0 = b1 = 0;
            continue;
        }
        if (b == '\r')
            buf_add_byte(&r->text, '\n');
        else if (b1 != '\r' || b != '\n')
            buf_add_byte(&r->text, b);
        b0 = b1;
        b1 = b;
    }
    return check_text(r);
}

static bool take_cdata(struct reader *r)
{
    ptrdiff_t end = slice_find_slice(r->rest, S("]]>"));
    if (end < 0)
        return stop(r, "the page ends in a CDATA section");
    buf_clear(&r->text);
    buf_add(&r->text, slice_head(r->rest, (size_t)end));
    r->rest = slice_skip(r->rest, (size_t)end + 3);
    return check_text(r);
}

/* A value in quotes, or a word without them; it is in text. */
static bool take_value(struct reader *r)
{
    size_t n = 0;
    if (r->rest.n == 0)
        return stop(r, "the page ends inside a tag");
    char quote = r->rest.p[0];
    if (quote == '"' || quote == '\'') {
        r->rest = slice_skip(r->rest, 1);
        return take_text(r, quote);
    }
    while (n < r->rest.n && is_name_byte(r->rest.p[n]) && r->rest.p[n] != '.' &&
           (unsigned char)r->rest.p[n] < 0x80)
        n++;
    buf_clear(&r->text);
    buf_add(&r->text, slice_head(r->rest, n));
    r->rest = slice_skip(r->rest, n);
    return r->rest.n || stop(r, "the page ends inside a tag");
}

/* The first attribute of a name counts. */
static void note_attribute(struct reader *r, struct meta *m, struct slice name, struct slice value)
{
    if (slice_eq_nocase(name, S("name")) && !m->has_name) {
        m->has_name = true;
        m->name = arena_dup(r->a, value);
    } else if (slice_eq_nocase(name, S("content")) && !m->has_content) {
        m->has_content = true;
        m->content = arena_dup(r->a, value);
    }
}

static bool take_attribute(struct reader *r, struct meta *m)
{
    struct slice name = {0};
    if (!take_name(r, &name))
        return false;
    skip_blanks(r);
    if (r->rest.n == 0)
        return stop(r, "the page ends inside a tag");
    if (r->rest.p[0] != '=') {
        note_attribute(r, m, name, name);
        return true;
    }
    r->rest = slice_skip(r->rest, 1);
    skip_blanks(r);
    if (!take_value(r))
        return false;
    note_attribute(r, m, name, buf_slice(&r->text));
    return true;
}

/* A start tag behind its '<'; is_end when it is its own end tag. */
static bool take_start_tag(struct reader *r, struct slice *name, struct meta *m, bool *is_end)
{
    *is_end = false;
    if (!take_name(r, name))
        return false;
    for (;;) {
        skip_blanks(r);
        if (r->rest.n && r->rest.p[0] == '/')
            return (*is_end = take_expected(r, "/>", "a / inside a tag"));
        if (r->rest.n && r->rest.p[0] == '>')
            return take_expected(r, ">", "");
        if (!take_attribute(r, m))
            return false;
    }
}

static bool take_end_tag(struct reader *r, struct slice *name)
{
    if (!take_name(r, name))
        return false;
    skip_blanks(r);
    return take_expected(r, ">", "an end tag with more than a name");
}

/* name="value" in <?xml …?>; empty when it is not there. */
static struct slice declared(struct slice content, const char *name)
{
    struct slice key = slice_of(name);
    for (;;) {
        ptrdiff_t at = slice_find_slice(content, key);
        if (at < 0 || (size_t)at + key.n >= content.n)
            return S("");
        char quote = content.p[(size_t)at + key.n];
        content = slice_skip(content, (size_t)at + key.n + 1);
        if (quote != '"' && quote != '\'')
            continue;
        ptrdiff_t end = slice_find(content, quote);
        return end < 0 ? S("") : slice_head(content, (size_t)end);
    }
}

static bool is_readable_charset(struct slice s)
{
    return s.n == 0 || slice_eq_nocase(s, S("utf-8")) || slice_eq_nocase(s, S("ascii"));
}

/* <?target …?> behind the "<?". */
static bool take_instruction(struct reader *r)
{
    struct slice target = take_name_bytes(r);
    if (r->rest.n == 0 || !is_name(target))
        return stop(r, "an instruction (<?…?>) without a name");
    skip_blanks(r);
    struct slice content = r->rest;
    if (!skip_past(r, S("?>"), "the page ends in an instruction (<?…?>)"))
        return false;
    content.n = (size_t)(r->rest.p - content.p) - 2;
    if (!slice_eq(target, S("xml")))
        return true;
    struct slice version = declared(content, "version=");
    if (version.n && !slice_eq(version, S("1.0")))
        return stop(r, "another version of XML than 1.0");
    return is_readable_charset(declared(content, "encoding=")) ||
           stop(r, "another character set than UTF-8 and ASCII");
}

/* <!-- … --> behind the "<!--"; "--" may stand at its end only. */
static bool take_comment(struct reader *r)
{
    if (!skip_past(r, S("--"), "the page ends in a comment"))
        return false;
    return take_expected(r, ">", "-- inside a comment");
}

/*
 * <!DOCTYPE …> behind the "<!": up to the '>' that closes it, outside of quotes and comments. Its
 * first byte means nothing.
 */
static bool take_directive(struct reader *r)
{
    char quote = 0;
    size_t depth = 0;
    r->rest = slice_skip(r->rest, 1);
    for (char c = 0; take(r, &c);) {
        if (quote) {
            quote = c == quote ? 0 : quote;
        } else if (c == '>' && depth == 0) {
            return true;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '>') {
            depth--;
        } else if (c == '<' && slice_starts(r->rest, S("!--"))) {
            r->rest = slice_skip(r->rest, 3);
            if (!skip_past(r, S("-->"), "the page ends in a comment"))
                return false;
        } else if (c == '<') {
            depth++;
        }
    }
    return false;
}

static bool take_markup(struct reader *r)
{
    if (slice_starts(r->rest, S("--"))) {
        r->rest = slice_skip(r->rest, 2);
        return take_comment(r);
    }
    if (slice_starts(r->rest, S("-")))
        return stop(r, "<!- that begins no comment");
    if (!slice_starts(r->rest, S("[")))
        return take_directive(r);
    return take_expected(r, "[CDATA[", "<![ that begins no CDATA section") && take_cdata(r);
}

/* The fields of a content attribute; other numbers of them than 3 and 4 are passed over. */
static void note_import(struct slice content, struct go_imports *out)
{
    struct slice fields[5], field;
    size_t n = 0;
    while (n < ARRAY_LEN(fields) && (field = text_cut_field(&content)).n)
        fields[n++] = field;
    if ((n != 3 && n != 4) || out->count == PAGE_MAX_TAGS)
        return;
    out->list[out->count++] =
        (struct go_import){fields[0], fields[1], fields[2], n == 4 ? fields[3] : S("")};
}

/* Reads one token; false at the end of the head or of what can be read. */
static bool take_token(struct reader *r, struct go_imports *out)
{
    struct slice name = {0};
    struct meta m = {0};
    bool is_end = false;
    if (r->rest.n == 0)
        return false;
    if (r->rest.p[0] != '<')
        return take_text(r, 0);
    r->rest = slice_skip(r->rest, 1);
    char c = r->rest.n ? r->rest.p[0] : 0;
    if (c == '/' || c == '?' || c == '!')
        r->rest = slice_skip(r->rest, 1);
    if (c == '/')
        return take_end_tag(r, &name) && !slice_eq_nocase(name, S("head"));
    if (c == '?')
        return take_instruction(r);
    if (c == '!')
        return take_markup(r);
    if (!take_start_tag(r, &name, &m, &is_end) || slice_eq_nocase(name, S("body")))
        return false;
    if (slice_eq_nocase(name, S("meta")) && slice_eq(m.name, S("go-import")))
        note_import(m.content, out);
    return !is_end || !slice_eq_nocase(name, S("head"));
}

static bool has_mod_for(const struct go_imports *in, struct slice prefix)
{
    for (size_t i = 0; i < in->count; i++) {
        if (slice_eq(in->list[i].vcs, S("mod")) && slice_eq(in->list[i].prefix, prefix))
            return true;
    }
    return false;
}

/* The "mod" tags first; they stand in for others of the same prefix. */
static void put_mod_first(struct arena *a, const struct go_imports *in, struct go_imports *out)
{
    out->list = ARENA_ARRAY(a, struct go_import, in->count);
    for (size_t i = 0; i < in->count; i++) {
        if (slice_eq(in->list[i].vcs, S("mod")))
            out->list[out->count++] = in->list[i];
    }
    for (size_t i = 0; i < in->count; i++) {
        if (!has_mod_for(in, in->list[i].prefix))
            out->list[out->count++] = in->list[i];
    }
}

void page_read(struct arena *a, struct slice page, struct go_imports *out)
{
    struct reader r = {.a = a, .rest = page};
    struct go_imports found = {.list = ARENA_ARRAY(a, struct go_import, PAGE_MAX_TAGS)};
    while (take_token(&r, &found))
        ;
    buf_release(&r.text);
    *out = (struct go_imports){.fault = found.count ? NULL : r.fault};
    put_mod_first(a, &found, out);
}

bool path_has_prefix(struct slice path, struct slice prefix)
{
    if (!slice_starts(path, prefix))
        return false;
    return prefix.n == 0 || path.n == prefix.n || prefix.p[prefix.n - 1] == '/' ||
           path.p[prefix.n] == '/';
}

int page_match(const struct go_imports *imports, struct slice path, struct go_import *out)
{
    int found = 0;
    for (size_t i = 0; i < imports->count; i++) {
        const struct go_import *tag = &imports->list[i];
        if (!path_has_prefix(path, tag->prefix))
            continue;
        if (found)
            return slice_eq(out->vcs, S("mod")) && !slice_eq(tag->vcs, S("mod")) ? 1 : 2;
        *out = *tag;
        found = 1;
    }
    return found;
}
