/* Signatures of the RFCs' own examples and of keys that OpenSSL makes here; what is not taken. */
#include "../test.h"

#include "access/jwt.h"
#include "base/encode.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

enum { NOW = 1700000000 };

static struct jwk_set read_keys(struct arena *a, const char *json)
{
    struct jwk_set set;
    assert_ok(jwks_parse(a, slice_of(json), &set));
    return set;
}

/* RFC 7515 A.2, A.3 and RFC 8037 A.4. */
static const char rfc_keys[] =
    "{\"keys\":["
    "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":"
    "\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4"
    "d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-"
    "bSf63kpaSHSXndS5z5rexMd"
    "bBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-"
    "D"
    "WNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\"},"
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},"
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";

static const struct {
    enum jwt_algorithm algorithm;
    const char *signed_part, *signature;
} rfc_examples[] = {
    {JWT_RS256,
     "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmN"
     "vbS9pc19yb290Ijp0cnVlfQ",
     "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_"
     "O8W2Fp5ju"
     "jGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_"
     "nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07"
     "Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-"
     "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipU"
     "TI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"},
    {JWT_ES256,
     "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmN"
     "vbS9pc19yb290Ijp0cnVlfQ",
     "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"},
    {JWT_EDDSA, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
     "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"},
};

static void test_examples_of_the_rfcs(void **state)
{
    struct arena a = ARENA_INIT;
    struct jwk_set keys = read_keys(&a, rfc_keys);
    assert_int_equal(keys.count, 3);
    for (size_t i = 0; i < ARRAY_LEN(rfc_examples); i++) {
        struct jwt t = {.algorithm = rfc_examples[i].algorithm,
                        .signed_part = slice_of(rfc_examples[i].signed_part)};
        const struct jwk *key = jwks_find(&keys, S(""), t.algorithm);
        assert_true(base64url_decode(&a, slice_of(rfc_examples[i].signature), &t.signature));
        assert_non_null(key);
        assert_true(jwt_is_signed(&t, key));
        for (size_t k = 0; k < keys.count; k++)
            assert_int_equal(jwt_is_signed(&t, &keys.rows[k]), &keys.rows[k] == key);
        for (size_t k = 0; k < t.signature.n; k++) {
            struct jwt wrong = t;
            char *bytes = arena_cstr(&a, t.signature);
            bytes[k] = (char)(bytes[k] ^ 1);
            wrong.signature = slice_make(bytes, t.signature.n);
            assert_false(jwt_is_signed(&wrong, key));
            wrong.signature = slice_head(t.signature, k);
            assert_false(jwt_is_signed(&wrong, key));
        }
    }
    arena_release(&a);
}

/* A token with that header and those claims, signed by nobody. */
static struct slice make_token(struct arena *a, const char *header, const char *claims)
{
    struct slice h = base64url_encode(a, (const uint8_t *)header, strlen(header));
    struct slice c = base64url_encode(a, (const uint8_t *)claims, strlen(claims));
    return arena_printf(a, "%.*s.%.*s.AAAA", SLICE_ARG(h), SLICE_ARG(c));
}

static void test_headers_and_claims_that_are_not_taken(void **state)
{
    static const char good[] = "{\"exp\":1}";
    static const struct {
        const char *header, *claims;
    } rows[] = {
        {"{\"alg\":\"none\"}", good},
        {"{\"alg\":\"None\"}", good},
        {"{\"alg\":\"HS256\"}", good},
        {"{\"alg\":\"RS384\"}", good},
        {"{\"alg\":\"PS256\"}", good},
        {"{\"alg\":\"es256\"}", good},
        {"{}", good},
        {"[]", good},
        {"{\"alg\":[\"RS256\"]}", good},
        {"{\"alg\":\"RS256\",\"crit\":[\"b64\"]}", good},
        {"{\"alg\":\"RS256\",\"alg\":\"ES256\"}", good},
        {"{\"alg\":\"RS256\"}", "{}"},
        {"{\"alg\":\"RS256\"}", "{\"exp\":\"1\"}"},
        {"{\"alg\":\"RS256\"}", "[]"},
        {"{\"alg\":\"RS256\"}", "{\"exp\":-1}"},
        {"{\"alg\":\"RS256\"}", "{\"exp\":1e300}"},
        {"{\"alg\":\"RS256\"}", "{\"exp\":1"},
        {"{\"alg\":\"RS256\"}", "{\"exp\":1,\"exp\":2}"},
    };
    static const char *const texts[] = {
        "", ".", "..", "a.b", "a.b.c.d", "a..c", ".b.c", "e30=.e30.AAAA", "!!.e30.AAAA"};
    struct arena a = ARENA_INIT;
    struct jwt t;
    assert_ok(jwt_parse(&a, make_token(&a, "{\"alg\":\"RS256\",\"kid\":\"k\"}", good), &t));
    assert_slice(t.kid, "k");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct error *err = jwt_parse(&a, make_token(&a, rows[i].header, rows[i].claims), &t);
        if (!err || err->status != STATUS_BAD_CREDENTIALS)
            fail_msg("taken: %s %s", rows[i].header, rows[i].claims);
    }
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_status(jwt_parse(&a, slice_of(texts[i]), &t), STATUS_BAD_CREDENTIALS);
    arena_release(&a);
}

