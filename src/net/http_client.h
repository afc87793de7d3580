/*
 * A blocking HTTP client over libcurl. Behind it one courier thread drives all transfers, so that
 * parallel requests to one https origin share one HTTP/2 connection; a caller sees a plain call
 * that returns when the answer is there, its deadline is over, or nobody wants it any more.
 *
 * Redirects are followed (http and https only, never from https to http). Proxies are chosen by
 * net/proxy_rules.h for each hop, certificates checked against net/ca_store.h. Bodies are asked for
 * and taken as they are: no content coding.
 */
#ifndef MODGATE_NET_HTTP_CLIENT_H
#define MODGATE_NET_HTTP_CLIENT_H

#include "base/ctx.h"

#define HTTP_MAX_REDIRECTS 10
/* Of the body of an answer other than 2xx so much is kept as http_response.detail. */
#define HTTP_DETAIL_BYTES 4096

struct http_client;

struct http_client_options {
    const char *ca_file;         /* PEM bundle trusted besides the system's; NULL or "" = none */
    unsigned connect_timeout_ms; /* DNS, TCP, proxy and TLS */
    unsigned stall_timeout_ms;   /* no byte for so long */
    bool is_insecure;            /* takes any certificate of an origin; for GOINSECURE only */
};

/*
 * Reads the proxy variables and checks the CA file (BAD_CONFIG); starts the courier thread. The
 * system's certificates are read when the first https request needs them. [any]
 */
struct error *http_client_new(struct arena *a, const struct http_client_options *o,
                              struct http_client **out) MUST_CHECK;
/* No request may be under way. NULL is fine. [any] */
void http_client_free(struct http_client *c);

struct http_header {
    const char *name;
    const char *value;
};

/* An answer's head. Texts are in the arena of the ctx; absent headers are empty. */
struct http_response {
    int status;          /* of the last hop */
    int64_t length;      /* announced size of the body; -1 when it was not announced */
    bool is_redirected;  /* another URL than the one asked for has answered */
    struct slice url;    /* that URL, without user information */
    struct slice detail; /* the beginning of the body, when the status is not 2xx */
    struct slice content_type;
    struct slice content_range;
    struct slice date;
    struct slice etag;
    struct slice last_modified;
    struct slice retry_after;
};

/*
 * Where the body of a 2xx answer goes. Both run on the courier thread while the caller waits, must
 * not block for long, and end the transfer when they return an error (in arena a), which
 * http_get() then returns.
 */
struct http_sink {
    void *arg;
    /* The head, once, before the body; may be NULL. */
    struct error *(*head)(void *arg, struct arena *a, const struct http_response *r);
    struct error *(*body)(void *arg, struct arena *a, struct slice data);
};

/* A request that is not a GET. */
struct http_upload {
    const char *method;
    int fd; /* of the body, read with pread from its start; -1: none */
    uint64_t bytes;
};

struct http_request {
    struct slice url; /* http or https, without user information */
    const struct http_header *headers;
    size_t header_count;
    const char *authorization;   /* sent to the origin of url only, and never after a redirect that
                                    leaves it; NULL = none */
    uint64_t max_bytes;          /* a longer body is TOO_LARGE */
    bool needs_fresh_connection; /* for a retry: the old connection may be the trouble */
    const struct http_upload *upload; /* for http_send() */
    struct http_sink sink;
};

/*
 * GET. Returns NULL when a whole answer came, whatever its status; else an error that names the
 * host, the reason and what to do: classes UPSTREAM and TIMEOUT, TOO_LARGE, CANCELLED,
 * BAD_REQUEST for the URL, BAD_CONFIG for the proxy, or what the sink returned. [worker]
 */
struct error *http_get(struct http_client *c, struct ctx *cx, const struct http_request *rq,
                       struct http_response *out) MUST_CHECK;
/*
 * rq->upload, as http_get(). Redirects are not followed: BAD_ANSWER says where to. The stall
 * timeout counts for the server's answer too. [worker]
 */
struct error *http_send(struct http_client *c, struct ctx *cx, const struct http_request *rq,
                        struct http_response *out) MUST_CHECK;

#endif
