/* What is kept of a finished request: figures and a log line. */
#include "serve/serve_priv.h"

#include "ops/log.h"

static const char *const result_names[] = {
    [RESULT_HIT] = "hit",
    [RESULT_MISS] = "miss",
    [RESULT_STALE] = "stale",
    [RESULT_NEGATIVE] = "negative",
};

void serve_done(void *serve, struct http_request *req, const struct http_done *done)
{
    struct serve *s = serve;
    struct note *n = note_of(req);
    bool is_http2 = slice_eq(http_request_protocol(req), S("HTTP/2.0"));
    metrics_request(n->route, done->status, is_http2, done->duration_ns, done->body_bytes_sent);
    if (n->has_result)
        metrics_result(n->route, n->result);
    if (!atomic_load_explicit(&s->has_access_log, memory_order_relaxed) || !log_is_on(LOG_INFO))
        return;
    struct slice agent = http_request_header(req, S("user-agent"));
    log_line(LOG_INFO, "request", LOG_STR("id", http_request_id(req)),
             LOG_STR("method", http_request_method(req)), LOG_STR("path", http_request_path(req)),
             LOG_NUM("status", done->status), LOG_NUM("bytes", done->body_bytes_sent),
             LOG_NUM("duration_us", done->duration_ns / 1000),
             LOG_STR("route", slice_of(metric_route_label(n->route))),
             LOG_STR("cache", n->has_result ? slice_of(result_names[n->result]) : S("-")),
             LOG_STR("client", http_request_peer(req)),
             LOG_STR("protocol", http_request_protocol(req)),
             LOG_STR("agent", slice_head(agent, 256)), LOG_NUM("whole", done->is_whole));
}
