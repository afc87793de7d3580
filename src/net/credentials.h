/*
 * What to say in the Authorization header to which host. Configured credentials win over those of
 * the netrc file. The longest place that fits wins, and of equal ones the first. As in go, a netrc
 * entry counts for https only, and its machine may carry a port and a path.
 */
#ifndef MODGATE_NET_CREDENTIALS_H
#define MODGATE_NET_CREDENTIALS_H

#include "net/url.h"

struct credential_option {
    const char *place;  /* "host", "host/path"; with the port when it is not the scheme's own */
    const char *user;   /* NULL: the secret is a bearer token */
    const char *secret; /* one line */
    bool is_https_only; /* never sent in the clear */
};

struct credentials_options {
    const struct credential_option *list;
    size_t count;
    const char *netrc_file; /* NULL = $NETRC or ~/.netrc, as go; no file there is fine */
};

struct credential {
    struct slice place;
    const char *header; /* value of Authorization */
    bool is_https_only;
    bool is_configured; /* not from the netrc file */
};

struct credentials {
    struct credential *rows; /* in order of precedence */
    size_t count;
};

/*
 * Gathers the configured ones and those of the netrc file (options, else $NETRC, else ~/.netrc). A
 * netrc file that was named in the options must be readable: else BAD_CONFIG. [any]
 */
struct error *credentials_load(struct arena *a, const struct credentials_options *o,
                               struct credentials *out) MUST_CHECK;
/* The header's value for a request to u, or NULL. [any] */
const char *credentials_find(const struct credentials *c, const struct url *u);
/* "Basic …", in the arena. [any] */
const char *credentials_basic(struct arena *a, struct slice user, struct slice password);

#endif
