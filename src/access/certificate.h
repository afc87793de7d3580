/*
 * The names in a client's certificate: the common name of its subject and the alternative names
 * (RFC 5280, 4.2.1.6), written KIND=name as in the patterns of the settings:
 *
 *   CN=ci-42  DNS=runner.ci.corp.example  URI=spiffe://corp.example/ci  EMAIL=ci@corp.example
 *
 * The certificate was verified by TLS. Pure. [any]
 */
#ifndef MODGATE_ACCESS_CERTIFICATE_H
#define MODGATE_ACCESS_CERTIFICATE_H

#include "base/base.h"

#include <openssl/x509.h>

enum { CERTIFICATE_MAX_NAMES = 64, CERTIFICATE_NAME_MAX_BYTES = 512 };

struct certificate_names {
    struct slice rows[CERTIFICATE_MAX_NAMES]; /* in the arena; the common name first, if any */
    size_t count;
};

/* Names that are too long, or have control characters or NULs in them, are left out. */
void certificate_names_read(struct arena *a, X509 *cert, struct certificate_names *out);
/* Its last second, in Unix seconds; 0 when it cannot be read. */
int64_t certificate_expires_unix_s(const X509 *cert);
/* Whether the pattern is KIND=glob. */
bool certificate_pattern_is_valid(struct slice pattern);
/* Whether one of the names matches the pattern. */
bool certificate_matches(const struct certificate_names *names, struct slice pattern);

#endif
