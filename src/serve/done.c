/* What is kept of a finished request: figures and a log line. */
#include "serve/serve_priv.h"

#include "ops/log.h"

const struct slice result_names[RESULT_COUNT] = {
    [RESULT_HIT] = S("hit"),
    [RESULT_MISS] = S("miss"),
    [RESULT_STALE] = S("stale"),
    [RESULT_NEGATIVE] = S("negative"),
};

static void write_line(const struct note *n, struct http_request *req, const struct http_done *done)
{
    struct slice agent = http_request_header(req, S("user-agent"));
    const struct log_field fields[] = {
        LOG_WORD("id", http_request_id(req)),
        LOG_WORD("method", http_request_method(req)),
        LOG_STR("path", http_request_path(req)),
        LOG_NUM("status", done->status),
        LOG_NUM("bytes", done->body_bytes_sent),
        LOG_NUM("duration_us", done->duration_ns / 1000),
        LOG_WORD("route", metric_route_label(n->route)),
        LOG_WORD("cache", n->has_result ? result_names[n->result] : S("-")),
        LOG_WORD("repository", n->repository.n ? n->repository : S("-")),
        LOG_WORD("client", http_request_peer(req)),
        LOG_WORD("protocol", http_request_protocol(req)),
        LOG_STR("agent", slice_head(agent, 256)),
        LOG_NUM("whole", done->is_whole),
        LOG_STR("identity",
                n->identity ? n->identity->name : S("")), /* last: else it is left out */
    };
    size_t count = ARRAY_LEN(fields) - (n->identity ? 0 : 1);
    log_event_at(done->ended_ns, LOG_INFO, "request", fields, count);
}

void serve_done(void *serve, struct http_request *req, const struct http_done *done)
{
    struct serve *s = serve;
    struct note *n = note_of(req);
    bool is_http2 = slice_eq(http_request_protocol(req), S("HTTP/2.0"));
    metrics_request(n->route, done->status, is_http2, done->duration_ns, done->body_bytes_sent);
    if (n->has_result)
        metrics_result(n->route, n->result);
    audit_answer(req, n, done);
    if (n->entry)
        entry_unref(n->entry);
    n->entry = NULL;
    if (atomic_load_explicit(&s->has_access_log, memory_order_relaxed) && log_is_on(LOG_INFO))
        write_line(n, req, done);
    guard_leave(s, n);
}
