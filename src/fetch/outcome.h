/* What an upstream's answer means for the caller. Pure. [any] */
#ifndef MODGATE_FETCH_OUTCOME_H
#define MODGATE_FETCH_OUTCOME_H

#include "net/http_client.h"

#define REASON_MAX_BYTES 300

/*
 * The text as one line: runs of white space and of what cannot be shown become one space, and what
 * is beyond REASON_MAX_BYTES is cut off. Empty when it is not UTF-8. In the arena.
 */
struct slice reason_line(struct arena *a, struct slice text);
/*
 * NULL for 200 and 206. Else an error: 404 NOT_FOUND and 410 GONE with the upstream's reason; 401,
 * 403, 407 and 451 UPSTREAM_DENIED; 429 UPSTREAM_BUSY; 5xx UPSTREAM_ERROR; anything else
 * BAD_ANSWER.
 */
struct error *outcome_of(struct arena *a, const struct http_response *r,
                         bool has_credentials) MUST_CHECK;

#endif
