/*
 * Tokens that this gateway gives out, and the file that lists them. A token is
 *
 *   mgt_<id>_<secret>     id: 10 of a-z and 2-7; secret: 256 random bits in 43 characters of
 * base64url
 *
 * The file has only the SHA-256 of the whole text: with 256 random bits nothing slower is needed.
 * Pure but for token_make(). [any]
 */
#ifndef MODGATE_ACCESS_TOKEN_H
#define MODGATE_ACCESS_TOKEN_H

#include "access/scope.h"

#include "base/encode.h"

enum {
    TOKEN_ID_CHARS = 10,
    TOKEN_SECRET_CHARS = 43,
    TOKEN_CHARS = 4 + TOKEN_ID_CHARS + 1 + TOKEN_SECRET_CHARS,
    TOKENS_MAX = 10000,
    TOKENS_FILE_MAX_BYTES = 32 * 1024 * 1024,
    TOKEN_NAME_MAX_BYTES = 64,
};

struct token {
    struct slice id;
    struct slice name; /* of whoever or whatever uses it: a-z, A-Z, 0-9 and "-_.@" */
    uint8_t hash[SHA256_BYTES];
    struct scopes scopes;
    int64_t created_unix_s;
    int64_t expires_unix_s; /* 0 = never */
};

struct tokens {
    struct token *rows; /* in the order of ids */
    size_t count;
};

/* Whether the text has the shape of a token; then *id is its id, a part of the text. */
bool token_parse(struct slice text, struct slice *id);
/* A new one, in the arena; sets id and hash of the row. */
struct slice token_make(struct arena *a, struct token *row);
bool token_name_is_valid(struct slice name);
/* "90d", "12h" or another duration, or "never" (0), from now. BAD_USAGE. */
struct error *token_parse_expiry(struct arena *a, struct slice text, int64_t now_unix_s,
                                 int64_t *expires_unix_s) MUST_CHECK;

/*
 * Reads the file's JSON; all is in the arena. CORRUPT: one row that is not what it must
 * be makes the whole file unusable.
 */
struct error *tokens_parse(struct arena *a, struct slice json, struct tokens *out) MUST_CHECK;
/* The JSON of the file, in the arena. */
struct slice tokens_format(struct arena *a, const struct tokens *t);
/* The row with that id, or NULL. */
struct token *tokens_find(const struct tokens *t, struct slice id);
/*
 * The row of the token, or NULL when there is none, or it has expired. How long it takes does not
 * depend on how much of a wrong token is right, nor on whether its id exists.
 */
const struct token *tokens_verify(const struct tokens *t, struct slice text, int64_t now_unix_s);

#endif
