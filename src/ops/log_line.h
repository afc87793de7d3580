/* One log line as text: inside of ops. Pure but for the cached calendar of the calling thread. */
#ifndef MODGATE_OPS_LOG_LINE_H
#define MODGATE_OPS_LOG_LINE_H

#include "ops/log.h"

enum {
    LOG_LINE_MAX = 8192, /* bytes of a line with its newline */
    LOG_TEXT_MAX = 2048, /* bytes of one value that are looked at; the rest is cut off */
};

struct log_moment {
    int64_t unix_s;
    uint32_t us;
};

/* The time of now. */
struct log_moment log_moment_now(void);
/* That of a moment on the clock of now_ns(), a short time ago. */
struct log_moment log_moment_at(int64_t at_ns);

struct log_fields {
    const struct log_field *p;
    size_t n;
};

/*
 * Writes one line, newline included, into out (LOG_LINE_MAX bytes) and returns its length. Fields
 * that do not fit are left out, and the line says "cut".
 */
size_t log_line_format(char *out, enum log_format format, struct log_moment at,
                       enum log_level level, const char *message, struct log_fields fields,
                       struct log_fields more);
/*
 * The members of a JSON object, without its braces and without a newline: "time" and "event", which
 * is a word, and the fields. The same bounds.
 */
size_t log_line_members(char *out, struct log_moment at, struct slice event,
                        struct log_fields fields);

#endif
