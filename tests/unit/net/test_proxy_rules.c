#include "../test.h"

#include "net/proxy_rules.h"

/* Each row agrees with golang.org/x/net/http/httpproxy (see tests/fetch/test_fetch_proxy.py). */
static const struct {
    const char *no_proxy, *host, *port;
    bool is_bypassed;
} bypass_rows[] = {
#define BYPASS(no_proxy, host, port, expected) {no_proxy, host, port, expected},
#include "proxy_rows.def"
#undef BYPASS
};

static void test_no_proxy(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(bypass_rows); i++) {
        bool got = proxy_is_bypassed(slice_of(bypass_rows[i].no_proxy),
                                     slice_of(bypass_rows[i].host), slice_of(bypass_rows[i].port));
        if (got != bypass_rows[i].is_bypassed)
            fail_msg("NO_PROXY='%s', host %s, port %s: got %d", bypass_rows[i].no_proxy,
                     bypass_rows[i].host, bypass_rows[i].port, got);
    }
}

static struct proxy find(struct arena *a, const struct proxy_env *env, const char *url)
{
    struct url u;
    struct proxy p;
    assert_ok(url_parse(a, slice_of(url), &u));
    assert_ok(proxy_find(a, env, &u, &p));
    return p;
}

static void test_proxy_url(void **state)
{
    static const struct {
        const char *variable, *url, *user, *password;
    } rows[] = {
        {"http://p.example:3128", "http://p.example:3128", NULL, NULL},
        {"p.example:3128", "http://p.example:3128", NULL, NULL},
        {"p.example", "http://p.example:80", NULL, NULL},
        {"https://p.example", "https://p.example:443", NULL, NULL},
        {"socks5://p.example", "socks5h://p.example:1080", NULL, NULL},
        {"socks5h://p.example:9", "socks5h://p.example:9", NULL, NULL},
        {"http://u:p%20w@p.example", "http://p.example:80", "u", "p w"},
        {"http://[::1]:8080", "http://[::1]:8080", NULL, NULL},
        {"http://", "", NULL, NULL}, /* cannot be parsed: as if it were unset */
        {"", "", NULL, NULL},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct proxy_env env = {.https_proxy = rows[i].variable};
        struct proxy p = find(&a, &env, "https://a.example/x");
        assert_slice(p.url, rows[i].url);
        assert_int_equal(p.user.p != NULL, rows[i].user != NULL);
        assert_slice(p.user, rows[i].user ? rows[i].user : "");
        assert_slice(p.password, rows[i].password ? rows[i].password : "");
    }
    arena_release(&a);
}

static void test_scheme_chooses_variable(void **state)
{
    struct arena a = ARENA_INIT;
    struct proxy_env env = {.http_proxy = "clear.example", .https_proxy = "tls.example"};
    assert_slice(find(&a, &env, "http://a.example/").url, "http://clear.example:80");
    assert_slice(find(&a, &env, "https://a.example/").url, "http://tls.example:80");
    env.no_proxy = "a.example:443";
    assert_slice(find(&a, &env, "https://a.example/").url, "");
    assert_slice(find(&a, &env, "http://a.example/").url, "http://clear.example:80");
    arena_release(&a);
}

static void test_cgi(void **state)
{
    struct arena a = ARENA_INIT;
    struct proxy_env env = {.http_proxy = "p.example", .https_proxy = "p.example", .is_cgi = true};
    struct proxy p;
    struct url u;
    assert_slice(find(&a, &env, "https://a.example/").url, "http://p.example:80");
    assert_ok(url_parse(&a, S("http://a.example/"), &u));
    assert_status(proxy_find(&a, &env, &u, &p), STATUS_BAD_CONFIG);
    arena_release(&a);
}

static void test_environment(void **state)
{
    setenv("HTTPS_PROXY", "", 1);
    setenv("https_proxy", "lower.example", 1);
    setenv("HTTP_PROXY", "upper.example", 1);
    setenv("http_proxy", "lower.example", 1);
    unsetenv("NO_PROXY");
    unsetenv("no_proxy");
    unsetenv("REQUEST_METHOD");
    struct proxy_env env = proxy_env_read();
    assert_string_equal(env.https_proxy, "lower.example");
    assert_string_equal(env.http_proxy, "upper.example");
    assert_null(env.no_proxy);
    assert_false(env.is_cgi);
    setenv("REQUEST_METHOD", "GET", 1);
    assert_true(proxy_env_read().is_cgi);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_proxy),
        cmocka_unit_test(test_proxy_url),
        cmocka_unit_test(test_scheme_chooses_variable),
        cmocka_unit_test(test_cgi),
        cmocka_unit_test(test_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
