/*
 * What the files of this folder share: servers, their loops, connections. A connection belongs to
 * one loop; nothing here is touched by another thread unless it says so.
 */
#ifndef MODGATE_HTTP_CONN_H
#define MODGATE_HTTP_CONN_H

#include "http/h1_parse.h"
#include "http/http.h"
#include "http/pool.h"
#include "http/tickets.h"

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    SCRATCH_BYTES = 64 * 1024,      /* of each loop, for what is read */
    OUT_SCRATCH_BYTES = 128 * 1024, /* of each loop, for what is sent */
    DRAIN_IDLE_MS = 1000,           /* for a connection without a request while draining */
    H1_READ_BYTES = 16 * 1024,      /* at once, so that little is left to keep beside a request */
    TURN_BYTES = 2 * 1024 * 1024, /* a connection reads or sends so much, then it is others' turn */
    FILE_CHUNK_BYTES = 2 * 1024 * 1024,
    TLS_RECORD_BYTES = 16 * 1024,
    TLS_READ_BYTES = OUT_SCRATCH_BYTES, /* of a file at once */
    SMALL_BODY_BYTES = 16 * 1024, /* copied behind the header instead of being sent by itself */
    LEAST_PROGRESS_BYTES = 4096,  /* what must be taken in send_timeout_ms */
    LINGER_MS = 2000,
    LINGER_BYTES = 1024 * 1024,
};

struct conn;
struct http_loop;

/* Counters of one loop: written by its thread, read by any. */
struct http_counters {
    atomic_uint_fast64_t connections_total;
    atomic_uint_fast64_t requests_total;
    atomic_uint_fast64_t requests_active;
    atomic_uint_fast64_t refused_total;
    atomic_uint_fast64_t bad_requests_total;
    atomic_uint_fast64_t tls_handshakes_total;
    atomic_uint_fast64_t tls_failures_total;
    atomic_uint_fast64_t abuse_closed_total;
};

