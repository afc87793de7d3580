/*
 * One GET. When the sink already holds the beginning and a validator for it, the request asks for
 * the rest only (Range, If-Range): 206 goes on, 200 starts over because the upstream has something
 * else by now. A 206 that is not the one that was asked for is not believed; the validator is
 * dropped with what came, so the next try starts over.
 */
#include "fetch/backoff.h"
#include "fetch/layer.h"
#include "fetch/outcome.h"
#include "fetch/resume.h"

struct attempt {
    struct want *want;
    struct slice upstream; /* the URL, for errors */
    bool is_resuming;
    bool may_be_page; /* the content type says HTML: look at the first byte */
};

static void keep_validator(struct sink *s, const struct http_response *r)
{
    buf_clear(&s->validator);
    buf_add(&s->validator, resume_validator(r->etag, r->last_modified, r->date));
}

static struct error *check_range(struct attempt *at, struct arena *a, const struct http_response *r)
{
    struct content_range range;
    struct sink *s = at->want->sink;
    uint64_t had = s->size;
    bool is_rest = at->is_resuming && content_range_parse(r->content_range, &range) &&
                   range.first == had &&
                   (range.total == UINT64_MAX || range.last + 1 == range.total);
    if (!is_rest) {
        TRY(sink_restart(s, a));
        return error_new(a, STATUS_BROKEN,
                         "%.*s answered 206 with the range '%.*s', which was not asked for",
                         SLICE_ARG(r->url), SLICE_ARG(r->content_range));
    }
    if (range.last >= at->want->max_bytes)
        return error_new(a, STATUS_TOO_LARGE,
                         "%.*s is larger than the %" PRIu64 " bytes that are allowed here",
                         SLICE_ARG(r->url), at->want->max_bytes);
    return NULL;
}

static struct error *on_head(void *arg, struct arena *a, const struct http_response *r)
{
    struct attempt *at = arg;
    if (r->status == 206)
        return check_range(at, a, r);
    TRY(sink_restart(at->want->sink, a));
    if (r->status != 200)
        return error_new(a, STATUS_BAD_ANSWER, "%.*s answered %d, which no mirror says",
                         SLICE_ARG(r->url), r->status);
    keep_validator(at->want->sink, r);
    at->may_be_page = slice_starts(r->content_type, S("text/html"));
    at->upstream = r->url;
    return NULL;
}

static struct error *on_body(void *arg, struct arena *a, struct slice data)
{
    struct attempt *at = arg;
    if (at->may_be_page && slice_starts(slice_trim(data), S("<")))
        return error_new(a, STATUS_BAD_ANSWER,
                         "%.*s answered with a web page; a log-in page or a filter may stand "
                         "between here and the mirror",
                         SLICE_ARG(at->upstream));
    at->may_be_page = false;
    if (at->want->sink->size + data.n > at->want->max_bytes)
        return error_new(a, STATUS_TOO_LARGE,
                         "%.*s is larger than the %" PRIu64 " bytes that are allowed here",
                         SLICE_ARG(at->upstream), at->want->max_bytes);
    return sink_add(at->want->sink, a, data);
}

/* The range that was asked for does not exist: what we hold is not what the upstream has. */
static struct error *start_over(struct ctx *cx, struct want *w, const struct http_response *r)
{
    TRY(sink_restart(w->sink, cx->arena));
    return error_new(cx->arena, STATUS_BROKEN,
                     "%.*s has changed while it was fetched; it is fetched anew",
                     SLICE_ARG(r->url));
}

static struct error *http_layer_get(struct layer *self, struct ctx *cx, struct want *w)
{
    struct http_layer *l = (struct http_layer *)self;
    struct attempt at = {.want = w, .upstream = w->url, .is_resuming = sink_can_resume(w->sink)};
    struct http_header headers[2];
    struct http_response r;
    struct http_request rq = {
        .url = w->url,
        .headers = headers,
        .authorization = w->authorization,
        .max_bytes = w->max_bytes,
        .needs_fresh_connection = w->needs_fresh_connection,
        .sink = {.arg = &at, .head = on_head, .body = on_body},
    };
    if (at.is_resuming) {
        struct slice range = arena_printf(cx->arena, "bytes=%" PRIu64 "-", w->sink->size);
        headers[rq.header_count++] = (struct http_header){"Range", range.p};
        headers[rq.header_count++] = (struct http_header){"If-Range", w->sink->validator.p};
    }
    w->http_status = 0;
    w->retry_after_ms = -1;
    TRY(http_get(l->client, cx, &rq, &r));
    w->http_status = r.status;
    w->retry_after_ms = retry_after_ms(r.retry_after, now_unix_s());
    if (r.status == 416 && at.is_resuming)
        return start_over(cx, w, &r);
    return outcome_of(cx->arena, &r, w->authorization != NULL);
}

void http_layer_init(struct http_layer *l, struct http_client *client)
{
    *l = (struct http_layer){.layer = {.get = http_layer_get}, .client = client};
}
