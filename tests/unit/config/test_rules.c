#include "../test.h"

#include "base/file.h"
#include "config/config.h"

#include <sys/stat.h>
#include <unistd.h>

static char *environment[] = {"TOKEN=u:from-env", "PLAIN=from-env\n", NULL};

static void load(struct arena *a, const char *yaml, struct settings *s)
{
    const struct settings_input in = {.file = "/etc/m.yaml", .environ = environment};
    assert_ok(settings_load_bytes(a, &in, slice_of(yaml), s));
}

static void assert_rule(const struct setting_rules *r, size_t i, const char *pattern,
                        const char *value)
{
    assert_true(i < r->count);
    assert_string_equal(r->rows[i].pattern, pattern);
    assert_string_equal(r->rows[i].value, value);
}

static void test_one_value_is_for_everything(void **state)
{
    struct arena a = ARENA_INIT;
    struct settings s;
    load(&a,
         "upstream: https://a.example.com/x?y=z,off\nvcs: {known_hosts: /dev/null}\n"
         "private: '*.example.com, a[b-c].example/?,x[]y]/[^z],\\*'\n",
         &s);
    assert_int_equal(s.upstream.count, 1);
    assert_rule(&s.upstream, 0, "*", "https://a.example.com/x?y=z,off");
    assert_rule(&s.vcs_known_hosts, 0, "*", "/dev/null");
    arena_release(&a);
}

/* The order is the file's, whether the rules are a text or nested keys. */
static void test_text_and_mapping_say_the_same(void **state)
{
    static const char *const files[] = {
        "upstream: 'b.example.com,c.example.com/* = direct;\n\n\n  a.example.com=off ;"
        "https://m.example.com'\n",
        "upstream: \"b.example.com,c.example.com/*=direct\\na.example.com=off\\n"
        "https://m.example.com\\n\"\n",
        "upstream:\n  b.example.com,c.example.com/*: direct\n  a.example.com: off\n"
        "  '*': https://m.example.com\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct arena a = ARENA_INIT;
        struct settings s;
        load(&a, files[i], &s);
        assert_int_equal(s.upstream.count, 3);
        assert_rule(&s.upstream, 0, "b.example.com,c.example.com/*", "direct");
        assert_rule(&s.upstream, 1, "a.example.com", "off");
        assert_rule(&s.upstream, 2, "*", "https://m.example.com");
        arena_release(&a);
    }
}

static void test_secrets_are_fetched(void **state)
{
    char path[] = "/tmp/rules_XXXXXX";
    struct arena a = ARENA_INIT;
    struct settings s;
    FD_SCOPED fd = mkstemp(path);
    assert_ok(fd_write_all(&a, fd, S("reader:s:e:c\n")));
    load(
        &a,
        arena_printf(&a,
                     "vcs:\n  tokens:\n    a.example.com: file:%s\n    b.example.com/x: env:TOKEN\n"
                     "    c.example.com: env:PLAIN\n    d.example.com: me:inline\n"
                     "    e.example.com: alone\n",
                     path)
            .p,
        &s);
    unlink(path);
    static const struct setting_credential want[] = {{"a.example.com", "reader", "s:e:c"},
                                                     {"b.example.com/x", "u", "from-env"},
                                                     {"c.example.com", NULL, "from-env"},
                                                     {"d.example.com", "me", "inline"},
                                                     {"e.example.com", NULL, "alone"}};
    assert_int_equal(s.token_count, ARRAY_LEN(want));
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_string_equal(s.tokens[i].host, want[i].host);
        assert_string_equal(s.tokens[i].secret, want[i].secret);
        if (want[i].user)
            assert_string_equal(s.tokens[i].user, want[i].user);
        else
            assert_null(s.tokens[i].user);
    }
    arena_release(&a);
}

static void test_paths_count_from_the_files_folder(void **state)
{
    struct arena a = ARENA_INIT;
    struct settings s;
    const struct settings_input in = {.file = "/dev/m.yaml"};
    assert_ok(settings_load_bytes(&a, &in,
                                  S("vcs:\n  known_hosts: null\n  ssh_keys: {a.example.com: zero}\n"
                                    "  git_config: full\n"),
                                  &s));
    assert_int_equal(s.vcs_known_hosts.count, 0);
    assert_rule(&s.vcs_ssh_keys, 0, "a.example.com", "/dev/zero");
    assert_string_equal(s.vcs_git_config, "/dev/full");
    arena_release(&a);
}

