/*
 * Access control: who asks (an identity), and what that identity may do (scopes).
 *
 * An identity is made of a request's credentials: a token of the file (token.h), a JSON web token
 * of an issuer (jwt.h), a client certificate that TLS has verified, or none (anonymous). What
 * verifying gave is kept in memory, for each loop by itself and bounded, so that a hit costs one
 * SHA-256. Nothing here waits or reads a file on a loop: a thread of its own looks at the file of
 * tokens twice a second, jobs fetch the keys of issuers.
 */
#ifndef MODGATE_ACCESS_ACCESS_H
#define MODGATE_ACCESS_ACCESS_H

#include "access/issuer.h"
#include "access/quota.h"
#include "access/scope.h"

#include <openssl/x509.h>

struct access;

/* A rule over the claims of an issuer's tokens. */
struct access_claim_option {
    const char *origin; /* where it stands, for messages */
    const char *issuer; /* its name */
    const char *claims;
    const char *scopes;
};

/* A rule over names in client certificates: KIND=glob (certificate.h). */
struct access_certificate_option {
    const char *origin;
    const char *subject;
    const char *scopes;
};

struct access_options {
    const char *data_dir;  /* of the file of tokens; taken at access_new() only */
    struct lane *lane;     /* fetches keys; taken at access_new() only, outlives the access */
    unsigned loops;        /* taken at access_new() only */
    bool is_required;      /* false: everybody may read everything */
    const char *anonymous; /* scopes of everybody, when is_required */
    struct quota_limits limits;
    const struct issuer_options *issuers; /* lane and cancelled are set here */
    size_t issuer_count;
    const struct access_claim_option *claims;
    size_t claim_count;
    const struct access_certificate_option *certificates;
    size_t certificate_count;
};

/*
 * Starts the thread. A file of tokens that cannot be used fails (CORRUPT, IO), as do settings
 * (BAD_CONFIG). [any]
 */
struct error *access_new(struct arena *a, const struct access_options *o,
                         struct access **out) MUST_CHECK;
/* Takes up new settings, and the file of tokens; on error the old ones stay. [any] */
struct error *access_set(struct arena *a, struct access *x,
                         const struct access_options *o) MUST_CHECK;
/* Whether the settings can be used. BAD_CONFIG. [any] */
struct error *access_check_options(struct arena *a, const struct access_options *o) MUST_CHECK;
/* Ends the thread, and has fetches of keys given up: before the lane is closed. [any] */
void access_stop(struct access *x);
/* After the lane was closed and the loops have ended. NULL is fine. */
void access_free(struct access *x);

/*
 * False while nobody needs to be known: reading is open to all, and there are neither tokens nor
 * issuers, certificates or limits. One relaxed load. [any]
 */
bool access_is_active(const struct access *x);
/* Whether reading needs to be allowed (the setting access.mode is required). [any] */
bool access_is_required(const struct access *x);
/* What is wrong with the file of tokens and with issuers, in the arena. [any] */
void access_troubles(struct access *x, struct arena *a, struct slice **rows, size_t *count);

/* Somebody who asks. Belongs to one loop; counted references. */
struct access_identity {
    unsigned refs;
    struct slice name;    /* "anonymous", "token:NAME", "oidc:ISSUER:SUBJECT", "cert:NAME" */
    struct scopes scopes; /* what everybody may do among them */
    bool is_anonymous;
    int64_t expires_unix_s; /* INT64_MAX: never */
    struct arena arena;
    uint8_t key[33]; /* of the cache */
};
void access_identity_ref(struct access_identity *who);
/* NULL is fine. [loop] */
void access_identity_unref(struct access_identity *who);

struct access_request {
    unsigned loop_index;
    struct slice authorization; /* the header's value; p == NULL: there is none */
    X509 *certificate;          /* that TLS has verified; NULL: none */
    struct slice peer;          /* "192.0.2.1:4711" */
};

struct access_answer {
    /* A reference that is the caller's. When the credentials do not hold and reading is open it is
     * the anonymous one; else NULL. */
    struct access_identity *who;
    /* NULL, or what is wrong with the credentials: BAD_REQUEST, BAD_CREDENTIALS, TOO_MANY, NO_KEYS;
     * in the request's arena. */
    struct error *err;
    int64_t retry_after_s; /* with TOO_MANY */
    /* Not NULL: a key that may verify them is being fetched: issuer_wait(), then ask again. The
     * reference is the caller's. */
    struct issuer *wait;
};

/* Who asks. [loop] */
void access_identify(struct access *x, struct arena *a, const struct access_request *rq,
                     struct access_answer *out);

/*
 * Takes one request of the identity (an anonymous one counts by its address); as quota_take().
 * [loop]
 */
int64_t access_admit(struct access *x, struct arena *a, const struct access_identity *who,
                     const struct access_request *rq, struct quota_place **place);
void access_leave(struct access *x, struct quota_place *place);

#endif
