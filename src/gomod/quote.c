#include "gomod/quote.h"

#include "gomod/text.h"

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* Takes n digits of that base. */
static bool take_digits(struct slice *s, size_t n, int base, uint32_t *value)
{
    *value = 0;
    for (size_t i = 0; i < n; i++) {
        if (i >= s->n || digit_value(s->p[i]) >= base)
            return false;
        *value = *value * (uint32_t)base + (uint32_t)digit_value(s->p[i]);
    }
    *s = slice_skip(*s, n);
    return true;
}

static bool take_byte(struct slice *s, size_t digits, int base, struct buf *out)
{
    uint32_t value;
    if (!take_digits(s, digits, base, &value) || value > 0xff)
        return false;
    buf_add_byte(out, (char)value);
    return true;
}

static bool take_rune(struct slice *s, size_t digits, struct buf *out)
{
    uint32_t value;
    if (!take_digits(s, digits, 16, &value) || value > 0x10ffff ||
        (value >= 0xd800 && value <= 0xdfff))
        return false;
    rune_encode(out, value);
    return true;
}

/* Takes an escape sequence that begins at s, with its backslash. */
static bool take_escape(struct slice *s, struct buf *out)
{
    static const char letters[] = "abfnrtv\\\"", values[] = "\a\b\f\n\r\t\v\\\"";
    if (s->n < 2)
        return false;
    char c = s->p[1];
    if (c >= '0' && c <= '7') {
        *s = slice_skip(*s, 1);
        return take_byte(s, 3, 8, out);
    }
    *s = slice_skip(*s, 2);
    if (c == 'x')
        return take_byte(s, 2, 16, out);
    if (c == 'u' || c == 'U')
        return take_rune(s, c == 'u' ? 4 : 8, out);
    const char *letter = c ? strchr(letters, c) : NULL;
    if (letter)
        buf_add_byte(out, values[letter - letters]);
    return letter;
}

/* The text between double quotes. */
static bool unescape(struct slice s, struct buf *out)
{
    while (s.n) {
        if (s.p[0] == '"' || s.p[0] == '\n')
            return false;
        if (s.p[0] == '\\') {
            if (!take_escape(&s, out))
                return false;
            continue;
        }
        uint32_t rune;
        s = slice_skip(s, rune_decode(s, &rune));
        rune_encode(out, rune);
    }
    return true;
}

static struct slice without_returns(struct arena *a, struct slice s)
{
    char *p = arena_alloc(a, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '\r')
            p[n++] = s.p[i];
    }
    return slice_make(p, n);
}

bool go_unquote(struct arena *a, struct slice s, struct slice *out)
{
    if (s.n < 2 || s.p[0] != s.p[s.n - 1] || (s.p[0] != '"' && s.p[0] != '`'))
        return false;
    struct slice inner = slice_make(s.p + 1, s.n - 2);
    if (s.p[0] == '`') {
        *out = slice_find(inner, '\r') < 0 ? inner : without_returns(a, inner);
        return slice_find(inner, '`') < 0;
    }
    BUF_SCOPED(b);
    if (!unescape(inner, &b))
        return false;
    *out = slice_eq(buf_slice(&b), inner) ? inner : arena_dup(a, buf_slice(&b));
    return true;
}

/* Letters for the escapes that JSON has one for; NULL for the others. */
static const char *json_escape(uint32_t rune)
{
    switch (rune) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        return NULL;
    }
}

static bool needs_json_escape(uint32_t rune)
{
    return rune < 0x20 || rune == '<' || rune == '>' || rune == '&' || rune == 0x2028 ||
           rune == 0x2029;
}

void json_quote(struct buf *b, struct slice s)
{
    size_t n;
    buf_add_byte(b, '"');
    for (; s.n; s = slice_skip(s, n)) {
        uint32_t rune;
        n = rune_decode(s, &rune);
        const char *escape = json_escape(rune);
        if (escape)
            buf_add(b, slice_of(escape));
        else if (needs_json_escape(rune) || (rune == RUNE_ERROR && n == 1))
            buf_printf(b, "\\u%04x", rune);
        else
            buf_add(b, slice_head(s, n));
    }
    buf_add_byte(b, '"');
}
