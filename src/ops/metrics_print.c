/*
 * The Prometheus text format 0.0.4 (prometheus.io, "Exposition formats"). Series that never counted
 * anything are left out of families with labels, else every route would be there with every status.
 */
#include "ops/metrics.h"
#include "ops/metrics_priv.h"

#include <math.h>
#include <stdio.h>

static const struct {
    const char *name;
    const char *type;
    const char *help;
} singles[] = {
#define METRIC(id, type, name, help) {name, #type, help},
#include "ops/metrics.def"
#undef METRIC
};

void metrics_head(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_label_value(struct buf *b, struct slice value)
{
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (c == '\\' || c == '"')
            buf_add_byte(b, '\\');
        if (c == '\n')
            buf_add(b, S("\\n"));
        else
            buf_add_byte(b, c);
    }
}

/* The shortest text that reads back as the same number. */
static void add_number(struct buf *b, double number)
{
    char text[40];
    if (isnan(number) || isinf(number)) {
        buf_add(b, isnan(number) ? S("NaN") : number > 0 ? S("+Inf") : S("-Inf"));
        return;
    }
    snprintf(text, sizeof(text), "%.15g", number);
    if (strtod(text, NULL) != number)
        snprintf(text, sizeof(text), "%.17g", number);
    buf_add(b, slice_of(text));
}

static void add_labels(struct buf *b, const struct metric_label *labels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_printf(b, "%c%s=\"", i ? ',' : '{', labels[i].name);
        add_label_value(b, labels[i].value);
        buf_add_byte(b, '"');
    }
    if (count)
        buf_add_byte(b, '}');
}

void metrics_row_labels(struct buf *b, const char *name, const struct metric_label *labels,
                        size_t count, double number)
{
    buf_add(b, slice_of(name));
    add_labels(b, labels, count);
    buf_add_byte(b, ' ');
    add_number(b, number);
    buf_add_byte(b, '\n');
}

void metrics_row(struct buf *b, const char *name, const char *label, struct slice value,
                 double number)
{
    const struct metric_label one = {label, value};
    metrics_row_labels(b, name, &one, label ? 1 : 0, number);
}

#define DURATION_NAME "http_server_request_duration_seconds"

static void print_duration_series(struct buf *b, const char *labels,
                                  const struct duration_sums *sums)
{
    uint64_t count = 0;
    for (size_t i = 0; i < DURATION_BUCKETS; i++) {
        count += sums->in_bucket[i];
        buf_printf(b, DURATION_NAME "_bucket{%s,le=\"%s\"} %" PRIu64 "\n", labels,
                   duration_buckets[i].le, count);
    }
    count += sums->in_bucket[DURATION_BUCKETS];
    buf_printf(b, DURATION_NAME "_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n", labels, count);
    buf_printf(b, DURATION_NAME "_sum{%s} ", labels);
    add_number(b, (double)sums->total_ns / 1e9);
    buf_printf(b, "\n" DURATION_NAME "_count{%s} %" PRIu64 "\n", labels, count);
}

static bool has_counted(const struct duration_sums *sums)
{
    for (size_t i = 0; i <= DURATION_BUCKETS; i++) {
        if (sums->in_bucket[i])
            return true;
    }
    return false;
}

static void print_route_durations(struct buf *b, enum metric_route route)
{
    for (int is_http2 = 0; is_http2 < 2; is_http2++) {
        for (size_t i = 0; metric_status_label(i); i++) {
            struct duration_sums sums;
            char labels[160];
            metrics_sum_duration(route, i, is_http2, &sums);
            if (!has_counted(&sums))
                continue;
            snprintf(labels, sizeof(labels),
                     "http_route=\"%.*s\",http_response_status_code=\"%s\","
                     "network_protocol_version=\"%s\"",
                     SLICE_ARG(metric_route_label(route)), metric_status_label(i),
                     is_http2 ? "2" : "1.1");
            print_duration_series(b, labels, &sums);
        }
    }
}

static void print_requests(struct buf *b)
{
    metrics_head(b, DURATION_NAME, "histogram",
                 "Time from a request's first byte to its answer's last one.");
    for (int r = 0; r < ROUTE_COUNT; r++)
        print_route_durations(b, (enum metric_route)r);
    metrics_head(b, "modgate_http_response_body_bytes_total", "counter",
                 "Bytes of response bodies sent.");
    for (int r = 0; r < ROUTE_COUNT; r++)
        metrics_row(b, "modgate_http_response_body_bytes_total", "http_route",
                    metric_route_label((enum metric_route)r),
                    (double)metrics_sum_body_bytes((enum metric_route)r));
}

static void print_results(struct buf *b)
{
    const char *name = "modgate_cache_requests_total";
    metrics_head(b, name, "counter", "Requests by what was asked for and how it was found.");
    for (int r = 0; r < ROUTE_COUNT; r++) {
        for (int k = 0; k < RESULT_COUNT; k++) {
            uint64_t n = metrics_sum_result((enum metric_route)r, (enum metric_result)k);
            const struct metric_label labels[] = {
                {"kind", metric_route_label((enum metric_route)r)},
                {"result", slice_of(metric_result_label((enum metric_result)k))},
            };
            if (n)
                metrics_row_labels(b, name, labels, ARRAY_LEN(labels), (double)n);
        }
    }
}

static void print_singles(struct buf *b)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        metrics_head(b, singles[i].name, singles[i].type, singles[i].help);
        metrics_row(b, singles[i].name, NULL, S(""), (double)metric_get((enum metric_id)i));
    }
}

void metrics_print(struct buf *b)
{
    metrics_head(b, "modgate_build_info", "gauge", "1, labelled with the version that runs.");
    metrics_row(b, "modgate_build_info", "version", S(MODGATE_VERSION), 1);
    print_requests(b);
    print_results(b);
    print_singles(b);
    metrics_print_process(b);
}
