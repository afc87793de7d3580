#include "base/base.h"

#include <errno.h>
#include <stdarg.h>

static const struct {
    const char *name;
    enum status_class class;
    int http;
    bool may_retry;
    const char *text;
} status_table[STATUS_COUNT] = {
#define STATUS(name, class, http, retry, text)                                                     \
    [STATUS_##name] = {#name, CLASS_##class, http, retry, text},
#include "base/status.def"
#undef STATUS
};

enum status_class status_class(enum status s)
{
    return status_table[s].class;
}

int status_http(enum status s)
{
    return status_table[s].http;
}

bool status_may_retry(enum status s)
{
    return status_table[s].may_retry;
}

const char *status_text(enum status s)
{
    return status_table[s].text;
}

const char *status_name(enum status s)
{
    return status_table[s].name;
}

static struct error *make(struct arena *a, const char *file, int line, enum status status,
                          const struct error *cause, struct slice text)
{
    struct error *e = ARENA_NEW(a, struct error);
    *e = (struct error){.status = status, .text = text, .cause = cause, .file = file, .line = line};
    return e;
}

struct error *error_new_at(struct arena *a, const char *file, int line, enum status status,
                           const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct slice text = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return make(a, file, line, status, NULL, text);
}

struct error *error_wrap_at(struct arena *a, const char *file, int line, const struct error *cause,
                            const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct slice text = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return make(a, file, line, cause->status, cause, text);
}

struct error *error_as_at(struct arena *a, const char *file, int line, enum status status,
                          const struct error *cause, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct slice text = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return make(a, file, line, status, cause, text);
}

static enum status status_of_errno(int err)
{
    switch (err) {
    case ENOSPC:
    case EDQUOT:
        return STATUS_NO_SPACE;
    case EROFS:
    case EACCES:
    case EPERM:
        return STATUS_READ_ONLY;
    case ENOENT:
        return STATUS_NOT_FOUND;
    default:
        return STATUS_IO;
    }
}

struct error *error_errno_at(struct arena *a, const char *file, int line, int err, const char *fmt,
                             ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct slice what = arena_vprintf(a, fmt, ap);
    va_end(ap);
    char reason[128];
    struct slice text =
        arena_printf(a, "%.*s: %s", SLICE_ARG(what), strerror_r(err, reason, sizeof(reason)));
    return make(a, file, line, status_of_errno(err), NULL, text);
}

struct error *error_dup(struct arena *a, const struct error *e)
{
    if (!e)
        return NULL;
    return make(a, e->file, e->line, e->status, error_dup(a, e->cause), arena_dup(a, e->text));
}

void error_chain_to(struct buf *b, const struct error *e)
{
    for (; e; e = e->cause) {
        buf_add(b, e->text);
        if (e->cause)
            buf_add(b, S(": "));
    }
}

struct slice error_chain(struct arena *a, const struct error *e)
{
    BUF_SCOPED(b);
    error_chain_to(&b, e);
    return arena_dup(a, buf_slice(&b));
}
