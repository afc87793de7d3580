/*
 * Signed notes. The signature block is what follows the last blank line, each line of it
 * "— <name> <base64(key hash, signature)>"; the signature covers the text with its newline and
 * without the blank line. What is not of this form is refused before any key is looked at.
 */
#include "sumdb/note.h"

#include "base/encode.h"

#include <openssl/evp.h>

enum { ALG_ED25519 = 1, SIGNATURE_BYTES = 64, KEY_HASH_BYTES = 4 };

#define SIGNATURE_PREFIX S("\xe2\x80\x94 ") /* an em dash and a blank */

/* Unicode's White_Space beyond ASCII, as Go's unicode.IsSpace. */
static bool is_wide_space(struct slice s)
{
    static const char *const spaces[] = {
        "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
        "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
        "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
        "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
    };
    for (size_t i = 0; i < ARRAY_LEN(spaces); i++) {
        if (slice_starts(s, slice_of(spaces[i])))
            return true;
    }
    return false;
}

bool note_name_is_valid(struct slice name)
{
    if (name.n == 0 || !slice_is_utf8(name))
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (c == '+' || c == ' ' || (c >= '\t' && c <= '\r') || is_wide_space(slice_skip(name, i)))
            return false;
    }
    return true;
}

/* ---- keys ---- */

static uint32_t big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t key_hash(struct slice name, const uint8_t key[NOTE_KEY_BYTES])
{
    static const uint8_t tag[] = {'\n', ALG_ED25519};
    uint8_t sum[SHA256_BYTES];
    struct sha256_stream *h = sha256_new();
    sha256_add(h, name.p, name.n);
    sha256_add(h, tag, sizeof(tag));
    sha256_add(h, key, NOTE_KEY_BYTES);
    sha256_sum(h, sum);
    sha256_free(h);
    return big_endian(sum);
}

/* "name+hash+base64(alg key)" into its parts. */
static struct error *parse_key(struct arena *a, struct slice text, const char *what,
                               struct slice *name, uint32_t *hash, uint8_t key[NOTE_KEY_BYTES])
{
    uint8_t bytes[KEY_HASH_BYTES];
    struct slice decoded = {0};
    *name = slice_cut(&text, '+');
    struct slice hex = slice_cut(&text, '+');
    if (!note_name_is_valid(*name) || hex.n != 8 || !hex_decode(hex, bytes) || !text.p ||
        !base64_decode(a, text, &decoded) || decoded.n == 0)
        return error_new(a, STATUS_BAD_SYNTAX, "this is no %s key", what);
    if (decoded.p[0] != ALG_ED25519 || decoded.n != 1 + NOTE_KEY_BYTES)
        return error_new(a, STATUS_BAD_SYNTAX, "this %s key is none of Ed25519", what);
    *hash = big_endian(bytes);
    memcpy(key, decoded.p + 1, NOTE_KEY_BYTES);
    return NULL;
}

static struct slice format_key(struct arena *a, const char *prefix, const struct note_verifier *v,
                               const uint8_t key[NOTE_KEY_BYTES])
{
    uint8_t bytes[1 + NOTE_KEY_BYTES] = {ALG_ED25519};
    memcpy(bytes + 1, key, NOTE_KEY_BYTES);
    return arena_printf(a, "%s%.*s+%08x+%s", prefix, SLICE_ARG(v->name), v->hash,
                        base64_encode(a, bytes, sizeof(bytes)).p);
}

struct error *note_verifier_parse(struct arena *a, struct slice text, struct note_verifier *out)
{
    TRY(parse_key(a, text, "verifier", &out->name, &out->hash, out->key));
    if (out->hash != key_hash(out->name, out->key))
        return error_new(a, STATUS_BAD_SYNTAX,
                         "the hash in this verifier key is not that of its name and key");
    return NULL;
}

struct slice note_verifier_format(struct arena *a, const struct note_verifier *v)
{
    return format_key(a, "", v, v->key);
}

static void release_key(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}
#define KEY_SCOPED __attribute__((cleanup(release_key))) EVP_PKEY

static EVP_PKEY *private_key(const uint8_t seed[NOTE_KEY_BYTES])
{
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, NOTE_KEY_BYTES);
    if (!key)
        BUG("Ed25519 is not available");
    return key;
}

struct error *note_signer_make(struct arena *a, struct slice name,
                               const uint8_t seed[NOTE_KEY_BYTES], struct note_signer *out)
{
    size_t n = NOTE_KEY_BYTES;
    if (!note_name_is_valid(name))
        return error_new(a, STATUS_BAD_SYNTAX, "'%.*s' cannot be the name of a key",
                         SLICE_ARG(name));
    KEY_SCOPED *key = private_key(seed);
    if (!EVP_PKEY_get_raw_public_key(key, out->verifier.key, &n))
        BUG("a key without its public half");
    memcpy(out->seed, seed, NOTE_KEY_BYTES);
    out->verifier.name = name;
    out->verifier.hash = key_hash(name, out->verifier.key);
    return NULL;
}

struct error *note_signer_parse(struct arena *a, struct slice text, struct note_signer *out)
{
    uint32_t hash;
    struct slice name;
    uint8_t seed[NOTE_KEY_BYTES];
    if (!slice_starts(text, S("PRIVATE+KEY+")))
        return error_new(a, STATUS_BAD_SYNTAX, "this is no signer key");
    text = slice_skip(text, strlen("PRIVATE+KEY+"));
    TRY(parse_key(a, text, "signer", &name, &hash, seed));
    TRY(note_signer_make(a, name, seed, out));
    if (hash != out->verifier.hash)
        return error_new(a, STATUS_BAD_SYNTAX,
                         "the hash in this signer key is not that of its name and key");
    return NULL;
}

