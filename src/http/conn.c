/*
 * A connection: its events, its one timer, its end.
 *
 * Events only set flags and pump input into the protocol; output is sent in flush(), when all input
 * of the event was taken, so that its answers leave in one write. What others than the connection's
 * own events bring about, such as answers to parked requests, is sent at the end of the round. A
 * connection that has had its turn (bytes read or sent) goes on in the next round.
 *
 * The timer is lazy: moving the deadline later costs a store; when the timer fires early it is set
 * again. conn_kill() may be called from anywhere; memory is freed when the round is over, so that
 * no caller up the stack is left with a dangling pointer.
 */
#include "http/request.h"

#include "base/ctx.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define INPUT_EVENTS ((uint32_t)EPOLLIN | (uint32_t)EPOLLRDHUP | (uint32_t)EPOLLET)

static const struct slice h2_preface = S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

struct buf loop_buf_take(struct http_loop *home)
{
    return home->free_buf_count ? home->free_bufs[--home->free_buf_count] : BUF_INIT;
}

void loop_buf_give(struct http_loop *home, struct buf *b)
{
    bool is_worth = b->cap && b->cap <= 2 * SCRATCH_BYTES;
    if (is_worth && home->free_buf_count < ARRAY_LEN(home->free_bufs)) {
        buf_clear(b);
        home->free_bufs[home->free_buf_count++] = *b;
        *b = BUF_INIT;
    } else {
        buf_release(b);
    }
}

void conn_dirty(struct conn *c)
{
    if (c->is_dirty || c->phase != CONN_OPEN)
        return;
    c->is_dirty = true;
    c->dirty_next = c->home->dirty;
    c->home->dirty = c;
}

void conn_await_output(struct conn *c)
{
    c->is_writable = false;
    if (c->watches_output)
        return;
    c->watches_output = true;
    loop_rewatch(c->home->loop, &c->watch, INPUT_EVENTS | (uint32_t)EPOLLOUT);
}

void conn_again(struct conn *c)
{
    if (c->is_again)
        return;
    c->is_again = true;
    c->again_next = c->home->again;
    c->home->again = c;
}

void conn_deadline(struct conn *c, int64_t at_ms)
{
    c->deadline_ms = at_ms;
    if (at_ms != INT64_MAX && (!c->timer.heap_index_plus_1 || c->timer.at_ms > at_ms))
        loop_timer_set(c->home->loop, &c->timer, at_ms);
}

static void note_drained(struct http_server *s)
{
    pthread_mutex_lock(&s->lock);
    pthread_cond_broadcast(&s->drained);
    pthread_mutex_unlock(&s->lock);
}

void conn_kill(struct conn *c)
{
    struct http_loop *home = c->home;
    if (c->phase == CONN_DEAD)
        return;
    if (c->phase == CONN_HANDSHAKE)
        counter_add(&home->counters.tls_failures_total, 1);
    c->phase = CONN_DEAD;
    if (c->protocol)
        c->protocol->end(c);
    loop_timer_clear(home->loop, &c->timer);
    loop_unwatch(home->loop, &c->watch);
    SSL_free(c->ssl);
    c->ssl = NULL;
    close(c->watch.fd);
    if (c->prev)
        c->prev->next = c->next;
    else
        home->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    c->next = home->dead;
    home->dead = c;
    if (atomic_fetch_sub(&home->server->open_connections, 1) == 1 && home->is_draining)
        note_drained(home->server);
}

void conn_linger(struct conn *c)
{
    if (c->ssl && SSL_is_init_finished(c->ssl)) {
        c->has_more_output = false;
        SSL_shutdown(c->ssl);
        ERR_clear_error();
    }
    bool is_all_read = c->has_peer_closed && !c->is_readable;
    if (is_all_read || shutdown(c->watch.fd, SHUT_WR) != 0) {
        conn_kill(c);
        return;
    }
    if (c->protocol)
        c->protocol->end(c);
    c->protocol = NULL;
    c->phase = CONN_LINGER;
    c->linger_left = LINGER_BYTES;
    conn_deadline(c, loop_now_ms(c->home->loop) + LINGER_MS);
    if (c->is_readable)
        conn_again(c);
}

