/*
 * A slice is a range of bytes that somebody else owns. Slices are passed by value. They are not
 * NUL-terminated; arena_cstr() makes a C string of one. All functions here are pure. [any]
 */
#ifndef MODGATE_BASE_SLICE_H
#define MODGATE_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *p;
    size_t n;
};

/* A slice of a string literal. */
#define S(literal) ((struct slice){.p = "" literal, .n = sizeof(literal) - 1})
/* For printf: printf("%.*s", SLICE_ARG(s)). */
#define SLICE_ARG(s) (int)(s).n, (s).p

/* A slice of a C string; NULL gives the empty slice. */
static inline struct slice slice_of(const char *s)
{
    return (struct slice){.p = s ? s : "", .n = s ? strlen(s) : 0};
}

static inline struct slice slice_make(const char *p, size_t n)
{
    return (struct slice){.p = p, .n = n};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool slice_starts(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool slice_ends(struct slice s, struct slice suffix)
{
    return s.n >= suffix.n &&
           (suffix.n == 0 || memcmp(s.p + (s.n - suffix.n), suffix.p, suffix.n) == 0);
}

/* The slice without its first n bytes; n beyond the end gives the empty slice. */
static inline struct slice slice_skip(struct slice s, size_t n)
{
    n = n > s.n ? s.n : n;
    return (struct slice){.p = s.p + n, .n = s.n - n};
}

/* The first n bytes; n beyond the end gives the whole slice. */
static inline struct slice slice_head(struct slice s, size_t n)
{
    return (struct slice){.p = s.p, .n = n > s.n ? s.n : n};
}

/* Bytewise order, as Go orders strings: negative, zero or positive. */
int slice_cmp(struct slice a, struct slice b);
/* slice_cmp for qsort over an array of struct slice. */
int slice_cmp_qsort(const void *a, const void *b);
/* ASCII case is ignored. */
bool slice_eq_nocase(struct slice a, struct slice b);
/* The index of the first c, or -1. */
ptrdiff_t slice_find(struct slice s, char c);
/* The index of the last c, or -1. */
ptrdiff_t slice_rfind(struct slice s, char c);
/* The index of the first occurrence of needle, or -1. */
ptrdiff_t slice_find_slice(struct slice s, struct slice needle);
/* Without ASCII space, tab, CR and LF at both ends. */
struct slice slice_trim(struct slice s);
/*
 * Cuts rest at the first sep: the part before it is returned, rest becomes what follows it. Without
 * a sep the whole is returned and rest becomes empty with p == NULL; so
 * `while (rest.p) { part = slice_cut(&rest, ','); … }` visits every part, empty ones too.
 */
struct slice slice_cut(struct slice *rest, char sep);
/* The next line without its LF or CRLF; loop as with slice_cut. */
struct slice slice_cut_line(struct slice *rest);
/* Parses all of s as an unsigned decimal; false when empty, not digits only, or beyond 64 bits. */
bool slice_parse_u64(struct slice s, uint64_t *out);
/* The length of the UTF-8 sequence at the start of s; 0 when it is not valid or s is empty. */
size_t slice_utf8_len(struct slice s);
/* True when s is valid UTF-8 (no surrogates, no overlong forms), as Go's utf8.Valid. */
bool slice_is_utf8(struct slice s);

#endif
