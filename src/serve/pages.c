/*
 * The pages that are not modules: a word for browsers, health, version, metrics. /readyz looks at
 * the disk and so is answered by a worker.
 */
#include "serve/serve_priv.h"

static void page_root(struct serve *s, struct http_request *req)
{
    respond_text(req, 200, "text/plain; charset=utf-8",
                 S("modgate " MODGATE_VERSION ", a gateway for Go modules.\n"
                   "Use it: go env -w GOPROXY=<this address>\n"
                   "Pages: /healthz /readyz?verbose /version /metrics\n"));
}

static void page_healthz(struct serve *s, struct http_request *req)
{
    respond_text(req, 200, "text/plain; charset=utf-8", S("ok\n"));
}

static void page_version(struct serve *s, struct http_request *req)
{
    respond_text(req, 200, "application/json",
                 S("{\"name\":\"modgate\",\"version\":\"" MODGATE_VERSION "\"}\n"));
}

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
    struct lane *lanes[] = {s->o.upstream_lane, s->o.admin_lane};
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

static void print_upstreams(struct serve *s, struct arena *a, struct buf *b)
{
    struct fetch_upstream_stats *rows;
    size_t count;
    repo_upstream_stats(s->o.repo, a, &rows, &count);
    for (size_t i = 0; i < ARRAY_LEN(upstream_families); i++) {
        metrics_head(b, upstream_families[i].name, upstream_families[i].type,
                     upstream_families[i].help);
        for (size_t k = 0; k < count; k++)
            metrics_row(b, upstream_families[i].name, "upstream", rows[k].name,
                        upstream_value(&rows[k], upstream_families[i].value));
    }
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

static void page_metrics(struct serve *s, struct http_request *req)
{
    BUF_SCOPED(b);
    metrics_print(&b);
    print_one(&b, "modgate_store_bytes", "gauge", "Bytes of the stored versions.",
              (double)store_bytes(s->o.store));
    print_one(&b, "modgate_store_max_bytes", "gauge", "Size at which eviction starts; 0 = none.",
              (double)store_max_bytes(s->o.store));
    print_lanes(s, &b);
    print_upstreams(s, http_request_arena(req), &b);
    print_server(s, &b);
    respond_text(req, 200, "text/plain; version=0.0.4; charset=utf-8", buf_slice(&b));
}

/* A /readyz request while a worker looks. */
struct readiness {
    struct job job;
    struct loop_task task;
    struct serve *serve;
    struct http_request *req;
    struct loop *loop;
    bool has_left;
    bool is_ready;
    struct buf text;
};

static void say(struct readiness *r, bool is_fine, bool is_vital, const char *name,
                struct slice why)
{
    if (is_fine)
        buf_printf(&r->text, "[+]%s ok%s%.*s\n", name, why.n ? ": " : "", SLICE_ARG(why));
    else
        buf_printf(&r->text, "[%c]%s failed: %.*s\n", is_vital ? '-' : '!', name, SLICE_ARG(why));
    r->is_ready = r->is_ready && (is_fine || !is_vital);
}

static void look_at_store(struct readiness *r, struct arena *a)
{
    uint64_t free_bytes = 0;
    struct error *err = store_health(r->serve->o.store, a, &free_bytes);
    say(r, !err, true, "store",
        err ? error_chain(a, err) : arena_printf(a, "%" PRIu64 " bytes free", free_bytes));
}

/* An upstream that is down does not make the gateway unready: what is stored is served. */
static void look_at_upstreams(struct readiness *r, struct arena *a)
{
    struct fetch_upstream_stats *rows;
    size_t count;
    repo_upstream_stats(r->serve->o.repo, a, &rows, &count);
    for (size_t i = 0; i < count; i++) {
        struct slice why = rows[i].is_up && !rows[i].last_error.n
                               ? rows[i].name
                               : arena_printf(a, "%.*s: %.*s", SLICE_ARG(rows[i].name),
                                              SLICE_ARG(rows[i].last_error));
        say(r, rows[i].is_up, false, "upstream", why);
    }
}

static void look_at_reload(struct readiness *r, struct arena *a)
{
    struct serve *s = r->serve;
    pthread_mutex_lock(&s->lock);
    struct slice why = arena_dup(a, slice_of(s->reload_error));
    pthread_mutex_unlock(&s->lock);
    say(r, why.n == 0, false, "configuration", why);
}

static void run_readiness(struct job *job)
{
    struct readiness *r = (struct readiness *)job;
    struct arena a = ARENA_INIT;
    say(r, !atomic_load(&r->serve->is_draining), true, "accepting", S(""));
    look_at_store(r, &a);
    look_at_upstreams(r, &a);
    look_at_reload(r, &a);
    arena_release(&a);
    loop_post(r->loop, &r->task);
}

static void tell_readiness(struct loop_task *task)
{
    struct readiness *r = (struct readiness *)((char *)task - offsetof(struct readiness, task));
    if (!r->has_left)
        respond_text(r->req, r->is_ready ? 200 : 503, "text/plain; charset=utf-8",
                     buf_slice(&r->text));
    buf_release(&r->text);
    free(r);
}

static void leave_readiness(void *arg)
{
    ((struct readiness *)arg)->has_left = true;
}

static void page_readyz(struct serve *s, struct http_request *req)
{
    struct readiness *r = xcalloc(1, sizeof(*r));
    *r = (struct readiness){.job.run = run_readiness,
                            .task.run = tell_readiness,
                            .serve = s,
                            .req = req,
                            .loop = http_request_loop(req),
                            .is_ready = true};
    bool is_parked = http_request_park(req, leave_readiness, r);
    if (is_parked && lane_submit(s->o.admin_lane, &r->job, LANE_INTERACTIVE))
        return;
    free(r);
    respond_error(req,
                  error_new(http_request_arena(req), STATUS_OVERLOAD, "too many checks at once"));
}

static const struct {
    const char *path;
    void (*answer)(struct serve *s, struct http_request *req);
} pages[] = {
    {"/", page_root},         {"/healthz", page_healthz}, {"/livez", page_healthz},
    {"/readyz", page_readyz}, {"/version", page_version}, {"/metrics", page_metrics},
};

bool pages_handle(struct serve *s, struct http_request *req, struct slice path)
{
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        if (!slice_eq(path, slice_of(pages[i].path)))
            continue;
        note_of(req)->route = ROUTE_ADMIN;
        pages[i].answer(s, req);
        return true;
    }
    return false;
}
