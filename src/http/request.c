/*
 * Requests: what handlers see of them, and their end.
 *
 * Each loop keeps a few requests with one arena block each, so that the usual request allocates
 * nothing. A request ends exactly once, in request_end(); the protocols decide when.
 */
#include "http/request.h"

#include "base/ctx.h"
#include "base/encode.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { MAX_FREE_REQUESTS = 256 };

/* A bijection of 64 bits whose outputs look random: ids repeat only when the counter does. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static void make_id(struct http_loop *home, char out[17])
{
    static const char digits[] = "0123456789abcdef";
    uint64_t id = mix(home->id_state);
    home->id_state += home->server->loop_count;
    for (int i = 15; i >= 0; i--, id >>= 4)
        out[i] = digits[id & 15];
    out[16] = '\0';
}

struct http_request *request_new(struct conn *c)
{
    struct http_loop *home = c->home;
    struct http_request *r = home->free_requests;
    if (r) {
        home->free_requests = r->next;
        home->free_request_count--;
        struct arena kept = r->arena;
        memset(r, 0, sizeof(*r));
        r->arena = kept;
    } else {
        r = xcalloc(1, sizeof(*r));
    }
    r->conn = c;
    make_id(home, r->id);
    counter_add(&home->counters.requests_active, 1);
    return r;
}

static void request_free(struct http_request *r)
{
    struct http_loop *home = r->conn->home;
    counter_add(&home->counters.requests_active, (uint64_t)-1);
    if (home->free_request_count == MAX_FREE_REQUESTS) {
        arena_release(&r->arena);
        free(r);
        return;
    }
    arena_clear(&r->arena);
    r->next = home->free_requests;
    home->free_requests = r;
    home->free_request_count++;
}

void request_pool_release(struct http_loop *home)
{
    for (struct http_request *r = home->free_requests, *next; r; r = next) {
        next = r->next;
        arena_release(&r->arena);
        free(r);
    }
    home->free_requests = NULL;
}

/* The header is complete. */
static void note_started(struct http_request *r)
{
    if (r->started_ns)
        return;
    r->started_ns = now_ns();
    r->is_head = slice_eq(r->method, S("HEAD"));
    counter_add(&r->conn->home->counters.requests_total, 1);
}

void request_dispatch(struct http_request *r)
{
    struct http_server *s = r->conn->home->server;
    note_started(r);
    r->state = REQUEST_HANDLING;
    if (r->refuse_status) {
        request_refuse(r, r->refuse_status, http_reason(r->refuse_status));
        return;
    }
    r->is_handled = true;
    if (r->has_sink) {
        r->has_sink = false;
        r->sink.on_whole(r->sink.arg);
    } else {
        s->options.handler(s->options.arg, r);
    }
    if (r->state == REQUEST_HANDLING) /* requests end later, with the flush */
        BUG("the handler neither answered nor parked %.*s", SLICE_ARG(r->path));
}

/* ---- bodies that are taken ---- */

void request_offer(struct http_request *r)
{
    struct http_server *s = r->conn->home->server;
    if (!s->options.on_header)
        return;
    note_started(r);
    r->state = REQUEST_HANDLING;
    s->options.on_header(s->options.arg, r);
    if (r->state == REQUEST_HANDLING)
        r->state = REQUEST_READING;
    r->is_handled = r->has_sink || r->state == REQUEST_ANSWERED;
}

void http_request_take_body(struct http_request *r, const struct http_body_sink *sink)
{
    if (r->state != REQUEST_HANDLING || r->is_handled)
        BUG("a body is taken outside of on_header");
    r->sink = *sink;
    r->has_sink = true;
    r->body_ms = loop_now_ms(r->conn->home->loop);
    r->conn->protocol->take(r);
}

bool request_give(struct http_request *r, struct slice piece)
{
    uint64_t max = r->has_sink ? r->sink.max_bytes : r->conn->home->server->options.max_body_bytes;
    r->body_received += piece.n;
    if (r->body_received > max)
        return false;
    if (!r->has_sink || !piece.n)
        return true;
    r->untaken_bytes += piece.n;
    r->sink.on_piece(r->sink.arg, piece);
    return true;
}

