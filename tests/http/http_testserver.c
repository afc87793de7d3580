/*
 * A server for tests and measurements of src/http: http_testserver [OPTION=VALUE …].
 *   listen=ADDR  tls=ADDR cert=F key=F  root=DIR (files below /file/)  loops=N
 *   and the options of struct http_options by name. Prints "port N" for each listener.
 * Routes: /small, /file/NAME, /bytes/N, /slow/MS (parked), /park (parked until the client leaves),
 * /stats. Bodies are taken by /take/N (at most N bytes; the answer is their number and SHA-256),
 * /lazy/MS (the same, and dealt with only every MS milliseconds) and /midway/N (answered 507 after
 * N bytes), and refused by /refuse. SIGHUP reloads TLS, SIGTERM drains.
 */
#include "base/ctx.h"
#include "base/encode.h"
#include "http/http.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    struct http_options options;
    const char *listen;
    const char *tls;
    const char *cert;
    const char *key;
    const char *root;
    uint64_t drain_ms;
} set = {.root = ".", .drain_ms = 5000};

static struct http_server *server;

static _Thread_local struct {
    uint64_t parked;
    uint64_t gone;
    uint64_t done;
    uint64_t broken;
    uint64_t taking;
    uint64_t broken_off;
    uint64_t most_untaken;
} counts;

static char big_bytes[4 << 20];

struct slow {
    struct loop_timer timer;
    struct http_request *req;
};

static void respond_text(struct http_request *r, int status, struct slice text)
{
    const struct http_header headers[] = {{S("content-type"), S("text/plain; charset=utf-8")}};
    http_respond(r, status, headers, 1, (struct http_body){.kind = HTTP_BODY_BYTES, .bytes = text});
}

static void respond_small(struct http_request *r)
{
    static const char json[] =
        "{\"Version\":\"v1.2.3\",\"Time\":\"2026-01-02T03:04:05Z\",\"Origin\":{\"VCS\":\"git\","
        "\"URL\":\"https://git.example.com/some/module\",\"Hash\":"
        "\"0123456789abcdef0123456789abcdef01234567\",\"Ref\":\"refs/tags/v1.2.3\"}}\n";
    const struct http_header headers[] = {
        {S("content-type"), S("application/json")},
        {S("cache-control"), S("public, max-age=86400, immutable")},
        {S("etag"), S("\"0123456789abcdef0123456789abcdef\"")},
        {S("last-modified"), S("Fri, 02 Jan 2026 03:04:05 GMT")},
    };
    bool is_same = slice_eq(http_request_header(r, S("if-none-match")), headers[2].value);
    http_respond(
        r, is_same ? 304 : 200, headers, ARRAY_LEN(headers),
        (struct http_body){.kind = HTTP_BODY_BYTES, .bytes = slice_make(json, sizeof(json) - 1)});
}

static void close_fd(void *owner)
{
    close((int)(intptr_t)owner);
}

/* A small cache of open descriptors, as nginx's open_file_cache, for fair measurements. */
static int open_cached(const char *path, off_t *size)
{
    static _Thread_local struct {
        char path[256];
        int fd;
        off_t size;
    } cache[8];
    static _Thread_local unsigned used;
    for (unsigned i = 0; i < used; i++)
        if (strcmp(cache[i].path, path) == 0) {
            *size = cache[i].size;
            return dup(cache[i].fd);
        }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    *size = st.st_size;
    if (used < ARRAY_LEN(cache)) {
        snprintf(cache[used].path, sizeof(cache[used].path), "%s", path);
        cache[used].size = st.st_size;
        cache[used++].fd = dup(fd);
    }
    return fd;
}

static void respond_file(struct http_request *r, struct slice name)
{
    const struct http_header headers[] = {{S("content-type"), S("application/zip")}};
    off_t size = 0;
    int fd = -1;
    if (slice_find_slice(name, S("..")) < 0)
        fd = open_cached(
            arena_printf(http_request_arena(r), "%s/%.*s", set.root, SLICE_ARG(name)).p, &size);
    if (fd < 0) {
        respond_text(r, 404, S("no such file\n"));
        return;
    }
    http_respond(r, 200, headers, 1,
                 (struct http_body){.kind = HTTP_BODY_FILE,
                                    .fd = fd,
                                    .length = (uint64_t)size,
                                    .release = close_fd,
                                    .owner = (void *)(intptr_t)fd});
}

static void on_slow_over(struct loop_timer *self)
{
    struct slow *s = (struct slow *)(void *)self;
    counts.parked--;
    respond_text(s->req, 200, S("at last\n"));
}

static void on_gone(void *arg)
{
    struct slow *s = arg;
    loop_timer_clear(http_request_loop(s->req), &s->timer);
    counts.parked--;
    counts.gone++;
}

static void park(struct http_request *r, uint64_t ms)
{
    struct slow *s = ARENA_NEW(http_request_arena(r), struct slow);
    s->req = r;
    s->timer.on_time = on_slow_over;
    if (!http_request_park(r, on_gone, s)) {
        respond_text(r, 503, S("too many parked\n"));
        return;
    }
    counts.parked++;
    if (ms)
        loop_timer_set(http_request_loop(r), &s->timer, now_ms() + (int64_t)ms);
}

