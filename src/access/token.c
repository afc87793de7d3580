#include "access/token.h"

#include "config/config.h"

#include <jansson.h>
#include <openssl/crypto.h>

#define PREFIX S("mgt_")

static const char id_letters[] = "abcdefghijklmnopqrstuvwxyz234567";

static bool is_id(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\0' || !strchr(id_letters, s.p[i]))
            return false;
    }
    return s.n == TOKEN_ID_CHARS;
}

bool token_parse(struct slice text, struct slice *id)
{
    if (text.n != TOKEN_CHARS || !slice_starts(text, PREFIX))
        return false;
    *id = slice_head(slice_skip(text, PREFIX.n), TOKEN_ID_CHARS);
    struct slice rest = slice_skip(text, PREFIX.n + TOKEN_ID_CHARS);
    if (!is_id(*id) || rest.p[0] != '_')
        return false;
    for (size_t i = 1; i < rest.n; i++) {
        char c = rest.p[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_word && c != '-' && c != '_')
            return false;
    }
    return true;
}

struct slice token_make(struct arena *a, struct token *row)
{
    uint8_t id[TOKEN_ID_CHARS], secret[32];
    char letters[TOKEN_ID_CHARS];
    random_bytes(id, sizeof(id));
    random_bytes(secret, sizeof(secret));
    for (size_t i = 0; i < sizeof(id); i++)
        letters[i] = id_letters[id[i] % 32];
    row->id = arena_dup(a, slice_make(letters, sizeof(letters)));
    struct slice coded = base64url_encode(a, secret, sizeof(secret));
    struct slice text = arena_printf(a, "mgt_%.*s_%.*s", SLICE_ARG(row->id), SLICE_ARG(coded));
    OPENSSL_cleanse(secret, sizeof(secret));
    sha256(text, row->hash);
    return text;
}

bool token_name_is_valid(struct slice name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_word && (c == '\0' || !strchr("-_.@", c)))
            return false;
    }
    return name.n > 0 && name.n <= TOKEN_NAME_MAX_BYTES;
}

struct error *token_parse_expiry(struct arena *a, struct slice text, int64_t now_unix_s,
                                 int64_t *expires_unix_s)
{
    uint64_t days, ms;
    *expires_unix_s = 0;
    if (slice_eq(text, S("never")))
        return NULL;
    if (slice_ends(text, S("d")) && slice_parse_u64(slice_head(text, text.n - 1), &days) &&
        days > 0 && days <= 36500) {
        *expires_unix_s = now_unix_s + (int64_t)days * 86400;
        return NULL;
    }
    struct error *err = config_parse_duration(a, text, &ms);
    if (err || ms < 1000 || ms > UINT64_C(36500) * 86400 * 1000)
        return error_new(a, STATUS_BAD_USAGE, "'%.*s' is no time to live; write 90d, 12h or never",
                         SLICE_ARG(slice_head(text, 40)));
    *expires_unix_s = now_unix_s + (int64_t)(ms / 1000);
    return NULL;
}

static struct slice text_of(struct arena *a, const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    return json_is_string(value)
               ? arena_dup(a, slice_make(json_string_value(value), json_string_length(value)))
               : S("");
}

/* False when it is no time. */
static bool read_time(const json_t *row, const char *key, int64_t *out)
{
    const json_t *value = json_object_get(row, key);
    *out = json_integer_value(value);
    return json_is_integer(value) && *out >= 0;
}

static struct error *read_row(struct arena *a, const json_t *row, struct token *out)
{
    struct slice hash = text_of(a, row, "sha256");
    out->id = text_of(a, row, "id");
    out->name = text_of(a, row, "name");
    if (!is_id(out->id) || !token_name_is_valid(out->name) || hash.n != 2 * sizeof(out->hash) ||
        !hex_decode(hash, out->hash) || !read_time(row, "created_unix_s", &out->created_unix_s) ||
        !read_time(row, "expires_unix_s", &out->expires_unix_s))
        return error_new(a, STATUS_CORRUPT, "a field is missing or is not what it must be");
    struct error *err = scopes_parse(a, text_of(a, row, "scopes"), &out->scopes);
    return err ? error_as(a, STATUS_CORRUPT, err, "scopes") : NULL;
}