static void drop_input(struct conn *c)
{
    char *p = c->home->scratch;
    ssize_t got;
    while ((got = recv(c->watch.fd, p, SCRATCH_BYTES, 0)) > 0) {
        if ((size_t)got >= c->linger_left)
            break;
        c->linger_left -= (unsigned)got;
    }
    if (got >= 0 || (errno != EAGAIN && errno != EINTR))
        conn_kill(c);
}

static void start_h1(struct conn *c)
{
    c->protocol = &h1_protocol;
    c->phase = CONN_OPEN;
}

/*
 * Sends what the connection's own event has brought about: at once, because then the requests of
 * the next connection find the memory of these, which is still in the processor's cache.
 */
static void flush_now(struct conn *c)
{
    if (c->home->dirty != c)
        return; /* nothing new, or it is sent at the end of the round */
    c->home->dirty = c->dirty_next;
    c->is_dirty = false;
    if (conn_is_open(c))
        c->protocol->flush(c);
}

/* The first bytes tell HTTP/2 with prior knowledge from HTTP/1.1 (RFC 9113, 3.3). */
static void feed_start(struct conn *c, struct slice in)
{
    struct buf *kept = &c->h1.in;
    if (kept->n || (in.n < h2_preface.n && slice_starts(h2_preface, in))) {
        buf_add(kept, in);
        in = buf_slice(kept);
    }
    if (in.n < h2_preface.n && slice_starts(h2_preface, in))
        return;
    struct buf moved = *kept;
    *kept = BUF_INIT;
    if (slice_starts(in, h2_preface))
        conn_start_h2(c);
    else
        start_h1(c);
    if (conn_is_open(c))
        c->protocol->feed(c, in);
    buf_release(&moved);
}

