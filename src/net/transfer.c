/*
 * libcurl calls back with header lines and pieces of the body, on the courier thread. A head is
 * complete when the first piece of body or the end arrives: interim answers (1xx) and a proxy's own
 * head come before and are forgotten. Bodies of 2xx go to the caller's sink; of any other status
 * the beginning is kept as detail and the rest dropped, so an endless error page costs nothing.
 *
 * Stalls and deadlines are not left to libcurl: its stall clock counts in seconds, and it cannot
 * see that nobody waits any more. The courier asks transfer_is_over() ten times a second instead.
 */
#include "net/transfer.h"

#include "net/curl_status.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_BUFFER_BYTES (64L << 10)
#define HEADER_VALUE_MAX_BYTES 1024
/* An error page is read to its end, so that the connection can be used again, up to here. */
#define DRAIN_MAX_BYTES (64u << 10)

static bool is_success(int status)
{
    return status >= 200 && status < 300;
}

static struct slice *header_field(struct http_response *r, struct slice name)
{
    const struct {
        struct slice name;
        struct slice *field;
    } rows[] = {
        {S("content-type"), &r->content_type},
        {S("content-range"), &r->content_range},
        {S("date"), &r->date},
        {S("etag"), &r->etag},
        {S("last-modified"), &r->last_modified},
        {S("retry-after"), &r->retry_after},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (slice_eq_nocase(rows[i].name, name))
            return rows[i].field;
    return NULL;
}

static void take_header(struct transfer *t, struct slice line)
{
    struct slice value = line;
    struct slice name = slice_cut(&value, ':');
    value = slice_head(slice_trim(value), HEADER_VALUE_MAX_BYTES);
    struct slice *field = header_field(t->response, name);
    if (field)
        *field = arena_dup(t->cx->arena, value);
    else if (slice_eq_nocase(name, S("content-encoding")) &&
             !slice_eq_nocase(value, S("identity")) && value.n)
        t->unwanted_coding = arena_dup(t->cx->arena, value);
}

/* A status line begins a new head: what an interim answer said is forgotten. */
static void begin_head(struct transfer *t)
{
    struct http_response *r = t->response;
    *r = (struct http_response){.url = r->url, .is_redirected = r->is_redirected, .length = -1};
    t->unwanted_coding = S("");
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    struct slice line = slice_make(p, size * n);
    t->active_at_ms = now_ms();
    if (slice_starts(line, S("HTTP/")))
        begin_head(t);
    else if (slice_find(line, ':') > 0)
        take_header(t, line);
    return size * n;
}

static struct error *too_large(struct transfer *t)
{
    return error_new(t->cx->arena, STATUS_TOO_LARGE,
                     "%.*s is larger than the %" PRIu64 " bytes that are allowed here",
                     SLICE_ARG(t->response->url), t->rq->max_bytes);
}

static struct error *check_head(struct transfer *t)
{
    struct http_response *r = t->response;
    if (!is_success(r->status))
        return NULL;
    if (t->unwanted_coding.n)
        return error_new(t->cx->arena, STATUS_BAD_ANSWER,
                         "%.*s: the body is packed (Content-Encoding: %.*s) though it was asked "
                         "for as it is",
                         SLICE_ARG(r->url), SLICE_ARG(t->unwanted_coding));
    if (r->length >= 0 && (uint64_t)r->length > t->rq->max_bytes)
        return too_large(t);
    return t->rq->sink.head ? t->rq->sink.head(t->rq->sink.arg, t->cx->arena, r) : NULL;
}

/* Completes the head and shows it to the sink, once. */
static struct error *give_head(struct transfer *t)
{
    long status = 0;
    curl_off_t length = -1;
    if (t->is_head_given)
        return NULL;
    t->is_head_given = true;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    t->response->status = (int)status;
    t->response->length = length;
    return check_head(t);
}

static struct error *take_body(struct transfer *t, struct slice data)
{
    t->body_bytes += data.n;
    if (is_success(t->response->status)) {
        if (t->body_bytes > t->rq->max_bytes)
            return too_large(t);
        return t->rq->sink.body(t->rq->sink.arg, t->cx->arena, data);
    }
    buf_add(&t->detail, slice_head(data, HTTP_DETAIL_BYTES - t->detail.n));
    t->is_satisfied = t->body_bytes > DRAIN_MAX_BYTES;
    return NULL;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    t->active_at_ms = now_ms();
    t->err = give_head(t);
    if (!t->err)
        t->err = take_body(t, slice_make(p, size * n));
    return t->err || t->is_satisfied ? 0 : size * n;
}

/* A connection whose packets nobody acknowledges is given up, with all that runs on it. */
static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    const struct transfer *t = arg;
    unsigned ms = t->options.connect_timeout_ms + t->options.stall_timeout_ms;
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
    return CURL_SOCKOPT_OK;
}

static CURLcode on_tls(CURL *easy, void *ssl_ctx, void *arg)
{
    const struct transfer *t = arg;
    SSL_CTX_set1_cert_store(ssl_ctx, t->options.roots);
    return CURLE_OK;
}

