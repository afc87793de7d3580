#include "../test.h"

#include "gomod/pseudo.h"

#define TIME 1136214245 /* 2006-01-02 15:04:05 */

/* spec: go.dev/ref/mod#pseudo-versions */
static void test_make_and_take_apart(void **state)
{
    static const struct {
        const char *major, *older, *made, *base;
    } cases[] = {
        {"", "", "v0.0.0-20060102150405-abcdef123456", ""},
        {"v2", "", "v2.0.0-20060102150405-abcdef123456", ""},
        {"v1", "v1.2.3", "v1.2.4-0.20060102150405-abcdef123456", "v1.2.3"},
        {"v1", "v1.2.9", "v1.2.10-0.20060102150405-abcdef123456", "v1.2.9"},
        {"v1", "v1.2.99", "v1.2.100-0.20060102150405-abcdef123456", "v1.2.99"},
        {"v1", "v1.2", "v1.2.1-0.20060102150405-abcdef123456", "v1.2.0"},
        {"v1", "v1.2.3-pre", "v1.2.3-pre.0.20060102150405-abcdef123456", "v1.2.3-pre"},
        {"", "v2.0.0+incompatible", "v2.0.1-0.20060102150405-abcdef123456+incompatible",
         "v2.0.0+incompatible"},
        {"", "v2.0.0-a+incompatible", "v2.0.0-a.0.20060102150405-abcdef123456+incompatible",
         "v2.0.0-a+incompatible"},
        {"v3", "no version", "v3.0.0-20060102150405-abcdef123456", ""},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t unix_s;
        struct slice rev, base;
        struct slice v = pseudo_make(&a, slice_of(cases[i].major), slice_of(cases[i].older), TIME,
                                     S("abcdef123456"));
        assert_slice(v, cases[i].made);
        assert_true(pseudo_is(v));
        assert_ok(pseudo_check(&a, v));
        assert_ok(pseudo_time(&a, v, &unix_s));
        assert_int_equal(unix_s, TIME);
        assert_ok(pseudo_rev(&a, v, &rev));
        assert_slice(rev, "abcdef123456");
        assert_ok(pseudo_base(&a, v, &base));
        assert_slice(base, cases[i].base);
    }
    arena_release(&a);
}

static void test_not_pseudo(void **state)
{
    static const char *const cases[] = {
        "",
        "v1.2.3",
        "v1.2.3-pre",
        "v0.0.0-2006010215040-abcdef123456",
        "v0.0.0-2006010215040x-abcdef123456",
        "v0.0.0-20060102150405",
        "v0.0.0-20060102150405-",
        "v0.0.0-20060102150405-abc.def",
        "v1.2.3-20060102150405-abcdef123456",
        "v1.2.3-pre.20060102150405-abcdef123456",
        "v1.2.3-x-0.20060102150405-abcdef123456",
        "x0.0.0-20060102150405-abcdef123456",
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t unix_s;
        struct slice v = slice_of(cases[i]), part;
        if (pseudo_is(v))
            fail_msg("%s is a pseudo-version", cases[i]);
        assert_status(pseudo_check(&a, v), STATUS_BAD_VERSION);
        assert_status(pseudo_time(&a, v, &unix_s), STATUS_BAD_VERSION);
        assert_status(pseudo_rev(&a, v, &part), STATUS_BAD_VERSION);
        assert_status(pseudo_base(&a, v, &part), STATUS_BAD_VERSION);
    }
    arena_release(&a);
}

static void test_form_is_right_but_not_the_parts(void **state)
{
    static const char *const bad_times[] = {
        "20060002150405", "20061302150405", "20060100150405", "20060132150405", "20060230150405",
        "20230229150405", "20060102240405", "20060102156005", "20060102150460",
    };
    struct arena a = ARENA_INIT;
    int64_t unix_s;
    struct slice base;
    for (size_t i = 0; i < ARRAY_LEN(bad_times); i++) {
        struct slice v = arena_printf(&a, "v0.0.0-%s-abcdef123456", bad_times[i]);
        assert_true(pseudo_is(v));
        assert_status(pseudo_time(&a, v, &unix_s), STATUS_BAD_VERSION);
        assert_status(pseudo_check(&a, v), STATUS_BAD_VERSION);
    }
    assert_ok(pseudo_time(&a, S("v0.0.0-20240229000000-abcdef123456"), &unix_s));
    assert_status(pseudo_base(&a, S("v1.2.0-0.20060102150405-abcdef123456"), &base),
                  STATUS_BAD_VERSION);
    assert_status(pseudo_base(&a, S("v2.0.0-20060102150405-abcdef123456+incompatible"), &base),
                  STATUS_BAD_VERSION);
    arena_release(&a);
}

static void test_times_of_all_years(void **state)
{
    static const struct {
        const char *digits;
        int64_t unix_s;
    } cases[] = {
        {"00000101000000", -62167219200}, {"00010101000000", -62135596800},
        {"19691231235959", -1},           {"19700101000000", 0},
        {"20000229120000", 951825600},    {"99991231235959", 253402300799},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t unix_s;
        struct slice v = arena_printf(&a, "v0.0.0-%s-abc", cases[i].digits);
        assert_ok(pseudo_time(&a, v, &unix_s));
        assert_true(unix_s == cases[i].unix_s);
        assert_true(slice_eq(pseudo_make(&a, S(""), S(""), unix_s, S("abc")), v));
    }
    arena_release(&a);
}

static void test_zero(void **state)
{
    struct arena a = ARENA_INIT;
    assert_slice(pseudo_zero(&a, S("v2")), "v2.0.0-00010101000000-000000000000");
    assert_true(pseudo_is_zero(pseudo_zero(&a, S(""))));
    assert_true(pseudo_is_zero(pseudo_zero(&a, S("v2"))));
    assert_false(pseudo_is_zero(S("v0.0.0-00010101000000-000000000001")));
    assert_false(pseudo_is_zero(S(".0.0-00010101000000-000000000000")));
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make_and_take_apart),
        cmocka_unit_test(test_not_pseudo),
        cmocka_unit_test(test_form_is_right_but_not_the_parts),
        cmocka_unit_test(test_times_of_all_years),
        cmocka_unit_test(test_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