static int by_id(const void *a, const void *b)
{
    return slice_cmp(((const struct token *)a)->id, ((const struct token *)b)->id);
}

static struct error *read_rows(struct arena *a, const json_t *root, struct tokens *out)
{
    const json_t *list = json_object_get(root, "tokens");
    if (json_integer_value(json_object_get(root, "version")) != 1 || !json_is_array(list))
        return error_new(a, STATUS_CORRUPT, "it is no list of tokens of version 1");
    size_t count = json_array_size(list);
    if (count > TOKENS_MAX)
        return error_new(a, STATUS_CORRUPT, "it has more than %d tokens", TOKENS_MAX);
    *out = (struct tokens){ARENA_ARRAY(a, struct token, count), count};
    for (size_t i = 0; i < count; i++)
        TRY_CTX(a, read_row(a, json_array_get(list, i), &out->rows[i]), "token %zu", i + 1);
    qsort(out->rows, count, sizeof(*out->rows), by_id);
    for (size_t i = 1; i < count; i++) {
        if (slice_eq(out->rows[i - 1].id, out->rows[i].id))
            return error_new(a, STATUS_CORRUPT, "the id %.*s is there twice",
                             SLICE_ARG(out->rows[i].id));
    }
    return NULL;
}

struct error *tokens_parse(struct arena *a, struct slice json, struct tokens *out)
{
    json_error_t why;
    if (json.n > TOKENS_FILE_MAX_BYTES)
        return error_new(a, STATUS_CORRUPT, "it is larger than %d bytes", TOKENS_FILE_MAX_BYTES);
    json_t *root = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        return error_new(a, STATUS_CORRUPT, "line %d: %s", why.line, why.text);
    struct error *err = read_rows(a, root, out);
    json_decref(root);
    return err;
}

struct slice tokens_format(struct arena *a, const struct tokens *t)
{
    json_t *list = json_array();
    for (size_t i = 0; i < t->count; i++) {
        const struct token *row = &t->rows[i];
        char hash[2 * SHA256_BYTES + 1];
        hex_encode(row->hash, sizeof(row->hash), hash);
        struct slice scopes = scopes_format(a, &row->scopes);
        json_array_append_new(list, json_pack("{s:s%, s:s%, s:s, s:s%, s:I, s:I}", "id", row->id.p,
                                              row->id.n, "name", row->name.p, row->name.n, "sha256",
                                              hash, "scopes", scopes.p, scopes.n, "created_unix_s",
                                              (json_int_t)row->created_unix_s, "expires_unix_s",
                                              (json_int_t)row->expires_unix_s));
    }
    json_t *root = json_pack("{s:i, s:o}", "version", 1, "tokens", list);
    char *text = json_dumps(root, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    struct slice out = arena_printf(a, "%s\n", text);
    free(text);
    json_decref(root);
    return out;
}

struct token *tokens_find(const struct tokens *t, struct slice id)
{
    struct token key = {.id = id};
    return t->count ? bsearch(&key, t->rows, t->count, sizeof(*t->rows), by_id) : NULL;
}

const struct token *tokens_verify(const struct tokens *t, struct slice text, int64_t now_unix_s)
{
    static const struct token nobody;
    struct slice id;
    uint8_t hash[SHA256_BYTES];
    if (!token_parse(text, &id))
        return NULL;
    const struct token *row = tokens_find(t, id);
    sha256(text, hash);
    bool is_same = CRYPTO_memcmp(hash, row ? row->hash : nobody.hash, sizeof(hash)) == 0;
    if (!row || !is_same)
        return NULL;
    return row->expires_unix_s == 0 || now_unix_s < row->expires_unix_s ? row : NULL;
}
