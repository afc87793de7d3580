/* Hexadecimal, base64, SHA-256 and random bytes. [any] */
#ifndef MODGATE_BASE_ENCODE_H
#define MODGATE_BASE_ENCODE_H

#include "base/base.h"

#define SHA256_BYTES 32

/* Lower-case hexadecimal of n bytes into out, which has 2n+1 bytes with the NUL. */
void hex_encode(const uint8_t *p, size_t n, char *out);
/* Decodes hexadecimal of either case; out has s.n/2 bytes. False when odd or not hexadecimal. */
bool hex_decode(struct slice s, uint8_t *out);
/* Standard base64 with padding, in the arena. */
struct slice base64_encode(struct arena *a, const uint8_t *p, size_t n);
/* Decodes standard base64 with padding; false on anything else. */
bool base64_decode(struct arena *a, struct slice s, struct slice *out);
/* The URL-safe alphabet without padding (RFC 4648, 5), in the arena. */
struct slice base64url_encode(struct arena *a, const uint8_t *p, size_t n);
/* Decodes that; false on anything but what base64url_encode() makes. */
bool base64url_decode(struct arena *a, struct slice s, struct slice *out);
/* SHA-256 of one slice. */
void sha256(struct slice s, uint8_t out[SHA256_BYTES]);

/* SHA-256 of a stream. Not shared between threads. */
struct sha256_stream;
struct sha256_stream *sha256_new(void);
void sha256_reset(struct sha256_stream *h);
void sha256_add(struct sha256_stream *h, const void *p, size_t n);
/* Ends the sum; sha256_reset() starts the next. */
void sha256_sum(struct sha256_stream *h, uint8_t out[SHA256_BYTES]);
void sha256_free(struct sha256_stream *h);

/* n bytes from the system's random generator. */
void random_bytes(void *p, size_t n);

#endif
