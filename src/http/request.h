/* A request from its header to the last byte of its answer, whatever the protocol. */
#ifndef MODGATE_HTTP_REQUEST_H
#define MODGATE_HTTP_REQUEST_H

#include "http/conn.h"

enum request_state {
    REQUEST_READING,  /* header or body */
    REQUEST_HANDLING, /* the handler runs */
    REQUEST_PARKED,
    REQUEST_ANSWERED,
};

enum request_protocol { PROTOCOL_HTTP_1_0, PROTOCOL_HTTP_1_1, PROTOCOL_HTTP_2 };

struct http_request {
    struct conn *conn;
    struct http_request *next;
    struct http_request *prev;
    struct arena arena;
    enum request_state state;
    enum request_protocol protocol;
    struct slice method;
    struct slice path;
    struct slice query;
    struct http_header *headers;
    unsigned header_count;
    unsigned header_cap;
    bool is_head;
    bool is_handled; /* the handler, or on_header, has seen it */
    bool has_sink;   /* its body was taken and is not whole yet */
    bool expects_continue;
    struct http_body_sink sink;
    uint64_t announced_bytes; /* of the body; UINT64_MAX: not known */
    uint64_t body_received;
    uint64_t untaken_bytes; /* with the sink, not dealt with */
    uint64_t body_mark;     /* body_received at body_ms */
    int64_t body_ms;
    char id[17];
    int64_t started_ns;
    void (*on_gone)(void *arg);
    void *gone_arg;
    void *user;
    int status;
    struct http_body body; /* what is still to be sent; kind NONE when released */
    uint64_t body_bytes;   /* of the answer, sent or not */
    uint64_t body_sent;    /* of it */
    uint64_t end_offset;   /* HTTP/1.1: in the stream of answers */
    int32_t stream_id;     /* HTTP/2 from here */
    int refuse_status;     /* answer this instead of calling the handler */
    size_t header_bytes;
    int64_t progress_ms;    /* of a lingering one: when its last byte was sent */
    uint64_t progress_mark; /* body_sent at progress_ms */
    bool is_header_whole;
    bool has_ended;    /* the peer has sent all of it */
    bool is_whole;     /* all of the answer is with the kernel */
    bool is_lingering; /* and the peer is still sending */
};

/* A fresh one, out of the loop's pool. */
struct http_request *request_new(struct conn *c);
/* Calls the handler, or answers refuse_status. The header is complete. */
void request_dispatch(struct http_request *r);
/* Asks on_header what to do with the body that comes; then the state is READING or ANSWERED. */
void request_offer(struct http_request *r);
/* A piece of the body, for the sink, if there is one. False: it is too long. */
bool request_give(struct http_request *r, struct slice piece);
/* No more may be given for now. */
bool request_is_full(const struct http_request *r);
/* When a taken body counts as stalled if nothing comes; INT64_MAX while it waits for the sink. */
int64_t request_stall_ms(struct http_request *r);
/* The end, whole or not: on_gone when the handler still owes an answer, on_done, memory. */
void request_end(struct http_request *r, bool is_whole);
/* Lets go of the body. */
void request_release_body(struct http_request *r);
/* Answers with a short text, for what the server itself refuses. */
void request_refuse(struct http_request *r, int status, const char *text);
/* The reason phrase of a status, a literal. */
const char *http_reason(int status);
/* Decimal digits, in out. */
struct slice format_u64(char out[20], uint64_t v);
/* "Mon, 02 Jan 2006 15:04:05 GMT", made once a second. */
struct slice loop_date(struct http_loop *home);
void request_pool_release(struct http_loop *home);
/* "Content-Length" is said: not with 204 and 304. */
bool answer_has_length(int status);
/* Reads n bytes of a file body at its offset + at into p; false when the file is too short. */
bool body_read(const struct http_body *b, uint64_t at, char *p, size_t n);

#endif
