/*
 * HTTP/1.1 on a connection.
 *
 * One request at a time is with the handler; while it is, and while a body that is not in memory
 * is being sent, no further input is read. Small answers are gathered in one buffer, so that
 * pipelined requests are answered in order and in one write. An answered request waits in a queue
 * until its last byte was handed to the kernel.
 *
 * After an error in the framing nothing that follows can be trusted: the error is answered, and
 * the connection is closed after it.
 */
#include "http/request.h"

enum { MAX_GATHERED_BYTES = 64 * 1024 };

static const struct http_options *options(const struct conn *c)
{
    return &c->home->server->options;
}

static int64_t now(const struct conn *c)
{
    return loop_now_ms(c->home->loop);
}

/* A body that is sent straight from where it is. Only the last answer may have one. */
static bool has_body_to_send(const struct h1 *h)
{
    return h->last && h->last->body.kind != HTTP_BODY_NONE;
}

static bool has_output(const struct h1 *h)
{
    return h->out.n > h->out_pos || has_body_to_send(h);
}

/* Whether the next request may be read. */
static bool is_ready(const struct h1 *h)
{
    if (h->body && request_is_full(h->body))
        return false;
    return !h->busy && (!h->is_closing || h->body) && !has_body_to_send(h) &&
           h->out.n - h->out_pos < MAX_GATHERED_BYTES;
}

static bool h1_wants_input(const struct conn *c)
{
    return is_ready(&c->h1) && !c->is_blocked;
}

/* What the connection waits for now, and until when. */
static void set_deadline(struct conn *c)
{
    struct h1 *h = &c->h1;
    bool was_blocked = c->is_blocked;
    c->is_blocked = has_output(h) && !c->is_writable;
    if (c->is_blocked) {
        if (!was_blocked) {
            h->send_mark = h->sent_total;
            conn_deadline(c, now(c) + options(c)->send_timeout_ms);
        }
    } else if (h->busy) {
        conn_deadline(c, INT64_MAX);
    } else if (h->body && h->body->has_sink) {
        conn_deadline(c, request_stall_ms(h->body));
    } else if (h->started_ms) {
        uint64_t slack = h->body ? h->body->body_received : 0; /* a byte per millisecond is fine */
        conn_deadline(c, h->started_ms + options(c)->header_timeout_ms + (int64_t)slack);
    } else {
        conn_deadline(c, now(c) +
                             (c->home->is_draining ? DRAIN_IDLE_MS : options(c)->idle_timeout_ms));
    }
}

static void add_header(struct buf *out, struct slice name, struct slice value)
{
    buf_reserve(out, name.n + value.n + 4);
    char *p = out->p + out->n;
    memcpy(p, name.p, name.n);
    p += name.n;
    *p++ = ':';
    *p++ = ' ';
    memcpy(p, value.p, value.n);
    p += value.n;
    *p++ = '\r';
    *p++ = '\n';
    out->n = (size_t)(p - out->p);
}

static void add_status_line(struct buf *out, int status)
{
    if (status == 200)
        buf_add(out, S("HTTP/1.1 200 OK\r\n"));
    else
        buf_printf(out, "HTTP/1.1 %d %s\r\n", status, http_reason(status));
}

static void add_head(struct buf *out, const struct http_request *r,
                     const struct http_header *headers, size_t count)
{
    struct conn *c = r->conn;
    add_status_line(out, r->status);
    for (size_t i = 0; i < count; i++)
        if (h1_is_value(headers[i].value))
            add_header(out, headers[i].name, headers[i].value);
    char digits[20];
    if (answer_has_length(r->status))
        add_header(out, S("content-length"), format_u64(digits, r->body_bytes));
    add_header(out, S("date"), loop_date(c->home));
    add_header(out, S("x-request-id"), http_request_id(r));
    if (c->h1.is_closing)
        buf_add(out, S("connection: close\r\n"));
    else if (r->protocol == PROTOCOL_HTTP_1_0)
        buf_add(out, S("connection: keep-alive\r\n"));
    buf_add(out, S("\r\n"));
}

