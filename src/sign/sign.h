/*
 * Detached signatures as `cosign sign-blob` makes and `cosign verify-blob` takes them: ECDSA P-256
 * over SHA-256 (as ASN.1), or Ed25519 over the bytes themselves; in base64. Sources:
 * github.com/sigstore/cosign (pkg/cosign/keys.go), github.com/sigstore/sigstore (pkg/signature),
 * github.com/secure-systems-lab/go-securesystemslib (encrypted). A key is used by any number of
 * threads at once. [any] all but sign_file() and verify_file().
 */
#ifndef MODGATE_SIGN_SIGN_H
#define MODGATE_SIGN_SIGN_H

#include "base/base.h"

enum {
    SIGN_KEY_MAX_BYTES = 16 << 10, /* of a PEM file */
    SIGN_MAX_BYTES = 1024,         /* of a signature in base64, with its newline */
};

/* Who is believed: a public key. */
struct verify_key;
/* A private key, and its public half. */
struct sign_key;

/*
 * Reads a PEM text: "ENCRYPTED COSIGN PRIVATE KEY" or "ENCRYPTED SIGSTORE PRIVATE KEY", which the
 * password opens (an empty one is a password too), or a plain PKCS#8 or SEC1 key, for which the
 * password counts for nothing. BAD_CONFIG says what is wrong; no message quotes the key. The caller
 * frees. Opening an encrypted key takes about 0.1 s and up to 128 MiB.
 */
struct error *sign_key_parse(struct arena *a, struct slice pem, struct slice password,
                             struct sign_key **out) MUST_CHECK;
void sign_key_free(struct sign_key *k);
/* The public half, for as long as the key lives. */
const struct verify_key *sign_key_public(const struct sign_key *k);

/* Reads a PEM text "PUBLIC KEY" (SubjectPublicKeyInfo). BAD_CONFIG. The caller frees. */
struct error *verify_key_parse(struct arena *a, struct slice pem,
                               struct verify_key **out) MUST_CHECK;
void verify_key_free(struct verify_key *k);
/* "sha256:" and the digest of the public key's DER in hexadecimal; lives as long as the key. */
struct slice verify_key_id(const struct verify_key *k);
/* The public key as PEM; lives as long as the key. */
struct slice verify_key_pem(const struct verify_key *k);

/* The signature of bytes, in base64 without a newline, in the arena. */
struct error *sign_bytes(struct arena *a, const struct sign_key *k, struct slice bytes,
                         struct slice *signature) MUST_CHECK;
/* The same of an open file, from its start. [worker] */
struct error *sign_file(struct arena *a, const struct sign_key *k, int fd,
                        struct slice *signature) MUST_CHECK;
/*
 * Whether it is the key's signature of these bytes. Blanks around the base64 are passed over; what
 * is not base64 is no signature.
 */
bool verify_bytes(const struct verify_key *k, struct slice bytes, struct slice signature);
/* The same of an open file, from its start; *is_valid tells. [worker] */
struct error *verify_file(struct arena *a, const struct verify_key *k, int fd,
                          struct slice signature, bool *is_valid) MUST_CHECK;

#endif
