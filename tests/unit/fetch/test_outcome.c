#include "../test.h"

#include "fetch/outcome.h"

static struct error *outcome(struct arena *a, int status, const char *type, const char *detail)
{
    struct http_response r = {.status = status,
                              .url = S("https://m.example/x/@v/list"),
                              .content_type = slice_of(type),
                              .detail = slice_of(detail)};
    return outcome_of(a, &r, false);
}

static void test_statuses(void **state)
{
    static const struct {
        int http;
        enum status status;
    } rows[] = {
        {404, STATUS_NOT_FOUND},       {410, STATUS_GONE},
        {401, STATUS_UPSTREAM_DENIED}, {403, STATUS_UPSTREAM_DENIED},
        {407, STATUS_UPSTREAM_DENIED}, {451, STATUS_UPSTREAM_DENIED},
        {429, STATUS_UPSTREAM_BUSY},   {500, STATUS_UPSTREAM_ERROR},
        {503, STATUS_UPSTREAM_ERROR},  {599, STATUS_UPSTREAM_ERROR},
        {400, STATUS_BAD_ANSWER},      {418, STATUS_BAD_ANSWER},
        {304, STATUS_BAD_ANSWER},      {600, STATUS_BAD_ANSWER},
        {0, STATUS_BAD_ANSWER},
    };
    struct arena a = ARENA_INIT;
    assert_ok(outcome(&a, 200, "", ""));
    assert_ok(outcome(&a, 206, "", ""));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_status(outcome(&a, rows[i].http, "text/plain", "why"), rows[i].status);
    /* Only these two may ever send a client on to its next mirror. */
    for (int http = 0; http < 1000; http++) {
        struct error *err = outcome(&a, http, "text/plain", "");
        bool is_absent = err && status_class(err->status) == CLASS_ABSENT;
        assert_int_equal(is_absent, http == 404 || http == 410);
    }
    arena_release(&a);
}

static void test_reasons(void **state)
{
    struct arena a = ARENA_INIT;
    struct error *err = outcome(&a, 404, "text/plain", "not found:\n\tno such module\n");
    assert_slice(err->text, "not found: no such module (https://m.example/x/@v/list answered 404)");
    err = outcome(&a, 404, "text/html; charset=utf-8", "<html>nothing here</html>");
    assert_slice(err->text, "https://m.example/x/@v/list answered 404");
    err = outcome(&a, 410, "", "");
    assert_slice(err->text, "https://m.example/x/@v/list answered 410");
    err = outcome(&a, 500, "text/plain", "tripped");
    assert_slice(err->text, "https://m.example/x/@v/list answered 500: tripped");
    arena_release(&a);
}

static void test_one_line(void **state)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"", ""},
        {"  plain  ", "plain"},
        {"a\r\n\r\nb\tc", "a b c"},
        {"esc \x1b[31mred\x7f", "esc [31mred"},
        {"C1 \xc2\x9b hidden\xe2\x80\xae tuo", "C1 hidden tuo"},
        {"\xef\xbb\xbfmark", "mark"},
        {"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"},
        {"latin1 \xfc", ""},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_slice(reason_line(&a, slice_of(rows[i].text)), rows[i].expected);
    arena_release(&a);
}

static void test_long_reason(void **state)
{
    struct arena a = ARENA_INIT;
    char text[2 * REASON_MAX_BYTES + 1];
    for (size_t i = 0; i < 2 * REASON_MAX_BYTES; i += 2)
        memcpy(text + i, "\xc3\xbc", 2);
    struct slice line = reason_line(&a, slice_make(text, 2 * REASON_MAX_BYTES));
    assert_true(line.n <= REASON_MAX_BYTES + 3);
    assert_true(slice_is_utf8(line));
    assert_true(slice_ends(line, S("...")));
    /* What was cut off in the middle of a character is shown up to there. */
    struct http_response r = {.status = 404, .url = S("u"), .detail = slice_make(text, 9)};
    assert_true(
        slice_starts(outcome_of(&a, &r, false)->text, S("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc (")));
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_one_line),
        cmocka_unit_test(test_long_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
