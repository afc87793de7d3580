/*
 * How much one identity may ask: requests a second with a burst (a token bucket), and requests at
 * once. Fixed memory: identities that have nothing under way and a full bucket make room for
 * others; when none does, the newcomer is not limited. [any]
 */
#ifndef MODGATE_ACCESS_QUOTA_H
#define MODGATE_ACCESS_QUOTA_H

#include "base/base.h"

struct quota_limits {
    uint64_t rate;        /* requests a second; 0 = no limit */
    uint64_t burst;       /* at least 1 */
    uint64_t concurrency; /* requests at once; 0 = no limit */
};

struct quota;
struct quota_place;

struct quota *quota_new(void);
void quota_free(struct quota *q);
/*
 * Takes one request. Returns 0 and a place that is to be given back (NULL: nothing is), or the
 * seconds after which to try again.
 */
int64_t quota_take(struct quota *q, const struct quota_limits *limits, struct slice identity,
                   int64_t now_ms, struct quota_place **place);
/* The request is over. NULL is fine. */
void quota_give(struct quota *q, struct quota_place *place);

#endif
