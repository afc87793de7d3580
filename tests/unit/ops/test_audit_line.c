#include "../test.h"

#include "ops/audit_line.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define ONES "1111111111111111111111111111111111111111111111111111111111111111"
#define HEAD "{\"seq\":7,\"time\":\"2026-01-02T03:04:05Z\",\"event\":\"deny\""
#define PREV ",\"prev\":\"" ZEROS "\""
#define HASH ",\"hash\":\"" ONES "\"}"

static void test_parts(void **state)
{
    struct audit_line l;
    assert_true(audit_line_parse(S(HEAD ",\"x\":\"\\\"y\"" PREV HASH), &l));
    assert_int_equal(l.seq, 7);
    assert_slice(l.body, "\"time\":\"2026-01-02T03:04:05Z\",\"event\":\"deny\",\"x\":\"\\\"y\"");
    assert_slice(l.prev, ZEROS);
    assert_slice(l.hash, ONES);
    assert_slice(l.signature, "");
    assert_slice(l.hashed, HEAD ",\"x\":\"\\\"y\"" PREV);
    assert_slice(audit_line_event(l.body), "deny");
    assert_slice(audit_line_time(l.body), "2026-01-02T03:04:05Z");
}

static void test_signature(void **state)
{
    struct audit_line l;
    assert_true(audit_line_parse(S(HEAD PREV ",\"signature\":\"c2ln\"" HASH), &l));
    assert_slice(l.signature, "c2ln");
    assert_slice(l.signed_part, HEAD PREV);
    assert_slice(l.hashed, HEAD PREV ",\"signature\":\"c2ln\"");
}

static void test_what_is_no_record(void **state)
{
    static const char *const lines[] = {
        "",
        "{}",
        HEAD PREV,
        HEAD HASH,
        PREV HASH,
        HEAD PREV HASH " ",
        " " HEAD PREV HASH,
        HEAD PREV ",\"hash\":\"" ZEROS "0\"}",
        HEAD PREV ",\"hash\":\"A" ZEROS "\"}",
        HEAD ",\"prev\":\"\"" HASH,
        HEAD PREV ",\"signature\":\"\"" HASH,
        HEAD PREV ",\"signature\":\"c2 ln\"" HASH,
        "{\"seq\":07,\"time\":\"x\"" PREV HASH,
        "{\"seq\":-7,\"time\":\"x\"" PREV HASH,
        "{\"seq\":99999999999999999999,\"time\":\"x\"" PREV HASH,
        "{\"seq\":7,\"event\":\"x\"" PREV HASH,
        "{\"seq\":7" PREV HASH,
    };
    struct audit_line l;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        if (audit_line_parse(slice_of(lines[i]), &l))
            fail_msg("taken for a record: %s", lines[i]);
    }
}

/* As sha256sum has it: docs/audit.md says how to make it by hand. */
static void test_hash(void **state)
{
    char hash[AUDIT_HASH_CHARS + 1];
    struct sha256_stream *h = sha256_new();
    audit_line_hash(h, S("{\"a\":1"), hash);
    sha256_free(h);
    assert_string_equal(hash, "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_signature),
        cmocka_unit_test(test_what_is_no_record),
        cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
