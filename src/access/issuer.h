/*
 * An issuer of tokens (OpenID Connect) and its public keys. The keys are fetched by jobs of a lane:
 * at the start, every hour, and when a token names a key that is not among them, then at most every
 * 30 seconds. Requests that wait for such a fetch are woken on their loops. When the issuer cannot
 * be reached the keys of before hold for another day.
 *
 *   issuer_update()  [any]     submits a job when it is time
 *   the job          [worker]  discovery, keys, swap, wakes who waits
 *   issuer_verify()  [loop]    uses the keys of now
 */
#ifndef MODGATE_ACCESS_ISSUER_H
#define MODGATE_ACCESS_ISSUER_H

#include "access/jwt.h"

#include "work/lane.h"
#include "work/loop.h"

#include <stdatomic.h>

struct issuer;

struct issuer_options {
    const char *name;             /* of the record in the settings */
    const char *url;              /* what `iss` is, exactly; https */
    const char *audience;         /* what `aud` is, or has */
    const char *jwks_url;         /* NULL or "": found by <url>/.well-known/openid-configuration */
    const char *ca_file;          /* trusted besides the system's; NULL or "": none */
    struct lane *lane;            /* outlives the issuer's jobs */
    const atomic_bool *cancelled; /* of the gateway: it is being shut down */
};

enum {
    ISSUER_FRESH_SECONDS = 3600,     /* then the keys are fetched again */
    ISSUER_PAUSE_SECONDS = 30,       /* between two fetches */
    ISSUER_KEEP_SECONDS = 24 * 3600, /* then keys that could not be fetched again are not used */
};

/* One reference, the caller's. BAD_CONFIG: the URLs or the CA file. [any] */
struct error *issuer_new(struct arena *a, const struct issuer_options *o,
                         struct issuer **out) MUST_CHECK;
void issuer_ref(struct issuer *i);
void issuer_unref(struct issuer *i);
/* Whether it was made with the same options; then it is taken over with its keys. [any] */
bool issuer_is(const struct issuer *i, const struct issuer_options *o);
struct slice issuer_name(const struct issuer *i);
struct slice issuer_url(const struct issuer *i);
struct slice issuer_audience(const struct issuer *i);

/* Begins a fetch when the keys are due. [any] */
void issuer_update(struct issuer *i, int64_t now_ms);

enum issuer_verdict {
    ISSUER_GOOD,
    ISSUER_BAD,         /* the signature is not the key's */
    ISSUER_UNKNOWN_KEY, /* and the keys are as fresh as they can be */
    ISSUER_FETCHING,    /* a fetch is under way: issuer_wait() */
    ISSUER_DOWN,        /* the keys could not be fetched */
};
/* Whether the issuer has signed the token; may begin a fetch. [any] */
enum issuer_verdict issuer_verify(struct issuer *i, const struct jwt *t, int64_t now_ms);

/* Who waits for a fetch. The owner keeps it alive until task.run ran on the loop. */
struct issuer_waiter {
    struct loop *loop;
    struct loop_task task;
    struct issuer_waiter *next;
};
/* Posts the waiter's task when the fetch is over; at once when none is under way. [any] */
void issuer_wait(struct issuer *i, struct issuer_waiter *w);
/* Why the last fetch failed, in the arena; empty when it did not. [any] */
struct slice issuer_trouble(struct issuer *i, struct arena *a);

#endif
