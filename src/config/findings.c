#include "config/config_priv.h"

enum { QUOTED_MAX = 60 };

void finding_add(struct findings *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (f->count < FINDINGS_MAX)
        f->lines[f->count] = arena_vprintf(f->arena, fmt, ap);
    f->count++;
    va_end(ap);
}

struct error *findings_error(const struct findings *f)
{
    BUF_SCOPED(b);
    if (f->count == 0)
        return NULL;
    for (size_t i = 0; i < f->count && i < FINDINGS_MAX; i++) {
        if (i)
            buf_add_byte(&b, '\n');
        buf_add(&b, f->lines[i]);
    }
    if (f->count > FINDINGS_MAX)
        buf_printf(&b, "\nand %zu more", f->count - FINDINGS_MAX);
    return error_new(f->arena, STATUS_BAD_CONFIG, "%s", b.p);
}

const char *quoted(struct arena *a, struct slice text)
{
    BUF_SCOPED(b);
    struct slice rest = slice_head(text, QUOTED_MAX);
    buf_add_byte(&b, '"');
    while (rest.n) {
        size_t n = slice_utf8_len(rest);
        unsigned char c = (unsigned char)rest.p[0];
        bool is_control = c < 0x20 || c == 0x7f ||
                          (c == 0xc2 && n == 2 && (unsigned char)rest.p[1] < 0xa0); /* C1 */
        if (n == 0 || is_control)
            buf_add_byte(&b, '?');
        else
            buf_add(&b, slice_head(rest, n));
        rest = slice_skip(rest, n ? n : 1);
    }
    buf_add(&b, text.n > QUOTED_MAX ? S("…\"") : S("\""));
    return arena_cstr(a, buf_slice(&b));
}