#define SET(t, option, value)                                                                      \
    do {                                                                                           \
        CURLcode set_code_ = curl_easy_setopt((t)->easy, (option), (value));                       \
        if (set_code_)                                                                             \
            BUG("curl_easy_setopt(" #option "): %s", curl_easy_strerror(set_code_));               \
    } while (0)

static void set_protocols(struct transfer *t)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    SET(t, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    SET(t, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    SET(t, CURLOPT_PATH_AS_IS, 1L);
    SET(t, CURLOPT_HTTP09_ALLOWED, 0L);
    SET(t, CURLOPT_NOSIGNAL, 1L);
    SET(t, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(t, CURLOPT_TCP_KEEPALIVE, 1L);
}

/* For the origin and for a proxy that speaks TLS: our certificates, not libcurl's. */
static void set_tls(struct transfer *t)
{
    if (!t->options.roots)
        return;
    SET(t, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(t, CURLOPT_CAINFO, NULL);
    SET(t, CURLOPT_CAPATH, NULL);
    SET(t, CURLOPT_PROXY_CAINFO, NULL);
    SET(t, CURLOPT_PROXY_CAPATH, NULL);
    SET(t, CURLOPT_SSL_CTX_FUNCTION, on_tls);
    SET(t, CURLOPT_SSL_CTX_DATA, t);
    SET(t, CURLOPT_SSL_VERIFYPEER, t->options.is_insecure ? 0L : 1L);
    SET(t, CURLOPT_SSL_VERIFYHOST, t->options.is_insecure ? 0L : 2L);
}

/* Many requests to an https origin wait for its first connection and then share it. */
static void set_version(struct transfer *t)
{
    bool is_https = slice_eq(t->url.scheme, S("https"));
    long version = is_https ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1;
    SET(t, CURLOPT_HTTP_VERSION, version);
    SET(t, CURLOPT_PIPEWAIT, is_https ? 1L : 0L);
}

/* Always told, so that libcurl does not look at the environment by its own rules. */
static void set_proxy(struct transfer *t)
{
    SET(t, CURLOPT_PROXY, t->proxy.url.n ? t->proxy.url.p : "");
    SET(t, CURLOPT_NOPROXY, "");
    SET(t, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (!t->proxy.user.p)
        return;
    SET(t, CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC);
    SET(t, CURLOPT_PROXYUSERNAME, t->proxy.user.p);
    SET(t, CURLOPT_PROXYPASSWORD, t->proxy.password.p ? t->proxy.password.p : "");
}

/* Reads the file that is sent. That blocks on the disk at most: for commands, not for the daemon.
 */
static size_t on_upload(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    const struct http_upload *u = t->rq->upload;
    uint64_t left = u->bytes - t->sent_bytes;
    ssize_t got;
    t->active_at_ms = now_ms();
    do {
        got = pread(u->fd, p, size * n < left ? size * n : (size_t)left, (off_t)t->sent_bytes);
    } while (got < 0 && errno == EINTR);
    if (got < 0 || (got == 0 && left)) {
        t->err = error_errno(t->cx->arena, got < 0 ? errno : EIO, "reading what is sent");
        return CURL_READFUNC_ABORT;
    }
    t->sent_bytes += (size_t)got;
    return (size_t)got;
}

/* libcurl begins again when a connection that was kept turns out to be dead. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
    struct transfer *t = arg;
    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    t->sent_bytes = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static void set_upload(struct transfer *t)
{
    const struct http_upload *u = t->rq->upload;
    if (!u)
        return;
    if (u->fd >= 0) {
        SET(t, CURLOPT_UPLOAD, 1L);
        SET(t, CURLOPT_READFUNCTION, on_upload);
        SET(t, CURLOPT_READDATA, t);
        SET(t, CURLOPT_SEEKFUNCTION, on_seek);
        SET(t, CURLOPT_SEEKDATA, t);
        SET(t, CURLOPT_INFILESIZE_LARGE, (curl_off_t)u->bytes);
    }
    SET(t, CURLOPT_CUSTOMREQUEST, u->method);
}

static void set_callbacks(struct transfer *t)
{
    SET(t, CURLOPT_PRIVATE, t);
    SET(t, CURLOPT_ERRORBUFFER, t->curl_text);
    SET(t, CURLOPT_HEADERFUNCTION, on_header);
    SET(t, CURLOPT_HEADERDATA, t);
    SET(t, CURLOPT_WRITEFUNCTION, on_body);
    SET(t, CURLOPT_WRITEDATA, t);
    SET(t, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER_BYTES);
    SET(t, CURLOPT_SOCKOPTFUNCTION, on_socket);
    SET(t, CURLOPT_SOCKOPTDATA, t);
}

static void add_header(struct transfer *t, const char *name, const char *value)
{
    struct slice line = arena_printf(t->cx->arena, "%s: %s", name, value);
    if (memchr(line.p, '\r', line.n) || memchr(line.p, '\n', line.n))
        BUG("line break in the header %s", name);
    struct curl_slist *list = curl_slist_append(t->headers, line.p);
    if (!list)
        BUG("out of memory");
    t->headers = list;
}

static bool is_plain_id(struct slice id)
{
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_alnum && c != '-' && c != '_' && c != '.')
            return false;
    }
    return id.n > 0 && id.n <= 64;
}

static void set_headers(struct transfer *t, bool with_authorization)
{
    add_header(t, "Accept-Encoding", "identity");
    for (size_t i = 0; i < t->rq->header_count; i++)
        add_header(t, t->rq->headers[i].name, t->rq->headers[i].value);
    if (with_authorization && t->rq->authorization)
        add_header(t, "Authorization", t->rq->authorization);
    if (is_plain_id(slice_of(t->cx->request_id)))
        add_header(t, "X-Request-Id", t->cx->request_id);
    SET(t, CURLOPT_HTTPHEADER, t->headers);
    SET(t, CURLOPT_USERAGENT, "modgate/" MODGATE_VERSION);
}

void transfer_open(struct transfer *t, bool with_authorization)
{
    t->easy = curl_easy_init();
    if (!t->easy || pthread_cond_init(&t->done, NULL))
        BUG("out of memory");
    t->active_at_ms = now_ms();
    t->response->length = -1;
    t->response->url = url_redacted(t->cx->arena, &t->url);
    SET(t, CURLOPT_URL, t->response->url.p);
    SET(t, CURLOPT_CONNECTTIMEOUT_MS, (long)t->options.connect_timeout_ms);
    SET(t, CURLOPT_FRESH_CONNECT, t->rq->needs_fresh_connection ? 1L : 0L);
    set_protocols(t);
    set_version(t);
    set_tls(t);
    set_proxy(t);
    set_callbacks(t);
    set_upload(t);
    set_headers(t, with_authorization);
}

void transfer_close(struct transfer *t)
{
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    pthread_cond_destroy(&t->done);
    buf_release(&t->detail);
}

/* Until the request is out, connecting has its own time and comes on top. */
static int64_t stall_limit_ms(struct transfer *t)
{
    curl_off_t sent_us = 0;
    curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_us);
    return (int64_t)t->options.stall_timeout_ms + (sent_us ? 0 : t->options.connect_timeout_ms);
}

bool transfer_is_over(struct transfer *t, int64_t now)
{
    if (t->err)
        return true;
    t->err = ctx_check(t->cx);
    if (!t->err && now - t->active_at_ms > stall_limit_ms(t))
        t->err = error_new(t->cx->arena, STATUS_TIMEOUT,
                           "no byte came for %.1f s; the upstream or the way to it is stuck",
                           (double)(now - t->active_at_ms) / 1000.0);
    return t->err != NULL;
}

static struct slice via_proxy(struct transfer *t)
{
    if (!t->proxy.url.n)
        return S("");
    return arena_printf(t->cx->arena, " (through the proxy %s)", t->proxy.url.p);
}

static struct error *curl_error(struct transfer *t)
{
    struct arena *a = t->cx->arena;
    const struct curl_status *row = curl_status_of(t->code);
    long connect_code = 0;
    curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &connect_code);
    struct slice origin = url_origin(a, &t->url);
    if (connect_code && connect_code != 200)
        return error_new(a, STATUS_CONNECT,
                         "%.*s: the proxy %.*s answered CONNECT with %ld; check HTTPS_PROXY and "
                         "the proxy's rules",
                         SLICE_ARG(origin), SLICE_ARG(t->proxy.url), connect_code);
    const char *text = t->curl_text[0] ? t->curl_text : curl_easy_strerror(t->code);
    return error_new(a, row->status, "%.*s%.*s: %s (%.*s)%s%s", SLICE_ARG(origin),
                     SLICE_ARG(via_proxy(t)), row->reason, SLICE_ARG(slice_trim(slice_of(text))),
                     row->advice ? "; " : "", row->advice ? row->advice : "");
}

struct error *transfer_result(struct transfer *t)
{
    const char *method = t->rq->upload ? t->rq->upload->method : "GET";
    if (t->err)
        return error_wrap(t->cx->arena, t->err, "%s %.*s", method, SLICE_ARG(t->response->url));
    /* A refusal may come before the body is out; then the server closes. */
    long status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    bool is_refused = t->rq->upload && status >= 400;
    if (t->code != CURLE_OK && !t->is_satisfied && !is_refused)
        return error_wrap(t->cx->arena, curl_error(t), "%s %.*s", method,
                          SLICE_ARG(t->response->url));
    TRY(give_head(t));
    t->response->detail = arena_dup(t->cx->arena, buf_slice(&t->detail));
    return NULL;
}

struct slice transfer_redirect(struct transfer *t)
{
    char *url = NULL;
    int status = t->response->status;
    bool redirects = (status >= 301 && status <= 303) || status == 307 || status == 308;
    if (redirects)
        curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &url);
    return url ? slice_of(arena_cstr(t->cx->arena, slice_of(url))) : S("");
}
