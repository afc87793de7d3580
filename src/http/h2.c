/*
 * HTTP/2 on a connection, by libnghttp2.
 *
 * nghttp2 keeps the protocol; this file moves bytes and sets the limits that it leaves to us.
 * Frames are pulled from it only as the socket takes them, into one buffer that is written as a
 * whole, so nothing but the rest of that buffer can pile up. While the socket takes nothing,
 * nothing is read either. Frames that flood spend a budget (guard.h); who has used it up gets
 * GOAWAY with ENHANCE_YOUR_CALM and is disconnected.
 */
#include "http/h2.h"

enum { FILL_BYTES = 64 * 1024, CLIENT_PREFACE_BYTES = 24 };

static const struct http_options *options(const struct conn *c)
{
    return &c->home->server->options;
}

static int64_t now(const struct conn *c)
{
    return loop_now_ms(c->home->loop);
}

static bool h2_wants_input(const struct conn *c)
{
    return !c->is_blocked;
}

void h2_note_closed(struct h2 *h, int32_t stream_id, bool is_reset_by_us)
{
    for (unsigned i = 0; i < CLOSED_IDS; i++)
        if (h->closed[i] == stream_id || h->closed[i] == -stream_id)
            return;
    h->closed[h->closed_next++ % CLOSED_IDS] = is_reset_by_us ? -stream_id : stream_id;
}

struct frame {
    uint32_t length;
    uint8_t type;
    uint8_t flags;
    int32_t stream_id;
};

/*
 * Finds the next frame in in from *at on. True: its header is whole with the byte before *at.
 * False: the input is used up.
 */
static bool next_frame(struct h2 *h, struct slice in, size_t *at, struct frame *f)
{
    uint8_t *p = h->frame_head;
    size_t skipped = in.n - *at < h->frame_left ? in.n - *at : h->frame_left;
    h->frame_left -= (uint32_t)skipped;
    *at += skipped;
    while (*at < in.n && h->frame_head_n < sizeof(h->frame_head))
        p[h->frame_head_n++] = (uint8_t)in.p[(*at)++];
    if (h->frame_head_n < sizeof(h->frame_head))
        return false;
    h->frame_head_n = 0;
    f->length = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
    f->type = p[3];
    f->flags = p[4];
    f->stream_id = (int32_t)(((uint32_t)p[5] & 0x7f) << 24 | (uint32_t)p[6] << 16 |
                             (uint32_t)p[7] << 8 | p[8]);
    h->frame_left = f->length;
    return true;
}

static int64_t frame_cost(const struct frame *f)
{
    switch (f->type) {
    case NGHTTP2_HEADERS:
        return 0; /* bounded by streams; resetting them costs */
    case NGHTTP2_DATA:
        return f->length < GUARD_SMALL_DATA_BYTES && !(f->flags & NGHTTP2_FLAG_END_STREAM);
    case NGHTTP2_RST_STREAM:
    case NGHTTP2_SETTINGS:
        return GUARD_RESET_COST;
    default:
        return 1;
    }
}

/*
 * nghttp2 forgets closed streams (keeping them costs memory for each) and then lets frames on them
 * pass. They are connection errors (RFC 9113, 5.1 and 5.1.1), unless we have reset the stream and
 * they may have been on their way. nghttp2 knows all that came before the frame.
 */
static void check_known_stream(struct h2 *h, const struct frame *f)
{
    if (nghttp2_session_find_stream(h->session, f->stream_id))
        return;
    bool is_known = f->type == NGHTTP2_DATA;
    for (unsigned i = 0; i < CLOSED_IDS; i++) {
        if (h->closed[i] == -f->stream_id)
            return;
        is_known |= h->closed[i] == f->stream_id;
    }
    nghttp2_session_terminate_session(h->session,
                                      is_known ? NGHTTP2_STREAM_CLOSED : NGHTTP2_PROTOCOL_ERROR);
}

static bool may_come(struct conn *c, const struct frame *f)
{
    struct guard *g = &c->h2->guard;
    if (f->type == NGHTTP2_WINDOW_UPDATE)
        return guard_spend_update(g, now(c));
    return guard_spend(g, now(c), frame_cost(f));
}

static ssize_t give(struct h2 *h, struct slice in, size_t from, size_t to)
{
    ssize_t n = nghttp2_session_mem_recv(h->session, (const uint8_t *)in.p + from, to - from);
    return h->is_abuser ? NGHTTP2_ERR_FLOODED : n < 0 ? n : 0;
}

