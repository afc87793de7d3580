/*
 * Signed notes and their keys, as checksum databases use them: a text, a blank line, and lines of
 * signatures. Sources: golang.org/x/mod/sumdb/note, c2sp.org/signed-note. All pure. [any]
 *
 * Stricter than x/mod in one point: base64 must be in its canonical form, so that two notes that
 * differ never count as the same signature.
 */
#ifndef MODGATE_SUMDB_NOTE_H
#define MODGATE_SUMDB_NOTE_H

#include "base/base.h"

enum { NOTE_KEY_BYTES = 32, NOTE_MAX_BYTES = 1000000, NOTE_MAX_SIGNATURES = 100 };

/* Whose signatures are believed: an Ed25519 key under a name. */
struct note_verifier {
    struct slice name;
    uint32_t hash; /* first four bytes of SHA-256(name "\n" 0x01 key) */
    uint8_t key[NOTE_KEY_BYTES];
};

struct note_signer {
    struct note_verifier verifier;
    uint8_t seed[NOTE_KEY_BYTES];
};

/* "name+hhhhhhhh+base64(0x01 key)"; name is a part of text. BAD_SYNTAX says what is wrong. */
struct error *note_verifier_parse(struct arena *a, struct slice text,
                                  struct note_verifier *out) MUST_CHECK;
struct slice note_verifier_format(struct arena *a, const struct note_verifier *v);
/* "PRIVATE+KEY+name+hhhhhhhh+base64(0x01 seed)"; errors never quote the key. BAD_SYNTAX. */
struct error *note_signer_parse(struct arena *a, struct slice text,
                                struct note_signer *out) MUST_CHECK;
struct slice note_signer_format(struct arena *a, const struct note_signer *s);
/* The signer of a seed; the name is kept. BAD_SYNTAX when the name cannot be one. */
struct error *note_signer_make(struct arena *a, struct slice name,
                               const uint8_t seed[NOTE_KEY_BYTES],
                               struct note_signer *out) MUST_CHECK;
/* Not empty, UTF-8, without blanks and '+'. */
bool note_name_is_valid(struct slice name);

/*
 * The text of a note that the verifier has signed, a part of msg with its last newline. Signatures
 * of others are passed over, malformed ones are not. BAD_ANSWER: no note, not signed by the
 * verifier, or signed wrongly.
 */
struct error *note_open(struct arena *a, struct slice msg, const struct note_verifier *v,
                        struct slice *text) MUST_CHECK;
/*
 * text, a blank line, and the signature of each signer, in the arena. The text ends in a newline
 * and has no control character besides.
 */
struct slice note_sign(struct arena *a, struct slice text, const struct note_signer *signers,
                       size_t count);

#endif
