/*
 * What every file of modgate starts with: the standard headers that are used everywhere, slices,
 * buffers, arenas and errors.
 */
#ifndef MODGATE_BASE_BASE_H
#define MODGATE_BASE_BASE_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Prints the message with its place on standard error and aborts: an invariant is broken. [any] */
NORETURN void bug_at(const char *file, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);
#define BUG(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)

/*
 * malloc, calloc and realloc that abort when memory is out: sizes that come from outside are
 * bounded before they get here. The caller frees with free(). [any]
 */
void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));

/* The cores that this process may run on (its affinity), at least 1. */
unsigned usable_cores(void);
/*
 * Makes the calling thread one that does not interrupt others: it gets its share of the processor,
 * but not at once when it wakes up. For work in the background of loops that answer. [any]
 */
void thread_in_background(void);

#include "base/slice.h"

#include "base/arena.h"

#include "base/buf.h"

#include "base/error.h"

#endif
