#include "access/jwt.h"

#include "base/encode.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>

enum { HEADER_MAX_BYTES = 4096, ES256_BYTES = 64, SUBJECT_MAX_BYTES = 512 };

static struct error *refuse(struct arena *a, const char *why)
{
    return error_new(a, STATUS_BAD_CREDENTIALS, "the JSON web token %s", why);
}

bool jwt_looks_like_one(struct slice text)
{
    struct slice rest = text;
    struct slice header = slice_cut(&rest, '.');
    struct slice body = rest.p ? slice_cut(&rest, '.') : S("");
    return header.n && body.n && rest.p && slice_find(rest, '.') < 0;
}

static void free_json(void *json)
{
    json_decref(json);
}

/* A part, decoded and read: a JSON object that goes with the arena, or NULL. */
static json_t *read_part(struct arena *a, struct slice part)
{
    struct slice text;
    if (!base64url_decode(a, part, &text))
        return NULL;
    json_t *json = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
    if (json)
        arena_on_release(a, free_json, json);
    return json_is_object(json) ? json : NULL;
}

static struct slice text_of(const json_t *json)
{
    return json_is_string(json) ? slice_make(json_string_value(json), json_string_length(json))
                                : S("");
}

static struct error *read_header(struct arena *a, struct slice part, struct jwt *out)
{
    static const char *const names[] = {
        [JWT_RS256] = "RS256", [JWT_ES256] = "ES256", [JWT_EDDSA] = "EdDSA"};
    json_t *header = part.n <= HEADER_MAX_BYTES ? read_part(a, part) : NULL;
    if (!header)
        return refuse(a, "has no readable header");
    if (json_object_get(header, "crit"))
        return refuse(a, "has critical extensions");
    struct slice algorithm = text_of(json_object_get(header, "alg"));
    out->kid = text_of(json_object_get(header, "kid"));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (slice_eq(algorithm, slice_of(names[i]))) {
            out->algorithm = (enum jwt_algorithm)i;
            return NULL;
        }
    }
    return refuse(a, "is not signed with RS256, ES256 or EdDSA");
}

/* A NumericDate, cut to whole seconds; false when it is none that a clock could show. */
static bool read_date(const json_t *json, int64_t *out)
{
    double value = json_number_value(json);
    if (!json_is_number(json) || !(value >= 0 && value < 1e12))
        return false;
    *out = (int64_t)value;
    return true;
}

static struct error *read_claims(struct arena *a, struct slice part, struct jwt *out)
{
    out->claims = read_part(a, part);
    if (!out->claims)
        return refuse(a, "has no readable claims");
    out->issuer = text_of(json_object_get(out->claims, "iss"));
    out->subject = text_of(json_object_get(out->claims, "sub"));
    if (!read_date(json_object_get(out->claims, "exp"), &out->expires_unix_s))
        return refuse(a, "does not say when it expires");
    if (out->subject.n > SUBJECT_MAX_BYTES)
        return refuse(a, "has a subject that is too long");
    return NULL;
}

struct error *jwt_parse(struct arena *a, struct slice text, struct jwt *out)
{
    *out = (struct jwt){0};
    if (text.n > JWT_MAX_BYTES || !jwt_looks_like_one(text))
        return refuse(a, "does not have three parts, or is longer than 16 KiB");
    size_t last_dot = (size_t)slice_rfind(text, '.');
    struct slice rest = text;
    struct slice header = slice_cut(&rest, '.');
    struct slice claims = slice_cut(&rest, '.');
    TRY(read_header(a, header, out));
    TRY(read_claims(a, claims, out));
    if (!base64url_decode(a, rest, &out->signature) || out->signature.n == 0)
        return refuse(a, "has no readable signature");
    out->signed_part = slice_head(text, last_dot);
    return NULL;
}

/* The DER form of r and s (RFC 7518, 3.4); 0 when there is none. The caller frees *out. */
static int ecdsa_der(struct slice raw, unsigned char **out)
{
    if (raw.n != ES256_BYTES)
        return 0;
    const unsigned char *p = (const unsigned char *)raw.p;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(p, ES256_BYTES / 2, NULL);
    BIGNUM *s = BN_bin2bn(p + ES256_BYTES / 2, ES256_BYTES / 2, NULL);
    if (!sig || ECDSA_SIG_set0(sig, r, s) != 1)
        BUG("out of memory");
    int n = i2d_ECDSA_SIG(sig, out);
    ECDSA_SIG_free(sig);
    return n > 0 ? n : 0;
}

static bool verify(const struct jwt *t, EVP_PKEY *key, const EVP_MD *md, struct slice signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool is_good = ctx && EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1 &&
                   EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
                                    (const unsigned char *)t->signed_part.p, t->signed_part.n) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return is_good;
}

bool jwt_is_signed(const struct jwt *t, const struct jwk *key)
{
    if (key->algorithm != t->algorithm)
        return false;
    if (t->algorithm == JWT_EDDSA)
        return verify(t, key->key, NULL, t->signature);
    if (t->algorithm == JWT_RS256)
        return verify(t, key->key, EVP_sha256(), t->signature);
    unsigned char *der = NULL;
    int n = ecdsa_der(t->signature, &der);
    bool is_good =
        n > 0 && verify(t, key->key, EVP_sha256(), slice_make((const char *)der, (size_t)n));
    OPENSSL_free(der);
    return is_good;
}

static bool has_audience(const json_t *aud, struct slice wanted)
{
    if (json_is_string(aud))
        return slice_eq(text_of(aud), wanted);
    for (size_t i = 0; i < json_array_size(aud); i++) {
        if (slice_eq(text_of(json_array_get(aud, i)), wanted) &&
            json_is_string(json_array_get(aud, i)))
            return true;
    }
    return false;
}

/* True when the claim is not there, or is a time that is not yet to come. */
static bool has_begun(const struct jwt *t, const char *name, int64_t now_unix_s)
{
    int64_t at;
    const json_t *claim = json_object_get(t->claims, name);
    return !claim || (read_date(claim, &at) && at <= now_unix_s + JWT_SKEW_SECONDS);
}

struct error *jwt_check(struct arena *a, const struct jwt *t, struct slice issuer,
                        struct slice audience, int64_t now_unix_s)
{
    if (!slice_eq(t->issuer, issuer))
        return refuse(a, "is of an issuer that is not known here");
    if (!has_audience(json_object_get(t->claims, "aud"), audience))
        return refuse(a, "is for another audience");
    if (now_unix_s >= t->expires_unix_s + JWT_SKEW_SECONDS)
        return refuse(a, "has expired");
    if (!has_begun(t, "nbf", now_unix_s) || !has_begun(t, "iat", now_unix_s))
        return refuse(a, "is not valid yet: compare the clocks");
    return NULL;
}
