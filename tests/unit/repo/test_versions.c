#include "../test.h"

#include "repo/repo_priv.h"

static void test_list_is_sorted_and_cleaned(void **state)
{
    struct arena a = ARENA_INIT;
    struct slice got = versions_normalise(
        &a, S("v1.10.0\nv1.9.0\r\nnot-a-version\n\nv1.9.0\nv2.0.0+incompatible\n"
              "v0.0.0-20240102030405-0123456789ab\nv1.0.0-rc.1 2024-01-01T00:00:00Z"));
    assert_slice(got, "v1.0.0-rc.1\nv1.9.0\nv1.10.0\nv2.0.0+incompatible\n");
    assert_slice(versions_normalise(&a, S("")), "");
    assert_true(versions_is_list(S("")));
    assert_true(versions_is_list(S("\n")));
    assert_true(versions_is_list(S("what\nv1.0.0-20200101000000-abcdefabcdef 2020\n")));
    assert_false(versions_is_list(S("<html>\nv1\xff\n")));
    arena_release(&a);
}

static void test_info_version(void **state)
{
    struct arena a = ARENA_INIT;
    struct slice v;
    assert_ok(info_version(
        &a, S("{\"Version\":\"v1.2.3\",\"Time\":\"2024-01-01T00:00:00Z\",\"Origin\":{}}"), &v));
    assert_slice(v, "v1.2.3");
    assert_status(info_version(&a, S("<html>"), &v), STATUS_BAD_ANSWER);
    assert_status(info_version(&a, S("{}"), &v), STATUS_BAD_ANSWER);
    assert_status(info_version(&a, S("[]"), &v), STATUS_BAD_ANSWER);
    assert_status(info_version(&a, S("{\"Version\":7}"), &v), STATUS_BAD_ANSWER);
    assert_status(info_version(&a, S("{\"Version\":\"master\"}"), &v), STATUS_BAD_ANSWER);
    arena_release(&a);
}

static void test_relays(void **state)
{
    struct arena a = ARENA_INIT;
    struct relay *r;
    size_t n;
    assert_ok(relays_parse(
        &a, S("sum.example.com, sum.b.example+033de0ae+AAAA https://b.example/x/"), &r, &n));
    assert_int_equal(n, 2);
    assert_slice(r[0].name, "sum.example.com");
    assert_slice(r[0].url, "https://sum.example.com");
    assert_false(r[0].has_own_url);
    assert_slice(r[1].name, "sum.b.example");
    assert_slice(r[1].url, "https://b.example/x");
    assert_true(r[1].has_own_url);
    assert_ok(relays_parse(&a, S("off"), &r, &n));
    assert_int_equal(n, 0);
    assert_status(relays_parse(&a, S("sum.example.com ftp://x"), &r, &n), STATUS_BAD_CONFIG);
    assert_status(relays_parse(&a, S("../x"), &r, &n), STATUS_BAD_CONFIG);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_is_sorted_and_cleaned),
        cmocka_unit_test(test_info_version),
        cmocka_unit_test(test_relays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
