/* /metrics: what ops counted, and the figures of the store, the lanes, the upstreams and the
 * server. */
#include "serve/serve_priv.h"

#include "ops/log.h"

enum lane_value {
    LANE_THREADS,
    LANE_RUNNING,
    LANE_QUEUED,
    LANE_ACCEPTED,
    LANE_REJECTED,
    LANE_WAIT
};

static double lane_value(const struct lane_stats *st, enum lane_value v)
{
    switch (v) {
    case LANE_THREADS:
        return st->threads;
    case LANE_RUNNING:
        return st->running;
    case LANE_QUEUED:
        return st->queued;
    case LANE_ACCEPTED:
        return (double)st->accepted_total;
    case LANE_REJECTED:
        return (double)st->rejected_total;
    case LANE_WAIT:
        return (double)st->wait_ns_total / 1e9;
    }
    BUG("lane value %d", v);
}

static const struct {
    enum lane_value value;
    const char *name, *type, *help;
} lane_families[] = {
    {LANE_THREADS, "modgate_lane_threads", "gauge", "Worker threads."},
    {LANE_RUNNING, "modgate_lane_running", "gauge", "Jobs that run."},
    {LANE_QUEUED, "modgate_lane_queued", "gauge", "Jobs that wait for a thread."},
    {LANE_ACCEPTED, "modgate_lane_accepted_total", "counter", "Jobs taken."},
    {LANE_REJECTED, "modgate_lane_rejected_total", "counter", "Jobs refused by a full lane."},
    {LANE_WAIT, "modgate_lane_wait_seconds_total", "counter",
     "Time that jobs waited for a thread."},
};

static void print_lanes(struct serve *s, struct buf *b)
{
    struct lane *lanes[] = {s->o.upstream_lane, s->o.vcs_lane, s->o.admin_lane};
    for (size_t i = 0; i < ARRAY_LEN(lane_families); i++) {
        metrics_head(b, lane_families[i].name, lane_families[i].type, lane_families[i].help);
        for (size_t k = 0; k < ARRAY_LEN(lanes); k++) {
            struct lane_stats st = lane_stats(lanes[k]);
            metrics_row(b, lane_families[i].name, "lane", slice_of(lane_name(lanes[k])),
                        lane_value(&st, lane_families[i].value));
        }
    }
}

enum upstream_value { UP_UP, UP_OK, UP_ABSENT, UP_FAILED, UP_RETRIED, UP_BYTES };

static double upstream_value(const struct fetch_upstream_stats *u, enum upstream_value v)
{
    switch (v) {
    case UP_UP:
        return u->is_up;
    case UP_OK:
        return (double)u->ok_total;
    case UP_ABSENT:
        return (double)u->absent_total;
    case UP_FAILED:
        return (double)u->failed_total;
    case UP_RETRIED:
        return (double)u->retried_total;
    case UP_BYTES:
        return (double)u->bytes_total;
    }
    BUG("upstream value %d", v);
}

static const struct {
    enum upstream_value value;
    const char *name, *type, *help;
} upstream_families[] = {
    {UP_UP, "modgate_upstream_up", "gauge", "1 while requests go to this upstream."},
    {UP_OK, "modgate_upstream_ok_total", "counter", "Requests that were answered."},
    {UP_ABSENT, "modgate_upstream_absent_total", "counter", "Requests answered with 404 or 410."},
    {UP_FAILED, "modgate_upstream_failed_total", "counter", "Requests that failed in the end."},
    {UP_RETRIED, "modgate_upstream_retried_total", "counter", "Further tries."},
    {UP_BYTES, "modgate_upstream_bytes_total", "counter", "Bytes received."},
};

/* A value of something of a repository; the one that is there without settings has no label. */
static void repository_row(struct buf *b, const char *name, struct slice repository,
                           struct metric_label label, double value)
{
    const struct metric_label labels[] = {label, {"repository", repository}};
    metrics_row_labels(b, name, labels, repository.n ? 2 : 1, value);
}

