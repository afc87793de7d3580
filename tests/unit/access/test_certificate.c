#include "cert.h"

#include "access/certificate.h"
#include "base/ctx.h"

static void test_names(void **state)
{
    struct arena a = ARENA_INIT;
    struct certificate_names names;
    X509 *cert = make_certificate(
        S("ci-42"), "DNS:runner.ci.example,URI:spiffe://corp/ci,email:ci@corp.example,IP:192.0.2.1",
        3600);
    certificate_names_read(&a, cert, &names);
    assert_int_equal(names.count, 4);
    assert_slice(names.rows[0], "CN=ci-42");
    assert_slice(names.rows[1], "DNS=runner.ci.example");
    assert_slice(names.rows[2], "URI=spiffe://corp/ci");
    assert_slice(names.rows[3], "EMAIL=ci@corp.example");
    assert_true(certificate_matches(&names, S("CN=ci-*")));
    assert_true(certificate_matches(&names, S("DNS=*.ci.example")));
    assert_false(certificate_matches(&names, S("DNS=ci-42")));
    assert_false(certificate_matches(&names, S("CN=ci-4")));
    int64_t left = certificate_expires_unix_s(cert) - now_unix_s();
    assert_true(left > 3000 && left <= 3600);
    X509_free(cert);
    arena_release(&a);
}

/* "good.example\0.evil.example" must not pass for either. */
static void test_names_with_bytes_that_names_do_not_have(void **state)
{
    struct arena a = ARENA_INIT;
    struct certificate_names names;
    X509 *cert = make_certificate(slice_make("good\0.evil", 10), NULL, 3600);
    certificate_names_read(&a, cert, &names);
    assert_int_equal(names.count, 0);
    assert_false(certificate_matches(&names, S("CN=*")));
    X509_free(cert);
    cert = make_certificate(S("two\nlines"), NULL, 3600);
    certificate_names_read(&a, cert, &names);
    assert_int_equal(names.count, 0);
    X509_free(cert);
    arena_release(&a);
}

static void test_patterns(void **state)
{
    static const char *const good[] = {"CN=x", "DNS=*.x", "URI=spiffe://x", "EMAIL=*"};
    static const char *const bad[] = {"", "x", "CN=", "cn=x", "IP=192.0.2.1", "=x"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(certificate_pattern_is_valid(slice_of(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(certificate_pattern_is_valid(slice_of(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_names_with_bytes_that_names_do_not_have),
        cmocka_unit_test(test_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
