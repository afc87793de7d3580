/*
 * Which proxy a request goes through, decided as the go command does from HTTPS_PROXY, HTTP_PROXY
 * and NO_PROXY (source of the rules: golang.org/x/net/http/httpproxy). Pure: the environment is
 * passed in. Names outside ASCII are compared as bytes, not as IDNA.
 */
#ifndef MODGATE_NET_PROXY_RULES_H
#define MODGATE_NET_PROXY_RULES_H

#include "net/url.h"

/* The variables; NULL and "" mean unset. */
struct proxy_env {
    const char *http_proxy;
    const char *https_proxy;
    const char *no_proxy;
    bool is_cgi; /* REQUEST_METHOD is set: HTTP_PROXY may come from a client's Proxy header */
};

/* Reads the environment: the upper-case name first, then the lower-case one. [any] */
struct proxy_env proxy_env_read(void);

struct proxy {
    struct slice url;  /* "scheme://host:port" for libcurl, without credentials; empty = no proxy */
    struct slice user; /* p == NULL when there are no credentials */
    struct slice password;
};

/*
 * The proxy for a request to u; strings are in the arena. A proxy URL that cannot be parsed counts
 * as unset, as in go. BAD_CONFIG when HTTP_PROXY would apply in a CGI environment. [any]
 */
struct error *proxy_find(struct arena *a, const struct proxy_env *env, const struct url *u,
                         struct proxy *out) MUST_CHECK;
/* True when NO_PROXY (or its being the loopback) keeps host:port from being proxied. [any] */
bool proxy_is_bypassed(struct slice no_proxy, struct slice host, struct slice port);

#endif