/* Passes input on to nghttp2, with a look at each frame. Below 0: an error of nghttp2. */
static ssize_t take_input(struct conn *c, struct slice in)
{
    struct h2 *h = c->h2;
    struct frame f;
    size_t given = 0;
    for (size_t at = 0; next_frame(h, in, &at, &f);) {
        if (!may_come(c, &f))
            return NGHTTP2_ERR_FLOODED;
        bool is_message = f.type == NGHTTP2_HEADERS || f.type == NGHTTP2_DATA;
        if (!is_message || f.stream_id % 2 == 0)
            continue;
        if (f.stream_id > h->newest_id) {
            h->newest_id = f.type == NGHTTP2_HEADERS ? f.stream_id : h->newest_id;
            continue;
        }
        ssize_t rc = give(h, in, given, at - 1);
        if (rc < 0)
            return rc;
        given = at - 1;
        check_known_stream(h, &f);
    }
    return give(h, in, given, in.n);
}

static void make_session(struct conn *c)
{
    struct h2 *h = c->h2;
    nghttp2_session_callbacks *cbs;
    nghttp2_option *option;
    if (nghttp2_session_callbacks_new(&cbs) != 0 || nghttp2_option_new(&option) != 0)
        BUG("out of memory");
    h2_stream_callbacks(cbs);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_no_auto_window_update(option, 1); /* a taken body opens its own */
    /* Enough for the fields that answers have in common; a full one costs an idle connection 5 KB.
     */
    nghttp2_option_set_max_deflate_dynamic_table_size(option, 1024);
    nghttp2_mem mem = {.mem_user_data = &c->home->pool,
                       .malloc = pool_malloc,
                       .free = pool_free,
                       .calloc = pool_calloc,
                       .realloc = pool_realloc};
    if (nghttp2_session_server_new3(&h->session, cbs, c, option, &mem) != 0)
        BUG("out of memory");
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(cbs);
}

void conn_start_h2(struct conn *c)
{
    struct h2 *h = xcalloc(1, sizeof(*h));
    c->h2 = h;
    c->protocol = &h2_protocol;
    c->phase = CONN_OPEN;
    h->frame_left = CLIENT_PREFACE_BYTES;
    guard_init(&h->guard, now(c));
    h->active_ms = now(c);
    make_session(c);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options(c)->max_streams},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)options(c)->max_header_bytes},
    };
    if (nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings)) != 0)
        BUG("HTTP/2 settings were refused");
    conn_dirty(c);
}

static void set_deadline(struct conn *c)
{
    struct h2 *h = c->h2;
    if (!h->streams && !c->is_blocked) {
        int64_t idle = c->home->is_draining ? DRAIN_IDLE_MS : options(c)->idle_timeout_ms;
        conn_deadline(c, h->active_ms + idle);
        return;
    }
    unsigned a = options(c)->header_timeout_ms, b = options(c)->send_timeout_ms;
    unsigned least = a < b ? a : b, body = options(c)->body_timeout_ms;
    int64_t check = now(c) + (least < body ? least : body);
    if (c->deadline_ms > check || c->deadline_ms <= now(c))
        conn_deadline(c, check);
}

/* Says goodbye as far as the socket takes it, and closes. */
static void disconnect(struct conn *c, uint32_t error)
{
    struct h2 *h = c->h2;
    nghttp2_session_terminate_session(h->session, error);
    const uint8_t *p;
    ssize_t n;
    h->filled = OUT_SCRATCH_BYTES; /* no more data frames */
    while (!h->left.n && c->is_writable && (n = nghttp2_session_mem_send(h->session, &p)) > 0)
        if (conn_write(c, slice_make((const char *)p, (size_t)n), slice_make("", 0), false) != n)
            break;
    conn_linger(c);
}

static void disconnect_abuser(struct conn *c)
{
    counter_add(&c->home->counters.abuse_closed_total, 1);
    disconnect(c, NGHTTP2_ENHANCE_YOUR_CALM);
}

static void h2_feed(struct conn *c, struct slice in)
{
    ssize_t n = take_input(c, in);
    if (n == NGHTTP2_ERR_FLOODED || n == NGHTTP2_ERR_TOO_MANY_SETTINGS ||
        n == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS) {
        disconnect_abuser(c);
    } else if (n < 0) {
        counter_add(&c->home->counters.bad_requests_total, 1);
        disconnect(c, NGHTTP2_PROTOCOL_ERROR);
    } else {
        conn_dirty(c);
        set_deadline(c);
    }
}

/* Writes p as far as the socket takes it. False when it is broken. */
static bool write_all(struct conn *c, const char *p, size_t n, size_t *sent)
{
    *sent = 0;
    while (*sent < n && c->is_writable) {
        ssize_t done = conn_write(c, slice_make(p + *sent, n - *sent), slice_make("", 0), false);
        if (done < 0)
            return false;
        if (done == 0)
            break;
        *sent += (size_t)done;
    }
    c->h2->sent_total += *sent;
    return true;
}

