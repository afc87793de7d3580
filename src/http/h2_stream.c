/*
 * HTTP/2 requests: from header fields to the frames of the answer.
 *
 * A request is made when its HEADERS frame begins and ends when nghttp2 closes the stream, for
 * whatever reason; a parked one is let go of at that moment. It is given to the handler when the
 * peer has sent all of it. Its body is counted and dropped, or taken: then the window of the stream
 * is opened as the taker says, that of the connection at once, so that a slow taker holds up its
 * own stream alone. Answers are pulled by nghttp2 frame by
 * frame, straight from the body into the loop's output buffer.
 */
#include "http/h2.h"

enum {
    FIRST_FIELDS = 16,
    FIELD_OVERHEAD = 32,
    ABUSE_FACTOR = 4,
    MAX_ANSWER_FIELDS = 48,
    WIDE_WINDOW_BYTES = 1 << 20, /* of a connection on which a body was taken */
};

static const struct http_options *options(const struct conn *c)
{
    return &c->home->server->options;
}

static struct http_request *request_of(nghttp2_session *session, int32_t stream_id)
{
    return nghttp2_session_get_stream_user_data(session, stream_id);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct conn *c = arg;
    struct h2 *h = c->h2;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct http_request *r = request_new(c);
    r->protocol = PROTOCOL_HTTP_2;
    r->stream_id = frame->hd.stream_id;
    r->query = slice_make("", 0);
    r->progress_ms = loop_now_ms(c->home->loop);
    h->active_ms = r->progress_ms;
    r->next = h->streams;
    if (r->next)
        r->next->prev = r;
    h->streams = r;
    nghttp2_session_set_stream_user_data(session, r->stream_id, r);
    return 0;
}

static void add_field(struct http_request *r, struct slice name, struct slice value)
{
    if (r->header_count == r->header_cap) {
        unsigned cap = r->header_cap ? 2 * r->header_cap : FIRST_FIELDS;
        struct http_header *grown = arena_alloc(&r->arena, cap * sizeof(*grown));
        if (r->header_count)
            memcpy(grown, r->headers, r->header_count * sizeof(*grown));
        r->headers = grown;
        r->header_cap = cap;
    }
    r->headers[r->header_count++] = (struct http_header){name, value};
}

static void set_path(struct http_request *r, struct slice target)
{
    ptrdiff_t mark = slice_find(target, '?');
    r->path = mark < 0 ? target : slice_head(target, (size_t)mark);
    if (mark >= 0)
        r->query = slice_skip(target, (size_t)mark + 1);
    if (!h1_is_target(target))
        r->refuse_status = 400;
}

static void set_host(struct http_request *r, struct slice value)
{
    struct slice known = http_request_header(r, S("host"));
    if (known.p && !slice_eq(known, value))
        r->refuse_status = 400;
    if (!known.p)
        add_field(r, S("host"), value);
}

static void take_field(struct http_request *r, struct slice name, struct slice value)
{
    value = arena_dup(&r->arena, value);
    if (slice_eq(name, S(":method")))
        r->method = value;
    else if (slice_eq(name, S(":path")))
        set_path(r, value);
    else if (slice_eq(name, S(":authority")) || slice_eq(name, S("host")))
        set_host(r, value);
    else if (name.p[0] != ':')
        add_field(r, arena_dup(&r->arena, name), value);
}

/* Beyond the limits fields are still decoded, as the compression needs it, but not kept. */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *arg)
{
    struct conn *c = arg;
    struct http_request *r = request_of(session, frame->hd.stream_id);
    if (!r)
        return 0;
    size_t most = options(c)->max_header_bytes;
    r->header_bytes += name_n + value_n + FIELD_OVERHEAD;
    if (r->header_bytes / ABUSE_FACTOR > most + FIELD_OVERHEAD) {
        c->h2->is_abuser = true;
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    bool is_trailer = frame->headers.cat != NGHTTP2_HCAT_REQUEST;
    if (r->header_bytes > most || r->header_count >= options(c)->max_headers)
        r->refuse_status = 431;
    else if (!is_trailer && name_n)
        take_field(r, slice_make((const char *)name, name_n),
                   slice_make((const char *)value, value_n));
    return 0;
}

static void dispatch(struct http_request *r)
{
    if (r->state != REQUEST_READING)
        return;
    if (!r->refuse_status && !h1_is_method(r->method))
        r->refuse_status = 501;
    request_dispatch(r);
}

static void send_continue(struct http_request *r)
{
    if (!r->expects_continue)
        return;
    nghttp2_nv nv = {.name = (uint8_t *)(uintptr_t) ":status",
                     .namelen = 7,
                     .value = (uint8_t *)(uintptr_t) "100",
                     .valuelen = 3};
    nghttp2_submit_headers(r->conn->h2->session, NGHTTP2_FLAG_NONE, r->stream_id, NULL, &nv, 1,
                           NULL);
}

/* nghttp2 has checked that a length is a number, and checks that the body has it. */
static uint64_t announced_length(const struct http_request *r)
{
    uint64_t n;
    return slice_parse_u64(http_request_header(r, S("content-length")), &n) ? n : UINT64_MAX;
}

/* The header is complete, and a body comes. */
static void begin_body(struct http_request *r)
{
    struct slice expect = http_request_header(r, S("expect"));
    r->expects_continue = slice_eq_nocase(expect, S("100-continue"));
    r->announced_bytes = announced_length(r);
    if (expect.p && !r->expects_continue)
        r->refuse_status = 417;
    if (!r->refuse_status && h1_is_method(r->method))
        request_offer(r);
    if (!r->has_sink && r->state == REQUEST_READING)
        send_continue(r);
}

void h2_take(struct http_request *r)
{
    struct h2 *h = r->conn->h2;
    if (!h->has_wide_window)
        nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, WIDE_WINDOW_BYTES);
    h->has_wide_window = true;
    nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, r->stream_id,
                                          HTTP_BODY_WINDOW_BYTES);
    send_continue(r);
}