static void respond_stats(struct http_request *r)
{
    struct http_stats s = http_server_stats(server);
    struct slice text = arena_printf(
        http_request_arena(r),
        "{\"connections_total\":%" PRIu64 ",\"connections_open\":%" PRIu64
        ",\"requests_total\":%" PRIu64 ",\"requests_active\":%" PRIu64 ",\"refused_total\":%" PRIu64
        ",\"bad_requests_total\":%" PRIu64 ",\"tls_handshakes_total\":%" PRIu64
        ",\"tls_failures_total\":%" PRIu64 ",\"abuse_closed_total\":%" PRIu64 ",\"parked\":%" PRIu64
        ",\"gone\":%" PRIu64 ",\"done\":%" PRIu64 ",\"broken\":%" PRIu64 ",\"taking\":%" PRIu64
        ",\"broken_off\":%" PRIu64 ",\"most_untaken\":%" PRIu64 "}\n",
        s.connections_total, s.connections_open, s.requests_total, s.requests_active,
        s.refused_total, s.bad_requests_total, s.tls_handshakes_total, s.tls_failures_total,
        s.abuse_closed_total, counts.parked, counts.gone, counts.done, counts.broken, counts.taking,
        counts.broken_off, counts.most_untaken);
    respond_text(r, 200, text);
}

/* Method, path, query and a few fields, as the handler sees them. */
static void respond_echo(struct http_request *r)
{
    struct slice host = http_request_header(r, S("host"));
    struct slice x = http_request_header(r, S("x-test"));
    respond_text(r, 200,
                 arena_printf(http_request_arena(r), "%.*s|%.*s|%.*s|%.*s|%.*s|%.*s|%.*s\n",
                              SLICE_ARG(http_request_method(r)), SLICE_ARG(http_request_path(r)),
                              SLICE_ARG(http_request_query(r)), SLICE_ARG(http_request_protocol(r)),
                              SLICE_ARG(host), (int)x.n, x.p ? x.p : "",
                              SLICE_ARG(http_request_peer(r))));
}

static void respond_bytes(struct http_request *r, uint64_t n)
{
    n = n > sizeof(big_bytes) ? sizeof(big_bytes) : n;
    respond_text(r, 200, slice_make(big_bytes, (size_t)n));
}

static void on_request(void *arg, struct http_request *r)
{
    struct slice path = http_request_path(r);
    uint64_t n = 0;
    if (slice_eq(path, S("/small")))
        respond_small(r);
    else if (slice_starts(path, S("/file/")))
        respond_file(r, slice_skip(path, 6));
    else if (slice_starts(path, S("/bytes/")) && slice_parse_u64(slice_skip(path, 7), &n))
        respond_bytes(r, n);
    else if (slice_starts(path, S("/slow/")) && slice_parse_u64(slice_skip(path, 6), &n))
        park(r, n);
    else if (slice_eq(path, S("/park")))
        park(r, 0);
    else if (slice_eq(path, S("/stats")))
        respond_stats(r);
    else if (slice_starts(path, S("/echo")))
        respond_echo(r);
    else if (slice_eq(path, S("/none")))
        http_respond(r, 204, NULL, 0, (struct http_body){.kind = HTTP_BODY_NONE});
    else if (slice_eq(path, S("/")))
        respond_text(r, 200, S("hello\n"));
    else
        respond_text(r, 404, S("no such route\n"));
}

/* ---- bodies ---- */

struct upload {
    struct loop_timer timer;
    struct http_request *req;
    struct sha256_stream *sha;
    uint64_t bytes, untaken, answer_at;
    int64_t every_ms;
};

static void end_upload(struct upload *u)
{
    counts.taking--;
    loop_timer_clear(http_request_loop(u->req), &u->timer);
    sha256_free(u->sha);
}

static void on_take_time(struct loop_timer *self)
{
    struct upload *u = (struct upload *)(void *)self;
    uint64_t n = u->untaken;
    u->untaken = 0;
    http_request_took(u->req, n);
}

static void on_piece(void *arg, struct slice piece)
{
    struct upload *u = arg;
    sha256_add(u->sha, piece.p, piece.n);
    u->bytes += piece.n;
    u->untaken += piece.n;
    if (u->untaken > counts.most_untaken)
        counts.most_untaken = u->untaken;
    if (u->answer_at && u->bytes >= u->answer_at) {
        end_upload(u);
        respond_text(u->req, 507, S("no more room\n"));
    } else if (!u->every_ms) {
        u->untaken = 0;
        http_request_took(u->req, piece.n);
    } else if (!u->timer.heap_index_plus_1) {
        loop_timer_set(http_request_loop(u->req), &u->timer, now_ms() + u->every_ms);
    }
}

