/*
 * A request to an upstream passes through layers, each of which does one thing and asks the one
 * below: retry, breaker, HTTP. A layer is shared by all threads that fetch.
 */
#ifndef MODGATE_FETCH_LAYER_H
#define MODGATE_FETCH_LAYER_H

#include "base/ctx.h"
#include "fetch/breaker.h"
#include "fetch/sink.h"
#include "net/http_client.h"

#include <stdatomic.h>

/* One request, from the top layer to the bottom. */
struct want {
    struct slice url;
    const char *authorization; /* NULL = none */
    uint64_t max_bytes;
    struct sink *sink;
    bool needs_fresh_connection; /* set by retry */
    /* What the bottom layer tells of the last try, besides its error. */
    int http_status;        /* 0 when no answer came */
    int64_t retry_after_ms; /* -1 when the answer did not say */
};

struct layer {
    struct error *(*get)(struct layer *self, struct ctx *cx, struct want *w);
    struct layer *below;
};

/* The bottom: one GET into the sink, going on where an earlier one broke off. */
struct http_layer {
    struct layer layer;
    struct http_client *client;
};
void http_layer_init(struct http_layer *l, struct http_client *client);

/* Answers UPSTREAM_DOWN at once while its breaker is open. */
struct breaker_layer {
    struct layer layer;
    struct breaker breaker;
    struct slice name; /* of the upstream, for the error; kept */
};
void breaker_layer_init(struct breaker_layer *l, struct layer *below, struct slice name,
                        unsigned failures, int64_t pause_ms);
void breaker_layer_release(struct breaker_layer *l);

/* Tries again, after a pause, what may go better the next time. */
struct retry_layer {
    struct layer layer;
    unsigned retries;
    /* A try that brought so many new bytes before it broke is not counted. */
    uint64_t progress_bytes;
    atomic_uint_least64_t retried_total;
    /* ctx_sleep(); another one in tests. */
    struct error *(*sleep)(const struct ctx *cx, int64_t ms);
};
void retry_layer_init(struct retry_layer *l, struct layer *below, unsigned retries);

#endif