bool request_is_full(const struct http_request *r)
{
    return r->has_sink && r->untaken_bytes >= HTTP_BODY_WINDOW_BYTES;
}

void http_request_took(struct http_request *r, uint64_t n)
{
    bool was_full = request_is_full(r);
    r->untaken_bytes -= n;
    if (!r->has_sink)
        return;
    if (was_full && !request_is_full(r)) {
        r->body_ms = loop_now_ms(r->conn->home->loop); /* now it is the client's turn again */
        r->body_mark = r->body_received;
    }
    r->conn->protocol->took(r, n);
}

int64_t request_stall_ms(struct http_request *r)
{
    bool has_progress = r->body_received - r->body_mark >= LEAST_PROGRESS_BYTES;
    if (request_is_full(r))
        return INT64_MAX;
    if (has_progress) {
        r->body_mark = r->body_received;
        r->body_ms = loop_now_ms(r->conn->home->loop);
    }
    return r->body_ms + r->conn->home->server->options.body_timeout_ms;
}

/* What it was to take will not become whole. */
static void break_off(struct http_request *r)
{
    if (!r->has_sink)
        return;
    r->has_sink = false;
    r->sink.on_broken(r->sink.arg);
}

uint64_t http_request_body_bytes(const struct http_request *r)
{
    return r->announced_bytes;
}

void request_release_body(struct http_request *r)
{
    struct http_body body = r->body;
    r->body = (struct http_body){.kind = HTTP_BODY_NONE};
    if (body.release)
        body.release(body.owner);
}

void request_end(struct http_request *r, bool is_whole)
{
    struct http_server *s = r->conn->home->server;
    break_off(r);
    if (r->state == REQUEST_PARKED) {
        r->conn->parked--;
        if (r->on_gone)
            r->on_gone(r->gone_arg);
    }
    request_release_body(r);
    if (r->is_handled && s->options.on_done) {
        int64_t ended_ns = now_ns();
        struct http_done done = {.status = r->status,
                                 .body_bytes_sent = r->body_sent,
                                 .duration_ns = ended_ns - r->started_ns,
                                 .ended_ns = ended_ns,
                                 .is_whole = is_whole};
        s->options.on_done(s->options.arg, r, &done);
    }
    request_free(r);
}

void request_refuse(struct http_request *r, int status, const char *text)
{
    static const struct http_header headers[] = {
        {S("content-type"), S("text/plain; charset=utf-8")}, {S("cache-control"), S("no-store")}};
    struct slice line = arena_printf(&r->arena, "%s\n", text);
    break_off(r);
    r->state = REQUEST_HANDLING;
    counter_add(&r->conn->home->counters.bad_requests_total, 1);
    http_respond(r, status, headers, ARRAY_LEN(headers),
                 (struct http_body){.kind = HTTP_BODY_BYTES, .bytes = line});
}

bool http_request_park(struct http_request *r, void (*on_gone)(void *arg), void *arg)
{
    struct conn *c = r->conn;
    if (r->state != REQUEST_HANDLING && r->state != REQUEST_PARKED)
        BUG("a request is parked outside of its handler");
    if (r->state == REQUEST_HANDLING) {
        if (c->parked >= c->home->server->options.max_parked)
            return false;
        c->parked++;
        r->state = REQUEST_PARKED;
    }
    r->on_gone = on_gone;
    r->gone_arg = arg;
    return true;
}

void http_request_again(struct http_request *r)
{
    const struct http_server *s = r->conn->home->server;
    if (r->state != REQUEST_PARKED)
        BUG("a request that is not parked is handled again");
    r->conn->parked--;
    r->on_gone = NULL;
    r->state = REQUEST_HANDLING;
    s->options.handler(s->options.arg, r);
    if (r->state == REQUEST_HANDLING)
        BUG("the handler neither answered nor parked %.*s", SLICE_ARG(r->path));
}

