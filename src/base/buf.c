#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>

void buf_release(struct buf *b)
{
    free(b->p);
    *b = BUF_INIT;
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    if (b->p)
        b->p[0] = '\0';
}

void buf_reserve(struct buf *b, size_t extra)
{
    size_t need;
    if (__builtin_add_overflow(b->n, extra, &need) || need > SIZE_MAX / 4)
        BUG("a buffer of %zu and %zu bytes", b->n, extra);
    if (b->p && need < b->cap)
        return;
    size_t cap = b->cap ? b->cap : 64;
    while (cap <= need)
        cap *= 2;
    b->p = xrealloc(b->p, cap);
    b->cap = cap;
}

void buf_add(struct buf *b, struct slice s)
{
    buf_reserve(b, s.n);
    if (s.n)
        memcpy(b->p + b->n, s.p, s.n);
    b->n += s.n;
    b->p[b->n] = '\0';
}

void buf_add_byte(struct buf *b, char c)
{
    buf_add(b, slice_make(&c, 1));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n < 0)
        BUG("bad format '%s'", fmt);
    buf_reserve(b, (size_t)n + 1);
    vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
    b->n += (size_t)n;
    va_end(again);
    va_end(ap);
}

void buf_drop(struct buf *b, size_t n)
{
    if (n > b->n)
        BUG("dropping %zu of %zu bytes", n, b->n);
    b->n -= n;
    if (n && b->p)
        memmove(b->p, b->p + n, b->n + 1);
}
