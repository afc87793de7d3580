/*
 * What a blocking call needs to know about whom it works for: where results and errors live, until
 * when it may take, and whether anybody still wants the answer. Pure code takes an arena instead.
 */
#ifndef MODGATE_BASE_CTX_H
#define MODGATE_BASE_CTX_H

#include "base/base.h"

#include <stdatomic.h>

struct ctx {
    struct arena *arena;          /* results and errors */
    int64_t deadline_ms;          /* on the clock of now_ms(); 0 = none */
    const atomic_bool *cancelled; /* NULL = cannot be cancelled */
    const char *request_id;       /* for logs and upstream headers; may be NULL */
};

/* Monotonic milliseconds. [any] */
int64_t now_ms(void);
/* Monotonic nanoseconds. [any] */
int64_t now_ns(void);
/* Seconds since 1970. [any] */
int64_t now_unix_s(void);
/* "2006-01-02T15:04:05Z" for a time in Unix seconds, in the arena. [any] */
struct slice time_rfc3339(struct arena *a, int64_t unix_s);
/* "Mon, 02 Jan 2006 15:04:05 GMT" (RFC 9110, 5.6.7); out has 30 bytes with the NUL. [any] */
void time_http(int64_t unix_s, char out[30]);
/* Parses the IMF-fixdate form of an HTTP date; false when it is not one. [any] */
bool time_http_parse(struct slice s, int64_t *unix_s);

/* NULL while there is time and interest; else an error of status TIMEOUT or CANCELLED. [any] */
struct error *ctx_check(const struct ctx *cx) MUST_CHECK;
/* Milliseconds that are left, at least 0; INT64_MAX without a deadline. [any] */
int64_t ctx_left_ms(const struct ctx *cx);
/* The earlier of the deadline of cx and ms from now. [any] */
int64_t ctx_deadline_in(const struct ctx *cx, int64_t ms);
/* Sleeps for ms, or less: then the error says why (deadline, cancelled). [worker] */
struct error *ctx_sleep(const struct ctx *cx, int64_t ms) MUST_CHECK;

#endif