static void test_times_issuer_and_audience(void **state)
{
    static const struct {
        const char *claims;
        bool is_fine;
    } rows[] = {
        {"\"iss\":\"https://i\",\"aud\":\"us\",\"exp\":1700000100", true},
        {"\"iss\":\"https://i\",\"aud\":[\"x\",\"us\"],\"exp\":1700000100", true},
        {"\"iss\":\"https://i\",\"aud\":[\"x\"],\"exp\":1700000100", false},
        {"\"iss\":\"https://i\",\"aud\":[],\"exp\":1700000100", false},
        {"\"iss\":\"https://i\",\"aud\":{\"us\":1},\"exp\":1700000100", false},
        {"\"iss\":\"https://i\",\"aud\":\"us/\",\"exp\":1700000100", false},
        {"\"iss\":\"https://i\",\"exp\":1700000100", false},
        {"\"iss\":\"https://i/\",\"aud\":\"us\",\"exp\":1700000100", false},
        {"\"iss\":\"HTTPS://i\",\"aud\":\"us\",\"exp\":1700000100", false},
        {"\"aud\":\"us\",\"exp\":1700000100", false},
        {"\"iss\":\"https://i\",\"aud\":\"us\",\"exp\":1699999941", true}, /* within the skew */
        {"\"iss\":\"https://i\",\"aud\":\"us\",\"exp\":1699999940", false},
        {"\"iss\":\"https://i\",\"aud\":\"us\",\"exp\":1700000100.5", true},
        {"\"iss\":\"https://i\",\"aud\":\"us\",\"exp\":1700000100,\"nbf\":1700000060", true},
        {"\"iss\":\"https://i\",\"aud\":\"us\",\"exp\":1700000100,\"nbf\":1700000061", false},
        {"\"iss\":\"https://i\",\"aud\":\"us\",\"exp\":1700000100,\"iat\":1700000061", false},
        {"\"iss\":\"https://i\",\"aud\":\"us\",\"exp\":1700000100,\"nbf\":\"soon\"", false},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct jwt t;
        const char *claims = arena_printf(&a, "{%s}", rows[i].claims).p;
        assert_ok(jwt_parse(&a, make_token(&a, "{\"alg\":\"ES256\"}", claims), &t));
        struct error *err = jwt_check(&a, &t, S("https://i"), S("us"), NOW);
        if (err ? rows[i].is_fine || err->status != STATUS_BAD_CREDENTIALS : !rows[i].is_fine)
            fail_msg("%s", rows[i].claims);
    }
    arena_release(&a);
}

static struct slice number_of(struct arena *a, EVP_PKEY *key, const char *name, int least)
{
    BIGNUM *n = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
    int bytes = BN_num_bytes(n) > least ? BN_num_bytes(n) : least;
    uint8_t *out = arena_alloc(a, (size_t)bytes);
    assert_int_equal(BN_bn2binpad(n, out, bytes), bytes);
    BN_free(n);
    return base64url_encode(a, out, (size_t)bytes);
}

static struct slice jwk_of(struct arena *a, EVP_PKEY *key, const char *more)
{
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
        return arena_printf(a, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"%s}",
                            arena_cstr(a, number_of(a, key, OSSL_PKEY_PARAM_RSA_N, 0)),
                            arena_cstr(a, number_of(a, key, OSSL_PKEY_PARAM_RSA_E, 0)), more);
    return arena_printf(a, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"%s}",
                        arena_cstr(a, number_of(a, key, OSSL_PKEY_PARAM_EC_PUB_X, 32)),
                        arena_cstr(a, number_of(a, key, OSSL_PKEY_PARAM_EC_PUB_Y, 32)), more);
}

