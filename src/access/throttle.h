/*
 * Against guessing of credentials: after a few wrong ones from one address the next must wait,
 * twice as long every time. Fixed memory: of addresses that share a place in the table the one that
 * was heard of least recently is forgotten. [any]
 */
#ifndef MODGATE_ACCESS_THROTTLE_H
#define MODGATE_ACCESS_THROTTLE_H

#include "base/base.h"

enum {
    THROTTLE_FREE = 10,            /* wrong credentials in a row that cost nothing */
    THROTTLE_MAX_SECONDS = 60,     /* the longest wait */
    THROTTLE_FORGET_SECONDS = 600, /* without a wrong one all is forgotten */
};

struct throttle;

struct throttle *throttle_new(void);
void throttle_free(struct throttle *t);
/*
 * What an address counts as: "192.0.2.1:4711" is 192.0.2.1, and of IPv6 the /64, which is one
 * customer. In the arena. Pure.
 */
struct slice throttle_key(struct arena *a, struct slice peer);
/* How many seconds the address must wait before its next wrong one counts; 0 = none. */
int64_t throttle_wait_s(struct throttle *t, struct slice key, int64_t now_ms);
/* A wrong credential came. */
void throttle_note(struct throttle *t, struct slice key, int64_t now_ms);

#endif
