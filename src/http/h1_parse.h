/*
 * The HTTP/1.1 reader: bytes in, verdict out. Pure: no socket, clock or memory of its own, so that
 * it fuzzes. It takes less than RFC 9112 allows: what a client of ours never sends and what two
 * readers could understand in two ways is refused. [any]
 */
#ifndef MODGATE_HTTP_H1_PARSE_H
#define MODGATE_HTTP_H1_PARSE_H

#include "http/http.h"

enum h1_verdict {
    H1_MORE, /* fine so far, but not whole */
    H1_BAD,  /* answer with status and close */
    H1_DONE,
};

enum h1_body { H1_BODY_NONE, H1_BODY_LENGTH, H1_BODY_CHUNKED };

struct h1_head {
    int status;       /* of H1_BAD */
    const char *text; /* of H1_BAD: what is wrong, a literal */
    size_t consumed;  /* bytes up to the first one of the body */
    struct slice method;
    struct slice path; /* starts with '/', or is "*"; may be a literal */
    struct slice query;
    size_t field_count;
    enum h1_body body;
    uint64_t content_length; /* of H1_BODY_LENGTH */
    bool is_http_1_0;
    bool is_keep_alive;
    bool expects_continue;
};

/*
 * Reads one request's header from the start of in. Names and values are slices of in, names in the
 * case they were sent in. At most max_fields are written to fields; more, or a header larger than
 * max_bytes, is 431 (414 when it is the start line). Source of the rules: RFC 9112, 2 to 6.
 */
enum h1_verdict h1_parse_head(struct slice in, size_t max_bytes, struct http_header *fields,
                              size_t max_fields, struct h1_head *out);

/* True when a request target's path or query may be taken: visible ASCII without '#'. */
bool h1_is_target(struct slice s);
/* True when the method is one that handlers may see. */
bool h1_is_method(struct slice s);
/* True when the field value holds no control bytes: it cannot end a line. */
bool h1_is_value(struct slice s);

/* How far a chunked body is read; starts zeroed. */
struct h1_chunked {
    int state;
    unsigned digits;
    unsigned extra_bytes; /* of extensions and trailers */
    uint64_t left;        /* of the current chunk */
    uint64_t total;       /* body bytes announced so far */
    int status;           /* of H1_BAD */
    const char *text;
};

/*
 * Takes some of in; *consumed says how much. It stops behind each run of body bytes, which is
 * *data then (part of in; else empty): to be called until all of in is consumed. More than max_body
 * bytes of body is 413.
 */
enum h1_verdict h1_chunked_feed(struct h1_chunked *d, struct slice in, uint64_t max_body,
                                size_t *consumed, struct slice *data);

#endif
