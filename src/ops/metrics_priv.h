/* What counting (metrics.c) and printing (metrics_print.c) share: inside of ops. */
#ifndef MODGATE_OPS_METRICS_PRIV_H
#define MODGATE_OPS_METRICS_PRIV_H

#include "ops/metrics.h"

enum {
    DURATION_BUCKETS = 21, /* and one more for what is slower */
    STATUS_LABELS = 32,
};

/* The greatest duration of each bucket, and how it is written in the label le. */
struct duration_bucket {
    int64_t at_most_ns;
    const char *le;
};
extern const struct duration_bucket duration_buckets[DURATION_BUCKETS];

/* One row of the histogram, summed over the shards. */
struct duration_sums {
    uint64_t in_bucket[DURATION_BUCKETS + 1];
    uint64_t total_ns;
};

/* "200" for the index-th status that is told apart, the last is "other"; NULL beyond. */
const char *metric_status_label(size_t index);
const char *metric_result_label(enum metric_result r);
void metrics_sum_duration(enum metric_route route, size_t status_index, bool is_http2,
                          struct duration_sums *out);
uint64_t metrics_sum_body_bytes(enum metric_route route);
uint64_t metrics_sum_result(enum metric_route route, enum metric_result result);

/* process_* of the Prometheus client guidelines, from /proc. */
void metrics_print_process(struct buf *b);

#endif