static const struct {
    const char *yaml, *finding;
} bad[] = {
    {"vcs:\n  rules: https://a.example.com\n",
     "m.yaml:2: vcs.rules: \"https://a.example.com\" is not of the form PATTERN=VALUE"},
    {"vcs:\n  tokens: hush\n", "m.yaml:2: vcs.tokens: rule 1 is not of the form PATTERN=VALUE"},
    {"vcs:\n  tokens:\n    a: 'x'\n    https://b: hush\n",
     "m.yaml:4: vcs.tokens: \"https://b\" is a URL; a pattern is a path, like "
     "git.example.com/team"},
    {"vcs:\n  tokens:\n    a: env:NOT_SET\n",
     "m.yaml:3: vcs.tokens: the rule for \"a\": env: the variable \"NOT_SET\" is not set"},
    {"vcs:\n  tokens:\n    a: file:/nowhere/token\n",
     "m.yaml:3: vcs.tokens: the rule for \"a\": file: \"/nowhere/token\": No such file or "
     "directory"},
    {"vcs:\n  tokens:\n    a: 'user:'\n",
     "m.yaml:3: vcs.tokens: the rule for \"a\": the secret is empty or has more than one line"},
    {"vcs:\n  tokens:\n    a: \"hu\\nsh\"\n",
     "m.yaml:3: vcs.tokens: the value of the rule for \"a\" is not printable text in UTF-8"},
    {"vcs:\n  rules:\n    a.example.com:\n",
     "m.yaml:3: vcs.rules: the rule for \"a.example.com\" has no value"},
    {"vcs:\n  rules:\n    a.example.com: [1]\n",
     "m.yaml:3: vcs.rules: wants one value, not a list"},
    {"vcs:\n  rules: [a]\n", "m.yaml:2: vcs.rules: wants one value, not a list"},
    {"vcs:\n  rules:\n    a.example.com: ftp://b\n",
     "m.yaml:3: vcs.rules: the rule for \"a.example.com\": \"ftp://b\" is not a repository; write "
     "an https:// or ssh:// URL, or git@HOST:PATH"},
    {"vcs:\n  rules:\n    a.example.com: https://u:hush@b.example.com/x\n",
     "m.yaml:3: vcs.rules: the rule for \"a.example.com\": credentials do not belong into a URL; "
     "write them in vcs.tokens"},
    {"vcs:\n  rules:\n    a.example.com: ssh://u:hush@b.example.com/x\n",
     "m.yaml:3: vcs.rules: the rule for \"a.example.com\": credentials do not belong into a URL; "
     "write them in vcs.tokens"},
    {"vcs:\n  rules:\n    a.example.com/*: https://b.example.com/*/*\n",
     "m.yaml:3: vcs.rules: the rule for \"a.example.com/*\": \"https://b.example.com/*/*\" has "
     "more "
     "* than the pattern \"a.example.com/*\""},
    {"upstream:\n  a.example.com: off\n  a.example.com: direct\n",
     "m.yaml:3: upstream: \"a.example.com\" is never reached: \"a.example.com\" comes before it"},
    {"upstream: https://m.example.com;a.example.com=off\n",
     "m.yaml:1: upstream: \"a.example.com\" is never reached: \"*\" comes before it"},
    {"upstream: '=off'\n", "m.yaml:1: upstream: a rule without a pattern before its '='"},
    {"upstream:\n  a.example.com: of\n",
     "m.yaml:2: upstream: the rule for \"a.example.com\": \"of\" is not an upstream; write an "
     "https://, http:// or file:// URL, direct, or off"},
    {"upstream: {}\n", "m.yaml:1: upstream: is empty; write off to fetch nothing"},
    {"vcs:\n  alow: x\n", "m.yaml:2: vcs has no key \"alow\"; did you mean \"allow\"?"},
    {"vcs:\n  allow: public:gti\n",
     "m.yaml:2: vcs.allow: \"gti\" is not known; did you mean \"git\"?"},
    {"vcs:\n  allow: public:cvs\n", "m.yaml:2: vcs.allow: \"cvs\" is not known; known here: git, "
                                    "https, ssh, http, all, off"},
    {"vcs:\n  allow: git\n",
     "m.yaml:2: vcs.allow: \"git\" is not of the form PATTERN:WORD|WORD, like public:git"},
    {"vcs:\n  tokens: {'*': hush}\n",
     "m.yaml:2: vcs.tokens: the rule for \"*\": wants one host, perhaps with a path, like "
     "git.example.com/team"},
    {"vcs:\n  ssh_keys: /nowhere/key\n",
     "m.yaml:2: vcs.ssh_keys: the rule for \"*\": \"/nowhere/key\": No such file or directory"},
    {"private: 'a.example.com,^git\\.corp\\.example/.*$'\n",
     "m.yaml:1: private: \"^git\\.corp\\.example/.*$\" is a regular expression; write globs, like "
     "*.example.com or git.example.com/team"},
    {"private: https://git.example.com\n",
     "m.yaml:1: private: \"https://git.example.com\" is a URL; write the path alone, like "
     "git.example.com/team"},
    {"private: a.example.com b.example.com\n",
     "m.yaml:1: private: \"a.example.com b.example.com\" has a blank in it; commas separate "
     "patterns"},
    {"vcs:\n  insecure: '[a'\n", "m.yaml:2: vcs.insecure: \"[a\" is no pattern: a bracket is not "
                                 "closed, or a backslash ends it"},
    {"upstream:\n  'a,x[': off\n", "m.yaml:2: upstream: \"x[\" is no pattern: a bracket is not "
                                   "closed, or a backslash ends it"},
    {"vcs:\n  vanity: go.example.com\n", "m.yaml:2: vcs.vanity: needs public_url too"},
    {"public_url: go.example.com\n", "m.yaml:1: public_url: \"go.example.com\" is not an address "
                                     "for clients; write an https:// URL "
                                     "without credentials and query"},
    {"public_url: https://u:hush@go.example.com\n",
     "m.yaml:1: public_url: \"https://u:***@go.example.com\" is not an address for clients; write "
     "an "
     "https:// URL without credentials and query"},
};

