#include "../test.h"

#include "gomod/quote.h"
#include "gomod/text.h"

static void test_rune_decode(void **state)
{
    static const struct {
        const char *text;
        size_t n;
        uint32_t rune;
    } cases[] = {
        {"a", 1, 'a'},
        {"\xc3\xa9", 2, 0xe9},
        {"\xe2\x82\xac", 3, 0x20ac},
        {"\xf0\x9f\x98\x80", 4, 0x1f600},
        {"\xff", 1, RUNE_ERROR},
        {"\xc3", 1, RUNE_ERROR},
        {"\xed\xa0\x80", 1, RUNE_ERROR},
        {"\x80", 1, RUNE_ERROR},
        {"\xef\xbf\xbd", 3, RUNE_ERROR},
    };
    uint32_t rune;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(rune_decode(slice_of(cases[i].text), &rune), cases[i].n);
        assert_int_equal(rune, cases[i].rune);
    }
    assert_int_equal(rune_decode(S(""), &rune), 0);
    assert_int_equal(rune, RUNE_ERROR);
}

static void test_rune_encode_is_the_way_back(void **state)
{
    static const uint32_t runes[] = {0, 0x7f, 0x80, 0x7ff, 0x800, 0xfffd, 0x10000, 0x10ffff};
    for (size_t i = 0; i < ARRAY_LEN(runes); i++) {
        BUF_SCOPED(b);
        uint32_t rune;
        rune_encode(&b, runes[i]);
        assert_int_equal(rune_decode(buf_slice(&b), &rune), b.n);
        assert_int_equal(rune, runes[i]);
    }
}

static void test_rune_classes(void **state)
{
    assert_true(rune_is_space(0xa0) && rune_is_space('\v') && rune_is_space(0x3000));
    assert_false(rune_is_space('a') || rune_is_space(0x200b));
    assert_true(rune_is_print(' ') && rune_is_print(0xe9) && rune_is_print(RUNE_ERROR));
    assert_false(rune_is_print(0) || rune_is_print(0x7f) || rune_is_print(0xa0));
    assert_false(rune_is_print(0xfeff) || rune_is_print(0x110000));
    assert_true(rune_is_letter('z') && rune_is_letter(0x65e5));
    assert_false(rune_is_letter('1') || rune_is_letter(0x1f600));
}

static void test_trim_and_fields(void **state)
{
    assert_slice(text_trim(S(" \t\xc2\xa0 a b \xe2\x80\xa8\r\n")), "a b");
    assert_slice(text_trim(S(" \xe3\x80\x80")), "");
    assert_slice(text_trim(S("\xa0")), "\xa0"); /* no UTF-8, so no blank */
    struct slice rest = S("  one\ttwo\xc2\x85three ");
    assert_slice(text_cut_field(&rest), "one");
    assert_slice(text_cut_field(&rest), "two");
    assert_slice(text_cut_field(&rest), "three");
    assert_slice(text_cut_field(&rest), "");
}

static void test_same_lines(void **state)
{
    static const struct {
        const char *a, *b;
        bool is_same;
    } rows[] = {
        {"", "", true},
        {"a\n", "a\n", true},
        {"a\r\nb\r\n", "a\nb\n", true},
        {"a\nb\n", "a\r\nb\n", true},
        {"a\rb", "ab", false},
        {"a\r", "a", false},
        {"a\n", "a", false},
        {"a\r\n", "a", false},
        {"a\r\r\n", "a\n", false},
        {"a", "b", false},
        {"", "\n", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(text_same_lines(slice_of(rows[i].a), slice_of(rows[i].b)),
                         rows[i].is_same);
        assert_int_equal(text_same_lines(slice_of(rows[i].b), slice_of(rows[i].a)),
                         rows[i].is_same);
    }
}

static void test_quote_for_messages(void **state)
{
    struct arena a = ARENA_INIT;
    assert_string_equal(text_quote(&a, S("a \"b\"\\\n\xff\xc3\xa9\xc2\xa0")),
                        "\"a \\\"b\\\"\\\\\\x0a\\xff\xc3\xa9\\u{a0}\"");
    char long_text[300];
    memset(long_text, 'x', sizeof(long_text));
    const char *quoted = text_quote(&a, slice_make(long_text, sizeof(long_text)));
    assert_int_equal(strlen(quoted), 200 + 5);
    assert_true(slice_ends(slice_of(quoted), S("\"...")));
    arena_release(&a);
}

static void test_go_unquote(void **state)
{
    static const struct {
        const char *text, *value; /* NULL: refused */
    } cases[] = {
        {"\"\"", ""},
        {"\"a b\"", "a b"},
        {"`a\\n`", "a\\n"},
        {"`a\rb`", "ab"},
        {"\"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\"", "\a\b\f\n\r\t\v\\\""},
        {"\"\\x41\\101\\u0041\\U00000041\"", "AAAA"},
        {"\"\\xe9\"", "\xe9"},
        {"\"\\u00e9\"", "\xc3\xa9"},
        {"\"\xff\"", "\xef\xbf\xbd"},
        {"", NULL},
        {"\"", NULL},
        {"a", NULL},
        {"'a'", NULL},
        {"`a`b`", NULL},
        {"\"a\"b\"", NULL},
        {"\"a", NULL},
        {"\"a\nb\"", NULL},
        {"\"\\\"", NULL},
        {"\"\\'\"", NULL},
        {"\"\\x4\"", NULL},
        {"\"\\xgg\"", NULL},
        {"\"\\400\"", NULL},
        {"\"\\08\"", NULL},
        {"\"\\ud800\"", NULL},
        {"\"\\U00110000\"", NULL},
        {"\"\\q\"", NULL},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice value;
        bool ok = go_unquote(&a, slice_of(cases[i].text), &value);
        if (ok != (cases[i].value != NULL))
            fail_msg("%s: %d", cases[i].text, ok);
        if (ok)
            assert_slice(value, cases[i].value);
    }
    arena_release(&a);
}

static void test_json_quote(void **state)
{
    BUF_SCOPED(b);
    json_quote(&b, S("\"\\\b\f\n\r\t\x01\x7f<>&\xe2\x80\xa8\xe2\x80\xa9\xff\xef\xbf\xbd\xc3\xa9"));
    assert_slice(buf_slice(&b), "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\x7f\\u003c\\u003e\\u0026\\u2028"
                                "\\u2029\\ufffd\xef\xbf\xbd\xc3\xa9\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rune_decode),  cmocka_unit_test(test_rune_encode_is_the_way_back),
        cmocka_unit_test(test_rune_classes), cmocka_unit_test(test_trim_and_fields),
        cmocka_unit_test(test_same_lines),   cmocka_unit_test(test_quote_for_messages),
        cmocka_unit_test(test_go_unquote),   cmocka_unit_test(test_json_quote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
