#include "../test.h"
#include "keys.h"

#include "sign/sign.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

static struct sign_key *read_key(const char *pem, const char *password)
{
    struct arena a = ARENA_INIT;
    struct sign_key *k;
    assert_ok(sign_key_parse(&a, slice_of(pem), slice_of(password), &k));
    arena_release(&a);
    return k;
}

static void expect_public(const char *pem, const char *password, const char *public)
{
    struct sign_key *k = read_key(pem, password);
    assert_slice(verify_key_pem(sign_key_public(k)), public);
    sign_key_free(k);
}

static void test_every_form(void **state)
{
    expect_public(COSIGN_KEY, COSIGN_PASSWORD, COSIGN_PUB);
    expect_public(EMPTY_KEY, "", EMPTY_PUB);
    expect_public(ED25519_KEY, "", ED25519_PUB);
    expect_public(SEC1_KEY, "", SEC1_PUB);
    expect_public(SEC1_KEY, "which counts for nothing", SEC1_PUB);
    expect_public("a line before\n" COSIGN_KEY "a line behind\n", COSIGN_PASSWORD, COSIGN_PUB);
}

static void expect_refused(const char *pem, const char *password, const char *why)
{
    struct arena a = ARENA_INIT;
    struct sign_key *k;
    struct error *err = sign_key_parse(&a, slice_of(pem), slice_of(password), &k);
    assert_non_null(err);
    assert_null(k);
    assert_int_equal(err->status, STATUS_BAD_CONFIG);
    if (slice_find_slice(error_chain(&a, err), slice_of(why)) < 0)
        fail_msg("'%s' does not say '%s'", error_chain(&a, err).p, why);
    arena_release(&a);
}

/* A PEM text of a new key of another kind; the caller frees. */
static char *pem_of(EVP_PKEY *pkey, bool is_encrypted)
{
    char *data;
    BIO *bio = BIO_new(BIO_s_mem());
    assert_true(PEM_write_bio_PKCS8PrivateKey(bio, pkey, is_encrypted ? EVP_aes_128_cbc() : NULL,
                                              is_encrypted ? "secret" : NULL, is_encrypted ? 6 : 0,
                                              NULL, NULL));
    long n = BIO_get_mem_data(bio, &data);
    char *text = xcalloc(1, (size_t)n + 1);
    memcpy(text, data, (size_t)n);
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    return text;
}

static void test_what_is_no_key(void **state)
{
    char *p384 = pem_of(EVP_EC_gen("P-384"), false);
    char *rsa = pem_of(EVP_RSA_gen(2048), false);
    char *encrypted = pem_of(EVP_EC_gen("P-256"), true);
    expect_refused("", "", "no private key");
    expect_refused("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "",
                   "no private key");
    expect_refused(COSIGN_PUB, "", "no private key");
    expect_refused(COSIGN_KEY, "wrong", "does not open");
    expect_refused(COSIGN_KEY, "", "does not open");
    expect_refused(p384, "", "neither ECDSA on P-256 nor Ed25519");
    expect_refused(rsa, "", "neither ECDSA on P-256 nor Ed25519");
    expect_refused(encrypted, "secret", "without a passphrase");
    free(p384);
    free(rsa);
    free(encrypted);
}

static void test_public_keys(void **state)
{
    struct arena a = ARENA_INIT;
    struct verify_key *k;
    assert_ok(verify_key_parse(&a, S(COSIGN_PUB), &k));
    assert_slice(verify_key_pem(k), COSIGN_PUB);
    assert_true(slice_starts(verify_key_id(k), S("sha256:")));
    assert_int_equal(verify_key_id(k).n, 7 + 64);
    verify_key_free(k);
    assert_status(verify_key_parse(&a, S(COSIGN_KEY), &k), STATUS_BAD_CONFIG);
    assert_null(k);
    assert_status(verify_key_parse(&a, S("nothing"), &k), STATUS_BAD_CONFIG);
    char *large = xcalloc(1, SIGN_KEY_MAX_BYTES + 1);
    assert_status(verify_key_parse(&a, slice_make(large, SIGN_KEY_MAX_BYTES + 1), &k),
                  STATUS_BAD_CONFIG);
    free(large);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form),
        cmocka_unit_test(test_what_is_no_key),
        cmocka_unit_test(test_public_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
