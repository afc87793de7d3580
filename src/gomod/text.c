#include "gomod/text.h"

struct rune_range {
    uint32_t first, last;
};

#include "gomod/unicode_table.inc"

enum { QUOTE_MAX_BYTES = 200 };

size_t rune_decode_wide(struct slice s, uint32_t *rune)
{
    *rune = RUNE_ERROR;
    if (s.n == 0)
        return 0;
    unsigned char lead = (unsigned char)s.p[0];
    size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || s.n < n || !slice_is_utf8(slice_head(s, n)))
        return 1;
    uint32_t r = lead & (0xffU >> (n + 1));
    for (size_t i = 1; i < n; i++)
        r = r << 6 | ((unsigned char)s.p[i] & 0x3fU);
    *rune = r;
    return n;
}

void rune_encode(struct buf *b, uint32_t rune)
{
    if (rune < 0x80) {
        buf_add_byte(b, (char)rune);
        return;
    }
    int tail = rune < 0x800 ? 1 : rune < 0x10000 ? 2 : 3;
    buf_add_byte(b, (char)(0xff << (7 - tail) | (int)(rune >> 6 * tail)));
    while (tail-- > 0)
        buf_add_byte(b, (char)(0x80 | (rune >> 6 * tail & 0x3f)));
}

static bool in_ranges(uint32_t rune, const struct rune_range *ranges, size_t count)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (rune > ranges[mid].last)
            low = mid + 1;
        else
            high = mid;
    }
    return low < count && rune >= ranges[low].first;
}

bool rune_is_space(uint32_t r)
{
    return r == ' ' || (r >= '\t' && r <= '\r') || r == 0x85 || r == 0xa0 || r == 0x1680 ||
           (r >= 0x2000 && r <= 0x200a) || r == 0x2028 || r == 0x2029 || r == 0x202f ||
           r == 0x205f || r == 0x3000;
}

bool rune_is_print(uint32_t rune)
{
    if (rune < 0x80)
        return rune >= ' ' && rune < 0x7f;
    return in_ranges(rune, printable_ranges, ARRAY_LEN(printable_ranges));
}

bool rune_is_letter(uint32_t rune)
{
    return in_ranges(rune, letter_ranges, ARRAY_LEN(letter_ranges));
}

/* The length of the blank rune at the start of s, or 0. */
static size_t leading_space(struct slice s)
{
    uint32_t rune;
    size_t n = rune_decode(s, &rune);
    return n && rune_is_space(rune) ? n : 0;
}

/* The length of the blank rune at the end of s, or 0. No blank rune is longer than three bytes. */
static size_t trailing_space(struct slice s)
{
    for (size_t n = 1; n <= 3 && n <= s.n; n++) {
        struct slice tail = slice_skip(s, s.n - n);
        if (leading_space(tail) == n)
            return n;
    }
    return 0;
}

struct slice text_trim(struct slice s)
{
    size_t n;
    while ((n = leading_space(s)) > 0)
        s = slice_skip(s, n);
    while ((n = trailing_space(s)) > 0)
        s.n -= n;
    return s;
}

struct slice text_cut_field(struct slice *rest)
{
    size_t n;
    while ((n = leading_space(*rest)) > 0)
        *rest = slice_skip(*rest, n);
    struct slice field = slice_head(*rest, 0);
    while (rest->n && leading_space(*rest) == 0) {
        uint32_t rune;
        n = rune_decode(*rest, &rune);
        field.n += n;
        *rest = slice_skip(*rest, n);
    }
    return field;
}

const char *text_quote(struct arena *a, struct slice s)
{
    BUF_SCOPED(b);
    struct slice rest = slice_head(s, QUOTE_MAX_BYTES);
    buf_add_byte(&b, '"');
    while (rest.n) {
        uint32_t rune;
        size_t n = rune_decode(rest, &rune);
        bool is_invalid = rune == RUNE_ERROR && n == 1;
        if (rune == '"' || rune == '\\')
            buf_printf(&b, "\\%c", (char)rune);
        else if (!is_invalid && rune_is_print(rune))
            buf_add(&b, slice_head(rest, n));
        else if (is_invalid || rune < 0x80)
            buf_printf(&b, "\\x%02x", (unsigned char)rest.p[0]);
        else
            buf_printf(&b, "\\u{%x}", rune);
        rest = slice_skip(rest, n);
    }
    buf_add(&b, s.n > QUOTE_MAX_BYTES ? S("\"...") : S("\""));
    return arena_cstr(a, buf_slice(&b));
}

static void skip_line_end_cr(struct slice *s)
{
    if (s->n >= 2 && s->p[0] == '\r' && s->p[1] == '\n')
        *s = slice_skip(*s, 1);
}

bool text_same_lines(struct slice a, struct slice b)
{
    while (a.n && b.n) {
        skip_line_end_cr(&a);
        skip_line_end_cr(&b);
        if (a.p[0] != b.p[0])
            return false;
        a = slice_skip(a, 1);
        b = slice_skip(b, 1);
    }
    return a.n == b.n;
}
