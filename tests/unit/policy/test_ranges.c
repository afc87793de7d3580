#include "../test.h"

#include "base/glob.h"
#include "policy/ranges.h"

static void test_contain(void **state)
{
    static const struct {
        const char *ranges, *version;
        bool is_in;
    } cases[] = {
        {">=v1.2.0 <v1.3.0, v1.0.5", "v1.2.0", true},
        {">=v1.2.0 <v1.3.0, v1.0.5", "v1.2.9", true},
        {">=v1.2.0 <v1.3.0, v1.0.5", "v1.3.0", false},
        {">=v1.2.0 <v1.3.0, v1.0.5", "v1.1.9", false},
        {">=v1.2.0 <v1.3.0, v1.0.5", "v1.0.5", true},
        {">=v1.2.0 <v1.3.0, v1.0.5", "v1.0.6", false},
        /* a pre-release comes before its release, and after what is before that */
        {">=v1.2.0 <v1.3.0", "v1.3.0-rc.1", true},
        {">=v1.2.0 <v1.3.0", "v1.2.0-rc.1", false},
        {"<v1.3.0-0", "v1.3.0-rc.1", false},
        {">= v1.2.0  < v1.3.0", "v1.2.5", true},
        {">v1.2.0", "v1.2.0", false},
        {"<=v1.2.0", "v1.2.0", true},
        {"<=v1.2.0", "v1.2.1", false},
        {"!=v1.2.0", "v1.2.0", false},
        {"!=v1.2.0", "v1.2.1", true},
        {">=v1.0.0 !=v1.2.0", "v1.2.0", false},
        {"=v1.2.0", "v1.2.0", true},
        {"v1.2.0", "v1.2.0", true},
        {"v1.2.0", "v1.2.0-pre", false},
        /* short ones are prefixes, as in the go command's queries */
        {"v1.2", "v1.2.0", true},
        {"v1.2", "v1.2.7-rc.1", true},
        {"v1.2", "v1.20.0", false},
        {"v1", "v1.20.0", true},
        {"v1", "v10.0.0", false},
        {">=v1.2", "v1.2.0", true},
        /* pseudo-versions are pre-releases of the version that they would become */
        {"<v1.2.4", "v1.2.4-0.20240101000000-abcdefabcdef", true},
        {">v1.2.3", "v1.2.4-0.20240101000000-abcdefabcdef", true},
        {">=v0.0.0-20240101000000-000000000000", "v0.0.0-20231231235959-abcdefabcdef", false},
        {">=v0.0.0-20240101000000-000000000000", "v0.0.0-20240102000000-abcdefabcdef", true},
        {"v0", "v0.0.0-20240101000000-abcdefabcdef", true},
        /* +incompatible does not count in the order */
        {">=v2.0.0 <v3.0.0", "v2.1.0+incompatible", true},
        {"v2.1.0", "v2.1.0+incompatible", true},
        {"v2.1.0+incompatible", "v2.1.0+incompatible", true},
        {"*", "v0.0.1", true},
        {"", "v0.0.1", false},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (cases[i].ranges[0])
            assert_ok(ranges_check(&a, slice_of(cases[i].ranges)));
        if (ranges_contain(slice_of(cases[i].ranges), slice_of(cases[i].version)) != cases[i].is_in)
            fail_msg("'%s' and %s", cases[i].ranges, cases[i].version);
    }
    arena_release(&a);
}

static void test_refused(void **state)
{
    static const char *const cases[] = {
        "",
        ",",
        "v1.2.0,",
        "1.2.0",
        ">=",
        "=>v1.0.0",
        ">=v1.0.0 and <v2.0.0",
        "latest",
        "v1.x",
        "~v1.0.0",
        ">=*",
        "v1.2.3 - v1.3.0",
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_status(ranges_check(&a, slice_of(cases[i])), STATUS_BAD_CONFIG);
    arena_release(&a);
}

static void test_patterns(void **state)
{
    static const struct {
        const char *patterns, *text;
        bool is_match;
    } cases[] = {
        {"anonymous", "anonymous", true},
        {"anonymous", "anonymous2", false},
        {"token:*", "token:ci", true},
        {"token:*", "token:", true},
        {"token:*", "oidc:token:ci", false},
        {"oidc:*/acme/*:*", "oidc:https://x.example/acme/team:sub", true},
        {"oidc:*/acme/*:*", "oidc:https://x.example/acmes/team:sub", false},
        {"*bot", "token:bot-bot", true},
        {"*bot", "token:bot-b", false},
        {"a*b*c", "aXbXbc", true},
        {"a*b*c", "aXbXb", false},
        {"x, token:ci", "token:ci", true},
        {" , ", "", false},
        {"", "a", false},
        {"*", "", true},
        {"**", "a", true},
        {"GPL-*", "LGPL-2.1", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (glob_match_list(slice_of(cases[i].patterns), slice_of(cases[i].text)) !=
            cases[i].is_match)
            fail_msg("'%s' and %s", cases[i].patterns, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contain),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