/* Copies a small body behind its header. A file that is too short breaks the connection off. */
static void gather_body(struct conn *c, struct http_request *r)
{
    struct buf *out = &c->h1.out;
    size_t n = (size_t)r->body_bytes;
    if (r->body.kind == HTTP_BODY_NONE || r->body_bytes > SMALL_BODY_BYTES)
        return;
    buf_reserve(out, n);
    if (!body_read(&r->body, 0, out->p + out->n, n)) {
        c->h1.is_closing = true;
        c->h1.is_faulty = true;
        r->body_bytes = UINT64_MAX; /* never whole */
        request_release_body(r);
        return;
    }
    out->n += n;
    r->body_sent = n;
    request_release_body(r);
}

/* Answered before its body was read: what follows cannot be told from it. */
static void leave_body(struct h1 *h)
{
    h->body = NULL;
    h->started_ms = 0;
    h->is_closing = true;
    h->is_faulty = true;
}

static void h1_respond(struct http_request *r, const struct http_header *headers, size_t count)
{
    struct conn *c = r->conn;
    struct h1 *h = &c->h1;
    if (h->body == r)
        leave_body(h);
    if (c->home->is_draining)
        h->is_closing = true;
    if (!h->out.cap)
        h->out = loop_buf_take(c->home);
    size_t before = h->out.n;
    add_head(&h->out, r, headers, count);
    gather_body(c, r);
    h->queued_total += h->out.n - before;
    if (r->body.kind != HTTP_BODY_NONE)
        h->queued_total += r->body_bytes;
    r->end_offset = h->queued_total;
    r->next = NULL;
    if (h->last)
        h->last->next = r;
    else
        h->first = r;
    h->last = r;
    h->busy = NULL;
    conn_dirty(c);
}

static void dispatch(struct conn *c, struct http_request *r)
{
    struct h1 *h = &c->h1;
    h->body = NULL;
    h->started_ms = 0;
    h->busy = r;
    request_dispatch(r);
}

/* Answers what cannot be read as a request, and closes. */
static void refuse(struct conn *c, int status, const char *text)
{
    struct h1 *h = &c->h1;
    struct http_request *r = h->body ? h->body : request_new(c);
    h->body = NULL;
    h->started_ms = 0;
    h->busy = r;
    h->is_closing = true;
    h->is_faulty = true;
    r->protocol = PROTOCOL_HTTP_1_1;
    request_refuse(r, status, text);
}

static struct slice moved(struct slice s, struct slice from, const char *to)
{
    bool is_inside = s.p >= from.p && s.p <= from.p + from.n;
    return is_inside ? slice_make(to + (s.p - from.p), s.n) : s;
}

static void lower_case(struct slice s)
{
    char *p = (char *)(uintptr_t)s.p; /* a copy of ours */
    for (size_t i = 0; i < s.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] | 0x20);
}

/* The request owns a copy of its header: it may be parked while the buffers are used by others. */
static struct http_request *make_request(struct conn *c, const struct h1_head *head,
                                         struct slice in)
{
    struct http_request *r = request_new(c);
    struct slice from = slice_head(in, head->consumed);
    const char *to = arena_dup(&r->arena, from).p;
    r->protocol = head->is_http_1_0 ? PROTOCOL_HTTP_1_0 : PROTOCOL_HTTP_1_1;
    r->method = moved(head->method, from, to);
    r->path = moved(head->path, from, to);
    r->query = moved(head->query, from, to);
    r->header_count = (unsigned)head->field_count;
    r->headers = arena_alloc(&r->arena, head->field_count * sizeof(*r->headers));
    for (size_t i = 0; i < head->field_count; i++) {
        r->headers[i].name = moved(c->home->fields[i].name, from, to);
        r->headers[i].value = moved(c->home->fields[i].value, from, to);
        lower_case(r->headers[i].name);
    }
    return r;
}

static void send_continue(struct http_request *r)
{
    struct h1 *h = &r->conn->h1;
    if (!r->expects_continue)
        return;
    if (!h->out.cap)
        h->out = loop_buf_take(r->conn->home);
    buf_add(&h->out, S("HTTP/1.1 100 Continue\r\n\r\n"));
    h->queued_total += 25;
    conn_dirty(r->conn);
}

