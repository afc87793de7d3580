#include "../test.h"

#include "base/ctx.h"
#include "repo/publish.h"

#define HASH "0123456789abcdef0123456789abcdef01234567"
#define GOOD "\"VCS\":\"git\",\"URL\":\"https://git.example/a\",\"Hash\":\"" HASH "\""

enum { NOW = 1800000000 };

static void test_times(void **state)
{
    static const struct {
        const char *text;
        int64_t unix_s; /* 0: refused */
    } cases[] = {
        {"", NOW},
        {"2024-02-29T12:00:00Z", 1709208000},
        {"1969-12-31T23:59:59Z", -1},
        {"2027-01-15T08:05:00Z", NOW + 300},
        {"2027-01-15T08:05:01Z", 0},
        {"2024-02-30T12:00:00Z", 0},
        {"2024-02-29T12:00:00", 0},
        {"2024-02-29T12:00:00+01:00", 0},
        {"2024-02-29T12:00:00Z ", 0},
        {"2024-2-9T12:00:00Z", 0},
        {"now", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a = ARENA_INIT;
        struct repo_publication p = {0};
        struct error *err = claims_parse(&a, slice_of(cases[i].text), S(""), NOW, &p);
        if ((err == NULL) != (cases[i].unix_s != 0) || (!err && p.time_unix_s != cases[i].unix_s))
            fail_msg("%s: %s", cases[i].text, err ? err->text.p : "taken");
        arena_release(&a);
    }
}

static void test_origins(void **state)
{
    static const struct {
        const char *text;
        bool is_taken;
    } cases[] = {
        {"{" GOOD "}", true},
        {"{" GOOD ",\"Ref\":\"refs/tags/v1.0.0\",\"Subdir\":\"a/b\"}", true},
        {"{\"VCS\":\"git\",\"URL\":\"ssh://git@h/a\",\"Hash\":\"" HASH "\"}", true},
        {"{\"VCS\":\"git\",\"URL\":\"ssh://git:pw@h/a\",\"Hash\":\"" HASH "\"}", false},
        {"{\"VCS\":\"git\",\"URL\":\"https://me@h/a\",\"Hash\":\"" HASH "\"}", false},
        {"{\"VCS\":\"git\",\"URL\":\"file:///a\",\"Hash\":\"" HASH "\"}", false},
        {"{\"VCS\":\"git\",\"URL\":\"git@h:a\",\"Hash\":\"" HASH "\"}", false},
        {"{\"VCS\":\"hg\",\"URL\":\"https://h/a\",\"Hash\":\"" HASH "\"}", false},
        {"{\"URL\":\"https://h/a\",\"Hash\":\"" HASH "\"}", false},
        {"{\"VCS\":\"git\",\"Hash\":\"" HASH "\"}", false},
        {"{\"VCS\":\"git\",\"URL\":\"https://h/a\"}", false},
        {"{\"VCS\":\"git\",\"URL\":\"https://h/"
         "a\",\"Hash\":\"0123456789ABCDEF0123456789abcdef01234567\"}",
         false},
        {"{" GOOD ",\"Ref\":\"main\"}", false},
        {"{" GOOD ",\"Subdir\":\"../a\"}", false},
        {"{" GOOD ",\"Subdir\":\"/a\"}", false},
        {"{" GOOD ",\"Ref\":\"refs/tags/a b\"}", false},
        {"{" GOOD ",\"Ref\":5}", false},
        {"{" GOOD ",\"RepoSum\":\"x\"}", false},
        {"{" GOOD "," GOOD "}", false},
        {"[]", false},
        {"null", false},
        {"{", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a = ARENA_INIT;
        struct repo_publication p = {0};
        struct error *err = claims_parse(&a, S(""), slice_of(cases[i].text), NOW, &p);
        if ((err == NULL) != cases[i].is_taken || (!err && !p.origin))
            fail_msg("%s: %s", cases[i].text, err ? err->text.p : "taken");
        arena_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
