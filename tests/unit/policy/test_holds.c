#include "../test.h"

#include "policy/holds.h"

static void test_last_word_counts(void **state)
{
    struct arena a = ARENA_INIT;
    struct holds hs;
    struct module_version v1 = {S("example.com/a"), S("v1.0.0")};
    struct module_version v2 = {S("example.com/a"), S("v2.0.0+incompatible")};
    assert_ok(holds_parse(&a,
                          S("hold example.com/a v1.0.0 1700000000 looked odd\n"
                            "release example.com/a * 1700000001 \n"
                            "hold example.com/a v2.0.0+incompatible 1700000002 no\n"),
                          &hs));
    assert_int_equal(hs.count, 3);
    assert_slice(hs.rows[0].reason, "looked odd");
    assert_true(holds_find(&hs, v1)->is_release); /* the later line, for all versions */
    assert_false(holds_find(&hs, v2)->is_release);
    assert_int_equal(holds_find(&hs, v2)->at_unix_s, 1700000002);
    assert_null(holds_find(&hs, (struct module_version){S("example.com/b"), S("v1.0.0")}));
    assert_null(holds_find(NULL, v1));
    arena_release(&a);
}

static void test_put(void **state)
{
    struct arena a = ARENA_INIT;
    struct holds hs = {0};
    struct module_version mv = {S("example.com/a"), S("v1.0.0")};
    struct slice text = holds_put(&a, &hs, (struct hold){false, mv, 5, S("bad\nnews")});
    assert_slice(text, "hold example.com/a v1.0.0 5 bad news\n");
    assert_ok(holds_parse(&a, text, &hs));
    text = holds_put(&a, &hs, (struct hold){true, {mv.path, S("v1.1.0")}, 6, S("")});
    assert_ok(holds_parse(&a, text, &hs));
    text = holds_put(&a, &hs, (struct hold){true, mv, 7, S("fine")});
    assert_slice(text, "release example.com/a v1.1.0 6 \nrelease example.com/a v1.0.0 7 fine\n");
    arena_release(&a);
}

static void test_damaged(void **state)
{
    static const char *const cases[] = {
        "keep example.com/a v1.0.0 5 x\n",
        "hold example.com/a v1.0.0\n",
        "hold  v1.0.0 5 x\n",
        "hold example.com/a v1.0.0 x y\n",
        "\n",
        "hold example.com/a v1\t0 5 x\n",
        "hold example.com/a v1.0.0 99999999999999999999 x",
    };
    struct arena a = ARENA_INIT;
    struct holds hs;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_status(holds_parse(&a, slice_of(cases[i]), &hs), STATUS_CORRUPT);
    assert_ok(holds_parse(&a, S(""), &hs));
    assert_int_equal(hs.count, 0);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_word_counts),
        cmocka_unit_test(test_put),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
