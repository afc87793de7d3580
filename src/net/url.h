/* The parts of an absolute http or https URL (libcurl's parser does the work). [any] */
#ifndef MODGATE_NET_URL_H
#define MODGATE_NET_URL_H

#include "base/base.h"

#define URL_MAX_BYTES 16384

struct url {
    struct slice scheme;   /* lower case */
    struct slice user;     /* decoded; p == NULL when there is no user information */
    struct slice password; /* decoded */
    struct slice host;     /* IPv6 addresses without brackets */
    struct slice port;     /* decimal, the scheme's own when none was given */
    struct slice path;     /* with the query; "/" at least; escapes are kept */
};

/*
 * Parses the URL; all parts are in the arena, each with a NUL behind it. BAD_REQUEST, without the
 * credentials in its text, when it is not a URL of a known scheme or longer than URL_MAX_BYTES.
 * Schemes are not restricted to http and https: callers look at url.scheme.
 */
struct error *url_parse(struct arena *a, struct slice text, struct url *out) MUST_CHECK;
/* "scheme://host:port", the port left out when it is the scheme's own; in the arena. */
struct slice url_origin(struct arena *a, const struct url *u);
/* The URL without its user information, in the arena. */
struct slice url_redacted(struct arena *a, const struct url *u);
/* True when scheme, host (in either case) and port are the same. */
bool url_same_origin(const struct url *a, const struct url *b);

#endif
