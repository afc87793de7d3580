#include "../test.h"

#include "base/file.h"
#include "config/config.h"

#include <sys/stat.h>
#include <unistd.h>

static char *variables[] = {"TOKEN=from-variable", "EMPTY=", NULL};
static const struct settings_input input = {.file = "m.yaml", .environ = variables};

#define LIST "fetch:\n  credentials:\n"
#define AT "m.yaml:3: fetch.credentials: "

static const struct {
    const char *yaml;
    const char *findings;
} cases[] = {
    {"fetch: {credentials: {host: x}}",
     "m.yaml:1: fetch.credentials: wants a list, not nested keys"},
    {"fetch: {credentials: x}", "m.yaml:1: fetch.credentials: wants a list, not text"},
    {LIST "    - text\n", AT "each entry has keys: host, and user and secret; not text"},
    {LIST "    - {host: a.example.com}\n",
     AT "wants exactly one of secret, secret_file and secret_env"},
    {LIST "    - {host: a.example.com, secret: x, secret_env: TOKEN}\n",
     AT "wants exactly one of secret, secret_file and secret_env"},
    {LIST "    - {secret: x}\n",
     AT "host: wants a host name, like git.example.com or git.example.com:8443"},
    {LIST "    - {host: 'https://a.example.com', secret: x}\n",
     AT "host: wants a host name, like git.example.com or git.example.com:8443"},
    {LIST "    - {host: a.example.com, user: 'a:b', secret: x}\n",
     AT "user: no colon and no line break can be in it"},
    {LIST "    - {host: a.example.com, secret: \"x\\ny\"}\n",
     AT "the secret is empty or has more than one line"},
    {LIST "    - {host: a.example.com, secret_env: ABSENT}\n",
     AT "secret_env: the variable \"ABSENT\" is not set"},
    {LIST "    - {host: a.example.com, secret_env: EMPTY}\n",
     AT "secret_env: the variable \"EMPTY\" is not set"},
    {LIST "    - {host: a.example.com, secret_file: /nowhere/s}\n",
     AT "secret_file \"/nowhere/s\": No such file or directory"},
    {LIST "    - {host: a.example.com, password: hush-hush}\n",
     AT "no key \"password\"; known here: host, user, secret, secret_file, secret_env\n" AT
        "wants exactly one of secret, secret_file and secret_env"},
    {LIST "    - {host: a.example.com, secret: x}\n    - {host: A.example.com, secret: y}\n",
     "m.yaml:4: fetch.credentials: host: this host has an entry already"},
    {LIST "    - {host: a.example.com, secret: x, secret: y}\n",
     "m.yaml:3: secret stands twice in one credential"},
    {LIST "    - {host: a.example.com, secret: [hush-hush]}\n",
     "m.yaml:3: secret: wants one value, not a list\n" AT
     "wants exactly one of secret, secret_file and secret_env"},
    {LIST "    - {? {a: b} : c, host: a.example.com, secret: x}\n",
     "m.yaml:3: fetch.credentials: wants one value, not nested keys"},
    {LIST "    - {host: a.example.com, secret: x}\n  credentials: []\n",
     "m.yaml:4: fetch.credentials stands here a second time; the first is in line 2"},
};

static void test_findings(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a = ARENA_INIT;
        struct settings s;
        struct error *err = settings_load_bytes(&a, &input, slice_of(cases[i].yaml), &s);
        if (!err)
            fail_msg("taken: %s", cases[i].yaml);
        assert_slice(err->text, cases[i].findings);
        arena_release(&a);
    }
}

static void write_secret(struct arena *a, const char *path, const char *text, mode_t mode)
{
    assert_ok(file_write_durable(a, path, slice_of(text)));
    assert_int_equal(chmod(path, mode), 0);
}

static void test_places_of_secrets(void **state)
{
    struct arena a = ARENA_INIT;
    struct settings s;
    char folder[] = "/tmp/modgate-secret-XXXXXX";
    assert_non_null(mkdtemp(folder));
    const char *path = arena_printf(&a, "%s/s", folder).p;
    struct slice yaml = arena_printf(&a,
                                     LIST "    - {host: a.example.com, user: u, secret: inline}\n"
                                          "    - {host: 'b.example.com:8443', secret_env: TOKEN}\n"
                                          "    - host: c.example.com\n"
                                          "      secret_file: %s\n",
                                     path);
    write_secret(&a, path, "from-file\n", 0640);
    assert_ok(settings_load_bytes(&a, &input, yaml, &s));
    assert_int_equal(s.credential_count, 3);
    assert_slice(s.credentials_origin, "m.yaml:2");
    assert_string_equal(s.credentials[0].user, "u");
    assert_string_equal(s.credentials[0].secret, "inline");
    assert_null(s.credentials[1].user);
    assert_string_equal(s.credentials[1].host, "b.example.com:8443");
    assert_string_equal(s.credentials[1].secret, "from-variable");
    assert_string_equal(s.credentials[2].secret, "from-file");

    write_secret(&a, path, "from-file\n", 0644);
    struct error *err = settings_load_bytes(&a, &input, yaml, &s);
    assert_non_null(err);
    assert_true(slice_ends(err->text, S("/s\": everybody may read it; chmod o-r it")));
    assert_int_equal(slice_find_slice(err->text, S("from-file")), -1);

    write_secret(&a, path, "two\nlines\n", 0600);
    err = settings_load_bytes(&a, &input, yaml, &s);
    assert_non_null(err);
    assert_slice(err->text,
                 "m.yaml:5: fetch.credentials: the secret is empty or has more than one line");
    assert_ok(dir_remove(&a, folder));
    arena_release(&a);
}

/* A secret in the settings file asks for the same care. */
static void test_file_with_secret_is_not_for_everybody(void **state)
{
    struct arena a = ARENA_INIT;
    struct settings s;
    char folder[] = "/tmp/modgate-secret-XXXXXX";
    assert_non_null(mkdtemp(folder));
    const char *path = arena_printf(&a, "%s/m.yaml", folder).p;
    struct settings_input in = {.file = path};
    write_secret(&a, path, LIST "    - {host: a.example.com, secret: x}\n", 0644);
    struct error *err = settings_load(&a, &in, &s);
    assert_non_null(err);
    assert_true(
        slice_ends(err->text, S("/m.yaml:2: the file holds a secret and everybody may read "
                                "it: chmod o-r it, or move the secret to a file of its own")));
    assert_int_equal(chmod(path, 0640), 0);
    assert_ok(settings_load(&a, &in, &s));
    assert_ok(dir_remove(&a, folder));
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_findings),
        cmocka_unit_test(test_places_of_secrets),
        cmocka_unit_test(test_file_with_secret_is_not_for_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
