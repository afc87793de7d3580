/*
 * A breaker: after so many failures in a row an upstream is left alone for a pause; then one
 * request may try, and its outcome decides. Time is passed in. [any]
 */
#ifndef MODGATE_FETCH_BREAKER_H
#define MODGATE_FETCH_BREAKER_H

#include "base/base.h"

#include <pthread.h>

enum breaker_verdict {
    BREAKER_OK,
    BREAKER_FAILED,
    BREAKER_UNKNOWN, /* the request ended for reasons that say nothing of the upstream */
};

enum breaker_pass {
    BREAKER_REFUSED,
    BREAKER_PASS,
    BREAKER_PROBE, /* the one request of a half-open breaker */
};

struct breaker {
    pthread_mutex_t lock;
    unsigned threshold; /* 0 = never opens */
    int64_t pause_ms;
    unsigned failures; /* in a row */
    bool is_open;
    bool is_probing; /* a probe is under way */
    int64_t retry_at_ms;
};

void breaker_init(struct breaker *b, unsigned threshold, int64_t pause_ms);
void breaker_release(struct breaker *b);
/*
 * Whether a request may go; each that may is followed by breaker_leave(). When it is refused,
 * *wait_ms (at least 1) is how long the pause still lasts.
 */
enum breaker_pass breaker_enter(struct breaker *b, int64_t now, int64_t *wait_ms);
/*
 * A success closes the breaker, whoever had it. Failures of requests that were under way when it
 * opened count no more.
 */
void breaker_leave(struct breaker *b, int64_t now, enum breaker_pass pass,
                   enum breaker_verdict verdict);
/* Whether the next request would be let through. */
bool breaker_is_up(struct breaker *b, int64_t now);

#endif
