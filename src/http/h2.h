/* HTTP/2 on a connection: what h2.c (the connection) and h2_stream.c (its requests) share. */
#ifndef MODGATE_HTTP_H2_H
#define MODGATE_HTTP_H2_H

#include "http/guard.h"
#include "http/request.h"

#include <nghttp2/nghttp2.h>

enum { CLOSED_IDS = 16 };

struct h2 {
    nghttp2_session *session;
    uint32_t frame_left;   /* payload bytes of the frame that is coming in; at first the preface */
    uint8_t frame_head[9]; /* of the next frame */
    unsigned frame_head_n;
    int32_t newest_id;          /* of a stream that the peer has opened */
    int32_t closed[CLOSED_IDS]; /* the last streams that were closed; negative: reset by us */
    unsigned closed_next;
    struct http_request *streams; /* all that have not ended */
    struct guard guard;
    struct buf left;      /* frames that the socket did not take */
    size_t left_pos;      /* sent of them */
    size_t filled;        /* of the loop's out_scratch, while frames are pulled */
    uint64_t sent_total;  /* bytes */
    uint64_t send_mark;   /* sent_total at blocked_ms */
    int64_t blocked_ms;   /* since when the socket takes nothing, or too little */
    int64_t active_ms;    /* when a request last came or ended */
    int64_t named_s;      /* home->date_s when x-request-id was last put into the table of names */
    bool is_abuser;       /* the budget is used up */
    bool is_draining;     /* GOAWAY was submitted */
    bool has_wide_window; /* of the connection: bodies were taken */
};

/* Remembers a stream that is closed: after a reset of ours the peer's frames may still come. */
void h2_note_closed(struct h2 *h, int32_t stream_id, bool is_reset_by_us);
/* The callbacks of requests, set beside those of the connection. */
void h2_stream_callbacks(nghttp2_session_callbacks *cbs);
void h2_respond(struct http_request *r, const struct http_header *headers, size_t count);
void h2_take(struct http_request *r);
void h2_took(struct http_request *r, uint64_t n);
/* Resets those that take too long. False when the whole connection is stuck. */
bool h2_streams_check_time(struct conn *c);
/* Ends all. */
void h2_streams_end(struct conn *c);

#endif