void h2_took(struct http_request *r, uint64_t n)
{
    nghttp2_session_consume_stream(r->conn->h2->session, r->stream_id, (size_t)n);
    conn_dirty(r->conn);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    struct http_request *r = request_of(session, frame->hd.stream_id);
    if (!r)
        return 0;
    r->is_header_whole = true;
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
        r->has_ended = true;
        dispatch(r);
    } else if (frame->hd.type == NGHTTP2_HEADERS) {
        begin_body(r);
    }
    return 0;
}

static void forget(struct h2 *h, struct http_request *r)
{
    if (r->prev)
        r->prev->next = r->next;
    else
        h->streams = r->next;
    if (r->next)
        r->next->prev = r->prev;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error, void *arg)
{
    struct conn *c = arg;
    struct http_request *r = request_of(session, stream_id);
    h2_note_closed(c->h2, stream_id, false);
    if (!r)
        return 0;
    c->h2->active_ms = loop_now_ms(c->home->loop);
    forget(c->h2, r);
    if (r->is_whole)
        guard_earn(&c->h2->guard, GUARD_PER_ANSWER);
    request_end(r, r->is_whole);
    return 0;
}

/*
 * A body that nobody waits for is cut off with NO_ERROR (RFC 9113, 8.1), but not at once: clients
 * that hear of it together with the answer take the answer for broken (libcurl 7.88 does). Most
 * stop by themselves when they have read it.
 */
static void linger(struct http_request *r)
{
    struct conn *c = r->conn;
    r->is_lingering = true;
    r->progress_ms = loop_now_ms(c->home->loop);
    r->body_mark = r->body_received;
    if (c->deadline_ms > r->progress_ms + LINGER_MS)
        conn_deadline(c, r->progress_ms + LINGER_MS);
}

static void cut_off(struct http_request *r)
{
    r->is_lingering = false;
    nghttp2_submit_rst_stream(r->conn->h2->session, NGHTTP2_FLAG_NONE, r->stream_id,
                              NGHTTP2_NO_ERROR);
}

static void drop_data(struct http_request *r, size_t n)
{
    r->body_received += n;
    nghttp2_session_consume_stream(r->conn->h2->session, r->stream_id, n);
    if (r->is_lingering && r->body_received - r->body_mark > LINGER_BYTES)
        cut_off(r);
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
                   size_t n, void *arg)
{
    struct http_request *r = request_of(session, stream_id);
    bool is_wanted = r && r->state == REQUEST_READING;
    nghttp2_session_consume_connection(session, n);
    if (is_wanted && !request_give(r, slice_make((const char *)data, n))) {
        r->refuse_status = 413;
        dispatch(r);
    }
    if (is_wanted && !r->has_sink)
        nghttp2_session_consume_stream(session, stream_id, n);
    else if (r && !is_wanted)
        drop_data(r, n);
    return 0;
}

/* The last frame of an answer is out. */
static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct conn *c = arg;
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
        h2_note_closed(c->h2, frame->hd.stream_id, true);
        if (!guard_spend(&c->h2->guard, loop_now_ms(c->home->loop), GUARD_RESET_COST))
            c->h2->is_abuser = true;
    }
    bool is_end = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
                  frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    struct http_request *r = is_end ? request_of(session, frame->hd.stream_id) : NULL;
    if (!r)
        return 0;
    r->is_whole = true;
    if (!r->has_ended)
        linger(r);
    return 0;
}

/* Says only how much comes next; send_data() moves it. */
static ssize_t read_data(nghttp2_session *session, int32_t stream_id, uint8_t *buf, size_t n,
                         uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    const struct http_request *r = source->ptr;
    uint64_t left = r->body_bytes - r->body_sent;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (left <= n)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return left < n ? (ssize_t)left : (ssize_t)n;
}