static struct slice sign(struct arena *a, EVP_PKEY *key, struct slice text)
{
    unsigned char sig[1024];
    size_t n = sizeof(sig);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, sig, &n, (const unsigned char *)text.p, text.n), 1);
    EVP_MD_CTX_free(ctx);
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {
        const unsigned char *at = sig;
        ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &at, (long)n);
        BN_bn2binpad(ECDSA_SIG_get0_r(parts), sig, 32);
        BN_bn2binpad(ECDSA_SIG_get0_s(parts), sig + 32, 32);
        ECDSA_SIG_free(parts);
        n = 64;
    }
    return arena_dup(a, slice_make((const char *)sig, n));
}

/* Many keys, so that numbers with leading zeros are among them. */
static void test_keys_of_openssl(void **state)
{
    struct arena a = ARENA_INIT;
    for (int i = 0; i < 300; i++) {
        EVP_PKEY *key = i < 3 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
        struct jwk_set set =
            read_keys(&a, arena_printf(&a, "{\"keys\":[%s]}", jwk_of(&a, key, "").p).p);
        struct jwt t = {.algorithm = i < 3 ? JWT_RS256 : JWT_ES256, .signed_part = S("a.b")};
        t.signature = sign(&a, key, t.signed_part);
        assert_true(jwt_is_signed(&t, &set.rows[0]));
        t.signed_part = S("a.c");
        assert_false(jwt_is_signed(&t, &set.rows[0]));
        EVP_PKEY_free(key);
        arena_clear(&a);
    }
    arena_release(&a);
}

static void test_keys_that_are_not_taken(void **state)
{
    struct arena a = ARENA_INIT;
    struct jwk_set set;
    EVP_PKEY *rsa = EVP_RSA_gen(2048), *small = EVP_RSA_gen(1024), *ec = EVP_EC_gen("P-256");
    const char *good = jwk_of(&a, rsa, ",\"kid\":\"good\"").p;
    const char *bad[] = {
        jwk_of(&a, small, "").p,
        jwk_of(&a, rsa, ",\"use\":\"enc\"").p,
        jwk_of(&a, rsa, ",\"alg\":\"PS256\"").p,
        jwk_of(&a, rsa, ",\"kid\":7").p,
        "{\"kty\":\"oct\",\"k\":\"AAAA\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}",
        /* not on the curve */
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        "\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\"}",
        "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"11qYAYKxCrfVS_"
        "7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}",
        "{}",
        "7",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_status(jwks_parse(&a, arena_printf(&a, "{\"keys\":[%s]}", bad[i]), &set),
                      STATUS_BAD_ANSWER);
        assert_ok(jwks_parse(&a, arena_printf(&a, "{\"keys\":[%s,%s]}", bad[i], good), &set));
        assert_int_equal(set.count, 1);
    }
    assert_status(jwks_parse(&a, S("{\"keys\":1}"), &set), STATUS_BAD_ANSWER);
    assert_status(jwks_parse(&a, S("["), &set), STATUS_BAD_ANSWER);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(small);
    EVP_PKEY_free(ec);
    arena_release(&a);
}

static void test_which_key(void **state)
{
    struct arena a = ARENA_INIT;
    EVP_PKEY *one = EVP_EC_gen("P-256"), *two = EVP_EC_gen("P-256"), *rsa = EVP_RSA_gen(2048);
    struct jwk_set set =
        read_keys(&a, arena_printf(&a, "{\"keys\":[%s,%s,%s]}", jwk_of(&a, one, ",\"kid\":\"1\"").p,
                                   jwk_of(&a, two, ",\"kid\":\"2\",\"alg\":\"ES256\"").p,
                                   jwk_of(&a, rsa, ",\"kid\":\"1\",\"use\":\"sig\"").p)
                          .p);
    assert_ptr_equal(jwks_find(&set, S("1"), JWT_ES256), &set.rows[0]);
    assert_ptr_equal(jwks_find(&set, S("2"), JWT_ES256), &set.rows[1]);
    assert_ptr_equal(jwks_find(&set, S("1"), JWT_RS256), &set.rows[2]);
    assert_ptr_equal(jwks_find(&set, S(""), JWT_RS256), &set.rows[2]);
    assert_null(jwks_find(&set, S(""), JWT_ES256)); /* two would do */
    assert_null(jwks_find(&set, S("3"), JWT_ES256));
    assert_null(jwks_find(&set, S("2"), JWT_RS256)); /* never a key of another kind */
    EVP_PKEY_free(one);
    EVP_PKEY_free(two);
    EVP_PKEY_free(rsa);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples_of_the_rfcs),
        cmocka_unit_test(test_headers_and_claims_that_are_not_taken),
        cmocka_unit_test(test_times_issuer_and_audience),
        cmocka_unit_test(test_keys_of_openssl),
        cmocka_unit_test(test_keys_that_are_not_taken),
        cmocka_unit_test(test_which_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