bool answer_has_length(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

static uint64_t body_length(const struct http_body *b)
{
    return b->kind == HTTP_BODY_BYTES ? b->bytes.n : b->kind == HTTP_BODY_FILE ? b->length : 0;
}

void http_respond(struct http_request *r, int status, const struct http_header *headers,
                  size_t header_count, struct http_body body)
{
    if (r->state != REQUEST_HANDLING && r->state != REQUEST_PARKED && !r->has_sink)
        BUG("a request is answered twice");
    r->has_sink = false;
    if (r->state == REQUEST_PARKED)
        r->conn->parked--;
    r->state = REQUEST_ANSWERED;
    r->status = status;
    r->body = body;
    r->body_bytes = body_length(&body);
    if (r->is_head || !answer_has_length(status) || r->body_bytes == 0)
        request_release_body(r);
    r->conn->protocol->respond(r, headers, header_count);
}

bool body_read(const struct http_body *b, uint64_t at, char *p, size_t n)
{
    if (b->kind == HTTP_BODY_BYTES) {
        memcpy(p, b->bytes.p + at, n);
        return true;
    }
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(b->fd, p + done, n - done, (off_t)(b->offset + at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

struct slice format_u64(char out[20], uint64_t v)
{
    size_t at = 20;
    do {
        out[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    return slice_make(out + at, 20 - at);
}

struct slice loop_date(struct http_loop *home)
{
    int64_t round_ms = loop_now_ms(home->loop);
    if (round_ms != home->date_ms) {
        home->date_ms = round_ms;
        int64_t now = now_unix_s();
        if (now != home->date_s)
            time_http(now, home->date);
        home->date_s = now;
    }
    return slice_make(home->date, 29);
}

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {451, "Unavailable For Legal Reasons"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "Status";
}

struct slice http_request_method(const struct http_request *r)
{
    return r->method;
}

struct slice http_request_path(const struct http_request *r)
{
    return r->path;
}

struct slice http_request_query(const struct http_request *r)
{
    return r->query;
}

struct slice http_request_header(const struct http_request *r, struct slice name)
{
    for (unsigned i = 0; i < r->header_count; i++)
        if (slice_eq(r->headers[i].name, name))
            return r->headers[i].value;
    return (struct slice){0};
}

struct slice http_request_protocol(const struct http_request *r)
{
    static const struct slice names[] = {S("HTTP/1.0"), S("HTTP/1.1"), S("HTTP/2.0")};
    return names[r->protocol];
}

bool http_request_is_tls(const struct http_request *r)
{
    return r->conn->is_tls;
}

struct x509_st *http_request_certificate(const struct http_request *r)
{
    return r->conn->ssl ? SSL_get0_peer_certificate(r->conn->ssl) : NULL;
}

static void format_peer(const struct sockaddr_in6 *peer, char *out, size_t n)
{
    char ip[INET6_ADDRSTRLEN] = "";
    unsigned port = ntohs(peer->sin6_port); /* stands at the same place for both families */
    if (peer->sin6_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&peer->sin6_addr)) {
        inet_ntop(AF_INET, peer->sin6_addr.s6_addr + 12, ip, sizeof(ip));
        snprintf(out, n, "%s:%u", ip, port);
    } else if (peer->sin6_family == AF_INET6) {
        inet_ntop(AF_INET6, &peer->sin6_addr, ip, sizeof(ip));
        snprintf(out, n, "[%s]:%u", ip, port);
    } else if (peer->sin6_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)peer)->sin_addr, ip,
                  sizeof(ip));
        snprintf(out, n, "%s:%u", ip, port);
    } else {
        snprintf(out, n, "unknown");
    }
}

struct slice http_request_peer(const struct http_request *r)
{
    struct conn *c = r->conn;
    if (!c->peer_text) {
        char text[INET6_ADDRSTRLEN + 16];
        format_peer(&c->peer, text, sizeof(text));
        c->peer_text = xstrdup(text);
    }
    return slice_of(c->peer_text);
}

struct slice http_request_id(const struct http_request *r)
{
    return slice_make(r->id, 16);
}

struct arena *http_request_arena(struct http_request *r)
{
    return &r->arena;
}

void http_request_set_user(struct http_request *r, void *user)
{
    r->user = user;
}

void *http_request_user(const struct http_request *r)
{
    return r->user;
}

struct loop *http_request_loop(const struct http_request *r)
{
    return r->conn->home->loop;
}

unsigned http_request_loop_index(const struct http_request *r)
{
    return r->conn->home->index;
}
