/* Keys of cosign and of others, with the password empty: a key that is read signs, and its public
 * half is read again and believes it. */
#include "sign/sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_public(struct arena *a, const struct verify_key *k, struct slice text,
                         struct slice signature)
{
    struct verify_key *again;
    if (verify_key_parse(a, verify_key_pem(k), &again) ||
        !slice_eq(verify_key_id(again), verify_key_id(k)))
        BUG("a public key reads otherwise than it prints");
    if (signature.n && !verify_bytes(again, text, signature))
        BUG("a signature that was just made is not believed");
    verify_key_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct sign_key *key;
    struct verify_key *public;
    struct slice text = slice_make((const char *)data, size), signature;
    if (!sign_key_parse(&a, text, S(""), &key)) {
        if (!sign_bytes(&a, key, text, &signature))
            check_public(&a, sign_key_public(key), text, signature);
        sign_key_free(key);
    }
    if (!verify_key_parse(&a, text, &public)) {
        check_public(&a, public, text, S(""));
        verify_bytes(public, text, text);
        verify_key_free(public);
    }
    arena_release(&a);
    return 0;
}
