#include "../test.h"

#include "access/credential.h"

static void test_what_headers_hold(void **state)
{
    static const struct {
        const char *value;
        const char *secret; /* NULL: refused … */
        enum status status; /* … so */
    } rows[] = {
        {"Bearer abc.def-1_~+/=", "abc.def-1_~+/=", STATUS_OK},
        {"bearer  x ", "x", STATUS_OK},
        {"Basic dXNlcjpwYXNz", "pass", STATUS_OK},
        {"BASIC OnBhc3M=", "pass", STATUS_OK},
        {"Basic dTphOmI=", "a:b", STATUS_OK},
        {"Basic dXNlcjo=", "", STATUS_OK},
        {"", NULL, STATUS_BAD_REQUEST},
        {" ", NULL, STATUS_BAD_REQUEST},
        {"Bearer", NULL, STATUS_BAD_REQUEST},
        {"Bearer a b", NULL, STATUS_BAD_REQUEST},
        {"Bearer a\"b", NULL, STATUS_BAD_REQUEST},
        {"Bearer ==", NULL, STATUS_BAD_REQUEST},
        {"Bearer a=b", NULL, STATUS_BAD_REQUEST},
        {"Basic", NULL, STATUS_BAD_REQUEST},
        {"Basic dXNlcjpwYXN", NULL, STATUS_BAD_REQUEST},
        {"Basic dXNlcg==", NULL, STATUS_BAD_REQUEST},
        {"Basic dXNlcjpwYXNz!", NULL, STATUS_BAD_REQUEST},
        {"Basic dToKcA==", NULL, STATUS_BAD_REQUEST},
        {"Basic dToAcA==", NULL, STATUS_BAD_REQUEST},
        {"Negotiate abc", NULL, STATUS_BAD_CREDENTIALS},
        {"Digest username=\"x\"", NULL, STATUS_BAD_CREDENTIALS},
        {"\"x\" abc", NULL, STATUS_BAD_REQUEST},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct slice secret;
        struct error *err = credential_parse(&a, slice_of(rows[i].value), &secret);
        if (err ? rows[i].secret || err->status != rows[i].status : !rows[i].secret)
            fail_msg("'%s'", rows[i].value);
        if (!err)
            assert_slice(secret, rows[i].secret);
    }
    arena_release(&a);
}

static void test_long_ones_are_refused_and_never_shown(void **state)
{
    struct arena a = ARENA_INIT;
    struct slice secret;
    BUF_SCOPED(b);
    buf_add(&b, S("Bearer "));
    while (b.n <= CREDENTIAL_MAX_BYTES)
        buf_add(&b, S("hunter2"));
    assert_status(credential_parse(&a, buf_slice(&b), &secret), STATUS_BAD_REQUEST);
    struct error *err = credential_parse(&a, S("Bearer hunter2 hunter2"), &secret);
    assert_non_null(err);
    assert_true(slice_find_slice(error_chain(&a, err), S("hunter2")) < 0);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_headers_hold),
        cmocka_unit_test(test_long_ones_are_refused_and_never_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
