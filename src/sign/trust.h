/* Whose signatures are believed, for which modules. A trust is used by any number of threads. */
#ifndef MODGATE_SIGN_TRUST_H
#define MODGATE_SIGN_TRUST_H

#include "sign/sign.h"

struct sign_trust;

enum { TRUST_SIGNATURES_MAX = 16, TRUST_MAX_BYTES = TRUST_SIGNATURES_MAX * SIGN_MAX_BYTES };

struct trust_spec {
    struct slice name;  /* a word */
    struct slice paths; /* module path patterns, in GOPRIVATE's syntax */
    struct slice pem;   /* the public key */
};

/* Texts are copied. BAD_CONFIG names the one that cannot be used. The caller frees. [any] */
struct error *sign_trust_new(struct arena *a, const struct trust_spec *specs, size_t count,
                             struct sign_trust **out) MUST_CHECK;
/* NULL is fine. */
void sign_trust_free(struct sign_trust *t);
/* Whether there is a key for modules of that path. NULL: there is none. [any] */
bool sign_trust_wants(const struct sign_trust *t, struct slice path);
/*
 * Who has signed an open file: a line "<name> <key id>" for each trusted signer of that path whose
 * signature is among the signatures, which stand in lines; at most TRUST_SIGNATURES_MAX of them are
 * looked at. [worker]
 */
struct error *sign_trust_check(struct arena *a, const struct sign_trust *t, struct slice path,
                               int fd, struct slice signatures, struct slice *lines) MUST_CHECK;
/*
 * The names in such lines, which may be old ones, each once: of those whose key is still trusted
 * under that name for that path. In the arena. [any]
 */
void sign_trust_names(struct arena *a, const struct sign_trust *t, struct slice path,
                      struct slice lines, struct slice **names, size_t *count);
/*
 * A digest of the keys that count for the path, with their names: what sign_trust_check() finds in
 * the same bytes is the same while it is. 64 hexadecimal digits, in the arena. [any]
 */
struct slice sign_trust_digest(struct arena *a, const struct sign_trust *t, struct slice path);

#endif
