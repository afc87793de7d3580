/* Keys: from PEM, and back. OpenSSL reads all forms but the one that cosign has of its own. */
#include "sign/sign_priv.h"

#include "base/encode.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

/* ECDSA on P-256 or Ed25519: what cosign's own keys are, and what both can verify. */
static bool is_usable(EVP_PKEY *k)
{
    char group[32] = "";
    if (EVP_PKEY_get_base_id(k) == EVP_PKEY_ED25519)
        return true;
    return EVP_PKEY_get_base_id(k) == EVP_PKEY_EC &&
           EVP_PKEY_get_utf8_string_param(k, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
                                          NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

static struct error *refuse(struct arena *a, EVP_PKEY *k, const char *wanted)
{
    bool is_key = k != NULL;
    ERR_clear_error();
    EVP_PKEY_free(k);
    if (is_key)
        return error_new(a, STATUS_BAD_CONFIG,
                         "the key is neither ECDSA on P-256 nor Ed25519, and nothing else is "
                         "understood");
    return error_new(a, STATUS_BAD_CONFIG, "there is no %s in it", wanted);
}

static BIO *open_text(struct slice text)
{
    BIO *bio = BIO_new_mem_buf(text.p, (int)text.n);
    if (!bio)
        BUG("out of memory");
    return bio;
}

/* ---- public keys ---- */

static void describe(struct verify_key *k)
{
    uint8_t *der = NULL, sum[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1], *pem;
    BIO *bio = BIO_new(BIO_s_mem());
    int n = i2d_PUBKEY(k->pkey, &der);
    if (!bio || n <= 0 || !PEM_write_bio_PUBKEY(bio, k->pkey))
        BUG("a public key cannot be written");
    sha256(slice_make((const char *)der, (size_t)n), sum);
    hex_encode(sum, sizeof(sum), hex);
    k->id = arena_printf(&k->arena, "sha256:%s", hex);
    long pem_bytes = BIO_get_mem_data(bio, &pem);
    k->pem = arena_dup(&k->arena, slice_make(pem, (size_t)pem_bytes));
    BIO_free(bio);
    OPENSSL_free(der);
}

/* Takes the key over. */
static struct verify_key *verify_key_of(EVP_PKEY *pkey)
{
    struct verify_key *k = xcalloc(1, sizeof(*k));
    k->pkey = pkey;
    describe(k);
    return k;
}

struct error *verify_key_parse(struct arena *a, struct slice pem, struct verify_key **out)
{
    *out = NULL;
    if (pem.n > SIGN_KEY_MAX_BYTES)
        return error_new(a, STATUS_BAD_CONFIG, "it is too large for a key");
    BIO *bio = open_text(pem);
    EVP_PKEY *pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    BIO_free(bio);
    if (!pkey || !is_usable(pkey))
        return refuse(a, pkey, "PUBLIC KEY in PEM");
    *out = verify_key_of(pkey);
    return NULL;
}

void verify_key_free(struct verify_key *k)
{
    if (!k)
        return;
    EVP_PKEY_free(k->pkey);
    arena_release(&k->arena);
    free(k);
}

struct slice verify_key_id(const struct verify_key *k)
{
    return k->id;
}

struct slice verify_key_pem(const struct verify_key *k)
{
    return k->pem;
}

/* ---- private keys ---- */

/* A PEM block of OpenSSL's own that is encrypted shall be refused, not asked for on a terminal. */
static int no_password(char *buf, int size, int rwflag, void *arg)
{
    return -1;
}

static struct error *parse_plain(struct arena *a, struct slice pem, EVP_PKEY **out)
{
    BIO *bio = open_text(pem);
    *out = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    BIO_free(bio);
    if (*out)
        return NULL;
    return refuse(a, NULL, "private key in PEM (of cosign, PKCS#8 or SEC1, without a passphrase)");
}

static struct error *parse_der(struct arena *a, struct slice der, EVP_PKEY **out)
{
    const unsigned char *p = (const unsigned char *)der.p;
    *out = d2i_AutoPrivateKey(NULL, &p, (long)der.n);
    return *out ? NULL : refuse(a, NULL, "private key (PKCS#8) inside the encrypted one");
}

/* True when the first block of the text is one of cosign's; json is what it holds. */
static bool is_sealed(struct arena *a, struct slice pem, struct slice *json)
{
    char *name = NULL, *header = NULL;
    unsigned char *data = NULL;
    long n = 0;
    BIO *bio = open_text(pem);
    bool is_ours = PEM_read_bio(bio, &name, &header, &data, &n) == 1 &&
                   (strcmp(name, "ENCRYPTED COSIGN PRIVATE KEY") == 0 ||
                    strcmp(name, "ENCRYPTED SIGSTORE PRIVATE KEY") == 0);
    if (is_ours)
        *json = arena_dup(a, slice_make((const char *)data, (size_t)n));
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    BIO_free(bio);
    ERR_clear_error();
    return is_ours;
}

static struct error *parse_sealed(struct arena *a, struct slice json, struct slice password,
                                  EVP_PKEY **out)
{
    struct slice plain;
    TRY(sealed_open(a, json, password, &plain));
    struct error *err = parse_der(a, plain, out);
    explicit_bzero((void *)plain.p, plain.n);
    return err;
}

static struct verify_key *public_half(EVP_PKEY *pkey)
{
    uint8_t *der = NULL;
    int n = i2d_PUBKEY(pkey, &der);
    const unsigned char *p = der;
    EVP_PKEY *pub = n > 0 ? d2i_PUBKEY(NULL, &p, n) : NULL;
    if (!pub)
        BUG("a private key without its public half");
    OPENSSL_free(der);
    return verify_key_of(pub);
}

/* A file may hold a private key and the public half of another. */
static struct error *check_halves(struct arena *a, const struct sign_key *k)
{
    struct slice signature, text = S("modgate");
    struct error *err = sign_bytes(a, k, text, &signature);
    if (!err && verify_bytes(k->public, text, signature))
        return NULL;
    return error_new(a, STATUS_BAD_CONFIG, "its private and public halves do not belong together");
}

struct error *sign_key_parse(struct arena *a, struct slice pem, struct slice password,
                             struct sign_key **out)
{
    EVP_PKEY *pkey = NULL;
    struct slice json;
    *out = NULL;
    if (pem.n > SIGN_KEY_MAX_BYTES)
        return error_new(a, STATUS_BAD_CONFIG, "it is too large for a key");
    struct error *err = is_sealed(a, pem, &json) ? parse_sealed(a, json, password, &pkey)
                                                 : parse_plain(a, pem, &pkey);
    if (err)
        return err;
    if (!is_usable(pkey))
        return refuse(a, pkey, "private key");
    *out = xcalloc(1, sizeof(**out));
    **out = (struct sign_key){.pkey = pkey, .public = public_half(pkey)};
    err = check_halves(a, *out);
    if (!err)
        return NULL;
    sign_key_free(*out);
    *out = NULL;
    return err;
}

void sign_key_free(struct sign_key *k)
{
    if (!k)
        return;
    EVP_PKEY_free(k->pkey);
    verify_key_free(k->public);
    free(k);
}

const struct verify_key *sign_key_public(const struct sign_key *k)
{
    return k->public;
}
