#include "../test.h"

#include "base/encode.h"

#include "sumdb/note.h"

static const char vkey[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char skey[] =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
static const char text[] = "If you think cryptography is the answer to your problem,\n"
                           "then you don't know what your problem is.\n";
static const char signature[] =
    "\xe2\x80\x94 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfq"
    "dngotpRZb6KE6RyyBwJnAM=\n";

static void test_the_note_of_xmod(void **state)
{
    struct arena a = ARENA_INIT;
    struct note_verifier v;
    struct note_signer s;
    struct slice got;
    assert_ok(note_verifier_parse(&a, slice_of(vkey), &v));
    assert_ok(note_signer_parse(&a, slice_of(skey), &s));
    assert_slice(note_verifier_format(&a, &s.verifier), vkey);
    assert_slice(note_signer_format(&a, &s), skey);
    struct slice note = arena_printf(&a, "%s\n%s", text, signature);
    assert_ok(note_open(&a, note, &v, &got));
    assert_slice(got, text);
    assert_slice(note_sign(&a, slice_of(text), &s, 1), note.p);
    arena_release(&a);
}

static void test_every_part_and_every_change_of_a_key_is_refused(void **state)
{
    struct arena a = ARENA_INIT;
    struct note_verifier v;
    struct note_signer s;
    const char *keys[] = {vkey, skey};
    for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
        struct slice key = arena_dup(&a, slice_of(keys[k]));
        for (size_t i = 0; i < key.n; i++) {
            for (size_t n = 0; i + n <= key.n; n++) {
                struct slice part = slice_make(key.p + i, n);
                if (n != key.n &&
                    (k ? !note_signer_parse(&a, part, &s) : !note_verifier_parse(&a, part, &v)))
                    fail_msg("accepted '%.*s'", SLICE_ARG(part));
            }
            ((char *)key.p)[i]++;
            if (k ? !note_signer_parse(&a, key, &s) : !note_verifier_parse(&a, key, &v))
                fail_msg("accepted '%.*s'", SLICE_ARG(key));
            ((char *)key.p)[i]--;
        }
    }
    /* Another length, and another algorithm, with the hashes that belong to them. */
    assert_status(note_verifier_parse(&a,
                                      S("PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/"
                                        "LDE4izWy10TWBADKEY=="),
                                      &v),
                  STATUS_BAD_SYNTAX);
    assert_status(note_verifier_parse(&a,
                                      S("PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/"
                                        "LDE4izWy10TW"),
                                      &v),
                  STATUS_BAD_SYNTAX);
    arena_release(&a);
}

static void test_every_flipped_bit_of_a_note_is_refused(void **state)
{
    struct arena a = ARENA_INIT;
    struct note_verifier v;
    struct slice got;
    assert_ok(note_verifier_parse(&a, slice_of(vkey), &v));
    struct slice note = arena_printf(&a, "%s\n%s", text, signature);
    for (size_t i = 0; i < 8 * note.n; i++) {
        ((char *)note.p)[i / 8] ^= (char)(1 << i % 8);
        if (!note_open(&a, note, &v, &got))
            fail_msg("bit %zu may be flipped", i);
        ((char *)note.p)[i / 8] ^= (char)(1 << i % 8);
    }
    arena_release(&a);
}

static void test_malformed_notes(void **state)
{
    struct arena a = ARENA_INIT;
    struct note_verifier v;
    struct slice got;
    assert_ok(note_verifier_parse(&a, slice_of(vkey), &v));
    const char *bad[] = {
        "", "\n", "\n\n", text, "hello\n\n", "%s\n", "%s\n\n", "%s\n%.20s", "%s\n%.*s",
    };
    for (size_t i = 0; i < 6; i++)
        assert_status(note_open(&a, slice_of(bad[i]), &v, &got), STATUS_BAD_ANSWER);
    struct slice cases[] = {
        arena_printf(&a, "%s\n%.*s", text, (int)strlen(signature) - 1, signature),
        arena_printf(&a, "%s\n\n%s", text, signature + 1),
        arena_printf(&a, "%s\n%s\n", text, signature),
        arena_printf(&a, "%s\n%sx\n", text, signature),
        arena_printf(&a, "\t%s\n%s", text, signature),
        arena_printf(&a, "\xff%s\n%s", text, signature),
        arena_printf(&a, "%s\n\xe2\x80\x94  x08go/ZJ\n%s", text, signature),
        arena_printf(&a, "%s\n\xe2\x80\x94 Other\xc2\xa0Name x08go/ZJ\n%s", text, signature),
        arena_printf(&a, "%s\n\xe2\x80\x94 Other x08g\n%s", text, signature),
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_status(note_open(&a, cases[i], &v, &got), STATUS_BAD_ANSWER);
    arena_release(&a);
}

static void test_signatures_of_others(void **state)
{
    struct arena a = ARENA_INIT;
    struct note_verifier v;
    struct note_signer s[2];
    struct slice got;
    static const uint8_t seed[NOTE_KEY_BYTES] = {1, 2, 3};
    assert_ok(note_signer_parse(&a, slice_of(skey), &s[1]));
    assert_ok(note_signer_make(&a, S("Enoch"), seed, &s[0]));
    assert_ok(note_verifier_parse(&a, slice_of(vkey), &v));
    struct slice note = note_sign(&a, slice_of(text), s, 2);
    assert_ok(note_open(&a, note, &v, &got));
    assert_ok(note_open(&a, note, &s[0].verifier, &got));
    assert_status(note_open(&a, note_sign(&a, slice_of(text), s, 1), &v, &got), STATUS_BAD_ANSWER);
    /* One more by the same key is ignored, good or not, as x/mod does. */
    struct slice again =
        arena_printf(&a, "%s\n%s\xe2\x80\x94 PeterNeumann x08goAAA\n", text, signature);
    assert_ok(note_open(&a, again, &v, &got));
    BUF_SCOPED(many);
    buf_printf(&many, "%s\n%s", text, signature);
    for (int i = 1; i < NOTE_MAX_SIGNATURES; i++)
        buf_printf(&many, "\xe2\x80\x94 other%d x08goAAA\n", i);
    assert_ok(note_open(&a, buf_slice(&many), &v, &got));
    buf_printf(&many, "\xe2\x80\x94 other x08goAAA\n");
    assert_status(note_open(&a, buf_slice(&many), &v, &got), STATUS_BAD_ANSWER);
    arena_release(&a);
}

static void test_names(void **state)
{
    assert_true(note_name_is_valid(S("sum.corp.example/2027")));
    assert_true(note_name_is_valid(S("\xe6\x97\xa5")));
    const char *bad[] = {
        "", "a b", "a+b", "a\tb", "a\xc2\x85", "a\xe2\x80\x83z", "\xe3\x80\x80", "a\xff"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(note_name_is_valid(slice_of(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_note_of_xmod),
        cmocka_unit_test(test_every_part_and_every_change_of_a_key_is_refused),
        cmocka_unit_test(test_every_flipped_bit_of_a_note_is_refused),
        cmocka_unit_test(test_malformed_notes),
        cmocka_unit_test(test_signatures_of_others),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
