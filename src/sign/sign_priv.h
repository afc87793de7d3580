/* What the files of sign share. */
#ifndef MODGATE_SIGN_SIGN_PRIV_H
#define MODGATE_SIGN_SIGN_PRIV_H

#include "sign/sign.h"

#include <openssl/evp.h>

struct verify_key {
    EVP_PKEY *pkey;
    struct arena arena; /* of the texts below */
    struct slice id, pem;
};

struct sign_key {
    EVP_PKEY *pkey;
    struct verify_key *public;
};

enum { SEALED_MAX_BYTES = 8 << 10 };

/*
 * sealed.c: opens what stands in a PEM block "ENCRYPTED … PRIVATE KEY": JSON that says how the
 * password becomes a key (scrypt) and holds the box (NaCl's secretbox) with PKCS#8 in it. The plain
 * key is in the arena; the caller wipes it.
 */
struct error *sealed_open(struct arena *a, struct slice json, struct slice password,
                          struct slice *plain) MUST_CHECK;

#endif