/* Who speaks HTTP in clear to a TLS port is told so. */
static void refuse_clear(struct conn *c)
{
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n"
                                 "content-length: 35\r\nconnection: close\r\n\r\n"
                                 "this port speaks TLS: use https://\n";
    (void)send(c->watch.fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
    counter_add(&c->home->counters.tls_failures_total, 1);
    conn_linger(c);
}

static void shake_hands(struct conn *c)
{
    int rc = tls_handshake(c);
    if (rc == TLS_GOT_CLEAR) {
        refuse_clear(c);
    } else if (rc < 0) {
        conn_kill(c);
    } else if (rc > 0) {
        counter_add(&c->home->counters.tls_handshakes_total, 1);
        /*
         * OpenSSL reads ahead, and a handshake that goes on because the socket is writable may take
         * the first request along: then no event tells of it.
         */
        c->is_readable = true;
        const unsigned char *alpn;
        unsigned n;
        SSL_get0_alpn_selected(c->ssl, &alpn, &n);
        conn_deadline(c, loop_now_ms(c->home->loop) + c->home->server->options.header_timeout_ms);
        c->phase = CONN_START;
        if (n == 2 && memcmp(alpn, "h2", 2) == 0)
            conn_start_h2(c);
        else if (n)
            start_h1(c);
    }
}

static bool wants_input(const struct conn *c)
{
    if (!c->is_readable)
        return false;
    return c->phase == CONN_START || (c->phase == CONN_OPEN && c->protocol->wants_input(c));
}

static void on_eof(struct conn *c)
{
    c->has_peer_closed = true;
    c->is_readable = false;
    if (c->phase == CONN_OPEN)
        c->protocol->on_eof(c);
    else
        conn_kill(c);
}

void conn_pump(struct conn *c)
{
    size_t budget = TURN_BYTES;
    while (wants_input(c)) {
        char *p = c->home->scratch;
        ssize_t got = conn_read(c, p, c->protocol == &h1_protocol ? H1_READ_BYTES : SCRATCH_BYTES);
        if (got == IO_BLOCKED)
            return;
        if (got == IO_EOF) {
            on_eof(c);
            return;
        }
        if (got < 0) {
            conn_kill(c);
            return;
        }
        struct slice in = slice_make(p, (size_t)got);
        if (c->phase == CONN_START)
            feed_start(c, in);
        else
            c->protocol->feed(c, in);
        if (in.n >= budget) {
            conn_again(c);
            return;
        }
        budget -= in.n;
    }
}

static void go_on(struct conn *c)
{
    if (c->phase == CONN_HANDSHAKE)
        shake_hands(c);
    if (c->phase == CONN_LINGER)
        drop_input(c);
    else if (c->phase != CONN_DEAD)
        conn_pump(c);
}

static void on_event(struct loop_fd *self, uint32_t events)
{
    struct conn *c = (struct conn *)(void *)self; /* its first member */
    if (events & (EPOLLERR | EPOLLHUP)) {
        conn_kill(c);
        return;
    }
    if (events & EPOLLRDHUP)
        c->has_peer_closed = true;
    if (events & (EPOLLIN | EPOLLRDHUP))
        c->is_readable = c->has_socket_input = true;
    if (events & EPOLLOUT) {
        c->is_writable = true;
        if (c->is_blocked)
            conn_dirty(c);
    }
    go_on(c);
    bool is_deaf = c->parked || (c->h2 && c->is_blocked);
    if (c->has_peer_closed && c->phase == CONN_OPEN && is_deaf)
        conn_kill(c); /* nobody waits for these answers any more */
    flush_now(c);
}

static void on_time(struct loop_timer *self)
{
    struct conn *c = (struct conn *)(void *)((char *)self - offsetof(struct conn, timer));
    if (c->deadline_ms > loop_now_ms(c->home->loop)) {
        conn_deadline(c, c->deadline_ms);
        return;
    }
    if (c->phase == CONN_OPEN)
        c->protocol->on_time(c);
    else
        conn_kill(c);
}

static bool set_up(struct conn *c, struct tls_files *tls)
{
    struct arena scrap = ARENA_INIT;
    if (tls && !tls_accept(tls, c))
        return false;
    bool is_watched = !loop_watch(&scrap, c->home->loop, &c->watch, INPUT_EVENTS);
    arena_release(&scrap);
    return is_watched;
}

void conn_new(struct http_loop *home, int fd, struct tls_files *tls,
              const struct sockaddr_in6 *peer)
{
    struct conn *c = xcalloc(1, sizeof(*c));
    c->watch = (struct loop_fd){.fd = fd, .on_event = on_event};
    c->timer.on_time = on_time;
    c->home = home;
    c->is_tls = tls != NULL;
    c->peer = *peer;
    c->phase = tls ? CONN_HANDSHAKE : CONN_START;
    c->is_writable = true;
    if (!set_up(c, tls)) {
        SSL_free(c->ssl);
        close(fd);
        free(c);
        atomic_fetch_sub(&home->server->open_connections, 1);
        return;
    }
    c->next = home->conns;
    if (c->next)
        c->next->prev = c;
    home->conns = c;
    counter_add(&home->counters.connections_total, 1);
    conn_deadline(c, loop_now_ms(home->loop) + home->server->options.header_timeout_ms);
}

void conn_drain(struct conn *c)
{
    if (c->phase == CONN_START || c->phase == CONN_OPEN) {
        c->is_readable = c->has_socket_input = true; /* a request may just be arriving */
        conn_pump(c);
    }
    if (c->phase == CONN_OPEN)
        c->protocol->drain(c);
    else if (c->phase == CONN_START && !c->h1.in.n)
        conn_kill(c);
}

static void on_again(struct loop_timer *self)
{
    struct http_loop *home =
        (struct http_loop *)(void *)((char *)self - offsetof(struct http_loop, again_timer));
    struct conn *c = home->again;
    home->again = NULL;
    for (struct conn *next; c; c = next) {
        next = c->again_next;
        c->is_again = false;
        conn_dirty(c);
        go_on(c);
        flush_now(c);
    }
}

/* Those that will still be looked at in the next round stay. */
static void free_dead(struct http_loop *home)
{
    struct conn *kept = NULL;
    for (struct conn *c = home->dead, *next; c; c = next) {
        next = c->next;
        if (c->is_again) {
            c->next = kept;
            kept = c;
            continue;
        }
        buf_release(&c->h1.in);
        free(c->peer_text);
        free(c);
    }
    home->dead = kept;
}

static void on_round_end(void *arg)
{
    struct http_loop *home = arg;
    for (struct conn *c; (c = home->dirty);) {
        home->dirty = c->dirty_next;
        c->is_dirty = false;
        if (conn_is_open(c))
            c->protocol->flush(c);
    }
    if (home->again)
        loop_timer_set(home->loop, &home->again_timer, loop_now_ms(home->loop));
    free_dead(home);
}

void conn_loop_init(struct http_loop *home)
{
    home->again_timer.on_time = on_again;
    loop_on_round_end(home->loop, on_round_end, home);
}
