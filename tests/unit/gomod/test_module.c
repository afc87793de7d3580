#include "../test.h"

#include "gomod/module.h"

/* spec: go.dev/ref/mod#go-mod-file-ident */
static void test_check_path(void **state)
{
    static const struct {
        const char *path, *fault; /* NULL: valid */
    } cases[] = {
        {"example.com/m", NULL},
        {"example.com", NULL},
        {"github.com/Azure/azure-sdk-for-go", NULL},
        {"example.com/m/v2", NULL},
        {"gopkg.in/yaml.v2", NULL},
        {"gopkg.in/check.v1", NULL},
        {"gopkg.in/user/pkg.v3-unstable", NULL},
        {"example.com/~user/a~b", NULL},
        {"", "empty string"},
        {"\xff.com/m", "invalid UTF-8"},
        {"-example.com/m", "leading dash"},
        {"example.com//m", "double slash"},
        {"example.com/m/", "trailing slash"},
        {"/example.com", "empty path element"},
        {"example.com/..", "dots only"},
        {"example.com/.git", "leading dot"},
        {"example.com/a.", "trailing dot"},
        {"example.com/a b", "invalid char \" \""},
        {"example.com/a+b", "invalid char \"+\""},
        {"example.com/\xc3\xa9", "invalid char"},
        {"example.com/aux", "device name"},
        {"example.com/Com1.x", "device name"},
        {"example.com/com0", NULL},
        {"example.com/longna~1", "tilde"},
        {"example.com/a~1.x", "tilde"},
        {"example.com/a~x", NULL},
        {"example", "missing dot"},
        {"Example.com/m", "invalid char \"E\" in first"},
        {"exam_ple.com/m", "in first"},
        {"example.com/m/v1", "invalid version"},
        {"example.com/m/v02", "invalid version"},
        {"example.com/m/v2.1", "invalid version"},
        {"gopkg.in/yaml", "invalid version"},
        {"gopkg.in/yaml.v01", "invalid version"},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error *err = module_check_path(&a, slice_of(cases[i].path));
        if (!err != !cases[i].fault)
            fail_msg("%s: %s", cases[i].path, err ? err->text.p : "no error");
        if (!err)
            continue;
        assert_int_equal(err->status, STATUS_BAD_PATH);
        assert_true(slice_starts(err->text, S("malformed module path \"")));
        if (slice_find_slice(err->text, slice_of(cases[i].fault)) < 0)
            fail_msg("%s: %s", cases[i].path, err->text.p);
    }
    arena_release(&a);
}

static void test_import_and_file_paths_allow_more(void **state)
{
    struct arena a = ARENA_INIT;
    assert_ok(module_check_import_path(&a, S("fmt")));
    assert_ok(module_check_import_path(&a, S("example.com/a++/.x")));
    assert_status(module_check_import_path(&a, S("example.com/a@b")), STATUS_BAD_PATH);
    assert_ok(module_check_file_path(&a, S("-dir/a b/\xc3\xa9 (1).txt")));
    assert_ok(module_check_file_path(&a, S("a~1")));
    assert_status(module_check_file_path(&a, S("a:b")), STATUS_BAD_PATH);
    assert_status(module_check_file_path(&a, S("a/\xf0\x9f\x98\x80")), STATUS_BAD_PATH);
    assert_status(module_check_file_path(&a, S("../a")), STATUS_BAD_PATH);
    assert_status(module_check_file_path(&a, slice_make("a\0b", 3)), STATUS_BAD_PATH);
    arena_release(&a);
}

