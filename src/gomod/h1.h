/*
 * The "h1" of a set of files (golang.org/x/mod/sumdb/dirhash.Hash1): SHA-256 over one line
 * "<hex sha256>  <name>\n" for each file, lines in bytewise order of the names; written as "h1:"
 * and base64. All pure. [any]
 */
#ifndef MODGATE_GOMOD_H1_H
#define MODGATE_GOMOD_H1_H

#include "base/encode.h"

/* "h1:", 44 characters, NUL. */
enum { H1_TEXT_BYTES = 48 };

struct h1_file;

/* Collects files in any order. Holds heap memory until h1_release(). */
struct h1_builder {
    struct h1_file *files;
    size_t count;
    size_t cap;
};

#define H1_BUILDER_INIT ((struct h1_builder){0})

/* Adds a file. The name is not copied: it must live until h1_sum(). */
void h1_add(struct h1_builder *b, struct slice name, const uint8_t sum[SHA256_BYTES]);
/*
 * The h1 of what was added. A name that was added twice counts twice, with the sum that was added
 * last, as in dirhash.HashZip. BAD_ZIP when a name holds a newline.
 */
struct error *h1_sum(struct h1_builder *b, struct arena *a, char out[H1_TEXT_BYTES]) MUST_CHECK;
void h1_release(struct h1_builder *b);

/* The h1 of a go.mod file, as in the "/go.mod" lines of go.sum. */
void gomod_hash(struct slice go_mod, char out[H1_TEXT_BYTES]);
/* True for "h1:" and the 44 characters of canonical base64 of 32 bytes. */
bool h1_is_valid(struct slice text);

#endif
