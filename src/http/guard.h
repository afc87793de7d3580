/*
 * A budget against floods on one HTTP/2 connection. Frames that cost us work and give the client
 * nothing (PING, SETTINGS, PRIORITY, RST_STREAM, empty DATA, …) spend it; time and whole answers
 * earn it back. WINDOW_UPDATEs are paid for by the bytes that were sent, without a cap: a client
 * with large windows sends them long after, thousands at once. Who has spent it all is
 * disconnected. Pure. [any]
 */
#ifndef MODGATE_HTTP_GUARD_H
#define MODGATE_HTTP_GUARD_H

#include "base/base.h"

enum {
    GUARD_BURST = 1000,
    GUARD_PER_SECOND = 100,
    GUARD_PER_ANSWER = 3,
    GUARD_UPDATE_BYTES = 1024, /* go's client sends up to two WINDOW_UPDATEs for 4 KB */
    GUARD_RESET_COST = 5,
    GUARD_SMALL_DATA_BYTES = 128,
};

struct guard {
    int64_t points;
    int64_t at_ms;
    uint64_t bytes; /* sent, and not yet paid WINDOW_UPDATEs with */
};

static inline void guard_init(struct guard *g, int64_t now_ms)
{
    *g = (struct guard){.points = GUARD_BURST, .at_ms = now_ms};
}

static inline void guard_earn(struct guard *g, int64_t points)
{
    g->points += points;
    if (g->points > GUARD_BURST)
        g->points = GUARD_BURST;
}

static inline void guard_earn_bytes(struct guard *g, uint64_t n)
{
    g->bytes += n;
}

/* False when the budget is used up. */
static inline bool guard_spend(struct guard *g, int64_t now_ms, int64_t cost)
{
    int64_t gained = (now_ms - g->at_ms) * GUARD_PER_SECOND / 1000;
    if (gained > 0) {
        guard_earn(g, gained);
        g->at_ms = now_ms;
    }
    g->points -= cost;
    return g->points >= 0;
}

/* One WINDOW_UPDATE. False when the budget is used up. */
static inline bool guard_spend_update(struct guard *g, int64_t now_ms)
{
    if (g->bytes < GUARD_UPDATE_BYTES)
        return guard_spend(g, now_ms, 1);
    g->bytes -= GUARD_UPDATE_BYTES;
    return true;
}

#endif
