/*
 * A growing byte buffer on the heap. Its content is always followed by a NUL (not counted in n), so
 * that p can be used as a C string once something was appended.
 */
#ifndef MODGATE_BASE_BUF_H
#define MODGATE_BASE_BUF_H

#include "base/slice.h"

struct buf {
    char *p; /* NULL until the first append */
    size_t n;
    size_t cap;
};

#define BUF_INIT ((struct buf){0})

/* Frees the memory and makes the buffer empty. */
void buf_release(struct buf *b);
/* Empties the buffer and keeps its memory. */
void buf_clear(struct buf *b);
/* Makes room for at least extra more bytes. */
void buf_reserve(struct buf *b, size_t extra);
void buf_add(struct buf *b, struct slice s);
void buf_add_byte(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Drops the first n bytes. */
void buf_drop(struct buf *b, size_t n);

static inline struct slice buf_slice(const struct buf *b)
{
    return (struct slice){.p = b->p ? b->p : "", .n = b->n};
}

/* For a scope: `BUF_SCOPED(b);` declares a buffer that is released when the scope ends. */
#define BUF_SCOPED(name) __attribute__((cleanup(buf_release))) struct buf name = {0}

#endif
