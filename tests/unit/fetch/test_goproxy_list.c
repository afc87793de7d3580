#include "../test.h"

#include "fetch/goproxy_list.h"

/* "url|" or "url," for each entry: how it goes on after an error. */
static struct slice summary(struct arena *a, const char *list)
{
    struct goproxy_entry *entries;
    size_t count;
    BUF_SCOPED(b);
    assert_ok(goproxy_parse(a, slice_of(list), &entries, &count));
    for (size_t i = 0; i < count; i++)
        buf_printf(&b, "%.*s%c", SLICE_ARG(entries[i].url), entries[i].falls_on_error ? '|' : ',');
    return arena_dup(a, buf_slice(&b));
}

static void test_lists(void **state)
{
    static const struct {
        const char *list, *expected;
    } rows[] = {
        {"https://a.example", "https://a.example,"},
        {"https://a.example,https://b.example/p/|file:///srv/mod//,off",
         "https://a.example,https://b.example/p|file:///srv/mod,off,"},
        {" https://a.example , ,|direct", "https://a.example,direct,"},
        {"a.example|b.example:8080/x", "https://a.example|https://b.example:8080/x,"},
        {"off,not a url at all", "off,"},
        {"direct|https://a.example", "direct|"},
        {"file:/srv/mod", "file:///srv/mod,"},
        {"HTTPS://a.example", "https://a.example,"},
        {"https://user:pw@a.example/x", "https://a.example/x,"},
        {"http://127.0.0.1:3000", "http://127.0.0.1:3000,"},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_slice(summary(&a, rows[i].list), rows[i].expected);
    arena_release(&a);
}

static void test_parts(void **state)
{
    struct arena a = ARENA_INIT;
    struct goproxy_entry *e;
    size_t count;
    assert_ok(
        goproxy_parse(&a, S("https://us%40er:p%3aw@a.example,file:///srv/a%20b,off"), &e, &count));
    assert_int_equal(count, 3);
    assert_int_equal(e[0].kind, GOPROXY_MIRROR);
    assert_slice(e[0].user, "us@er");
    assert_slice(e[0].password, "p:w");
    assert_int_equal(e[1].kind, GOPROXY_TREE);
    assert_slice(e[1].path, "/srv/a b");
    assert_int_equal(e[2].kind, GOPROXY_OFF);
    arena_release(&a);
}

static void test_bad_lists(void **state)
{
    static const char *const rows[] = {
        "",
        " , | ",
        "foo",
        "/srv/mod",
        "ftp://a.example",
        "https://",
        "https://a.example?x=1",
        "https://a.example#x",
        "http://user:secret@a.example",
        "file://host/srv",
        "file://",
        "file:///srv?x",
        "file:///srv/%zz",
        "file:///srv/%00",
        "file:///srv/a\tb",
        "https://a.example,nonsense,https://b.example",
    };
    struct arena a = ARENA_INIT;
    struct goproxy_entry *entries;
    size_t count;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct error *err = goproxy_parse(&a, slice_of(rows[i]), &entries, &count);
        if (!err || err->status != STATUS_BAD_CONFIG)
            fail_msg("'%s' is taken", rows[i]);
        assert_true(slice_find_slice(error_chain(&a, err), S("secret")) < 0);
    }
    arena_release(&a);
}

static void test_too_many(void **state)
{
    struct arena a = ARENA_INIT;
    BUF_SCOPED(list);
    struct goproxy_entry *entries;
    size_t count;
    for (int i = 0; i < GOPROXY_MAX_ENTRIES; i++)
        buf_printf(&list, "https://h%d.example,", i);
    assert_ok(goproxy_parse(&a, buf_slice(&list), &entries, &count));
    assert_int_equal(count, GOPROXY_MAX_ENTRIES);
    buf_add(&list, S("off"));
    assert_status(goproxy_parse(&a, buf_slice(&list), &entries, &count), STATUS_BAD_CONFIG);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_bad_lists),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
