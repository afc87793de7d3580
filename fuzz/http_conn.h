/*
 * A connection of src/http over a socket pair, driven round by round without threads: for the
 * targets that feed its state machines. Handlers answer from memory and from a file, or park.
 */
#ifndef MODGATE_FUZZ_HTTP_CONN_H
#define MODGATE_FUZZ_HTTP_CONN_H

#include "http/conn.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_PARKED = 8, FILE_BYTES = 70000, LAST_ROUNDS = 50 };

static struct http_server *fuzz_server;
static struct http_request *fuzz_parked[MAX_PARKED];
static char fuzz_bytes[40000];
static int fuzz_file;

static void fuzz_on_gone(void *arg)
{
    *(struct http_request **)arg = NULL;
}

static bool fuzz_park(struct http_request *r)
{
    for (int i = 0; i < MAX_PARKED; i++)
        if (!fuzz_parked[i] && http_request_park(r, fuzz_on_gone, &fuzz_parked[i])) {
            fuzz_parked[i] = r;
            return true;
        }
    return false;
}

static void fuzz_answer(struct http_request *r)
{
    struct slice path = http_request_path(r);
    const struct http_header headers[] = {{S("x-peer"), http_request_peer(r)},
                                          {S("x-path"), path},
                                          {S("x-host"), http_request_header(r, S("host"))}};
    struct http_body body = {.kind = HTTP_BODY_BYTES, .bytes = path};
    if (path.n % 4 == 1)
        body.bytes = slice_make(fuzz_bytes, sizeof(fuzz_bytes));
    if (path.n % 4 == 2)
        body = (struct http_body){.kind = HTTP_BODY_FILE, .fd = fuzz_file, .length = FILE_BYTES};
    http_respond(r, path.n % 5 ? 200 : 304, headers, headers[2].value.p ? 3 : 2, body);
}

static void fuzz_handler(void *arg, struct http_request *r)
{
    struct slice path = http_request_path(r);
    if (path.n > 1 && path.p[1] == 'p' && fuzz_park(r))
        return;
    fuzz_answer(r);
}

/* Bodies: of paths with a 't' taken (and in part answered before the end), with an 'r' refused. */
static unsigned fuzz_taking;

struct fuzz_body {
    struct http_request *req;
    size_t bytes, untaken;
};

static void fuzz_on_piece(void *arg, struct slice piece)
{
    struct fuzz_body *b = arg;
    b->bytes += piece.n;
    b->untaken += piece.n;
    if (http_request_path(b->req).n % 3 == 0 && b->bytes > 100) {
        fuzz_taking--;
        fuzz_answer(b->req);
    } else if (b->bytes % 2) {
        http_request_took(b->req, b->untaken);
        b->untaken = 0;
    }
}

static void fuzz_on_whole(void *arg)
{
    struct fuzz_body *b = arg;
    fuzz_taking--;
    fuzz_handler(NULL, b->req);
}

static void fuzz_on_broken(void *arg)
{
    fuzz_taking--;
}

static void fuzz_on_header(void *arg, struct http_request *r)
{
    struct slice path = http_request_path(r);
    if (path.n > 1 && path.p[1] == 'r')
        fuzz_answer(r);
    if (path.n < 2 || path.p[1] != 't')
        return;
    struct fuzz_body *b = ARENA_NEW(http_request_arena(r), struct fuzz_body);
    b->req = r;
    fuzz_taking++;
    http_request_take_body(
        r, &(struct http_body_sink){5000, fuzz_on_piece, fuzz_on_whole, fuzz_on_broken, b});
}

static void fuzz_answer_parked(void)
{
    for (int i = 0; i < MAX_PARKED; i++) {
        struct http_request *r = fuzz_parked[i];
        fuzz_parked[i] = NULL;
        if (r)
            fuzz_answer(r);
    }
}

static void fuzz_start(void)
{
    struct arena a = ARENA_INIT;
    FILE *f = tmpfile();
    if (!f || ftruncate(fileno(f), FILE_BYTES) != 0)
        BUG("no temporary file");
    fuzz_file = fileno(f);
    struct http_options o = {.loops = 1,
                             .handler = fuzz_handler,
                             .on_header = fuzz_on_header,
                             .max_header_bytes = 4096,
                             .max_headers = 16,
                             .max_body_bytes = 1000,
                             .max_parked = 4,
                             .max_streams = 20};
    if (http_server_new(&a, &o, &fuzz_server))
        BUG("no server");
    arena_release(&a);
}

/* One round; what the server has sent is dropped. */
static void fuzz_round(int client)
{
    static char sink[65536];
    loop_run_once(fuzz_server->loops[0].loop, 0);
    while (recv(client, sink, sizeof(sink), MSG_DONTWAIT) > 0)
        continue;
}

static void fuzz_check_nothing_is_left(void)
{
    struct http_stats s = http_server_stats(fuzz_server);
    if (s.connections_open || s.requests_active)
        BUG("%" PRIu64 " connections and %" PRIu64 " requests are left", s.connections_open,
            s.requests_active);
    if (fuzz_taking)
        BUG("%u taken bodies were not let go of", fuzz_taking);
    for (int i = 0; i < MAX_PARKED; i++)
        if (fuzz_parked[i])
            BUG("a parked request was not let go of");
}

/*
 * One connection: first before, then data in pieces. The first byte says how large they are and
 * when parked requests are answered.
 */
static void fuzz_connection(struct slice before, const uint8_t *data, size_t size)
{
    int pair[2];
    if (!fuzz_server)
        fuzz_start();
    if (size < 1 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
        return;
    size_t step = (size_t)1 << (data[0] & 15);
    unsigned answer_every = data[0] >> 4, count = 0;
    struct sockaddr_in6 peer = {.sin6_family = AF_INET6};
    atomic_fetch_add(&fuzz_server->open_connections, 1);
    conn_new(&fuzz_server->loops[0], pair[0], NULL, &peer);
    if (before.n && send(pair[1], before.p, before.n, MSG_NOSIGNAL) < 0)
        BUG("the socket pair takes nothing");
    for (size_t at = 1; at < size; at += step) {
        size_t n = size - at < step ? size - at : step;
        if (send(pair[1], data + at, n, MSG_NOSIGNAL) < 0)
            break;
        fuzz_round(pair[1]);
        if (answer_every && ++count % answer_every == 0)
            fuzz_answer_parked();
    }
    fuzz_round(pair[1]);
    close(pair[1]);
    for (int i = 0; i < LAST_ROUNDS && http_server_stats(fuzz_server).connections_open; i++)
        loop_run_once(fuzz_server->loops[0].loop, 0);
    fuzz_check_nothing_is_left();
}

#endif