static void test_findings(void **state)
{
    const struct settings_input in = {.file = "m.yaml"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct arena a = ARENA_INIT;
        struct settings s;
        struct error *err = settings_load_bytes(&a, &in, slice_of(bad[i].yaml), &s);
        if (!err)
            fail_msg("no finding in %s", bad[i].yaml);
        assert_slice(err->text, bad[i].finding);
        assert_null(strstr(err->text.p, "hush"));
        arena_release(&a);
    }
}

/* Rules come from flags and variables too; a finding names these. */
static void test_flags_and_variables(void **state)
{
    struct arena a = ARENA_INIT;
    struct settings s;
    char *variables[] = {"MODGATE_VCS_RULES=a.example.com=https://b.example.com/a;x", NULL};
    const struct setting_flag flag = {SETTING_ID_vcs_rules, "a.example.com=git@b.example.com:a"};
    struct settings_input in = {.environ = variables};
    struct error *err = settings_load(&a, &in, &s);
    assert_non_null(err);
    assert_slice(err->text, "MODGATE_VCS_RULES: \"x\" is not of the form PATTERN=VALUE");
    in = (struct settings_input){.flags = &flag, .flag_count = 1};
    assert_ok(settings_load(&a, &in, &s));
    assert_rule(&s.vcs_rules, 0, "a.example.com", "git@b.example.com:a");
    arena_release(&a);
}

/* A token in a file that everybody may read is a finding; a reference to one is not. */
static void test_an_open_file_holds_no_token(void **state)
{
    static const struct {
        const char *yaml;
        bool is_fine;
    } rows[] = {{"vcs: {tokens: {a.example.com: hush}}\n", false},
                {"vcs: {tokens: {a.example.com: 'env:TOKEN'}}\n", true}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a = ARENA_INIT;
        struct settings s;
        char path[] = "/tmp/rules_XXXXXX";
        const struct settings_input in = {.file = path, .environ = environment};
        FD_SCOPED fd = mkstemp(path);
        assert_ok(fd_write_all(&a, fd, slice_of(rows[i].yaml)));
        assert_int_equal(fchmod(fd, 0644), 0);
        struct error *err = settings_load(&a, &in, &s);
        unlink(path);
        assert_int_equal(err == NULL, rows[i].is_fine);
        arena_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_value_is_for_everything),
        cmocka_unit_test(test_text_and_mapping_say_the_same),
        cmocka_unit_test(test_secrets_are_fetched),
        cmocka_unit_test(test_paths_count_from_the_files_folder),
        cmocka_unit_test(test_findings),
        cmocka_unit_test(test_flags_and_variables),
        cmocka_unit_test(test_an_open_file_holds_no_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
