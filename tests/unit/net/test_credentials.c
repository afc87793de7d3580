#include "../test.h"

#include "base/file.h"
#include "net/credentials.h"

#include <unistd.h>

static const char *find(struct arena *a, const struct credentials *c, const char *url)
{
    struct url u;
    assert_ok(url_parse(a, slice_of(url), &u));
    const char *header = credentials_find(c, &u);
    return header ? header : "";
}

static void test_configured(void **state)
{
    static const struct credential_option given[] = {
        {"a.example", "user", "secret", false},
        {"b.example:8443", NULL, "token", false},
        {"s.example/team", "user", "secret", true},
    };
    struct credentials_options o = {.list = given, .count = 3, .netrc_file = "/dev/null"};
    struct arena a = ARENA_INIT;
    struct credentials c;
    assert_ok(credentials_load(&a, &o, &c));
    assert_string_equal(find(&a, &c, "https://a.example/x"), "Basic dXNlcjpzZWNyZXQ=");
    assert_string_equal(find(&a, &c, "https://A.Example:443/x"), "Basic dXNlcjpzZWNyZXQ=");
    assert_string_equal(find(&a, &c, "http://a.example/x"), "Basic dXNlcjpzZWNyZXQ=");
    assert_string_equal(find(&a, &c, "https://a.example:8443/x"), "");
    assert_string_equal(find(&a, &c, "https://x.a.example/"), "");
    assert_string_equal(find(&a, &c, "https://a.example.org/"), "");
    assert_string_equal(find(&a, &c, "https://b.example:8443/"), "Bearer token");
    assert_string_equal(find(&a, &c, "https://b.example:844/"), "");
    assert_string_equal(find(&a, &c, "https://b.example/"), "");
    assert_string_equal(find(&a, &c, "https://s.example/team/x?go-get=1"),
                        "Basic dXNlcjpzZWNyZXQ=");
    assert_string_equal(find(&a, &c, "https://s.example/team?go-get=1"), "Basic dXNlcjpzZWNyZXQ=");
    assert_string_equal(find(&a, &c, "https://s.example/teams"), "");
    assert_string_equal(find(&a, &c, "http://s.example/team/x"), "");
    arena_release(&a);
}

static void test_netrc(void **state)
{
    char path[] = "/tmp/netrc_XXXXXX";
    struct arena a = ARENA_INIT;
    struct credentials c;
    struct credential_option given = {"c.example", NULL, "configured", false};
    struct credentials_options o = {.list = &given, .count = 1, .netrc_file = path};
    FD_SCOPED fd = mkstemp(path);
    assert_ok(fd_write_all(&a, fd,
                           S("machine a.example login u password first\n"
                             "machine a.example login u password second\n"
                             "machine a.example/deep/er login u password deep\n"
                             "machine p.example:9 login u password port\n"
                             "machine c.example/x login u password netrc\n")));
    assert_ok(credentials_load(&a, &o, &c));
    unlink(path);
    const char *first = credentials_basic(&a, S("u"), S("first"));
    assert_string_equal(find(&a, &c, "https://a.example/"), first);
    assert_string_equal(find(&a, &c, "http://a.example/"), "");
    assert_string_equal(find(&a, &c, "https://a.example/deep/erx"), first);
    const char *deep = credentials_basic(&a, S("u"), S("deep"));
    assert_string_equal(find(&a, &c, "https://a.example/deep/er"), deep);
    assert_string_equal(find(&a, &c, "https://a.example/deep/er/x"), deep);
    assert_string_equal(find(&a, &c, "https://p.example:9/"),
                        credentials_basic(&a, S("u"), S("port")));
    assert_string_equal(find(&a, &c, "https://c.example/x/y"), "Bearer configured");
    arena_release(&a);
}

static void test_bad_ones(void **state)
{
    struct arena a = ARENA_INIT;
    struct credentials c;
    struct credentials_options o = {.netrc_file = "/nowhere/netrc"};
    assert_status(credentials_load(&a, &o, &c), STATUS_BAD_CONFIG);
    struct credential_option given = {"a.example", NULL, "two\nlines", false};
    o = (struct credentials_options){.list = &given, .count = 1, .netrc_file = "/dev/null"};
    struct error *err = credentials_load(&a, &o, &c);
    assert_int_equal(err->status, STATUS_BAD_CONFIG);
    assert_true(slice_find_slice(error_chain(&a, err), S("lines")) < 0);
    setenv("NETRC", "/nowhere/netrc", 1);
    o = (struct credentials_options){0};
    assert_ok(credentials_load(&a, &o, &c)); /* the default one may be missing */
    assert_int_equal(c.count, 0);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_configured),
        cmocka_unit_test(test_netrc),
        cmocka_unit_test(test_bad_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
