#include "../test.h"

#include "sign/sign_priv.h"

#include "base/encode.h"

#include <sodium.h>

#define PLAIN "what is inside"

struct parts {
    const char *kdf, *cipher, *extra;
    long long n, r, p;
    size_t salt, nonce;
};

static const struct parts good = {"scrypt", "nacl/secretbox", "", 16384, 8, 1, 32, 24};

/* What cosign would write with these parameters and the password "pw". */
static struct slice seal(struct arena *a, const struct parts *s)
{
    uint8_t salt[80] = {1}, nonce[64] = {2}, key[32], box[sizeof(PLAIN) - 1 + 16];
    assert_int_equal(crypto_pwhash_scryptsalsa208sha256_ll((const uint8_t *)"pw", 2, salt, s->salt,
                                                           16384, 8, 1, key, sizeof(key)),
                     0);
    crypto_secretbox_easy(box, (const uint8_t *)PLAIN, sizeof(PLAIN) - 1, nonce, key);
    return arena_printf(
        a,
        "{\"kdf\":{\"name\":\"%s\",\"params\":{\"N\":%lld,\"r\":%lld,\"p\":%lld},\"salt\":\"%s\"},"
        "\"cipher\":{\"name\":\"%s\",\"nonce\":\"%s\"},\"ciphertext\":\"%s\"%s}",
        s->kdf, s->n, s->r, s->p, base64_encode(a, salt, s->salt).p, s->cipher,
        base64_encode(a, nonce, s->nonce).p, base64_encode(a, box, sizeof(box)).p, s->extra);
}

static void test_opens(void **state)
{
    struct arena a = ARENA_INIT;
    struct slice plain;
    assert_ok(sealed_open(&a, seal(&a, &good), S("pw"), &plain));
    assert_slice(plain, PLAIN);
    assert_status(sealed_open(&a, seal(&a, &good), S("pW"), &plain), STATUS_BAD_CONFIG);
    arena_release(&a);
}

/* Parameters decide how much memory and time a file from outside takes. */
static void test_parameters_are_bounded(void **state)
{
    struct arena a = ARENA_INIT;
    struct slice plain;
    struct parts bad[] = {good, good, good, good, good, good, good, good, good, good, good};
    bad[0].n = 1 << 18;
    bad[1].n = 1LL << 62;
    bad[2].n = -1;
    bad[3].n = 1;
    bad[4].n = 16385;
    bad[5].r = 9;
    bad[6].p = 2;
    bad[7].salt = 65;
    bad[8].nonce = 23;
    bad[9].kdf = "argon2";
    bad[10].cipher = "none";
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {

        assert_status(sealed_open(&a, seal(&a, &bad[i]), S("pw"), &plain), STATUS_BAD_CONFIG);
    }
    arena_release(&a);
}

static void test_what_is_no_sealed_key(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"kdf\":1}",
        "null",
        "{\"kdf\":{},\"kdf\":{}}",
        "{\"kdf\":{\"name\":\"scrypt\"},\"cipher\":{\"name\":\"nacl/secretbox\"}}",
    };
    struct arena a = ARENA_INIT;
    struct slice plain;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_status(sealed_open(&a, slice_of(texts[i]), S(""), &plain), STATUS_BAD_CONFIG);
    char *large = xmalloc(SEALED_MAX_BYTES + 1);
    memset(large, ' ', SEALED_MAX_BYTES + 1);
    assert_status(sealed_open(&a, slice_make(large, SEALED_MAX_BYTES + 1), S(""), &plain),
                  STATUS_BAD_CONFIG);
    free(large);
    arena_release(&a);
}

/* Every byte of the sealed text matters, or changes nothing. */
static void test_flipped_bytes(void **state)
{
    struct arena a = ARENA_INIT;
    struct slice whole = seal(&a, &good), plain;
    size_t opened = 0;
    for (size_t i = 0; i < whole.n; i += 3) {
        struct arena b = ARENA_INIT;
        char *text = arena_cstr(&b, whole);
        text[i] ^= 1;
        if (!sealed_open(&b, slice_make(text, whole.n), S("pw"), &plain)) {
            assert_slice(plain, PLAIN);
            opened++;
        }
        arena_release(&b);
    }
    assert_true(opened < 3);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens),
        cmocka_unit_test(test_parameters_are_bounded),
        cmocka_unit_test(test_what_is_no_sealed_key),
        cmocka_unit_test(test_flipped_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