/* Adds without a locked instruction: there is one writer. */
static inline void counter_add(atomic_uint_fast64_t *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

/* An address that all loops listen on. */
struct listener {
    char *address; /* as given */
    unsigned port;
    int *fds;              /* one per loop */
    struct tls_files *tls; /* NULL = in clear */
};

/* A listener's socket as one loop sees it. */
struct accepter {
    struct loop_fd watch;
    struct loop_timer pause; /* after running out of descriptors */
    struct http_loop *home;
    struct listener *listener;
};

struct http_loop {
    struct http_server *server;
    struct loop *loop;
    unsigned index;
    pthread_t thread;
    struct accepter *accepters;
    struct loop_task drain_task;
    bool is_draining;
    struct conn *conns; /* all of them, linked */
    struct conn *dirty; /* to be flushed at the end of the round */
    struct conn *again; /* to go on in the next round */
    struct conn *dead;  /* to be freed at the end of the round */
    struct loop_timer again_timer;
    struct http_request *free_requests;
    unsigned free_request_count;
    struct buf free_bufs[16];
    unsigned free_buf_count;
    struct pool pool;  /* of nghttp2 */
    uint64_t id_state; /* of request ids */
    int64_t date_ms;   /* when date was looked at, on the clock of the loop */
    int64_t date_s;
    char date[30];
    struct http_header *fields; /* max_headers of them, for the reader */
    char *scratch;              /* SCRATCH_BYTES, for input */
    char *out_scratch;          /* OUT_SCRATCH_BYTES */
    struct http_counters counters;
};

struct http_server {
    struct http_options options;
    struct listener *listeners;
    size_t listener_count;
    struct http_loop *loops;
    unsigned loop_count;
    bool is_started;
    unsigned started_count;  /* threads */
    unsigned draining_loops; /* under lock */
    atomic_uint_fast64_t open_connections;
    pthread_mutex_t lock;
    pthread_cond_t drained;
    struct tickets tickets; /* of all TLS listeners */
    char *client_ca_file;   /* NULL: clients are not asked for certificates */
};

/* A protocol on a connection: h1_protocol and h2_protocol. */
struct protocol {
    /* Input; it may be kept by copying only. */
    void (*feed)(struct conn *c, struct slice in);
    bool (*wants_input)(const struct conn *c);
    /* The peer will send no more. */
    void (*on_eof)(struct conn *c);
    /* Sends what it can. */
    void (*flush)(struct conn *c);
    void (*respond)(struct http_request *r, const struct http_header *headers, size_t count);
    /* The body is wanted; n bytes of it are dealt with. */
    void (*take)(struct http_request *r);
    void (*took)(struct http_request *r, uint64_t n);
    /* The deadline has passed. */
    void (*on_time)(struct conn *c);
    void (*drain)(struct conn *c);
    /* The connection is gone: lets go of all requests and memory. */
    void (*end)(struct conn *c);
};

extern const struct protocol h1_protocol;
extern const struct protocol h2_protocol;

enum conn_phase {
    CONN_HANDSHAKE,
    CONN_START, /* nothing was read: the protocol is not known */
    CONN_OPEN,
    CONN_LINGER, /* the answer is out; what still comes in is dropped until the peer has closed */
    CONN_DEAD,
};

/* HTTP/1.1 on a connection: one request is handled at a time; small answers are gathered. */
struct h1 {
    struct buf in;  /* input that could not be used yet */
    struct buf out; /* output that is not sent yet, from out_pos on */
    size_t out_pos;
    size_t scanned;             /* of in, without a line end that was not seen */
    struct http_request *body;  /* its body is being read */
    struct http_request *busy;  /* with the handler */
    struct http_request *first; /* answered, but not all sent; the last may have a body to send */
    struct http_request *last;
    uint64_t body_left; /* of a body with a length */
    struct h1_chunked chunked;
    uint64_t queued_total; /* bytes of all answers so far */
    uint64_t sent_total;
    uint64_t send_mark; /* sent_total when the send timeout was last set */
    int64_t started_ms; /* when the request that is being read began; 0 = none is */
    bool is_closing;    /* after what is queued */
    bool is_faulty;     /* an error was answered */
};

struct conn {
    struct loop_fd watch;
    struct loop_timer timer;
    int64_t deadline_ms; /* INT64_MAX = none; the timer may be set earlier */
    struct http_loop *home;
    struct conn *next;
    struct conn *prev;
    struct conn *dirty_next;
    struct conn *again_next;
    SSL *ssl;
    const struct protocol *protocol;
    char *peer_text;
    enum conn_phase phase;
    unsigned parked;
    unsigned linger_left;
    bool is_dirty;
    bool is_again;
    bool is_readable;      /* the next read may give something */
    bool has_socket_input; /* with TLS: the socket may; is_readable is of what is decrypted */
    bool has_more_output;  /* with TLS: more is written at once after this */
    bool is_writable;
    bool watches_output;
    bool has_peer_closed;
    bool is_tls;
    bool is_blocked; /* output waits for the socket */
    struct sockaddr_in6 peer;
    struct h1 h1;
    struct h2 *h2;
};

/* --- conn.c */
/* Takes over the accepted socket, which is non-blocking. tls NULL = in clear. */
void conn_new(struct http_loop *home, int fd, struct tls_files *tls,
              const struct sockaddr_in6 *peer);
/* Closes now. Safe anywhere: the memory stays until the end of the round. */
void conn_kill(struct conn *c);
/* Ends the sending side, then drops what comes in until the peer has closed too. */
void conn_linger(struct conn *c);
/* Its flush() will run, at the end of this round at the latest. */
void conn_dirty(struct conn *c);
/* The socket takes no more for now. Watched from the first time on. */
void conn_await_output(struct conn *c);
/* It goes on reading and sending in the next round. */
void conn_again(struct conn *c);
void conn_deadline(struct conn *c, int64_t at_ms);
/* Reads and feeds while there is input and the protocol wants it. */
void conn_pump(struct conn *c);
/* An HTTP/2 preface was seen, or negotiated. */
void conn_start_h2(struct conn *c);
void conn_drain(struct conn *c);
/* Sets up the round-end work of a loop. */
void conn_loop_init(struct http_loop *home);

static inline bool conn_is_open(const struct conn *c)
{
    return c->phase == CONN_OPEN;
}

/* --- transport.c: > 0 bytes moved, 0 the socket blocks (the flags are set), < 0 broken */
enum { IO_BLOCKED = 0, IO_EOF = -1, IO_BROKEN = -2 };
ssize_t conn_read(struct conn *c, char *p, size_t n);
/* Sends first, then second; has_more = a file follows at once. */
ssize_t conn_write(struct conn *c, struct slice first, struct slice second, bool has_more);
/* Sends from a file; first is what stands before it and is not sent yet. */
ssize_t conn_send_file(struct conn *c, struct slice first, int fd, uint64_t offset, uint64_t n);

/* --- tls.c */
struct tls_files;
/* client_ca NULL: clients are not asked for certificates. */
struct error *tls_files_new(struct arena *a, const char *cert, const char *key,
                            const char *client_ca, struct tickets *tickets,
                            struct tls_files **out) MUST_CHECK;
void tls_files_free(struct tls_files *t);
struct error *tls_files_reload(struct arena *a, struct tls_files *t) MUST_CHECK;
/* Makes c->ssl for a server handshake on the socket, with the newest certificate. False = no
 * memory. */
bool tls_accept(struct tls_files *t, struct conn *c);
/* Goes on with the handshake: 1 done, 0 needs the socket, below 0 failed. */
enum { TLS_FAILED = -1, TLS_GOT_CLEAR = -2 };
int tls_handshake(struct conn *c);

/* --- buffers of a loop that are used again */
struct buf loop_buf_take(struct http_loop *home);
void loop_buf_give(struct http_loop *home, struct buf *b);

#endif
