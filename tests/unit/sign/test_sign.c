#include "../test.h"
#include "keys.h"

#include "sign/sign.h"

#include "base/file.h"

#include <sys/mman.h>
#include <unistd.h>

static const struct {
    const char *private, *password, *public;
} keys[] = {
    {COSIGN_KEY, COSIGN_PASSWORD, COSIGN_PUB},
    {ED25519_KEY, "", ED25519_PUB},
    {SEC1_KEY, "", SEC1_PUB},
};

static struct verify_key *public_key(const char *pem)
{
    struct arena a = ARENA_INIT;
    struct verify_key *k;
    assert_ok(verify_key_parse(&a, slice_of(pem), &k));
    arena_release(&a);
    return k;
}

static int file_of(struct slice text)
{
    struct arena a = ARENA_INIT;
    int fd = memfd_create("text", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_ok(fd_write_all(&a, fd, text));
    arena_release(&a);
    return fd;
}

static bool is_of_file(const struct verify_key *k, struct slice text, struct slice signature)
{
    struct arena a = ARENA_INIT;
    bool is_valid;
    FD_SCOPED fd = file_of(text);
    assert_ok(verify_file(&a, k, fd, signature, &is_valid));
    arena_release(&a);
    return is_valid;
}

static void test_believes_cosign(void **state)
{
    struct verify_key *ecdsa = public_key(COSIGN_PUB), *ed25519 = public_key(ED25519_PUB);
    struct slice text = S(SIGNED_TEXT);
    assert_true(verify_bytes(ecdsa, text, S(COSIGN_SIGNATURE)));
    assert_true(verify_bytes(ecdsa, text, S(" " COSIGN_SIGNATURE "\n")));
    assert_true(is_of_file(ecdsa, text, S(COSIGN_SIGNATURE)));
    assert_true(verify_bytes(ed25519, text, S(ED25519_SIGNATURE)));
    assert_true(is_of_file(ed25519, text, S(ED25519_SIGNATURE)));
    assert_false(verify_bytes(ed25519, text, S(COSIGN_SIGNATURE)));
    assert_false(verify_bytes(ecdsa, text, S(ED25519_SIGNATURE)));
    assert_false(is_of_file(ecdsa, text, S(ED25519_SIGNATURE)));
    assert_false(verify_bytes(ecdsa, S(""), S(COSIGN_SIGNATURE)));
    verify_key_free(ecdsa);
    verify_key_free(ed25519);
}

static void test_there_and_back(void **state)
{
    struct arena a = ARENA_INIT;
    char *large = xmalloc(700000); /* more than one piece */
    memset(large, 'x', 700000);
    struct slice texts[] = {S(""), S("text"), slice_make(large, 700000)};
    for (size_t i = 0; i < ARRAY_LEN(keys) * ARRAY_LEN(texts); i++) {
        struct slice text = texts[i % ARRAY_LEN(texts)], signature;
        struct sign_key *k;
        struct verify_key *v = public_key(keys[i / ARRAY_LEN(texts)].public);
        assert_ok(sign_key_parse(&a, slice_of(keys[i / ARRAY_LEN(texts)].private),
                                 slice_of(keys[i / ARRAY_LEN(texts)].password), &k));
        assert_ok(sign_bytes(&a, k, text, &signature));
        assert_true(verify_bytes(v, text, signature) && is_of_file(v, text, signature));
        FD_SCOPED fd = file_of(text);
        assert_ok(sign_file(&a, k, fd, &signature));
        assert_true(verify_bytes(v, text, signature) && is_of_file(v, text, signature));
        sign_key_free(k);
        verify_key_free(v);
    }
    free(large);
    arena_release(&a);
}

static void expect_all_flips_refused(const char *public, const char *signature)
{
    struct arena a = ARENA_INIT;
    struct verify_key *k = public_key(public);
    struct slice text = S(SIGNED_TEXT), sig = slice_of(signature);
    for (size_t i = 0; i < 8 * text.n; i++) {
        char *bad = arena_cstr(&a, text);
        bad[i / 8] ^= (char)(1 << (i % 8));
        assert_false(verify_bytes(k, slice_make(bad, text.n), sig));
        assert_false(is_of_file(k, slice_make(bad, text.n), sig));
    }
    for (size_t i = 0; i < 8 * sig.n; i++) {
        char *bad = arena_cstr(&a, sig);
        bad[i / 8] ^= (char)(1 << (i % 8));
        assert_false(verify_bytes(k, text, slice_make(bad, sig.n)));
    }
    for (size_t n = 0; n < sig.n; n++)
        assert_false(verify_bytes(k, text, slice_head(sig, n)));
    verify_key_free(k);
    arena_release(&a);
}

static void test_any_flipped_bit_is_refused(void **state)
{
    expect_all_flips_refused(COSIGN_PUB, COSIGN_SIGNATURE);
    expect_all_flips_refused(ED25519_PUB, ED25519_SIGNATURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_believes_cosign),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_any_flipped_bit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