static int send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t n,
                     nghttp2_data_source *source, void *arg)
{
    struct conn *c = arg;
    struct http_request *r = source->ptr;
    enum { HEAD_BYTES = 9 };
    if (OUT_SCRATCH_BYTES - c->h2->filled < HEAD_BYTES + n)
        return NGHTTP2_ERR_WOULDBLOCK;
    char *to = c->home->out_scratch + c->h2->filled;
    memcpy(to, head, HEAD_BYTES);
    if (!body_read(&r->body, r->body_sent, to + HEAD_BYTES, n))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* the file is too short: reset */
    c->h2->filled += HEAD_BYTES + n;
    r->body_sent += n;
    guard_earn_bytes(&c->h2->guard, n);
    return 0;
}

/* Refused or malformed: nghttp2 resets the stream. */
static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error,
                            void *arg)
{
    struct conn *c = arg;
    h2_note_closed(c->h2, frame->hd.stream_id, true);
    return 0;
}

void h2_stream_callbacks(nghttp2_session_callbacks *cbs)
{
    nghttp2_session_callbacks_set_on_begin_headers_callback(cbs, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(cbs, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cbs, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cbs, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(cbs, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(cbs, on_frame_send);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(cbs, on_invalid_frame);
    nghttp2_session_callbacks_set_send_data_callback(cbs, send_data);
}

static nghttp2_nv field(struct slice name, struct slice value, uint8_t flags)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name.p,
                        .namelen = name.n,
                        .value = (uint8_t *)(uintptr_t)value.p,
                        .valuelen = value.n,
                        .flags = flags};
}

/*
 * Values differ each time and are kept out of the compression's table, but the name goes in, with
 * a value, beside each new date: then it is a byte in the answers of the same second.
 */
static nghttp2_nv request_id_field(const struct http_request *r)
{
    struct conn *c = r->conn;
    uint8_t flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
    if (c->h2->named_s == c->home->date_s)
        flags |= NGHTTP2_NV_FLAG_NO_INDEX;
    c->h2->named_s = c->home->date_s;
    return field(S("x-request-id"), http_request_id(r), flags);
}

void h2_respond(struct http_request *r, const struct http_header *headers, size_t count)
{
    struct conn *c = r->conn;
    nghttp2_nv nv[MAX_ANSWER_FIELDS];
    size_t n = 0;
    char status[20], length[20];
    const uint8_t fixed = NGHTTP2_NV_FLAG_NO_COPY_NAME;
    nv[n++] = field(S(":status"), format_u64(status, (uint64_t)r->status), fixed);
    for (size_t i = 0; i < count && n < MAX_ANSWER_FIELDS - 3; i++)
        if (h1_is_value(headers[i].value))
            nv[n++] = field(headers[i].name, headers[i].value, fixed);
    if (answer_has_length(r->status))
        nv[n++] = field(S("content-length"), format_u64(length, r->body_bytes), fixed);
    nv[n++] = field(S("date"), loop_date(c->home), fixed);
    nv[n++] = request_id_field(r);
    nghttp2_data_provider body = {.source.ptr = r, .read_callback = read_data};
    bool has_body = r->body.kind != HTTP_BODY_NONE;
    r->progress_ms = loop_now_ms(c->home->loop);
    if (nghttp2_submit_response(c->h2->session, r->stream_id, nv, n, has_body ? &body : NULL) != 0)
        nghttp2_submit_rst_stream(c->h2->session, NGHTTP2_FLAG_NONE, r->stream_id,
                                  NGHTTP2_INTERNAL_ERROR);
    conn_dirty(c);
}

/* A request that does not arrive, or an answer of which the peer lets too little through. */
static bool is_late(struct http_request *r, int64_t now, const struct http_options *o)
{
    int64_t since = now - r->progress_ms;
    if (r->has_sink)
        return now >= request_stall_ms(r);
    if (r->state == REQUEST_READING)
        return since >= (int64_t)o->header_timeout_ms + (int64_t)r->body_received;
    if (r->state != REQUEST_ANSWERED || since < o->send_timeout_ms)
        return false;
    if (r->body_sent - r->progress_mark < LEAST_PROGRESS_BYTES)
        return true;
    r->progress_mark = r->body_sent;
    r->progress_ms = now;
    return false;
}

bool h2_streams_check_time(struct conn *c)
{
    int64_t now = loop_now_ms(c->home->loop);
    for (struct http_request *r = c->h2->streams; r; r = r->next) {
        if (r->is_lingering && now - r->progress_ms >= LINGER_MS)
            cut_off(r);
        if (!is_late(r, now, options(c)))
            continue;
        if (!r->is_header_whole)
            return false; /* nothing else can be read before it */
        nghttp2_submit_rst_stream(c->h2->session, NGHTTP2_FLAG_NONE, r->stream_id, NGHTTP2_CANCEL);
        r->progress_ms = now;
    }
    return true;
}

void h2_streams_end(struct conn *c)
{
    for (struct http_request *r; (r = c->h2->streams);) {
        forget(c->h2, r);
        request_end(r, r->is_whole);
    }
}
