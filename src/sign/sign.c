/*
 * Signing and verifying. Ed25519 signs the message itself and needs it in one piece: a file is
 * mapped for it, and its pages come and go as the system likes. For ECDSA a file is read piece by
 * piece.
 */
#include "sign/sign_priv.h"

#include "base/encode.h"
#include "base/file.h"

#include <openssl/err.h>

#include <errno.h>
#include <unistd.h>

enum { RAW_MAX_BYTES = 256, PIECE_BYTES = 256 << 10 };

/* Ed25519 has its digest built in. */
static const EVP_MD *digest_of(EVP_PKEY *k)
{
    return EVP_PKEY_get_base_id(k) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
}

static EVP_MD_CTX *new_context(void)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    if (!md)
        BUG("out of memory");
    return md;
}

/* ---- bytes ---- */

static struct error *give(struct arena *a, bool is_done, const uint8_t *raw, size_t n,
                          struct slice *signature)
{
    ERR_clear_error();
    if (!is_done)
        return error_new(a, STATUS_INTERNAL, "OpenSSL could not sign");
    *signature = base64_encode(a, raw, n);
    return NULL;
}

struct error *sign_bytes(struct arena *a, const struct sign_key *k, struct slice bytes,
                         struct slice *signature)
{
    uint8_t raw[RAW_MAX_BYTES];
    size_t n = sizeof(raw);
    EVP_MD_CTX *md = new_context();
    bool is_done = EVP_DigestSignInit(md, NULL, digest_of(k->pkey), NULL, k->pkey) == 1 &&
                   EVP_DigestSign(md, raw, &n, (const uint8_t *)bytes.p, bytes.n) == 1;
    EVP_MD_CTX_free(md);
    return give(a, is_done, raw, n, signature);
}

/* The signature without its base64; false: it is none. */
static bool raw_of(struct arena *a, struct slice signature, struct slice *raw)
{
    struct slice text = slice_trim(signature);
    return text.n && text.n <= SIGN_MAX_BYTES && base64_decode(a, text, raw);
}

bool verify_bytes(const struct verify_key *k, struct slice bytes, struct slice signature)
{
    struct slice raw;
    struct arena a = ARENA_INIT;
    EVP_MD_CTX *md = new_context();
    bool is_valid =
        raw_of(&a, signature, &raw) &&
        EVP_DigestVerifyInit(md, NULL, digest_of(k->pkey), NULL, k->pkey) == 1 &&
        EVP_DigestVerify(md, (const uint8_t *)raw.p, raw.n, (const uint8_t *)bytes.p, bytes.n) == 1;
    EVP_MD_CTX_free(md);
    ERR_clear_error();
    arena_release(&a);
    return is_valid;
}

/* ---- files ---- */

/* Adds the whole file to a digest that is under way. */
static struct error *add_file(struct arena *a, EVP_MD_CTX *md, int fd)
{
    struct error *err = NULL;
    uint8_t *piece = xmalloc(PIECE_BYTES);
    for (off_t at = 0;;) {
        ssize_t n = pread(fd, piece, PIECE_BYTES, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            err = error_errno(a, errno, "reading what is to be signed or verified");
        if (n <= 0)
            break;
        if (EVP_DigestUpdate(md, piece, (size_t)n) != 1)
            BUG("SHA-256 failed");
        at += n;
    }
    free(piece);
    return err;
}

static struct error *sign_pieces(struct arena *a, const struct sign_key *k, int fd,
                                 struct slice *signature)
{
    uint8_t raw[RAW_MAX_BYTES];
    size_t n = sizeof(raw);
    EVP_MD_CTX *md = new_context();
    bool is_done = EVP_DigestSignInit(md, NULL, digest_of(k->pkey), NULL, k->pkey) == 1;
    struct error *err = is_done ? add_file(a, md, fd) : NULL;
    is_done = is_done && !err && EVP_DigestSignFinal(md, raw, &n) == 1;
    EVP_MD_CTX_free(md);
    return err ? err : give(a, is_done, raw, n, signature);
}

static struct error *verify_pieces(struct arena *a, const struct verify_key *k, int fd,
                                   struct slice signature, bool *is_valid)
{
    struct slice raw;
    if (!raw_of(a, signature, &raw))
        return NULL;
    EVP_MD_CTX *md = new_context();
    bool is_begun = EVP_DigestVerifyInit(md, NULL, digest_of(k->pkey), NULL, k->pkey) == 1;
    struct error *err = is_begun ? add_file(a, md, fd) : NULL;
    *is_valid = is_begun && !err && EVP_DigestVerifyFinal(md, (const uint8_t *)raw.p, raw.n) == 1;
    EVP_MD_CTX_free(md);
    ERR_clear_error();
    return err;
}

struct error *sign_file(struct arena *a, const struct sign_key *k, int fd, struct slice *signature)
{
    struct slice bytes;
    if (digest_of(k->pkey))
        return sign_pieces(a, k, fd, signature);
    struct arena mapping = ARENA_INIT;
    struct error *err = error_dup(a, file_map_fd(&mapping, fd, &bytes));
    if (!err)
        err = sign_bytes(a, k, bytes, signature);
    arena_release(&mapping);
    return err;
}

struct error *verify_file(struct arena *a, const struct verify_key *k, int fd,
                          struct slice signature, bool *is_valid)
{
    struct slice bytes;
    *is_valid = false;
    if (digest_of(k->pkey))
        return verify_pieces(a, k, fd, signature, is_valid);
    struct arena mapping = ARENA_INIT;
    struct error *err = error_dup(a, file_map_fd(&mapping, fd, &bytes));
    if (!err)
        *is_valid = verify_bytes(k, bytes, signature);
    arena_release(&mapping);
    return err;
}
