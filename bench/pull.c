/*
 * A load generator for large files: usage: pull URL SECONDS CONNECTIONS
 *
 * A generator that copies or decrypts what it gets is slower than a server that sends files, and
 * what it tells is its own speed. This one lets the kernel throw the bodies away (MSG_TRUNC), so
 * that the server is the limit. Each connection sends its next request when an answer is whole.
 *
 * In clear, each answer's status and length are checked. Over TLS (1.3) the first answer of each
 * connection is decrypted and checked so; of the later ones only the heads of records are read,
 * which tell how many bytes of text a record holds: they must add up to an answer as long as the
 * first. Prints {"count": answers, "seconds": time}.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_CONNECTIONS = 1024,
    HEAD_BYTES = 4096,
    DROP_BYTES = 1 << 20, /* thrown away at once */
    RECORD_HEAD = 5,
    RECORD_EXTRA = 17, /* of a record of TLS 1.3: the type and the tag */
};

struct conn {
    int fd;
    SSL *ssl;           /* NULL = in clear */
    uint64_t left;      /* of the answer; in clear 0 while its head is read */
    uint64_t whole;     /* over TLS: bytes of each answer with its head */
    unsigned in_record; /* over TLS: bytes of the record that is being thrown away */
    size_t head_bytes;  /* of head: of the answer, or over TLS of the record */
    char head[HEAD_BYTES + 1];
};

static char request[2048];
static uint64_t answers;

static _Noreturn void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("pull: ", stderr);
    vfprintf(stderr, format, args);
    fputs("\n", stderr);
    exit(1);
}

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void ask(struct conn *c)
{
    size_t n = strlen(request);
    ssize_t sent =
        c->ssl ? SSL_write(c->ssl, request, (int)n) : send(c->fd, request, n, MSG_NOSIGNAL);
    if (sent != (ssize_t)n)
        die("a request could not be sent");
}

/* Checks the head of an answer; the bytes of the answer that did not come with it, head excluded.
 */
static uint64_t parse_head(const struct conn *c, size_t *head_end)
{
    const char *end = strstr(c->head, "\r\n\r\n");
    const char *length = strcasestr(c->head, "\r\ncontent-length:");
    if (strncmp(c->head, "HTTP/1.1 200 ", 13) != 0 || !length || length > end)
        die("not an answer 200 with a length:\n%.300s", c->head);
    *head_end = (size_t)(end + 4 - c->head);
    return strtoull(length + 17, NULL, 10) - (c->head_bytes - *head_end);
}

/* Blocks until the first answer is here; learns its length. */
static void first_answer(struct conn *c)
{
    static char scrap[1 << 16];
    uint64_t left = 1;
    while (left) {
        bool is_head = c->whole == 0;
        char *p = is_head ? c->head + c->head_bytes : scrap;
        size_t room = is_head                ? HEAD_BYTES - c->head_bytes
                      : left < sizeof(scrap) ? left
                                             : sizeof(scrap);
        ssize_t got = c->ssl ? SSL_read(c->ssl, p, (int)room) : recv(c->fd, p, room, 0);
        if (got <= 0)
            die("the first answer broke off");
        if (!is_head) {
            left -= (uint64_t)got;
            continue;
        }
        c->head_bytes += (size_t)got;
        c->head[c->head_bytes] = '\0';
        if (strstr(c->head, "\r\n\r\n")) {
            size_t head_end;
            left = parse_head(c, &head_end);
            c->whole = c->head_bytes + left;
        }
    }
    c->head_bytes = 0;
}

static void start(struct conn *c, const struct sockaddr_in *to, SSL_CTX *tls)
{
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)to, sizeof(*to)) != 0)
        die("connecting: %s", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (tls) {
        c->ssl = SSL_new(tls);
        if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1 || SSL_connect(c->ssl) != 1)
            die("the TLS handshake failed");
    }
    ask(c);
    first_answer(c);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

