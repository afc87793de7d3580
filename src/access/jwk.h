/*
 * The public keys of an issuer (RFC 7517, RFC 7518 6, RFC 8037): RSA of 2048 to 8192 bits for
 * RS256, P-256 for ES256, Ed25519 for EdDSA. The kind of a key alone says which algorithm it
 * verifies, so that none can be taken for another. Pure. [any]
 */
#ifndef MODGATE_ACCESS_JWK_H
#define MODGATE_ACCESS_JWK_H

#include "base/base.h"

#include <openssl/evp.h>

enum jwt_algorithm { JWT_RS256, JWT_ES256, JWT_EDDSA };

enum { JWKS_MAX_BYTES = 256 * 1024, JWKS_MAX_KEYS = 64, JWK_KID_MAX_BYTES = 512 };

struct jwk {
    struct slice kid; /* empty: it has none */
    enum jwt_algorithm algorithm;
    EVP_PKEY *key; /* of the arena */
};

struct jwk_set {
    struct jwk *rows;
    size_t count;
};

/*
 * The keys of a JWK set that can verify here; others (other kinds, for encryption, malformed) are
 * left out. BAD_ANSWER when it is no JWK set, is too large, or leaves no key. The keys live until
 * the arena is released.
 */
struct error *jwks_parse(struct arena *a, struct slice json, struct jwk_set *out) MUST_CHECK;
/* The key for that algorithm and kid; with an empty kid the only key of the algorithm. NULL: none.
 */
const struct jwk *jwks_find(const struct jwk_set *set, struct slice kid,
                            enum jwt_algorithm algorithm);

#endif
