#include "../test.h"

#include "access/token.h"

enum { NOW = 1000000 };

static struct token make_row(struct arena *a, const char *name, int64_t expires, struct slice *text)
{
    struct token row = {.name = slice_of(name), .created_unix_s = NOW, .expires_unix_s = expires};
    assert_ok(scopes_parse(a, S("*:a.example:read"), &row.scopes));
    *text = token_make(a, &row);
    return row;
}

static void test_only_the_whole_token_holds(void **state)
{
    struct arena a = ARENA_INIT;
    struct slice text, other;
    struct token row = make_row(&a, "ci", 0, &text);
    struct tokens t = {&row, 1};
    make_row(&a, "ci", 0, &other);
    assert_int_equal(text.n, TOKEN_CHARS);
    assert_ptr_equal(tokens_verify(&t, text, NOW), &row);
    assert_null(tokens_verify(&t, other, NOW));
    for (size_t i = 0; i < text.n; i++) {
        char *wrong = arena_cstr(&a, text);
        wrong[i] = wrong[i] == 'a' ? 'b' : 'a';
        assert_null(tokens_verify(&t, slice_make(wrong, text.n), NOW));
        assert_null(tokens_verify(&t, slice_head(text, i), NOW));
    }
    assert_null(tokens_verify(&t, arena_printf(&a, "%sx", text.p), NOW));
    arena_release(&a);
}

static void test_the_last_second(void **state)
{
    struct arena a = ARENA_INIT;
    struct slice text;
    struct token row = make_row(&a, "ci", NOW + 10, &text);
    struct tokens t = {&row, 1};
    assert_non_null(tokens_verify(&t, text, NOW + 9));
    assert_null(tokens_verify(&t, text, NOW + 10));
    arena_release(&a);
}

static void test_file_is_read_back_and_has_no_token(void **state)
{
    struct arena a = ARENA_INIT;
    struct token rows[3];
    struct slice texts[3];
    struct tokens t = {rows, 3}, again;
    for (size_t i = 0; i < 3; i++)
        rows[i] = make_row(&a, "ci.bot@x", i ? NOW + 100 : 0, &texts[i]);
    struct slice json = tokens_format(&a, &t);
    assert_ok(tokens_parse(&a, json, &again));
    assert_int_equal(again.count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct token *found = tokens_verify(&again, texts[i], NOW);
        assert_non_null(found);
        assert_slice(found->name, "ci.bot@x");
        assert_slice(scopes_format(&a, &found->scopes), "*:a.example:read");
        assert_int_equal(found->expires_unix_s, rows[i].expires_unix_s);
        struct slice secret = slice_skip(texts[i], TOKEN_CHARS - TOKEN_SECRET_CHARS);
        assert_true(slice_find_slice(json, secret) < 0);
    }
    arena_release(&a);
}

static void test_one_bad_row_makes_the_file_unusable(void **state)
{
#define ROW(id, name, sha, scopes, created, expires)                                               \
    "{\"id\":\"" id "\",\"name\":\"" name "\",\"sha256\":\"" sha "\",\"scopes\":\"" scopes         \
    "\",\"created_unix_s\":" created ",\"expires_unix_s\":" expires "}"
#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define FILE_OF(rows) "{\"version\":1,\"tokens\":[" rows "]}"
#define GOOD ROW("abcdefghij", "n", SHA, "*:*:read", "1", "0")
    static const char *const files[] = {
        "",
        "{}",
        "[]",
        "{\"version\":2,\"tokens\":[]}",
        "{\"version\":1}",
        FILE_OF("1"),
        FILE_OF(GOOD) "x",
        FILE_OF(GOOD "," GOOD),
        FILE_OF(GOOD "," ROW("bbbbbbbbb1", "n", SHA, "*:*:read", "1", "0")),
        FILE_OF(ROW("abcdefghij", "", SHA, "*:*:read", "1", "0")),
        FILE_OF(ROW("abcdefghij", "a b", SHA, "*:*:read", "1", "0")),
        FILE_OF(ROW("abcdefghij", "n", "e3b0", "*:*:read", "1", "0")),
        FILE_OF(ROW("abcdefghij", "n", SHA, "*:*:everything", "1", "0")),
        FILE_OF(ROW("abcdefghij", "n", SHA, "*:*:read", "-1", "0")),
        FILE_OF(ROW("abcdefghij", "n", SHA, "*:*:read", "1", "null")),
        FILE_OF(ROW("abcdefghij", "n", SHA, "*:*:read", "1", "0.5")),
        "{\"version\":1,\"tokens\":[],\"tokens\":[]}",
    };
    struct arena a = ARENA_INIT;
    struct tokens t;
    assert_ok(tokens_parse(&a, S(FILE_OF(GOOD)), &t));
    assert_ok(tokens_parse(&a, S(FILE_OF("")), &t));
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct error *err = tokens_parse(&a, slice_of(files[i]), &t);
        if (!err || err->status != STATUS_CORRUPT)
            fail_msg("taken: %s", files[i]);
    }
    arena_release(&a);
}

static void test_times_to_live(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds; /* 0: never; -1: refused */
    } rows[] = {
        {"never", 0}, {"90d", 90 * 86400}, {"1d", 86400},  {"12h", 43200}, {"1h30m", 5400},
        {"0d", -1},   {"0s", -1},          {"10ms", -1},   {"", -1},       {"d", -1},
        {"90", -1},   {"-1d", -1},         {"99999d", -1}, {"1.5d", -1},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t expires;
        struct error *err = token_parse_expiry(&a, slice_of(rows[i].text), NOW, &expires);
        int64_t expected = rows[i].seconds > 0 ? NOW + rows[i].seconds : 0;
        if (err ? rows[i].seconds != -1 : rows[i].seconds == -1 || expires != expected)
            fail_msg("'%s'", rows[i].text);
    }
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_whole_token_holds),
        cmocka_unit_test(test_the_last_second),
        cmocka_unit_test(test_file_is_read_back_and_has_no_token),
        cmocka_unit_test(test_one_bad_row_makes_the_file_unusable),
        cmocka_unit_test(test_times_to_live),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