static void test_check_wants_version_and_path_to_fit(void **state)
{
    static const struct {
        const char *path, *version;
        enum status status;
    } cases[] = {
        {"example.com/m", "v1.2.3", STATUS_OK},
        {"example.com/m", "v0.1.0", STATUS_OK},
        {"example.com/m", "v2.0.0+incompatible", STATUS_OK},
        {"example.com/m", "v2.0.0", STATUS_BAD_VERSION},
        {"example.com/m/v2", "v2.0.0", STATUS_OK},
        {"example.com/m/v2", "v3.0.0", STATUS_BAD_VERSION},
        {"example.com/m", "master", STATUS_BAD_VERSION},
        {"gopkg.in/check.v1", "v0.0.0-20161208181325-20d25e280405", STATUS_OK},
        {"gopkg.in/x.v1-unstable", "v1.0.0", STATUS_OK},
        {"gopkg.in/x.v2", "v0.0.0-20161208181325-20d25e280405", STATUS_BAD_VERSION},
        {"m", "v1.0.0", STATUS_BAD_PATH},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct module_version mv = {slice_of(cases[i].path), slice_of(cases[i].version)};
        struct error *err = module_check(&a, mv);
        if ((err ? err->status : STATUS_OK) != cases[i].status)
            fail_msg("%s@%s", cases[i].path, cases[i].version);
    }
    struct error *err = module_check(&a, (struct module_version){S("a.b/c"), S("v2.0.0")});
    assert_slice(error_chain(&a, err),
                 "a.b/c: version \"v2.0.0\" invalid: should be v0 or v1, not v2");
    arena_release(&a);
}

static void test_escape_both_ways(void **state)
{
    struct arena a = ARENA_INIT;
    struct slice out;
    assert_ok(module_escape_path(&a, S("github.com/BurntSushi/toml"), &out));
    assert_slice(out, "github.com/!burnt!sushi/toml");
    assert_ok(module_unescape_path(&a, out, &out));
    assert_slice(out, "github.com/BurntSushi/toml");
    assert_ok(module_escape_version(&a, S("v1.0.0-RC1"), &out));
    assert_slice(out, "v1.0.0-!r!c1");
    assert_ok(module_unescape_version(&a, out, &out));
    assert_slice(out, "v1.0.0-RC1");
    assert_ok(module_escape_version(&a, S("master"), &out));
    arena_release(&a);
}

static void test_escape_refuses(void **state)
{
    struct arena a = ARENA_INIT;
    struct slice out;
    assert_status(module_escape_path(&a, S("x"), &out), STATUS_BAD_PATH);
    assert_status(module_unescape_path(&a, S("github.com/Azure"), &out), STATUS_BAD_ESCAPE);
    assert_status(module_unescape_path(&a, S("github.com/!Azure"), &out), STATUS_BAD_ESCAPE);
    assert_status(module_unescape_path(&a, S("github.com/azure!"), &out), STATUS_BAD_ESCAPE);
    assert_status(module_unescape_path(&a, S("github.com/\xc3\xa9"), &out), STATUS_BAD_ESCAPE);
    assert_status(module_unescape_path(&a, S("!github.com/x"), &out), STATUS_BAD_PATH);
    assert_status(module_escape_version(&a, S("a!b"), &out), STATUS_BAD_VERSION);
    assert_status(module_escape_version(&a, S("feature/x"), &out), STATUS_BAD_VERSION);
    assert_status(module_escape_version(&a, S("\xc3\xa9"), &out), STATUS_BAD_VERSION);
    assert_status(module_unescape_version(&a, S("V1"), &out), STATUS_BAD_ESCAPE);
    assert_status(module_unescape_version(&a, S(".."), &out), STATUS_BAD_VERSION);
    arena_release(&a);
}

