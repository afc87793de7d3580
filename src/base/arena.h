/*
 * An arena hands out memory that is freed all at once. A function that returns something in an
 * arena takes it as an argument, so the signature says how long the result lives. An arena belongs
 * to one thread at a time; it may be handed over between threads.
 */
#ifndef MODGATE_BASE_ARENA_H
#define MODGATE_BASE_ARENA_H

#include "base/slice.h"

#include <stdarg.h>

struct arena_block;
struct arena_hook;

struct arena {
    struct arena_block *block; /* newest block, the one that is filled */
    struct arena_hook *hooks;
    size_t used_bytes; /* asked for since the start or the last clear */
};

#define ARENA_INIT ((struct arena){0})

/* An empty arena; ARENA_INIT does the same. */
void arena_init(struct arena *a);
/* Runs the hooks, newest first, and frees everything. The arena may be used again. */
void arena_release(struct arena *a);
/* As arena_release, but keeps one block to be filled again. */
void arena_clear(struct arena *a);
/* n bytes, aligned for any type, not zeroed. Never NULL; n may be 0. */
void *arena_alloc(struct arena *a, size_t n) __attribute__((returns_nonnull));
/* n zeroed bytes. */
void *arena_zalloc(struct arena *a, size_t n) __attribute__((returns_nonnull));
#define ARENA_NEW(a, type) ((type *)arena_zalloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, count) ((type *)arena_zalloc_array((a), (count), sizeof(type)))
/* count * size zeroed bytes; aborts when the product overflows. */
void *arena_zalloc_array(struct arena *a, size_t count, size_t size)
    __attribute__((returns_nonnull));
/* A copy of the bytes. */
struct slice arena_dup(struct arena *a, struct slice s);
/* A NUL-terminated copy. Bytes after an inner NUL are copied but C functions will not see them. */
char *arena_cstr(struct arena *a, struct slice s) __attribute__((returns_nonnull));
/* printf into the arena; the result is NUL-terminated behind its last byte. */
struct slice arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
struct slice arena_vprintf(struct arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
/* Runs fn(arg) when the arena is cleared or released: for descriptors and handles tied to it. */
void arena_on_release(struct arena *a, void (*fn)(void *arg), void *arg);

#endif
