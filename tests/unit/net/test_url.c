#include "../test.h"

#include "net/url.h"

static void test_parts(void **state)
{
    static const struct {
        const char *text, *scheme, *user, *password, *host, *port, *path, *redacted;
    } rows[] = {
        {"https://a.example", "https", NULL, NULL, "a.example", "443", "/", "https://a.example/"},
        {"http://a.example:8080/x/", "http", NULL, NULL, "a.example", "8080", "/x/",
         "http://a.example:8080/x/"},
        {"https://u:p%40@a.example:443/x?q=1#f", "https", "u", "p@", "a.example", "443", "/x?q=1",
         "https://a.example/x?q=1"},
        {"http://[::1]:80/", "http", NULL, NULL, "::1", "80", "/", "http://[::1]/"},
        {"socks5://p.example", "socks5", NULL, NULL, "p.example", "", "/", "socks5://p.example/"},
        {"https://a.example/%21b/..x", "https", NULL, NULL, "a.example", "443", "/%21b/..x",
         "https://a.example/%21b/..x"},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct url u;
        assert_ok(url_parse(&a, slice_of(rows[i].text), &u));
        assert_slice(u.scheme, rows[i].scheme);
        assert_int_equal(u.user.p != NULL, rows[i].user != NULL);
        assert_slice(u.user, rows[i].user ? rows[i].user : "");
        assert_slice(u.password, rows[i].password ? rows[i].password : "");
        assert_slice(u.host, rows[i].host);
        assert_slice(u.port, rows[i].port);
        assert_slice(u.path, rows[i].path);
        assert_slice(url_redacted(&a, &u), rows[i].redacted);
    }
    arena_release(&a);
}

static void test_what_is_no_url(void **state)
{
    static const char *const rows[] = {"",          "a.example",   "https://",     "://x",
                                       "https:///", "http://a b/", "https://[::1/"};
    struct arena a = ARENA_INIT;
    struct url u;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_status(url_parse(&a, slice_of(rows[i]), &u), STATUS_BAD_REQUEST);
    assert_status(url_parse(&a, S("http://a.example/\0b"), &u), STATUS_BAD_REQUEST);
    char *huge = xmalloc(URL_MAX_BYTES + 2);
    memset(huge, 'a', URL_MAX_BYTES + 2);
    memcpy(huge, "http://", 7);
    assert_status(url_parse(&a, slice_make(huge, URL_MAX_BYTES + 2), &u), STATUS_BAD_REQUEST);
    free(huge);
    arena_release(&a);
}

static void test_errors_hide_credentials(void **state)
{
    struct arena a = ARENA_INIT;
    struct url u;
    struct error *err = url_parse(&a, S("https://user:secret@a b/"), &u);
    assert_non_null(err);
    assert_true(slice_find_slice(error_chain(&a, err), S("secret")) < 0);
    arena_release(&a);
}

static void test_same_origin(void **state)
{
    struct arena a = ARENA_INIT;
    struct url u, v;
    assert_ok(url_parse(&a, S("https://a.example/x"), &u));
    assert_ok(url_parse(&a, S("https://A.example:443/y"), &v));
    assert_true(url_same_origin(&u, &v));
    assert_ok(url_parse(&a, S("http://a.example:443/y"), &v));
    assert_false(url_same_origin(&u, &v));
    assert_ok(url_parse(&a, S("https://b.a.example/"), &v));
    assert_false(url_same_origin(&u, &v));
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_what_is_no_url),
        cmocka_unit_test(test_errors_hide_credentials),
        cmocka_unit_test(test_same_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