static void test_split_path_version(void **state)
{
    static const struct {
        const char *path, *prefix, *path_major, *tags; /* prefix NULL: malformed */
    } cases[] = {
        {"example.com/m", "example.com/m", "", ""},
        {"example.com/m/v2", "example.com/m", "/v2", "v2"},
        {"example.com/v10", "example.com", "/v10", "v10"},
        {"example.com/m/v0", NULL, NULL, NULL},
        {"example.com/m/v", "example.com/m/v", "", ""},
        {"v2", "v2", "", ""},
        {"2", "2", "", ""},
        {"gopkg.in/yaml.v2", "gopkg.in/yaml", ".v2", "v2"},
        {"gopkg.in/yaml.v0", "gopkg.in/yaml", ".v0", "v0"},
        {"gopkg.in/a/b.v3-unstable", "gopkg.in/a/b", ".v3-unstable", "v3"},
        {"gopkg.in/yaml.v", NULL, NULL, NULL},
        {"gopkg.in/v2", NULL, NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice prefix, path_major, path = slice_of(cases[i].path);
        bool ok = module_split_path_version(path, &prefix, &path_major);
        assert_int_equal(ok, cases[i].prefix != NULL);
        assert_slice(prefix, ok ? cases[i].prefix : cases[i].path);
        assert_slice(path_major, ok ? cases[i].path_major : "");
        assert_slice(module_path_major_prefix(path_major), ok ? cases[i].tags : "");
    }
}

static void test_canonical_version_keeps_incompatible(void **state)
{
    struct arena a = ARENA_INIT;
    assert_slice(module_canonical_version(&a, S("v2.0.0+incompatible")), "v2.0.0+incompatible");
    assert_slice(module_canonical_version(&a, S("v2.0.0+meta")), "v2.0.0");
    assert_slice(module_canonical_version(&a, S("v2")), "v2.0.0");
    assert_slice(module_canonical_version(&a, S("2")), "");
    arena_release(&a);
}

/* spec: go help module-private */
static void test_match_prefix_patterns(void **state)
{
    static const struct {
        const char *globs, *target;
        bool matches;
    } cases[] = {
        {"*.corp.example.com,rsc.io/private", "git.corp.example.com/xyzzy", true},
        {"*.corp.example.com,rsc.io/private", "rsc.io/private/quux", true},
        {"*.corp.example.com,rsc.io/private", "rsc.io/other", false},
        {"*.corp.example.com", "corp.example.com", false},
        {"*.corp.example.com", "a/b.corp.example.com", false},
        {"example.com/a/b", "example.com/a", false},
        {"example.com/", "example.com/a", true},
        {"example.com/*/x", "example.com/a/x/y", true},
        {",,", "example.com", false},
        {"", "", false},
        {"*", "example.com/a", true},
        {"**", "example.com", true},
        {"ex?mple.com", "example.com", true},
        {"?", "\xc3\xa9", true},
        {"??", "a", false},
        {"a?b", "a/b", false},
        {"a?/x", "a//x", false},
        {"[a-c]x", "bx", true},
        {"[^a-c]x", "bx", false},
        {"[^a-c]x", "dx", true},
        {"[\\]a]x", "]x", true},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"e*m*e.com", "example.com", true},
        {"*a*b", "xaxbxb", true},
        {"*a*b", "xbxa", false},
        {"*[*]b", "x*b", true},
        {"[", "[", false},
        {"[]", "]", false},
        {"[a", "a", false},
        {"[a-", "a", false},
        {"[a-]", "a", false},
        {"[\xff]", "\xff", false},
        {"a\\", "a", false},
        {"^git\\.corp\\.example/.*$", "git.corp.example/x", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool matches =
            module_match_prefix_patterns(slice_of(cases[i].globs), slice_of(cases[i].target));
        if (matches != cases[i].matches)
            fail_msg("'%s' and '%s': %d", cases[i].globs, cases[i].target, matches);
    }
}

static void test_sort(void **state)
{
    struct module_version list[] = {
        {S("b.c"), S("v1.0.0")},         {S("a.b"), S("v1.10.0")},
        {S("a.b"), S("v1.9.0/go.mod")},  {S("a.b"), S("v1.9.0")},
        {S("a.b"), S("v1.9.0-pre")},     {S("a.b"), S("v1.9.0+incompatible")},
        {S("a.b"), S("v1.9.0/another")},
    };
    static const char *const order[] = {
        "v1.9.0-pre",          "v1.9.0",  "v1.9.0/another", "v1.9.0/go.mod",
        "v1.9.0+incompatible", "v1.10.0", "v1.0.0",
    };
    module_sort(list, ARRAY_LEN(list));
    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        assert_slice(list[i].version, order[i]);
    module_sort(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_path),
        cmocka_unit_test(test_import_and_file_paths_allow_more),
        cmocka_unit_test(test_check_wants_version_and_path_to_fit),
        cmocka_unit_test(test_escape_both_ways),
        cmocka_unit_test(test_escape_refuses),
        cmocka_unit_test(test_split_path_version),
        cmocka_unit_test(test_canonical_version_keeps_incompatible),
        cmocka_unit_test(test_match_prefix_patterns),
        cmocka_unit_test(test_sort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
