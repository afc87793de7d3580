#include "../test.h"

#include "policy/seen.h"

static void test_first_contact(void **state)
{
    struct arena a = ARENA_INIT;
    struct seen s;
    assert_ok(seen_parse(&a, S(""), &s));
    assert_int_equal(seen_since(&s, S("v1.0.0")), 0);
    seen_list(&a, &s, S("v1.0.0\nv1.1.0\n"), 1000);
    assert_int_equal(s.listed_unix_s, 1000);
    assert_true(s.has_changed);
    assert_int_equal(seen_since(&s, S("v1.0.0")), 0); /* its time is not known yet */
    seen_set_time(&s, S("v1.0.0"), 50);
    assert_int_equal(seen_since(&s, S("v1.0.0")), 50); /* old: its .info counts */
    /* One that comes later counts from then, whatever its .info says. */
    seen_list(&a, &s, S("v1.0.0\nv1.1.0\nv1.2.0\n"), 2000);
    seen_set_time(&s, S("v1.2.0"), 60);
    assert_int_equal(seen_since(&s, S("v1.2.0")), 2000);
    /* A time that is yet to come is no age. */
    seen_hear(&a, &s, S("v1.3.0"), 2000, false);
    seen_set_time(&s, S("v1.3.0"), 9000);
    assert_int_equal(seen_since(&s, S("v1.3.0")), 9000);
    /* Heard of again: nothing changes. */
    s.has_changed = false;
    seen_list(&a, &s, S("v1.2.0\nv1.0.0\n"), 3000);
    seen_hear(&a, &s, S("v1.3.0"), 3000, true);
    seen_set_time(&s, S("v1.3.0"), 9000);
    seen_set_time(&s, S("v7.0.0"), 9000);
    assert_false(s.has_changed);
    assert_int_equal(seen_since(&s, S("v1.2.0")), 2000);
    arena_release(&a);
}

static void test_there_and_back(void **state)
{
    static const char text[] = "listed 1000\nv1.0.0 1000 old 50\nv1.1.0 1000 old -\n"
                               "v1.10.0-pre 2000 new 60\n";
    struct arena a = ARENA_INIT;
    struct seen s;
    assert_ok(seen_parse(&a, slice_of(text), &s));
    assert_slice(seen_format(&a, &s), text);
    assert_false(s.has_changed);
    arena_release(&a);
}

static void test_many(void **state)
{
    struct arena a = ARENA_INIT;
    struct seen s;
    assert_ok(seen_parse(&a, S(""), &s));
    for (int i = 500; i-- > 0;)
        seen_hear(&a, &s, arena_printf(&a, "v1.%d.0", i), i, false);
    struct slice text = seen_format(&a, &s);
    assert_ok(seen_parse(&a, text, &s));
    assert_int_equal(s.count, 500);
    for (int i = 0; i < 500; i++)
        assert_int_equal(seen_find(&s, arena_printf(&a, "v1.%d.0", i))->first_unix_s, i);
    arena_release(&a);
}

static void test_damaged(void **state)
{
    static const char *const cases[] = {
        "\n",           "main 5 old -\n",   "listed\n",         "listed x\n",       "v1.0.0\n",
        "v1.0.0 5 old", "v1.0.0 5 odd -\n", "v1.0.0 x new -\n", "v1.0.0 5 new x\n",
    };
    struct arena a = ARENA_INIT;
    struct seen s;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_status(seen_parse(&a, slice_of(cases[i]), &s), STATUS_CORRUPT);
    arena_release(&a);
}

static void test_times(void **state)
{
    static const struct {
        const char *text;
        int64_t unix_s; /* -1: not one */
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2006-01-02T15:04:05Z", 1136214245},
        {"2006-01-02T15:04:05.123456789Z", 1136214245},
        {"2006-01-02T15:04:05+02:00", 1136214245 - 7200},
        {"2006-01-02T15:04:05-07:30", 1136214245 + 27000},
        {"2024-02-29T23:59:59Z", 1709251199},
        {"2100-03-01T00:00:00Z", 4107542400},
        {"2023-02-29T00:00:00Z", -1},
        {"2023-13-01T00:00:00Z", -1},
        {"2023-01-01T24:00:00Z", -1},
        {"2023-01-01 00:00:00Z", -1},
        {"2023-01-01T00:00:00", -1},
        {"2023-01-01T00:00:00+2:00", -1},
        {"0001-01-01T00:00:00Z", -1},
        {"", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t unix_s = -1;
        if (!seen_parse_time(slice_of(cases[i].text), &unix_s))
            unix_s = -1;
        if (unix_s != cases[i].unix_s)
            fail_msg("%s is %" PRId64, cases[i].text, unix_s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_contact), cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_many),          cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
