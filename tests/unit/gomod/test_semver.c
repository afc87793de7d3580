#include "../test.h"

#include "gomod/semver.h"

static void test_forms(void **state)
{
    static const struct {
        const char *version, *canonical, *major, *major_minor, *prerelease, *build;
    } cases[] = {
        {"v1", "v1.0.0", "v1", "v1.0", "", ""},
        {"v1.2", "v1.2.0", "v1", "v1.2", "", ""},
        {"v1.2.3", "v1.2.3", "v1", "v1.2", "", ""},
        {"v1.2.3-pre.1", "v1.2.3-pre.1", "v1", "v1.2", "-pre.1", ""},
        {"v1.2.3-0a+m.01", "v1.2.3-0a", "v1", "v1.2", "-0a", "+m.01"},
        {"v2.0.0+incompatible", "v2.0.0", "v2", "v2.0", "", "+incompatible"},
        {"v1.2.3--", "v1.2.3--", "v1", "v1.2", "--", ""},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice v = slice_of(cases[i].version);
        assert_true(semver_is_valid(v));
        assert_slice(semver_canonical(&a, v), cases[i].canonical);
        assert_slice(semver_major(v), cases[i].major);
        assert_slice(semver_major_minor(&a, v), cases[i].major_minor);
        assert_slice(semver_prerelease(v), cases[i].prerelease);
        assert_slice(semver_build(v), cases[i].build);
    }
    arena_release(&a);
}

static void test_invalid(void **state)
{
    static const char *const cases[] = {
        "",          "1.2.3",        "v",        "v01.2.3", "v1.",         "v1.02",
        "v1.2.",     "v1.2.03",      "v1.2.3.4", "v1.2.3-", "v1.2.3-a..b", "v1.2.3+",
        "v1.2.3-01", "v1.2.3-a_b",   "v1-pre",   "v1.2+m",  "v1.2.3+!",    "v1.2.3 ",
        "vx",        "v1.2.3-a+b+c", "v1.2.x",   "v1 ",     "v1.2 ",
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice v = slice_of(cases[i]);
        if (semver_is_valid(v))
            fail_msg("%s is valid", cases[i]);
        assert_slice(semver_canonical(&a, v), "");
        assert_slice(semver_major(v), "");
        assert_slice(semver_major_minor(&a, v), "");
        assert_slice(semver_prerelease(v), "");
        assert_slice(semver_build(v), "");
    }
    arena_release(&a);
}

/* spec: semver.org, 11 */
static void test_order(void **state)
{
    static const char *const upwards[] = {
        "bad",
        "v0.0.0-0",
        "v0.0.0",
        "v1.0.0-1",
        "v1.0.0-2",
        "v1.0.0-10",
        "v1.0.0-alpha",
        "v1.0.0-alpha.1",
        "v1.0.0-alpha.beta",
        "v1.0.0-beta",
        "v1.0.0-beta.2",
        "v1.0.0-beta.11",
        "v1.0.0-rc.1",
        "v1.0.0",
        "v1.0.9",
        "v1.0.10",
        "v1.2.0",
        "v2.0.0",
        "v10.0.0",
        "v18446744073709551616.0.0",
    };
    size_t n = ARRAY_LEN(upwards);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            int c = semver_compare(slice_of(upwards[i]), slice_of(upwards[j]));
            assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
        }
    }
    assert_int_equal(semver_compare(S("v1"), S("v1.0.0+meta")), 0);
    assert_int_equal(semver_compare(S("x"), S("y")), 0);
}

static void test_sort(void **state)
{
    struct slice list[] = {S("v1.10.0"), S("v1.9.0+b"), S("v1.9.0+a"), S("v1.9.0"), S("z"), S("a")};
    semver_sort(list, ARRAY_LEN(list));
    static const char *const order[] = {"a", "z", "v1.9.0", "v1.9.0+a", "v1.9.0+b", "v1.10.0"};
    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        assert_slice(list[i], order[i]);
    semver_sort(NULL, 0);
}

#define assert_latest(expected, ...)                                                               \
    do {                                                                                           \
        const struct slice list_[] = {__VA_ARGS__};                                                \
        assert_slice(version_latest(list_, ARRAY_LEN(list_)), expected);                           \
    } while (0)

/* spec: go.dev/ref/mod#version-queries */
static void test_latest(void **state)
{
    assert_latest("v1.2.0", S("v1.2.0"), S("v1.10.0-pre"), S("v1.1.0"),
                  S("v9.0.0-20300102150405-abcdef123456"));
    assert_latest("v1.10.0-pre", S("v1.2.0-pre"), S("v1.10.0-pre"),
                  S("v9.0.0-20300102150405-abcdef123456"));
    assert_latest("v2.0.0+incompatible", S("v1.2.0"), S("v2.0.0+incompatible"));
    /* Pseudo-versions go by time, not by number. */
    assert_latest("v0.0.0-20200102150405-abcdef123456", S("v0.0.0-20200102150405-abcdef123456"),
                  S("v1.0.1-0.20190102150405-abcdef123456"));
    assert_latest("v1.0.1-0.20200102150405-abcdef123456", S("v0.0.0-20200102150405-abcdef123456"),
                  S("v1.0.1-0.20200102150405-abcdef123456"));
    assert_latest("v1.0.0", S("v1"), S("master"), S("v3.0.0+meta"), S("v1.0.0"));
    assert_latest("", S("v1"), S("v0.0.0-20200230150405-abcdef123456"));
    assert_slice(version_latest(NULL, 0), "");
}

static void test_sort_for_list(void **state)
{
    struct slice list[] = {
        S("v1.10.0"),
        S("v1.9.0"),
        S("v1.9.0"),
        S("v2.0.0+incompatible"),
        S("v1.9.0-pre"),
        S("v1"),
        S("v1.0.0+m"),
        S("master"),
        S("v0.0.0-20200102150405-abcdef123456"),
    };
    assert_int_equal(versions_sort_for_list(list, ARRAY_LEN(list)), 4);
    assert_slice(list[0], "v1.9.0-pre");
    assert_slice(list[1], "v1.9.0");
    assert_slice(list[2], "v1.10.0");
    assert_slice(list[3], "v2.0.0+incompatible");
    assert_int_equal(versions_sort_for_list(NULL, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),  cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_order),  cmocka_unit_test(test_sort),
        cmocka_unit_test(test_latest), cmocka_unit_test(test_sort_for_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
