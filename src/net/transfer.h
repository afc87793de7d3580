/*
 * One hop of one request: a libcurl easy handle, its callbacks, and what came of it. Set up and
 * finished by the caller's thread, run by the courier's; never both at once.
 */
#ifndef MODGATE_NET_TRANSFER_H
#define MODGATE_NET_TRANSFER_H

#include "net/http_client.h"
#include "net/proxy_rules.h"

#include <curl/curl.h>
#include <openssl/x509.h>
#include <pthread.h>

struct transfer_options {
    unsigned connect_timeout_ms;
    unsigned stall_timeout_ms;
    bool is_insecure;  /* any certificate of the origin will do */
    X509_STORE *roots; /* NULL when no TLS is spoken */
};

struct transfer {
    struct ctx *cx;
    const struct http_request *rq;
    struct transfer_options options;
    struct url url;
    struct proxy proxy;
    struct http_response *response;
    CURL *easy;
    struct curl_slist *headers;
    int64_t active_at_ms; /* when a byte moved last */
    uint64_t body_bytes;
    uint64_t sent_bytes; /* of an upload */
    bool is_head_given;
    bool is_satisfied; /* the rest of the body is of no interest */
    struct error *err; /* from a callback, or from the courier's clock */
    char curl_text[CURL_ERROR_SIZE];
    struct buf detail;
    struct slice unwanted_coding;

    /* The courier's. */
    struct transfer *next, *prev;
    CURLcode code;
    bool is_done;
    pthread_cond_t done;
};

/* Makes the easy handle. url, proxy, rq, cx, options and response are set by the caller before. */
void transfer_open(struct transfer *t, bool with_authorization);
void transfer_close(struct transfer *t);
/* When its time is over or nobody wants it, sets t->err and returns true. [courier] */
bool transfer_is_over(struct transfer *t, int64_t now);
/* After the courier: the error, or NULL and *t->response filled. */
struct error *transfer_result(struct transfer *t) MUST_CHECK;
/* Where the answer redirects to, resolved, in the arena; empty when it does not. */
struct slice transfer_redirect(struct transfer *t);

#endif
