/*
 * Metrics: counters, gauges and histograms, named in one table (metrics.def), kept in process-wide
 * atomics, printed in the Prometheus text format 0.0.4. The only global state of the program.
 * Counting on a hot path costs one to three relaxed atomic adds on cells of the caller's own shard.
 */
#ifndef MODGATE_OPS_METRICS_H
#define MODGATE_OPS_METRICS_H

#include "base/base.h"

/* What to send as Content-Type with metrics_print(). */
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Routes of requests, as the label http_route. */
enum metric_route {
#define ROUTE(name, label) ROUTE_##name,
#include "ops/routes.def"
#undef ROUTE
    ROUTE_COUNT
};

struct slice metric_route_label(enum metric_route r);

/* How a request for something was answered. */
enum metric_result { RESULT_HIT, RESULT_MISS, RESULT_STALE, RESULT_NEGATIVE, RESULT_COUNT };

/* One finished HTTP request. [any] */
void metrics_request(enum metric_route route, int status, bool is_http2, int64_t duration_ns,
                     uint64_t body_bytes);
/* One answer out of the store or not. [any] */
void metrics_result(enum metric_route route, enum metric_result result);

/* Single values: METRIC(id, type, name, help). A gauge is either set or added to, not both. [any]
 */
enum metric_id {
#define METRIC(id, type, name, help) METRIC_##id,
#include "ops/metrics.def"
#undef METRIC
    METRIC_COUNT
};
void metric_add(enum metric_id id, int64_t n);
void metric_set(enum metric_id id, int64_t value);
int64_t metric_get(enum metric_id id);

/*
 * Appends everything that this file keeps, and the process figures (cpu, memory, descriptors, start
 * time), to b. Rows with labels of their own (lanes, upstreams) are appended by serve with
 * metrics_head() and metrics_row(). Reads /proc. [worker]
 */
void metrics_print(struct buf *b);
/* "# HELP …" and "# TYPE …". type is "counter", "gauge" or "histogram". [any] */
void metrics_head(struct buf *b, const char *name, const char *type, const char *help);
/* name{label="value"} number; label NULL = no label. The value is escaped. [any] */
void metrics_row(struct buf *b, const char *name, const char *label, struct slice value,
                 double number);

struct metric_label {
    const char *name;
    struct slice value;
};
/* The same with several labels. [any] */
void metrics_row_labels(struct buf *b, const char *name, const struct metric_label *labels,
                        size_t count, double number);

#endif
