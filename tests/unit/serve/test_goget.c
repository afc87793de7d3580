#include "../test.h"

#include "serve/serve_priv.h"

static void test_prefixes(void **state)
{
    static const struct {
        const char *prefixes, *path, *prefix;
    } rows[] = {
        {"", "a.example", ""},
        {"a.example", "a.example", "a.example"},
        {"a.example", "A.Example/x", "a.example"},
        {"a.example", "a.example.org/x", ""},
        {"a.example", "xa.example", ""},
        {"b.example , a.example/go/", "a.example/go/x", "a.example/go"},
        {"b.example , a.example/go/", "a.example/go", "a.example/go"},
        {"b.example , a.example/go/", "a.example/gone", ""},
        {",/", "a.example", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_slice(vanity_prefix(slice_of(rows[i].prefixes), slice_of(rows[i].path)),
                     rows[i].prefix);
}

static void test_nothing_breaks_out_of_the_page(void **state)
{
    struct arena a = ARENA_INIT;
    struct slice page = goget_html(&a, S("a.example/\"><script>"), S("https://b.example/'&"));
    assert_true(slice_find_slice(page, S("<script>")) < 0);
    assert_true(slice_find_slice(page, S("content=\"a.example/&#34;&#62;&#60;script&#62; mod "
                                         "https://b.example/&#39;&#38;\">")) > 0);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_nothing_breaks_out_of_the_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