/* The header is complete: the body, if any, comes first. */
static void begin_request(struct conn *c, const struct h1_head *head, struct slice in)
{
    struct h1 *h = &c->h1;
    struct http_request *r = make_request(c, head, in);
    if (!head->is_keep_alive)
        h->is_closing = true;
    if (head->body == H1_BODY_NONE) {
        dispatch(c, r);
        return;
    }
    bool has_length = head->body == H1_BODY_LENGTH;
    h->body = r;
    h->body_left = has_length ? head->content_length : 0;
    h->chunked = (struct h1_chunked){0};
    h->started_ms = now(c);
    r->announced_bytes = has_length ? head->content_length : UINT64_MAX;
    r->expects_continue = head->expects_continue;
    request_offer(r);
    if (h->body != r || r->has_sink)
        return;
    if (h->body_left > options(c)->max_body_bytes)
        refuse(c, 413, "the body is too large");
    else
        send_continue(r);
}

static void h1_took(struct http_request *r, uint64_t n)
{
    if (!request_is_full(r))
        conn_again(r->conn);
}

/* Reads one header off *in. False when more is needed. */
static bool feed_head(struct conn *c, struct slice *in)
{
    struct h1 *h = &c->h1;
    const struct http_options *o = options(c);
    bool may_skip = h->scanned && in->n < o->max_header_bytes &&
                    slice_find(slice_skip(*in, h->scanned), '\n') < 0;
    h->scanned = in->n;
    if (may_skip)
        return false;
    struct h1_head head;
    enum h1_verdict v =
        h1_parse_head(*in, o->max_header_bytes, c->home->fields, o->max_headers, &head);
    if (v == H1_MORE)
        return false;
    h->scanned = 0;
    if (v == H1_BAD) {
        refuse(c, head.status, head.text);
        return true;
    }
    begin_request(c, &head, *in);
    *in = slice_skip(*in, head.consumed);
    return true;
}

/* Takes body bytes off *in. False when more is needed. */
static bool feed_body(struct conn *c, struct slice *in)
{
    struct h1 *h = &c->h1;
    struct http_request *r = h->body;
    enum h1_verdict v = H1_MORE;
    struct slice data;
    size_t n;
    if (h->body_left) {
        data = slice_head(*in, h->body_left);
        n = data.n;
        h->body_left -= n;
        v = h->body_left ? H1_MORE : H1_DONE;
    } else {
        uint64_t max = r->has_sink ? r->sink.max_bytes : options(c)->max_body_bytes;
        v = h1_chunked_feed(&h->chunked, *in, max, &n, &data);
    }
    *in = slice_skip(*in, n);
    bool fits = request_give(r, data);
    if (h->body != r)
        return true; /* answered meanwhile */
    if (v == H1_BAD)
        refuse(c, h->chunked.status, h->chunked.text);
    else if (!fits)
        refuse(c, 413, "the body is too large");
    else if (v == H1_DONE)
        dispatch(c, r);
    return v != H1_MORE || in->n;
}

/* Reads as many requests off in as may be handled now. The rest is returned. */
static struct slice consume(struct conn *c, struct slice in)
{
    while (in.n && conn_is_open(c) && is_ready(&c->h1))
        if (!(c->h1.body ? feed_body(c, &in) : feed_head(c, &in)))
            break;
    return in;
}

static void after_input(struct conn *c, size_t left)
{
    struct h1 *h = &c->h1;
    if (left && !h->started_ms && is_ready(h))
        h->started_ms = now(c);
    set_deadline(c);
}

/* Goes on with what was kept. */
static void advance(struct conn *c)
{
    struct h1 *h = &c->h1;
    struct slice rest = consume(c, buf_slice(&h->in));
    buf_drop(&h->in, h->in.n - rest.n);
    if (!h->in.n)
        buf_release(&h->in);
    after_input(c, h->in.n);
}

static void h1_feed(struct conn *c, struct slice in)
{
    if (c->h1.in.n) {
        buf_add(&c->h1.in, in);
        advance(c);
        return;
    }
    struct slice rest = consume(c, in);
    if (rest.n)
        buf_add(&c->h1.in, rest);
    after_input(c, rest.n);
}

