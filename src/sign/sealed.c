#include "sign/sign_priv.h"

#include "base/encode.h"

#include <jansson.h>
#include <sodium.h>

enum { SCRYPT_R = 8, SCRYPT_P = 1, SCRYPT_MAX_N = 1 << 17, SALT_MAX_BYTES = 64 };

struct sealed {
    uint64_t n;
    struct slice salt, nonce, box;
};

static struct error *bad(struct arena *a, const char *what)
{
    return error_new(a, STATUS_BAD_CONFIG, "the encrypted key cannot be read: %s", what);
}

/* Go's encoding/json writes bytes as base64. */
static bool bytes_of(struct arena *a, json_t *value, struct slice *out)
{
    const char *text = json_string_value(value);
    return text && base64_decode(a, slice_of(text), out);
}

static bool is_named(json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, "name"));
    return text && strcmp(text, name) == 0;
}

/* N is a power of two; r and p are what every version of cosign has written. */
static bool read_cost(json_t *params, uint64_t *n)
{
    json_int_t cost = json_integer_value(json_object_get(params, "N"));
    *n = (uint64_t)cost;
    return cost > 1 && cost <= SCRYPT_MAX_N && (cost & (cost - 1)) == 0 &&
           json_integer_value(json_object_get(params, "r")) == SCRYPT_R &&
           json_integer_value(json_object_get(params, "p")) == SCRYPT_P;
}

static struct error *read_sealed(struct arena *a, json_t *o, struct sealed *out)
{
    json_t *kdf = json_object_get(o, "kdf"), *cipher = json_object_get(o, "cipher");
    if (!is_named(kdf, "scrypt") || !is_named(cipher, "nacl/secretbox"))
        return bad(a, "it is not sealed with scrypt and nacl/secretbox");
    if (!read_cost(json_object_get(kdf, "params"), &out->n))
        return bad(a, "its scrypt parameters are none that cosign writes");
    if (!bytes_of(a, json_object_get(kdf, "salt"), &out->salt) || out->salt.n > SALT_MAX_BYTES ||
        !bytes_of(a, json_object_get(cipher, "nonce"), &out->nonce) ||
        out->nonce.n != crypto_secretbox_NONCEBYTES ||
        !bytes_of(a, json_object_get(o, "ciphertext"), &out->box) ||
        out->box.n <= crypto_secretbox_MACBYTES)
        return bad(a, "its salt, nonce or ciphertext is malformed");
    return NULL;
}

static struct error *open_box(struct arena *a, const struct sealed *s, struct slice password,
                              struct slice *plain)
{
    uint8_t key[crypto_secretbox_KEYBYTES];
    size_t n = s->box.n - crypto_secretbox_MACBYTES;
    uint8_t *out = arena_alloc(a, n);
    if (crypto_pwhash_scryptsalsa208sha256_ll((const uint8_t *)password.p, password.n,
                                              (const uint8_t *)s->salt.p, s->salt.n, s->n, SCRYPT_R,
                                              SCRYPT_P, key, sizeof(key)) != 0)
        return bad(a, "there is not enough memory for scrypt");
    int err = crypto_secretbox_open_easy(out, (const uint8_t *)s->box.p, s->box.n,
                                         (const uint8_t *)s->nonce.p, key);
    sodium_memzero(key, sizeof(key));
    if (err)
        return error_new(a, STATUS_BAD_CONFIG, "the password does not open the encrypted key");
    *plain = slice_make((const char *)out, n);
    return NULL;
}

struct error *sealed_open(struct arena *a, struct slice json, struct slice password,
                          struct slice *plain)
{
    struct sealed s;
    if (json.n > SEALED_MAX_BYTES)
        return bad(a, "it is too large");
    json_t *o = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, NULL);
    if (!o)
        return bad(a, "what is inside is not JSON");
    struct error *err = read_sealed(a, o, &s);
    json_decref(o);
    return err ? err : open_box(a, &s, password, plain);
}
