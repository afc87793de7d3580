#include "access/jwk.h"

#include "base/encode.h"

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

enum { RSA_MIN_BITS = 2048, RSA_MAX_BITS = 8192, FIELD_MAX_BYTES = 2048, P256_BYTES = 32 };

/* A member in base64url, decoded; empty when it is not there or not that. */
static struct slice bytes_of(struct arena *a, const json_t *jwk, const char *name)
{
    struct slice out;
    const json_t *value = json_object_get(jwk, name);
    struct slice text = slice_make(json_string_value(value), json_string_length(value));
    if (!json_is_string(value) || text.n > FIELD_MAX_BYTES || !base64url_decode(a, text, &out))
        return S("");
    return out;
}

static bool says(const json_t *jwk, const char *name, const char *expected)
{
    const char *value = json_string_value(json_object_get(jwk, name));
    return value && strcmp(value, expected) == 0;
}

static EVP_PKEY *make_key(const char *type, OSSL_PARAM_BLD *builder)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return key;
}

static EVP_PKEY *read_rsa(struct arena *a, const json_t *jwk)
{
    struct slice n = bytes_of(a, jwk, "n"), e = bytes_of(a, jwk, "e");
    if (n.n == 0 || e.n == 0 || e.n > 8)
        return NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BIGNUM *modulus = BN_bin2bn((const unsigned char *)n.p, (int)n.n, NULL);
    BIGNUM *exponent = BN_bin2bn((const unsigned char *)e.p, (int)e.n, NULL);
    EVP_PKEY *key = NULL;
    bool is_sound = BN_num_bits(modulus) >= RSA_MIN_BITS && BN_num_bits(modulus) <= RSA_MAX_BITS &&
                    BN_is_odd(modulus) && BN_is_odd(exponent) && !BN_is_one(exponent);
    if (is_sound && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent))
        key = make_key("RSA", builder);
    BN_free(modulus);
    BN_free(exponent);
    OSSL_PARAM_BLD_free(builder);
    return key;
}

static EVP_PKEY *read_p256(struct arena *a, const json_t *jwk)
{
    struct slice x = bytes_of(a, jwk, "x"), y = bytes_of(a, jwk, "y");
    unsigned char point[1 + 2 * P256_BYTES] = {4};
    if (!says(jwk, "crv", "P-256") || x.n != P256_BYTES || y.n != P256_BYTES)
        return NULL;
    memcpy(point + 1, x.p, P256_BYTES);
    memcpy(point + 1 + P256_BYTES, y.p, P256_BYTES);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;
    if (OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)))
        key = make_key("EC", builder);
    OSSL_PARAM_BLD_free(builder);
    return key;
}

static EVP_PKEY *read_ed25519(struct arena *a, const json_t *jwk)
{
    struct slice x = bytes_of(a, jwk, "x");
    if (!says(jwk, "crv", "Ed25519") || x.n != 32)
        return NULL;
    return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)x.p, x.n);
}

static const struct {
    const char *kty, *alg;
    enum jwt_algorithm algorithm;
    EVP_PKEY *(*read)(struct arena *a, const json_t *jwk);
} kinds[] = {
    {"RSA", "RS256", JWT_RS256, read_rsa},
    {"EC", "ES256", JWT_ES256, read_p256},
    {"OKP", "EdDSA", JWT_EDDSA, read_ed25519},
};

static void free_key(void *key)
{
    EVP_PKEY_free(key);
}

/* False: not one of ours. */
static bool read_key(struct arena *a, const json_t *jwk, struct jwk *out)
{
    const json_t *kid = json_object_get(jwk, "kid");
    if ((json_object_get(jwk, "use") && !says(jwk, "use", "sig")) ||
        (kid && !json_is_string(kid)) || json_string_length(kid) > JWK_KID_MAX_BYTES)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (!says(jwk, "kty", kinds[i].kty))
            continue;
        if (json_object_get(jwk, "alg") && !says(jwk, "alg", kinds[i].alg))
            return false;
        out->algorithm = kinds[i].algorithm;
        out->kid = arena_dup(a, slice_of(json_string_value(kid)));
        out->key = kinds[i].read(a, jwk);
        ERR_clear_error();
        if (out->key)
            arena_on_release(a, free_key, out->key);
        return out->key != NULL;
    }
    return false;
}

static struct error *read_set(struct arena *a, const json_t *root, struct jwk_set *out)
{
    const json_t *list = json_object_get(root, "keys");
    if (!json_is_array(list))
        return error_new(a, STATUS_BAD_ANSWER, "it is no JWK set: it has no list of keys");
    if (json_array_size(list) > JWKS_MAX_KEYS)
        return error_new(a, STATUS_BAD_ANSWER, "the JWK set has more than %d keys", JWKS_MAX_KEYS);
    *out = (struct jwk_set){.rows = ARENA_ARRAY(a, struct jwk, json_array_size(list))};
    for (size_t i = 0; i < json_array_size(list); i++)
        out->count += read_key(a, json_array_get(list, i), &out->rows[out->count]);
    if (out->count == 0)
        return error_new(a, STATUS_BAD_ANSWER,
                         "the JWK set has no key for RS256, ES256 or EdDSA (Ed25519)");
    return NULL;
}

struct error *jwks_parse(struct arena *a, struct slice json, struct jwk_set *out)
{
    json_error_t why;
    if (json.n > JWKS_MAX_BYTES)
        return error_new(a, STATUS_BAD_ANSWER, "the JWK set is larger than %d bytes",
                         JWKS_MAX_BYTES);
    json_t *root = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        return error_new(a, STATUS_BAD_ANSWER, "the JWK set is no JSON: line %d: %s", why.line,
                         why.text);
    struct error *err = read_set(a, root, out);
    json_decref(root);
    return err;
}

const struct jwk *jwks_find(const struct jwk_set *set, struct slice kid,
                            enum jwt_algorithm algorithm)
{
    const struct jwk *found = NULL;
    for (size_t i = 0; i < set->count; i++) {
        const struct jwk *row = &set->rows[i];
        if (row->algorithm != algorithm || (kid.n && !slice_eq(row->kid, kid)))
            continue;
        if (found)
            return NULL;
        found = row;
    }
    return found;
}
