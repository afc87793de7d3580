/* How long to wait before the next try. Pure. [any] */
#ifndef MODGATE_FETCH_BACKOFF_H
#define MODGATE_FETCH_BACKOFF_H

#include "base/base.h"

#define BACKOFF_BASE_MS 250
#define BACKOFF_MAX_MS 10000
/* An upstream that asks for more than this is not waited for. */
#define RETRY_AFTER_MAX_MS 20000

/*
 * Full jitter: evenly between 0 and a bound that starts at BACKOFF_BASE_MS and doubles with each
 * try (the first is 0) up to BACKOFF_MAX_MS. random is any number.
 */
int64_t backoff_ms(unsigned try_index, uint64_t random);
/*
 * A Retry-After header (RFC 9110, 10.2.3), seconds or a date, as milliseconds from now; 0 when the
 * date is over, -1 when there is none or it makes no sense.
 */
int64_t retry_after_ms(struct slice header, int64_t now_unix_s);

#endif
