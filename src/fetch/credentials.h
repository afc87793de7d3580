/*
 * What to say in the Authorization header to which host. Configured credentials win over those of
 * the netrc file. As in go, a netrc entry counts for https only, its machine may carry a port and a
 * path, the longest machine that fits wins, and of equal ones the first.
 */
#ifndef MODGATE_FETCH_CREDENTIALS_H
#define MODGATE_FETCH_CREDENTIALS_H

#include "fetch/fetch.h"
#include "net/url.h"

struct credential {
    struct slice place; /* "host", "host:port", "host/path" */
    const char *header; /* value of Authorization */
    bool is_https_only;
};

struct credentials {
    struct credential *rows; /* in order of precedence */
    size_t count;
};

/*
 * Gathers the configured ones and those of the netrc file (options, else $NETRC, else ~/.netrc). A
 * netrc file that was named in the options must be readable: else BAD_CONFIG. [any]
 */
struct error *credentials_load(struct arena *a, const struct fetch_options *o,
                               struct credentials *out) MUST_CHECK;
/* The header's value for a request to u, or NULL. [any] */
const char *credentials_find(const struct credentials *c, const struct url *u);
/* "Basic …", in the arena. [any] */
const char *credentials_basic(struct arena *a, struct slice user, struct slice password);

#endif
