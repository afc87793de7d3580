/*
 * Errors: a function that can fail returns `struct error *`, NULL when all is well. The error lives
 * in the arena that the caller passed. A layer that can say more wraps the error it got: the outer
 * status is the one that callers branch on, the chain below keeps the cause.
 */
#ifndef MODGATE_BASE_ERROR_H
#define MODGATE_BASE_ERROR_H

#include "base/arena.h"
#include "base/buf.h"

enum status {
#define STATUS(name, class, http, retry, text) STATUS_##name,
#include "base/status.def"
#undef STATUS
    STATUS_COUNT
};

enum status_class {
    CLASS_NONE,
    CLASS_ABSENT,
    CLASS_INVALID,
    CLASS_DENIED,
    CLASS_INTEGRITY,
    CLASS_UPSTREAM,
    CLASS_TIMEOUT,
    CLASS_OVERLOAD,
    CLASS_INTERNAL,
};

struct error {
    enum status status;
    struct slice text;         /* what failed, for whom; no trailing full stop or newline */
    const struct error *cause; /* NULL for the root */
    const char *file;          /* where it was made */
    int line;
};

/* For compilers and checkers that cannot see into the functions below: an error is never NULL. */
static inline struct error *error_sure(struct error *e)
{
    if (!e)
        __builtin_unreachable();
    return e;
}

/* [any] All of these: the result lives in the arena and is never NULL. */
struct error *error_new_at(struct arena *a, const char *file, int line, enum status status,
                           const char *fmt, ...)
    __attribute__((format(printf, 5, 6), returns_nonnull));
#define error_new(a, status, ...)                                                                  \
    error_sure(error_new_at((a), __FILE__, __LINE__, (status), __VA_ARGS__))
/* Wraps cause: same status, one more sentence. */
struct error *error_wrap_at(struct arena *a, const char *file, int line, const struct error *cause,
                            const char *fmt, ...)
    __attribute__((format(printf, 5, 6), returns_nonnull));
#define error_wrap(a, cause, ...)                                                                  \
    error_sure(error_wrap_at((a), __FILE__, __LINE__, (cause), __VA_ARGS__))
/* Wraps cause and gives it another status: for the layer that knows what it means. */
struct error *error_as_at(struct arena *a, const char *file, int line, enum status status,
                          const struct error *cause, const char *fmt, ...)
    __attribute__((format(printf, 6, 7), returns_nonnull));
#define error_as(a, status, cause, ...)                                                            \
    error_sure(error_as_at((a), __FILE__, __LINE__, (status), (cause), __VA_ARGS__))
/* From errno: ENOSPC and EDQUOT give NO_SPACE, EROFS and EACCES READ_ONLY, the rest IO. */
struct error *error_errno_at(struct arena *a, const char *file, int line, int err, const char *fmt,
                             ...) __attribute__((format(printf, 5, 6), returns_nonnull));
#define error_errno(a, err, ...)                                                                   \
    error_sure(error_errno_at((a), __FILE__, __LINE__, (err), __VA_ARGS__))
/* A deep copy into another arena. */
struct error *error_dup(struct arena *a, const struct error *e);

/* "outermost: …: root cause", in the arena. */
struct slice error_chain(struct arena *a, const struct error *e);
/* The same, appended to a buffer. */
void error_chain_to(struct buf *b, const struct error *e);

/* The table of status.def. */
enum status_class status_class(enum status s);
int status_http(enum status s);
bool status_may_retry(enum status s);
const char *status_text(enum status s);
const char *status_name(enum status s);

#define TRY(call)                                                                                  \
    do {                                                                                           \
        struct error *try_err_ = (call);                                                           \
        if (try_err_)                                                                              \
            return try_err_;                                                                       \
    } while (0)

#define TRY_CTX(a, call, ...)                                                                      \
    do {                                                                                           \
        struct error *try_err_ = (call);                                                           \
        if (try_err_)                                                                              \
            return error_wrap((a), try_err_, __VA_ARGS__);                                         \
    } while (0)

#endif
