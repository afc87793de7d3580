#include "base/base.h"

#include <stdio.h>

enum { BLOCK_BYTES = 4096 - 64, ALIGN = 16 };

struct arena_block {
    struct arena_block *next; /* older blocks */
    size_t used;
    size_t cap;
    _Alignas(16) char data[];
};

struct arena_hook {
    struct arena_hook *next;
    void (*fn)(void *arg);
    void *arg;
};

void arena_init(struct arena *a)
{
    *a = ARENA_INIT;
}

static void run_hooks(struct arena *a)
{
    struct arena_hook *hook = a->hooks;
    a->hooks = NULL;
    for (; hook; hook = hook->next)
        hook->fn(hook->arg);
}

void arena_release(struct arena *a)
{
    run_hooks(a);
    for (struct arena_block *b = a->block, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    *a = ARENA_INIT;
}

void arena_clear(struct arena *a)
{
    run_hooks(a);
    struct arena_block *keep = a->block;
    if (keep && keep->cap > BLOCK_BYTES)
        keep = NULL;
    for (struct arena_block *b = a->block, *next; b; b = next) {
        next = b->next;
        if (b != keep)
            free(b);
    }
    *a = ARENA_INIT;
    a->block = keep;
    if (keep) {
        keep->next = NULL;
        keep->used = 0;
    }
}

/* A new block that holds at least n bytes. Large ones go behind the current one, which stays open.
 */
static struct arena_block *add_block(struct arena *a, size_t n)
{
    size_t cap = n > BLOCK_BYTES ? n : BLOCK_BYTES;
    struct arena_block *b = xmalloc(sizeof(*b) + cap);
    b->used = 0;
    b->cap = cap;
    if (n > BLOCK_BYTES / 4 && a->block) {
        b->next = a->block->next;
        a->block->next = b;
    } else {
        b->next = a->block;
        a->block = b;
    }
    return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    if (n > SIZE_MAX / 2)
        BUG("an allocation of %zu bytes", n);
    size_t rounded = (n + ALIGN - 1) / ALIGN * ALIGN;
    struct arena_block *b = a->block;
    if (!b || b->cap - b->used < rounded)
        b = add_block(a, rounded);
    void *p = b->data + b->used;
    b->used += rounded;
    a->used_bytes += rounded;
    return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
    return memset(arena_alloc(a, n), 0, n);
}

void *arena_zalloc_array(struct arena *a, size_t count, size_t size)
{
    size_t n;
    if (__builtin_mul_overflow(count, size, &n))
        BUG("an array of %zu times %zu bytes", count, size);
    return arena_zalloc(a, n);
}

struct slice arena_dup(struct arena *a, struct slice s)
{
    return slice_make(arena_cstr(a, s), s.n);
}

char *arena_cstr(struct arena *a, struct slice s)
{
    char *p = arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return p;
}

struct slice arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n < 0)
        BUG("bad format '%s'", fmt);
    char *p = arena_alloc(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return slice_make(p, (size_t)n);
}

struct slice arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct slice s = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return s;
}

void arena_on_release(struct arena *a, void (*fn)(void *arg), void *arg)
{
    struct arena_hook *hook = arena_alloc(a, sizeof(*hook));
    *hook = (struct arena_hook){.next = a->hooks, .fn = fn, .arg = arg};
    a->hooks = hook;
}
