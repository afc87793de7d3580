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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_is_sorted_and_cleaned),
        cmocka_unit_test(test_info_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
