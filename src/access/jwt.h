/*
 * JSON web tokens (RFC 7519) as OpenID Connect issuers sign them: RS256, ES256 and EdDSA with
 * Ed25519, and nothing else: not "none", no HMAC, no encryption, no critical extensions, and no key
 * that the token itself names. Pure. [any]
 */
#ifndef MODGATE_ACCESS_JWT_H
#define MODGATE_ACCESS_JWT_H

#include "access/jwk.h"

#include <jansson.h>

enum {
    JWT_MAX_BYTES = 16 * 1024,
    JWT_SKEW_SECONDS = 60, /* clocks differ */
};

struct jwt {
    enum jwt_algorithm algorithm;
    struct slice kid; /* empty: it names none */
    struct slice signed_part;
    struct slice signature;
    struct slice issuer; /* "iss" */
    struct slice subject;
    int64_t expires_unix_s;
    json_t *claims; /* of the arena */
};

/* Whether the text has the form of one: three parts with dots between. */
bool jwt_looks_like_one(struct slice text);
/*
 * Reads it without believing it. BAD_CREDENTIALS, in words that are for the client, when it is
 * malformed or signed in a way that is not taken. In the arena, or parts of the text.
 */
struct error *jwt_parse(struct arena *a, struct slice text, struct jwt *out) MUST_CHECK;
/* Whether the key, which must be of the token's algorithm, has signed it. */
bool jwt_is_signed(const struct jwt *t, const struct jwk *key);
/*
 * exp, nbf and iat against the clock, iss and aud against what they must be. BAD_CREDENTIALS.
 * aud may be a list that has the audience.
 */
struct error *jwt_check(struct arena *a, const struct jwt *t, struct slice issuer,
                        struct slice audience, int64_t now_unix_s) MUST_CHECK;

#endif
