/*
 * The HTTP server: HTTP/1.1 and HTTP/2, in clear or over TLS, on one event loop per thread. It
 * knows nothing about Go. A handler gets each request on its loop and answers at once, or parks the
 * request and answers later, from the same loop.
 *
 * Life of a request: handler(request) is called [loop] once its header is complete and its body, if
 * it has one, was read and dropped; on_header may want the body instead (see there). The handler
 * either calls http_respond() (exactly once, then the request is gone for it), or
 * http_request_park() and later, in a task posted to http_request_loop(), http_respond(). If the
 * client leaves before that, on_gone is called [loop]; after it the request must not be touched. A
 * client that closes its sending side while its request is parked has left.
 *
 * What the server answers by itself, without handler and on_done (but with on_done, when on_header
 * took the request's body): malformed requests (400, 417,
 * 501, 505), sizes (413, 414, 431), requests that do not arrive in time (408). HTTP/2 connections
 * that flood (resets, PING, SETTINGS, empty frames, endless headers) get GOAWAY and are closed.
 */
#ifndef MODGATE_HTTP_HTTP_H
#define MODGATE_HTTP_HTTP_H

#include "base/base.h"

#include "work/loop.h"

struct http_server;
struct http_request;
struct x509_st; /* X509 of OpenSSL */

struct http_header {
    struct slice name; /* lower case */
    struct slice value;
};

enum http_body_kind { HTTP_BODY_NONE, HTTP_BODY_BYTES, HTTP_BODY_FILE };

/*
 * A response body. The bytes, or the descriptor, must stay valid and unchanged until release(owner)
 * is called [loop]; release may be NULL for bytes that live as long as the server. The server reads
 * descriptors with pread or sendfile only, so one may be shared by many answers.
 */
struct http_body {
    enum http_body_kind kind;
    struct slice bytes;
    int fd;
    uint64_t offset;
    uint64_t length; /* of a FILE */
    void (*release)(void *owner);
    void *owner;
};

/* A taken body is not read on while so many bytes of it were given and not yet taken. */
enum { HTTP_BODY_WINDOW_BYTES = 256 * 1024 };

/*
 * Who takes the body of a request, piece by piece [loop]. After on_piece() the bytes count as under
 * way until http_request_took() says that they are dealt with: a slow taker slows the client down,
 * over HTTP/1.1 by not reading the socket, over HTTP/2 by the stream's window, and the other
 * streams go on. At most HTTP_BODY_WINDOW_BYTES and one read of 64 KB are under way at a time.
 */
struct http_body_sink {
    uint64_t max_bytes; /* a longer body is answered 413 */
    /* The piece is valid during the call, in which http_respond() may be called. */
    void (*on_piece)(void *arg, struct slice piece);
    /* The body is whole, in place of the handler: answers or parks. */
    void (*on_whole)(void *arg);
    /* The body will not become whole (the client has left, sent nonsense, too much or nothing for
     * too long): the request must not be touched any more. */
    void (*on_broken)(void *arg);
    void *arg;
};

/* What is known when a request has ended, for logs and metrics. Slices live during the call. */
struct http_done {
    int status; /* 0 when no answer was begun: the client left first */
    uint64_t body_bytes_sent;
    int64_t duration_ns; /* from the complete header to the last byte handed to the kernel */
    int64_t ended_ns;    /* on the clock of now_ns() */
    bool is_whole;       /* all of the answer was sent */
};

struct http_options {
    unsigned loops;             /* threads; 0 = number of usable cores */
    size_t max_header_bytes;    /* of one request, start line included; above: 431 */
    unsigned max_headers;       /* fields of one request; above: 431 */
    uint64_t max_body_bytes;    /* of one request; above: 413. Of bodies that are dropped */
    unsigned max_connections;   /* over all loops; above: the connection is closed at once */
    unsigned max_streams;       /* open HTTP/2 streams of one connection */
    unsigned max_parked;        /* parked requests of one connection; above: 503 */
    unsigned header_timeout_ms; /* for the whole header, and for a TLS handshake */
    unsigned idle_timeout_ms;   /* a kept-alive connection without a request */
    unsigned send_timeout_ms;   /* a response of which nothing could be sent */
    unsigned body_timeout_ms;   /* a taken body of which too little has come: 408 */
    /*
     * Before the body of a request that has one is read. It may refuse, by http_respond(): then the
     * body is not read (HTTP/1.1: the connection is closed after the answer; HTTP/2: the stream is
     * reset with NO_ERROR); or http_request_take_body(); or do nothing. NULL = nothing. [loop]
     */
    void (*on_header)(void *arg, struct http_request *req);
    /* PEM file: listeners with TLS ask clients for a certificate that is signed by one of these;
     * who has none is let in too, who has another one is not. NULL: none is asked for. */
    const char *client_ca_file;
    void (*handler)(void *arg, struct http_request *req);                               /* [loop] */
    void (*on_done)(void *arg, struct http_request *req, const struct http_done *done); /* [loop] */
    void *arg;
};