static bool send_left(struct conn *c)
{
    struct h2 *h = c->h2;
    size_t sent;
    if (!h->left.n)
        return true;
    if (!write_all(c, h->left.p + h->left_pos, h->left.n - h->left_pos, &sent))
        return false;
    h->left_pos += sent;
    if (h->left_pos == h->left.n) {
        loop_buf_give(c->home, &h->left);
        h->left_pos = 0;
    }
    return true;
}

/* Pulls frames into the loop's output buffer. */
static bool fill(struct conn *c)
{
    struct h2 *h = c->h2;
    h->filled = 0;
    while (h->filled < FILL_BYTES) {
        const uint8_t *p;
        size_t before = h->filled;
        ssize_t n = nghttp2_session_mem_send(h->session, &p);
        if (n < 0 || (size_t)n > OUT_SCRATCH_BYTES - h->filled)
            return false;
        if (n)
            memcpy(c->home->out_scratch + h->filled, p, (size_t)n);
        h->filled += (size_t)n;
        if (h->filled == before)
            break;
    }
    return true;
}

/* One buffer of frames. False when the connection is broken. */
static bool send_some(struct conn *c)
{
    struct h2 *h = c->h2;
    size_t sent;
    if (!fill(c))
        return false;
    size_t n = h->filled;
    if (!write_all(c, c->home->out_scratch, n, &sent))
        return false;
    if (sent < n) {
        h->left = loop_buf_take(c->home);
        buf_add(&h->left, slice_make(c->home->out_scratch + sent, n - sent));
    }
    return true;
}

static void note_blocked(struct conn *c)
{
    struct h2 *h = c->h2;
    bool was_blocked = c->is_blocked;
    c->is_blocked = h->left.n > 0;
    if (c->is_blocked && !was_blocked) {
        h->blocked_ms = now(c);
        h->send_mark = h->sent_total;
    }
}

static void h2_flush(struct conn *c)
{
    struct h2 *h = c->h2;
    uint64_t before = h->sent_total;
    bool is_fine = send_left(c);
    while (is_fine && !h->left.n && nghttp2_session_want_write(h->session)) {
        size_t was = h->sent_total;
        is_fine = send_some(c);
        if (h->sent_total == was || h->is_abuser)
            break;
        if (h->sent_total - before >= TURN_BYTES) {
            conn_again(c);
            break;
        }
    }
    if (!is_fine) {
        conn_kill(c);
        return;
    }
    note_blocked(c);
    if (h->is_abuser)
        disconnect_abuser(c);
    else if (!h->left.n && !nghttp2_session_want_read(h->session) &&
             !nghttp2_session_want_write(h->session))
        conn_linger(c);
    if (!conn_is_open(c))
        return;
    set_deadline(c);
    if (c->is_readable && !c->is_blocked)
        conn_again(c);
}

static void h2_on_time(struct conn *c)
{
    struct h2 *h = c->h2;
    if (c->is_blocked && now(c) - h->blocked_ms >= options(c)->send_timeout_ms) {
        if (h->sent_total - h->send_mark < LEAST_PROGRESS_BYTES) {
            conn_kill(c);
            return;
        }
        h->blocked_ms = now(c);
        h->send_mark = h->sent_total;
    }
    if (!h->streams && !c->is_blocked) {
        disconnect(c, NGHTTP2_NO_ERROR);
    } else if (!h2_streams_check_time(c)) {
        disconnect(c, NGHTTP2_PROTOCOL_ERROR);
    } else {
        conn_dirty(c);
        set_deadline(c);
    }
}

static void h2_on_eof(struct conn *c)
{
    conn_kill(c);
}

static void h2_drain(struct conn *c)
{
    nghttp2_session *s = c->h2->session;
    if (c->h2->is_draining)
        return;
    c->h2->is_draining = true;
    nghttp2_submit_goaway(s, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(s),
                          NGHTTP2_NO_ERROR, NULL, 0);
    conn_dirty(c);
}

static void h2_end(struct conn *c)
{
    struct h2 *h = c->h2;
    h2_streams_end(c);
    nghttp2_session_del(h->session);
    loop_buf_give(c->home, &h->left);
    free(h);
    c->h2 = NULL;
}

const struct protocol h2_protocol = {
    .feed = h2_feed,
    .wants_input = h2_wants_input,
    .on_eof = h2_on_eof,
    .flush = h2_flush,
    .respond = h2_respond,
    .take = h2_take,
    .took = h2_took,
    .on_time = h2_on_time,
    .drain = h2_drain,
    .end = h2_end,
};
