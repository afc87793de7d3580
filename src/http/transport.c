/*
 * Bytes in and out of a connection's socket, in clear or through TLS.
 *
 * Sockets are watched edge-triggered: for input, and for output once they have blocked. A
 * connection remembers what the socket can do: is_readable and is_writable are set by events and
 * cleared here, when the socket says that it would block (or, for input, gives less than was asked
 * for).
 *
 * Files go out by sendfile in clear and where the kernel does TLS; else they are read from the page
 * cache, several records at a time, and encrypted here.
 */
#include "http/request.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

static ssize_t plain_read(struct conn *c, char *p, size_t n)
{
    for (;;) {
        ssize_t got = recv(c->watch.fd, p, n, 0);
        if (got > 0) {
            if ((size_t)got < n && !c->has_peer_closed)
                c->is_readable = false;
            return got;
        }
        if (got == 0)
            return IO_EOF;
        if (errno == EINTR)
            continue;
        c->is_readable = false;
        return errno == EAGAIN ? IO_BLOCKED : IO_BROKEN;
    }
}

/* What a TLS call that did not succeed means. */
static ssize_t tls_outcome(struct conn *c, int rc)
{
    switch (SSL_get_error(c->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        c->is_readable = false;
        return IO_BLOCKED;
    case SSL_ERROR_WANT_WRITE:
        conn_await_output(c);
        return IO_BLOCKED;
    case SSL_ERROR_ZERO_RETURN:
        return IO_EOF;
    default:
        ERR_clear_error();
        return IO_BROKEN;
    }
}

ssize_t conn_read(struct conn *c, char *p, size_t n)
{
    if (!c->ssl)
        return plain_read(c, p, n);
    int got = SSL_read(c->ssl, p, (int)n);
    return got > 0 ? got : tls_outcome(c, got);
}

static ssize_t plain_outcome(struct conn *c)
{
    if (errno != EAGAIN)
        return IO_BROKEN;
    conn_await_output(c);
    return IO_BLOCKED;
}

static ssize_t plain_write(struct conn *c, struct slice first, struct slice second, bool has_more)
{
    struct iovec parts[2] = {{(void *)(uintptr_t)first.p, first.n},
                             {(void *)(uintptr_t)second.p, second.n}};
    struct msghdr msg = {.msg_iov = parts, .msg_iovlen = second.n ? 2 : 1};
    int flags = MSG_NOSIGNAL | (has_more ? MSG_MORE : 0);
    ssize_t sent;
    do {
        sent = second.n ? sendmsg(c->watch.fd, &msg, flags)
                        : send(c->watch.fd, first.p, first.n, flags);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return plain_outcome(c);
    if ((size_t)sent < first.n + second.n)
        conn_await_output(c);
    return sent;
}

static ssize_t tls_write(struct conn *c, const char *p, size_t n, bool has_more)
{
    c->has_more_output = has_more;
    int sent = SSL_write(c->ssl, p, (int)n);
    return sent > 0 ? sent : tls_outcome(c, sent);
}

/* One record out of both parts. */
static ssize_t tls_write_two(struct conn *c, struct slice first, struct slice second, bool has_more)
{
    if (first.n >= TLS_RECORD_BYTES || second.n == 0) {
        struct slice part = slice_head(first, TLS_RECORD_BYTES);
        return tls_write(c, part.p, part.n, has_more || part.n < first.n || second.n);
    }
    char *record = c->home->out_scratch;
    struct slice part = slice_head(second, TLS_RECORD_BYTES - first.n);
    memcpy(record, first.p, first.n);
    memcpy(record + first.n, part.p, part.n);
    return tls_write(c, record, first.n + part.n, has_more || part.n < second.n);
}

ssize_t conn_write(struct conn *c, struct slice first, struct slice second, bool has_more)
{
    if (c->ssl)
        return tls_write_two(c, first, second, has_more);
    return plain_write(c, first, second, has_more);
}

static ssize_t plain_send_file(struct conn *c, int fd, uint64_t offset, uint64_t n)
{
    off_t at = (off_t)offset;
    size_t part = n < FILE_CHUNK_BYTES ? (size_t)n : FILE_CHUNK_BYTES;
    ssize_t sent;
    do {
        sent = sendfile(c->watch.fd, fd, &at, part);
    } while (sent < 0 && errno == EINTR);
    if (sent == 0)
        return IO_BROKEN; /* the file is shorter than was promised */
    if (sent < 0)
        return plain_outcome(c);
    if ((size_t)sent < part) /* the next try would only say so */
        conn_await_output(c);
    return sent;
}

static ssize_t ktls_send_file(struct conn *c, int fd, uint64_t offset, uint64_t n)
{
    ossl_ssize_t sent =
        SSL_sendfile(c->ssl, fd, (off_t)offset, n < FILE_CHUNK_BYTES ? n : FILE_CHUNK_BYTES, 0);
    if (sent == 0)
        return IO_BROKEN;
    return sent > 0 ? sent : tls_outcome(c, (int)sent);
}

/* Record by record, until all is sent or the socket takes no more; as conn_write(). */
static ssize_t tls_write_records(struct conn *c, struct slice all, bool has_more)
{
    size_t done = 0;
    while (done < all.n) {
        struct slice part = slice_head(slice_skip(all, done), TLS_RECORD_BYTES);
        ssize_t sent = tls_write(c, part.p, part.n, has_more || done + part.n < all.n);
        if (sent == IO_BLOCKED && done)
            break;
        if (sent <= 0)
            return sent;
        done += (size_t)sent;
    }
    return (ssize_t)done;
}

/* Some records of what stands before the file and as much of the file as fits: one read serves
 * them all. */
static ssize_t tls_send_file(struct conn *c, struct slice first, int fd, uint64_t offset,
                             uint64_t n)
{
    size_t room = first.n < TLS_RECORD_BYTES ? TLS_READ_BYTES - first.n : 0;
    if (!room)
        return tls_write_two(c, first, slice_make("", 0), true);
    char *records = c->home->out_scratch;
    struct http_body body = {.kind = HTTP_BODY_FILE, .fd = fd, .offset = offset, .length = n};
    room = n < room ? (size_t)n : room;
    memcpy(records, first.p, first.n);
    if (!body_read(&body, 0, records + first.n, room))
        return IO_BROKEN;
    return tls_write_records(c, slice_make(records, first.n + room), room < n);
}

ssize_t conn_send_file(struct conn *c, struct slice first, int fd, uint64_t offset, uint64_t n)
{
    if (c->ssl && !BIO_get_ktls_send(SSL_get_wbio(c->ssl)))
        return tls_send_file(c, first, fd, offset, n);
    if (first.n)
        return conn_write(c, first, slice_make("", 0), true);
    return c->ssl ? ktls_send_file(c, fd, offset, n) : plain_send_file(c, fd, offset, n);
}