struct http_stats {
    uint64_t connections_total;
    uint64_t connections_open;
    uint64_t requests_total;
    uint64_t requests_active;
    uint64_t refused_total;      /* over max_connections */
    uint64_t bad_requests_total; /* answered 400, 413, 431, 505 … by the server itself */
    uint64_t tls_handshakes_total;
    uint64_t tls_failures_total;
    uint64_t abuse_closed_total; /* HTTP/2 connections closed for floods */
};

/* A server with its loops, not yet listening. Zero options take the defaults of http.c. [any] */
struct error *http_server_new(struct arena *a, const struct http_options *o,
                              struct http_server **out) MUST_CHECK;
/*
 * Binds "HOST:PORT", "[v6]:PORT" or ":PORT" on every loop (SO_REUSEPORT); may be called several
 * times before the start. With a certificate and a key file the listener speaks TLS 1.2 and 1.3
 * with ALPN (h2, http/1.1); without, HTTP/1.1 and HTTP/2 with prior knowledge. [any]
 */
struct error *http_server_listen(struct arena *a, struct http_server *s, const char *address,
                                 const char *cert_file, const char *key_file) MUST_CHECK;
/*
 * Whether the files can serve a listener: readable, PEM, and the first two of one pair; the third
 * may be NULL. BAD_CONFIG. [any]
 */
struct error *http_check_tls_files(struct arena *a, const char *cert_file, const char *key_file,
                                   const char *client_ca_file) MUST_CHECK;
/* The port of the i-th listener (of use after ":0"). [any] */
unsigned http_server_port(const struct http_server *s, size_t i);
/* Starts the threads. [any] */
struct error *http_server_start(struct arena *a, struct http_server *s) MUST_CHECK;
/* Loads the certificate and key files again; on error the old ones stay in use. [any] */
struct error *http_server_reload_tls(struct arena *a, struct http_server *s) MUST_CHECK;
/*
 * Graceful end: stops accepting, lets running requests finish (HTTP/1.1 answers get
 * "connection: close", HTTP/2 connections GOAWAY), closes idle connections at once, and the rest
 * after timeout_ms. Returns when all connections are closed. [any but a loop]
 */
void http_server_drain(struct http_server *s, int64_t timeout_ms);
/* Closes everything, joins the threads, frees. [any but a loop] */
void http_server_free(struct http_server *s);
/* [any] */
struct http_stats http_server_stats(const struct http_server *s);
unsigned http_server_loops(const struct http_server *s);
struct loop *http_server_loop(const struct http_server *s, unsigned i);

/* [loop] All below. Slices live until the request is answered (also while it is parked). */
struct slice http_request_method(const struct http_request *r);
/* The path as sent, percent-encoding and all, without the query. Starts with '/'. */
struct slice http_request_path(const struct http_request *r);
/* What follows '?', or the empty slice. */
struct slice http_request_query(const struct http_request *r);
/* A field's value by its lower-case name; the empty slice with p == NULL when absent. */
struct slice http_request_header(const struct http_request *r, struct slice name);
/* "HTTP/1.1", "HTTP/2.0" or "HTTP/1.0". */
struct slice http_request_protocol(const struct http_request *r);
/* The announced length of the body: 0 when there is none, UINT64_MAX when it is not known. */
uint64_t http_request_body_bytes(const struct http_request *r);
bool http_request_is_tls(const struct http_request *r);
/* The client's certificate, verified against client_ca_file; NULL when it showed none. */
struct x509_st *http_request_certificate(const struct http_request *r);
/* "192.0.2.1:4711" or "[2001:db8::1]:4711". */
struct slice http_request_peer(const struct http_request *r);
/* Sixteen lower-case hexadecimal digits, unique per request; also sent as x-request-id. */
struct slice http_request_id(const struct http_request *r);
/* Released when the request has ended, after on_done. */
struct arena *http_request_arena(struct http_request *r);
/* A place for the handler's own pointer, NULL at first; readable in on_done. */
void http_request_set_user(struct http_request *r, void *user);
void *http_request_user(const struct http_request *r);
struct loop *http_request_loop(const struct http_request *r);
/* The number of the loop, below http_server_loops(). */
unsigned http_request_loop_index(const struct http_request *r);

/*
 * In on_header: the body goes to the sink (which is copied), and in the end so does the request.
 * Who waits for "100 Continue" is told now.
 */
void http_request_take_body(struct http_request *r, const struct http_body_sink *sink);
/*
 * n bytes of what on_piece() was given are dealt with. Until the request was answered or has left;
 * after on_whole() it is not needed.
 */
void http_request_took(struct http_request *r, uint64_t n);
/*
 * Parks the request until http_respond(). False when the connection has max_parked already: then
 * the request was not parked and must be answered (503). May be called again while it is parked:
 * then only what is told when its client leaves changes.
 */
bool http_request_park(struct http_request *r, void (*on_gone)(void *arg), void *arg) MUST_CHECK;
/*
 * Gives a parked request to the handler anew, as if it had just come; then it is parked no more,
 * and on_gone will not be called.
 */
void http_request_again(struct http_request *r);
/*
 * Answers; before the body was whole it ends the taking of it. Content-Length, Date and
 * x-request-id are added; for HEAD and 304 the body is released unsent, its length still said for
 * HEAD. Header names are literals in lower case; values are copied.
 */
void http_respond(struct http_request *r, int status, const struct http_header *headers,
                  size_t header_count, struct http_body body);

#endif
