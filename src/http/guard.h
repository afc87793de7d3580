/*
 * A budget against floods on one HTTP/2 connection. Frames that cost us work and give the client
 * nothing (PING, SETTINGS, PRIORITY, WINDOW_UPDATE, RST_STREAM, empty DATA, …) spend it; time,
 * whole answers and sent bytes earn it back. Who has spent it all is disconnected. Pure. [any]
 */
#ifndef MODGATE_HTTP_GUARD_H
#define MODGATE_HTTP_GUARD_H

#include "base/base.h"

enum {
    GUARD_BURST = 1000,
    GUARD_PER_SECOND = 100,
    GUARD_PER_ANSWER = 3,
    GUARD_BYTES_PER_POINT = 1024, /* go's client sends up to two WINDOW_UPDATEs for 4 KB */
    GUARD_RESET_COST = 5,
    GUARD_SMALL_DATA_BYTES = 128,
};

struct guard {
    int64_t points;
    int64_t at_ms;
    uint64_t bytes; /* sent, not yet turned into points */
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
    guard_earn(g, (int64_t)(g->bytes / GUARD_BYTES_PER_POINT));
    g->bytes %= GUARD_BYTES_PER_POINT;
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

#endif
