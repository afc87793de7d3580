#include "../test.h"

#include "access/scope.h"
#include "base/glob.h"

static void test_globs(void **state)
{
    static const struct {
        const char *glob, *text;
        bool matches;
    } rows[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "a/b.c", true},
        {"a*", "a", true},
        {"a*", "ba", false},
        {"*a", "aba", true},
        {"*a", "abab", false},
        {"a*b*c", "a-b-b-c", true},
        {"a*b*c", "acb", false},
        {"**", "x", true},
        {"a?", "ab", false},
        {"a?", "a?", true},
        {"acme/*", "acme", false},
        {"acme/*", "acme/", true},
        {"acme/*", "acme-evil/x", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (glob_match(slice_of(rows[i].glob), slice_of(rows[i].text)) != rows[i].matches)
            fail_msg("'%s' and '%s'", rows[i].glob, rows[i].text);
    assert_true(glob_match_list(S("a, b*"), S("bc")));
    assert_false(glob_match_list(S("a, b*"), S("c")));
    assert_false(glob_match_list(S(","), S("")));
}

static void test_what_is_no_scope(void **state)
{
    static const char *const texts[] = {
        "read",          "*:*",         "*:*:",       "*:*:write",   ":*:read",    "*::read",
        "*:*:read:read", "*:a b:read",  "*:^a$:read", "*:[a]:read",  "a/b:*:read", "*:*,:read",
        "*:*:read,",     "*,,x:*:read", "*:*:READ",   "*:a\\b:read",
    };
    struct arena a = ARENA_INIT;
    struct scopes s;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct error *err = scopes_parse(&a, slice_of(texts[i]), &s);
        if (!err || err->status != STATUS_BAD_CONFIG)
            fail_msg("'%s' was taken", texts[i]);
    }
    BUF_SCOPED(many);
    for (int i = 0; i <= SCOPES_MAX; i++)
        buf_add(&many, S("*:*:read;"));
    assert_status(scopes_parse(&a, buf_slice(&many), &s), STATUS_BAD_CONFIG);
    arena_release(&a);
}

static void test_format_is_read_back(void **state)
{
    struct arena a = ARENA_INIT;
    struct scopes s, again;
    assert_ok(
        scopes_parse(&a, S(" * : a.example/x , b.example : read,publish ;; i-1,j:*:admin;"), &s));
    assert_int_equal(s.count, 2);
    struct slice text = scopes_format(&a, &s);
    assert_slice(text, "*:a.example/x,b.example:publish; i-1,j:*:admin");
    assert_ok(scopes_parse(&a, text, &again));
    assert_slice(scopes_format(&a, &again), text.p);
    assert_ok(scopes_parse(&a, S(""), &s));
    assert_int_equal(s.count, 0);
    arena_release(&a);
}

static void test_who_may_what(void **state)
{
    static const struct {
        const char *scopes, *repo, *path;
        int most; /* the highest action that is allowed; -1 = none */
    } rows[] = {
        {"*:*:read", "any", "a.example/x", ACTION_READ},
        {"*:*:publish", "any", "a.example/x", ACTION_PUBLISH},
        {"*:*:admin", "any", "a.example/x", ACTION_ADMIN},
        {"*:*:publish,read", "any", "a.example/x", ACTION_PUBLISH},
        {"one:*:read", "two", "a.example/x", -1},
        {"o*:*:read", "one", "a.example/x", ACTION_READ},
        {"*:corp.example/team:read", "one", "corp.example/team", ACTION_READ},
        {"*:corp.example/team:read", "one", "corp.example/team/v2/sub", ACTION_READ},
        {"*:corp.example/team:read", "one", "corp.example/teams", -1},
        {"*:corp.example/team:read", "one", "corp.example", -1},
        {"*:*.corp.example:read", "one", "git.corp.example/x", ACTION_READ},
        {"*:a.example:read; one:a.example/b:admin", "one", "a.example/b/c", ACTION_ADMIN},
        {"*:a.example:read; one:a.example/b:admin", "two", "a.example/b/c", ACTION_READ},
        {"", "one", "a.example", -1},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scopes s;
        assert_ok(scopes_parse(&a, slice_of(rows[i].scopes), &s));
        for (int action = ACTION_READ; action <= ACTION_ADMIN; action++)
            if (scopes_allow(&s, slice_of(rows[i].repo), slice_of(rows[i].path),
                             (enum access_action)action) != (action <= rows[i].most))
                fail_msg("'%s': %s on %s in %s", rows[i].scopes,
                         access_action_name((enum access_action)action), rows[i].path,
                         rows[i].repo);
    }
    arena_release(&a);
}

static void test_some_and_all(void **state)
{
    struct arena a = ARENA_INIT;
    struct scopes s, more;
    assert_ok(scopes_parse(&a, S("one:a.example:publish"), &s));
    assert_ok(scopes_parse(&a, S("two:b.example,*:read"), &more));
    assert_true(scopes_allow_some(&s, S("one"), ACTION_READ));
    assert_false(scopes_allow_some(&s, S("one"), ACTION_ADMIN));
    assert_false(scopes_allow_some(&s, S("two"), ACTION_READ));
    assert_false(scopes_allow_all(&s, S("one"), ACTION_READ));
    struct scopes both = scopes_join(&a, &s, &more);
    assert_true(scopes_allow_all(&both, S("two"), ACTION_READ));
    assert_false(scopes_allow_all(&both, S("one"), ACTION_READ));
    assert_false(scopes_allow_all(&both, S("two"), ACTION_PUBLISH));
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_globs),
        cmocka_unit_test(test_what_is_no_scope),
        cmocka_unit_test(test_format_is_read_back),
        cmocka_unit_test(test_who_may_what),
        cmocka_unit_test(test_some_and_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
