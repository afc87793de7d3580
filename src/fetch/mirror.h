/* One http or https upstream: its layers, its credentials, and its figures. [any] unless marked */
#ifndef MODGATE_FETCH_MIRROR_H
#define MODGATE_FETCH_MIRROR_H

#include "fetch/fetch.h"
#include "fetch/layer.h"

#define LAST_ERROR_BYTES 500

struct mirror {
    struct slice name; /* its URL without credentials; kept */
    struct http_layer http;
    struct breaker_layer breaker;
    struct retry_layer retry;
    atomic_uint_least64_t ok_total, absent_total, failed_total, bytes_total;
    pthread_mutex_t lock; /* of last_error */
    struct buf last_error;
};

void mirror_init(struct mirror *m, struct slice name, struct http_client *client,
                 const struct fetch_options *o);
void mirror_release(struct mirror *m);
/* GET through the layers; the outcome is counted. [worker] */
struct error *mirror_get(struct mirror *m, struct ctx *cx, struct want *w) MUST_CHECK;
/* A row of figures; last_error is in the arena. */
struct fetch_upstream_stats mirror_stats(struct mirror *m, struct arena *a);

#endif