static void end_answer(struct conn *c)
{
    answers++;
    ask(c);
    c->left = c->ssl ? c->whole : 0;
}

/* Moves up to n bytes into p, or throws them away (p NULL). Over 0 unless nothing is there yet. */
static size_t take(struct conn *c, char *p, size_t n)
{
    ssize_t got = recv(c->fd, p, n, p ? 0 : MSG_TRUNC);
    if (got == 0 || (got < 0 && errno != EAGAIN))
        die("the server closed a connection");
    return got < 0 ? 0 : (size_t)got;
}

static bool step_clear(struct conn *c)
{
    size_t got;
    if (c->left) {
        got = take(c, NULL, c->left < DROP_BYTES ? c->left : DROP_BYTES);
        c->left -= got;
    } else {
        got = take(c, c->head + c->head_bytes, HEAD_BYTES - c->head_bytes);
        c->head_bytes += got;
        c->head[c->head_bytes] = '\0';
        if (!strstr(c->head, "\r\n\r\n"))
            return got > 0;
        size_t head_end;
        c->left = parse_head(c, &head_end);
        if (c->head_bytes + c->left != c->whole)
            die("an answer has another length than the first");
        c->head_bytes = 0;
    }
    if (!c->left)
        end_answer(c);
    return got > 0;
}

static bool step_tls(struct conn *c)
{
    if (c->in_record) {
        size_t got = take(c, NULL, c->in_record);
        c->in_record -= (unsigned)got;
        if (!c->in_record && !c->left)
            end_answer(c);
        return got > 0;
    }
    size_t got = take(c, c->head + c->head_bytes, RECORD_HEAD - c->head_bytes);
    c->head_bytes += got;
    if (c->head_bytes < RECORD_HEAD)
        return got > 0;
    c->head_bytes = 0;
    c->in_record = (unsigned)(uint8_t)c->head[3] << 8 | (uint8_t)c->head[4];
    if (c->head[0] != 23 || c->in_record <= RECORD_EXTRA || c->in_record - RECORD_EXTRA > c->left)
        die("a record does not fit the answer");
    c->left -= c->in_record - RECORD_EXTRA;
    return true;
}

static double run(struct conn *conns, int count, double seconds)
{
    static struct epoll_event events[MAX_CONNECTIONS];
    int epoll_fd = epoll_create1(0);
    for (int i = 0; i < count; i++) {
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, conns[i].fd,
                  &(struct epoll_event){.events = EPOLLIN, .data.ptr = &conns[i]});
        ask(&conns[i]);
        conns[i].left = conns[i].ssl ? conns[i].whole : 0;
    }
    double started = now();
    while (now() < started + seconds) {
        int n = epoll_wait(epoll_fd, events, MAX_CONNECTIONS, 100);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            while (c->ssl ? step_tls(c) : step_clear(c))
                ;
        }
    }
    return now() - started;
}

int main(int argc, char **argv)
{
    static struct conn conns[MAX_CONNECTIONS];
    char scheme[6], path[1024];
    unsigned short port;
    if (argc != 4 || sscanf(argv[1], "%5[a-z]://127.0.0.1:%hu%1023s", scheme, &port, path) != 3)
        die("usage: pull http[s]://127.0.0.1:PORT/PATH SECONDS CONNECTIONS");
    int count = (int)strtol(argv[3], NULL, 10);
    if (count < 1 || count > MAX_CONNECTIONS)
        die("1 to %d connections", MAX_CONNECTIONS);
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%hu\r\n\r\n", path,
             port);
    SSL_CTX *tls = strcmp(scheme, "https") == 0 ? SSL_CTX_new(TLS_client_method()) : NULL;
    if (tls)
        SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < count; i++)
        start(&conns[i], &to, tls);
    double seconds = run(conns, count, strtod(argv[2], NULL));
    printf("{\"count\": %llu, \"seconds\": %.6f}\n", (unsigned long long)answers, seconds);
    return 0;
}