struct slice note_signer_format(struct arena *a, const struct note_signer *s)
{
    return format_key(a, "PRIVATE+KEY+", &s->verifier, s->seed);
}

/* ---- notes ---- */

static bool verifies(const struct note_verifier *v, struct slice text, struct slice signature)
{
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, v->key, NOTE_KEY_BYTES);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool is_good = key && md && signature.n == SIGNATURE_BYTES &&
                   EVP_DigestVerifyInit(md, NULL, NULL, NULL, key) == 1 &&
                   EVP_DigestVerify(md, (const uint8_t *)signature.p, signature.n,
                                    (const uint8_t *)text.p, text.n) == 1;
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(key);
    return is_good;
}

static bool is_note_text(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x20 && s.p[i] != '\n')
            return false;
    }
    return s.n <= NOTE_MAX_BYTES && slice_is_utf8(s);
}

/* The text with its newline and the lines of signatures. */
static bool split(struct slice msg, struct slice *text, struct slice *lines)
{
    if (!is_note_text(msg) || !slice_ends(msg, S("\n")))
        return false;
    for (size_t i = msg.n; i >= 2; i--) {
        if (msg.p[i - 1] != '\n' || msg.p[i - 2] != '\n')
            continue;
        *text = slice_head(msg, i - 1);
        *lines = slice_skip(msg, i);
        return lines->n > 0;
    }
    return false;
}

struct signature {
    struct slice name;
    uint32_t hash;
    struct slice bytes;
};

static bool parse_signature(struct arena *a, struct slice line, struct signature *out)
{
    struct slice decoded;
    if (!slice_starts(line, SIGNATURE_PREFIX))
        return false;
    line = slice_skip(line, SIGNATURE_PREFIX.n);
    out->name = slice_cut(&line, ' ');
    if (!note_name_is_valid(out->name) || !line.p || !base64_decode(a, line, &decoded) ||
        decoded.n <= KEY_HASH_BYTES)
        return false;
    out->hash = big_endian((const uint8_t *)decoded.p);
    out->bytes = slice_skip(decoded, KEY_HASH_BYTES);
    return true;
}

static struct error *check_signatures(struct arena *a, struct slice text, struct slice lines,
                                      const struct note_verifier *v)
{
    bool is_signed = false;
    for (int count = 0; lines.n; count++) {
        struct signature s;
        if (count == NOTE_MAX_SIGNATURES || !parse_signature(a, slice_cut(&lines, '\n'), &s))
            return error_new(a, STATUS_BAD_ANSWER, "the note's signatures are malformed");
        if (is_signed || s.hash != v->hash || !slice_eq(s.name, v->name))
            continue; /* a stranger's, or one more by the same key, which x/mod ignores too */
        if (!verifies(v, text, s.bytes))
            return error_new(a, STATUS_BAD_ANSWER, "the signature of %.*s+%08x is wrong",
                             SLICE_ARG(v->name), v->hash);
        is_signed = true;
    }
    if (is_signed)
        return NULL;
    return error_new(a, STATUS_BAD_ANSWER, "the note is not signed by the key %.*s+%08x",
                     SLICE_ARG(v->name), v->hash);
}

struct error *note_open(struct arena *a, struct slice msg, const struct note_verifier *v,
                        struct slice *text)
{
    struct slice lines;
    if (!split(msg, text, &lines))
        return error_new(a, STATUS_BAD_ANSWER, "this is no signed note");
    return check_signatures(a, *text, lines, v);
}

static void sign(const struct note_signer *s, struct slice text, uint8_t out[SIGNATURE_BYTES])
{
    size_t n = SIGNATURE_BYTES;
    KEY_SCOPED *key = private_key(s->seed);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    if (!md || EVP_DigestSignInit(md, NULL, NULL, NULL, key) != 1 ||
        EVP_DigestSign(md, out, &n, (const uint8_t *)text.p, text.n) != 1)
        BUG("signing with Ed25519 failed");
    EVP_MD_CTX_free(md);
}

struct slice note_sign(struct arena *a, struct slice text, const struct note_signer *signers,
                       size_t count)
{
    BUF_SCOPED(b);
    if (!is_note_text(text) || !slice_ends(text, S("\n")))
        BUG("a text that cannot be a note's is to be signed");
    buf_add(&b, text);
    buf_add_byte(&b, '\n');
    for (size_t i = 0; i < count; i++) {
        const struct note_verifier *v = &signers[i].verifier;
        uint8_t bytes[KEY_HASH_BYTES + SIGNATURE_BYTES] = {
            (uint8_t)(v->hash >> 24), (uint8_t)(v->hash >> 16), (uint8_t)(v->hash >> 8),
            (uint8_t)v->hash};
        sign(&signers[i], text, bytes + KEY_HASH_BYTES);
        buf_add(&b, SIGNATURE_PREFIX);
        buf_printf(&b, "%.*s %s\n", SLICE_ARG(v->name), base64_encode(a, bytes, sizeof(bytes)).p);
    }
    return arena_dup(a, buf_slice(&b));
}
