/*
 * A line of the audit file, pure. [any]
 *
 *   {"seq":7,"time":"…","event":"…",…,"prev":"<64 hex>","hash":"<64 hex>"}
 *
 * hash is the SHA-256 of the line without its newline and without its last member: of everything
 * before `,"hash":` and a `}`. prev is the hash of the record before; of the very first, 64 zeros.
 * A checkpoint has the member signature behind prev; what is signed is the line as it would be
 * without signature and hash: everything before `,"signature":` and a `}`.
 */
#ifndef MODGATE_OPS_AUDIT_LINE_H
#define MODGATE_OPS_AUDIT_LINE_H

#include "base/base.h"
#include "base/encode.h"

enum {
    AUDIT_HASH_CHARS = 64,
    AUDIT_LINE_MAX = 12 << 10, /* bytes of a line with its newline */
};

/* All slices are parts of the line. */
struct audit_line {
    uint64_t seq;
    struct slice body;        /* the members between seq and prev: "time":"…","event":"…" */
    struct slice prev;        /* 64 characters */
    struct slice signature;   /* in base64; empty: there is none */
    struct slice hash;        /* 64 characters */
    struct slice hashed;      /* what hash is of, but for the } */
    struct slice signed_part; /* what the signature is of, but for the } */
};

/* False when the line (without its newline) has not this form. Whether the hash is right is not
 * looked at. */
bool audit_line_parse(struct slice line, struct audit_line *out);
/*
 * The hash that a line must have, for `hashed`. out has 65 bytes with the NUL; h is the caller's,
 * for any number of hashes.
 */
void audit_line_hash(struct sha256_stream *h, struct slice hashed, char out[AUDIT_HASH_CHARS + 1]);
/* The event of a body; empty when it names none. */
struct slice audit_line_event(struct slice body);
/* The time of a body; empty when it has none. */
struct slice audit_line_time(struct slice body);

#endif
