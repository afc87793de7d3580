#include "../test.h"

#include "serve/serve_priv.h"

static size_t count(struct slice s, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == c;
    return n;
}

/* go prints at most 8 lines and 648 bytes, stops at a blank line, drops what is not printable
 * UTF-8. */
static void check_for_go(enum status status, struct slice text)
{
    assert_true(text.n > 0 && text.n <= 648);
    assert_true(count(text, '\n') <= 3);
    assert_true(slice_ends(text, S("\n")));
    assert_true(slice_find_slice(text, S("\n\n")) < 0);
    assert_true(slice_is_utf8(text));
    for (size_t i = 0; i < text.n; i++)
        assert_true(text.p[i] == '\n' || ((unsigned char)text.p[i] >= 0x20 && text.p[i] != 0x7f));
    assert_true(slice_starts(text, slice_of(status_text(status))));
}

static void test_every_status_reads_well_in_go(void **state)
{
    struct arena a = ARENA_INIT;
    BUF_SCOPED(euros);
    for (int i = 0; i < 400; i++)
        buf_add(&euros, S("\xe2\x82\xac"));
    const struct slice reasons[] = {
        S(""),
        S("plain"),
        S("two\n\nlines\r\n\x01\x7f"),
        S("bad \xff\xfe utf8"),
        buf_slice(&euros),
        slice_skip(buf_slice(&euros), 1),
    };
    for (int s = 1; s < STATUS_COUNT; s++) {
        for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
            check_for_go((enum status)s, refusal_text(&a, (enum status)s, reasons[i]));
    }
    arena_release(&a);
}

static void test_a_reason_is_not_said_twice(void **state)
{
    struct arena a = ARENA_INIT;
    assert_slice(refusal_text(&a, STATUS_NOT_FOUND, S("not found: x")), "not found: x\n");
    assert_slice(refusal_text(&a, STATUS_NOT_FOUND, S("x")), "not found: x\n");
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status_reads_well_in_go),
        cmocka_unit_test(test_a_reason_is_not_said_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