static void print_upstreams_of(const struct repository *r, struct arena *a, struct buf *b, size_t i)
{
    struct fetch_upstream_stats *rows;
    size_t count;
    repo_upstream_stats(r->repo, a, &rows, &count);
    for (size_t k = 0; k < count; k++)
        repository_row(b, upstream_families[i].name, r->name,
                       (struct metric_label){"upstream", rows[k].name},
                       upstream_value(&rows[k], upstream_families[i].value));
}

static void print_upstreams(const struct mount_table *t, struct arena *a, struct buf *b)
{
    struct repository r;
    for (size_t i = 0; i < ARRAY_LEN(upstream_families); i++) {
        metrics_head(b, upstream_families[i].name, upstream_families[i].type,
                     upstream_families[i].help);
        for (size_t k = 0; repository_at(t, k, &r); k++)
            print_upstreams_of(&r, a, b, i);
    }
}

static void print_requests_of_mounts(const struct mount_table *t, struct buf *b)
{
    const struct mount *m;
    const char *name = "modgate_repository_requests_total";
    metrics_head(b, name, "counter", "Requests to a repository or group, by how they were found.");
    for (size_t i = 0; (m = mount_at(t, i)); i++) {
        for (int k = 0; mount_name(m).n && k < RESULT_COUNT; k++)
            repository_row(b, name, mount_name(m), (struct metric_label){"result", result_names[k]},
                           (double)mount_counted(m, (enum metric_result)k));
    }
}

static void print_stores(const struct mount_table *t, struct buf *b)
{
    struct repository r;
    metrics_head(b, "modgate_store_bytes", "gauge", "Bytes of the stored versions.");
    for (size_t i = 0; repository_at(t, i, &r); i++)
        metrics_row(b, "modgate_store_bytes", r.name.n ? "repository" : NULL, r.name,
                    (double)store_bytes(r.store));
    metrics_head(b, "modgate_store_max_bytes", "gauge", "Size at which eviction starts; 0 = none.");
    for (size_t i = 0; repository_at(t, i, &r); i++)
        metrics_row(b, "modgate_store_max_bytes", r.name.n ? "repository" : NULL, r.name,
                    (double)store_max_bytes(r.store));
}

static void print_one(struct buf *b, const char *name, const char *type, const char *help,
                      double value)
{
    metrics_head(b, name, type, help);
    metrics_row(b, name, NULL, S(""), value);
}

static void print_server(struct serve *s, struct buf *b)
{
    struct http_stats st = http_server_stats(s->server);
    print_one(b, "modgate_http_connections_open", "gauge", "Open connections.",
              (double)st.connections_open);
    print_one(b, "modgate_http_connections_total", "counter", "Connections accepted.",
              (double)st.connections_total);
    print_one(b, "http_server_active_requests", "gauge", "Requests under way.",
              (double)st.requests_active);
    print_one(b, "modgate_http_refused_total", "counter", "Connections over the limit.",
              (double)st.refused_total);
    print_one(b, "modgate_http_bad_requests_total", "counter", "Malformed requests.",
              (double)st.bad_requests_total);
    print_one(b, "modgate_http_abuse_closed_total", "counter",
              "HTTP/2 connections closed for floods.", (double)st.abuse_closed_total);
    print_one(b, "modgate_tls_handshakes_total", "counter", "TLS handshakes done.",
              (double)st.tls_handshakes_total);
    print_one(b, "modgate_tls_failures_total", "counter", "TLS handshakes that failed.",
              (double)st.tls_failures_total);
}

void make_metrics(struct page *p, struct arena *a)
{
    struct serve *s = p->serve;
    struct buf *b = &p->text;
    metrics_print(b);
    struct mount_table *t = mounts_take(s->o.mounts);
    print_stores(t, b);
    print_one(b, "modgate_log_dropped_total", "counter", "Log lines dropped.",
              (double)log_dropped_total());
    print_lanes(s, b);
    print_upstreams(t, a, b);
    print_requests_of_mounts(t, b);
    print_server(s, b);
    mount_table_drop(t);
    p->content_type = METRICS_CONTENT_TYPE;
}