static void on_whole(void *arg)
{
    struct upload *u = arg;
    uint8_t sum[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    sha256_sum(u->sha, sum);
    hex_encode(sum, sizeof(sum), hex);
    struct slice text = arena_printf(http_request_arena(u->req), "%" PRIu64 " %s\n", u->bytes, hex);
    end_upload(u);
    respond_text(u->req, 200, text);
}

static void on_broken(void *arg)
{
    end_upload(arg);
    counts.broken_off++;
}

static void take(struct http_request *r, uint64_t max, uint64_t every_ms, uint64_t answer_at)
{
    struct upload *u = ARENA_NEW(http_request_arena(r), struct upload);
    u->req = r;
    u->timer.on_time = on_take_time;
    u->sha = sha256_new();
    sha256_reset(u->sha);
    u->every_ms = (int64_t)every_ms;
    u->answer_at = answer_at;
    counts.taking++;
    http_request_take_body(r, &(struct http_body_sink){max, on_piece, on_whole, on_broken, u});
}

static void on_header(void *arg, struct http_request *r)
{
    struct slice path = http_request_path(r);
    uint64_t n = 0;
    if (slice_eq(path, S("/refuse")))
        respond_text(r, 403, S("not you\n"));
    else if (slice_starts(path, S("/take/")) && slice_parse_u64(slice_skip(path, 6), &n))
        take(r, n, 0, 0);
    else if (slice_starts(path, S("/lazy/")) && slice_parse_u64(slice_skip(path, 6), &n))
        take(r, UINT64_MAX, n, 0);
    else if (slice_starts(path, S("/midway/")) && slice_parse_u64(slice_skip(path, 8), &n))
        take(r, UINT64_MAX, 0, n);
}

static void on_done(void *arg, struct http_request *r, const struct http_done *done)
{
    counts.done++;
    if (!done->is_whole)
        counts.broken++;
}

static bool parse_option(const char *text)
{
    struct http_options *o = &set.options;
    struct slice value = slice_of(text);
    struct slice name = slice_cut(&value, '=');
    uint64_t n = 0;
    const struct {
        struct slice name;
        const char **to;
    } strings[] = {{S("listen"), &set.listen},
                   {S("tls"), &set.tls},
                   {S("cert"), &set.cert},
                   {S("key"), &set.key},
                   {S("root"), &set.root}};
    for (size_t i = 0; i < ARRAY_LEN(strings); i++)
        if (slice_eq(name, strings[i].name)) {
            *strings[i].to = value.p;
            return true;
        }
    const struct {
        struct slice name;
        unsigned *to;
    } numbers[] = {{S("loops"), &o->loops},
                   {S("max_headers"), &o->max_headers},
                   {S("max_connections"), &o->max_connections},
                   {S("max_streams"), &o->max_streams},
                   {S("max_parked"), &o->max_parked},
                   {S("header_timeout_ms"), &o->header_timeout_ms},
                   {S("idle_timeout_ms"), &o->idle_timeout_ms},
                   {S("send_timeout_ms"), &o->send_timeout_ms},
                   {S("body_timeout_ms"), &o->body_timeout_ms}};
    if (!value.p || !slice_parse_u64(value, &n))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (slice_eq(name, numbers[i].name)) {
            *numbers[i].to = (unsigned)n;
            return true;
        }
    if (slice_eq(name, S("max_header_bytes")))
        o->max_header_bytes = n;
    else if (slice_eq(name, S("max_body_bytes")))
        o->max_body_bytes = n;
    else if (slice_eq(name, S("drain_ms")))
        set.drain_ms = n;
    else
        return false;
    return true;
}

static struct error *start(struct arena *a)
{
    set.options.handler = on_request;
    set.options.on_header = on_header;
    set.options.on_done = on_done;
    TRY(http_server_new(a, &set.options, &server));
    size_t listeners = 0;
    if (set.listen) {
        TRY(http_server_listen(a, server, set.listen, NULL, NULL));
        listeners++;
    }
    if (set.tls) {
        TRY(http_server_listen(a, server, set.tls, set.cert, set.key));
        listeners++;
    }
    TRY(http_server_start(a, server));
    for (size_t i = 0; i < listeners; i++)
        printf("port %u\n", http_server_port(server, i));
    fflush(stdout);
    return NULL;
}

static void report(struct arena *a, struct error *err)
{
    if (err)
        fprintf(stderr, "%s\n", error_chain(a, err).p);
    else
        printf("reloaded\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct arena a = ARENA_INIT;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    memset(big_bytes, 'x', sizeof(big_bytes));
    for (int i = 1; i < argc; i++)
        if (!parse_option(argv[i])) {
            fprintf(stderr, "bad option '%s'\n", argv[i]);
            return 2;
        }
    struct error *err = start(&a);
    if (err) {
        report(&a, err);
        http_server_free(server);
        arena_release(&a);
        return 1;
    }
    int sig;
    while (sigwait(&signals, &sig) == 0 && sig == SIGHUP)
        report(&a, http_server_reload_tls(&a, server));
    http_server_drain(server, (int64_t)set.drain_ms);
    http_server_free(server);
    arena_release(&a);
    printf("drained\n");
    return 0;
}