/* Sends once; as conn_write(). */
static ssize_t send_some(struct conn *c)
{
    struct h1 *h = &c->h1;
    struct slice out = slice_skip(buf_slice(&h->out), h->out_pos);
    if (!has_body_to_send(h))
        return conn_write(c, out, slice_make("", 0), false);
    struct http_request *r = h->last;
    const struct http_body *b = &r->body;
    if (b->kind == HTTP_BODY_BYTES)
        return conn_write(c, out, slice_skip(b->bytes, r->body_sent), false);
    return conn_send_file(c, out, b->fd, b->offset + r->body_sent, r->body_bytes - r->body_sent);
}

/* n bytes are with the kernel: ends the requests that are whole by it. */
static void note_sent(struct conn *c, size_t n)
{
    struct h1 *h = &c->h1;
    h->sent_total += n;
    size_t of_out = h->out.n - h->out_pos;
    of_out = n < of_out ? n : of_out;
    h->out_pos += of_out;
    if (n > of_out)
        h->last->body_sent += n - of_out;
    while (h->first && h->first->end_offset <= h->sent_total) {
        struct http_request *r = h->first;
        h->first = r->next;
        if (!h->first)
            h->last = NULL;
        request_end(r, r->body_bytes != UINT64_MAX);
    }
}

static void finish_output(struct conn *c)
{
    struct h1 *h = &c->h1;
    if (has_output(h))
        return;
    loop_buf_give(c->home, &h->out);
    h->out_pos = 0;
    if (!h->is_closing || h->busy || h->body)
        return;
    if (h->is_faulty || h->in.n || c->is_readable || c->ssl)
        conn_linger(c);
    else
        conn_kill(c);
}

static void h1_flush(struct conn *c)
{
    struct h1 *h = &c->h1;
    size_t budget = TURN_BYTES;
    while (has_output(h) && c->is_writable) {
        ssize_t n = send_some(c);
        if (n < 0) {
            conn_kill(c);
            return;
        }
        if (n == 0)
            break;
        note_sent(c, (size_t)n);
        if ((size_t)n >= budget) {
            conn_again(c);
            break;
        }
        budget -= (size_t)n;
    }
    finish_output(c);
    if (!conn_is_open(c))
        return;
    set_deadline(c);
    if (is_ready(h) && h->in.n)
        advance(c);
    if (conn_is_open(c) && c->is_readable && h1_wants_input(c))
        conn_again(c);
}

static void h1_on_eof(struct conn *c)
{
    struct h1 *h = &c->h1;
    if (h->busy || !has_output(h))
        conn_kill(c);
    else
        h->is_closing = true; /* what is queued still goes out */
}

static void h1_on_time(struct conn *c)
{
    struct h1 *h = &c->h1;
    if (c->is_blocked) {
        if (h->sent_total - h->send_mark < LEAST_PROGRESS_BYTES) {
            conn_kill(c);
            return;
        }
        h->send_mark = h->sent_total;
        conn_deadline(c, now(c) + options(c)->send_timeout_ms);
    } else if (h->started_ms) {
        refuse(c, 408, "the request took too long to arrive");
    } else {
        conn_linger(c);
    }
}

static void h1_drain(struct conn *c)
{
    struct h1 *h = &c->h1;
    if (!h->busy && !h->body && !h->first && !h->in.n)
        conn_linger(c);
}

static void h1_end(struct conn *c)
{
    struct h1 *h = &c->h1;
    if (h->busy)
        request_end(h->busy, false);
    if (h->body)
        request_end(h->body, false);
    for (struct http_request *r = h->first, *next; r; r = next) {
        next = r->next;
        request_end(r, false);
    }
    loop_buf_give(c->home, &h->out);
    buf_release(&h->in);
    *h = (struct h1){0};
}

const struct protocol h1_protocol = {
    .feed = h1_feed,
    .wants_input = h1_wants_input,
    .on_eof = h1_on_eof,
    .flush = h1_flush,
    .respond = h1_respond,
    .take = send_continue,
    .took = h1_took,
    .on_time = h1_on_time,
    .drain = h1_drain,
    .end = h1_end,
};
