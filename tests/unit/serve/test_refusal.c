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

static void test_a_denial_says_whom_to_ask(void **state)
{
    struct arena a = ARENA_INIT;
    struct module_version mv = {S("example.com/lib"), S("v1.2.0")};
    struct policy_decision d = {.action = POLICY_DENY, .rule = S("young")};
    assert_slice(denial_text(&a, mv, &d),
                 "denied: example.com/lib@v1.2.0 is denied by policy rule young\n"
                 "ask whoever runs this gateway if you need it\n");
    d.why = S("it is 1 day old and must be 3 days");
    d.reason = S("new ones wait\n\n");
    d.contact = S("security");
    mv.version = S("");
    assert_slice(denial_text(&a, mv, &d),
                 "denied: example.com/lib is denied by policy rule young: it is 1 day old and must "
                 "be 3 days\nreason: new ones wait\nask: security\n");
    d.action = POLICY_HOLD;
    d.why = S("");
    assert_slice(denial_text(&a, mv, &d),
                 "denied: example.com/lib is held by policy rule young until it is released\n"
                 "reason: new ones wait\nask: security\n");
    arena_release(&a);
}

static void test_a_denial_is_never_too_long_for_go(void **state)
{
    struct arena a = ARENA_INIT;
    BUF_SCOPED(b);
    for (int i = 0; i < 400; i++)
        buf_add(&b, i % 2 ? S("\xe2\x82\xac\n") : S("long"));
    struct slice all = buf_slice(&b);
    struct policy_decision d = {
        .action = POLICY_HOLD, .rule = all, .why = all, .reason = all, .contact = all};
    struct slice text = denial_text(&a, (struct module_version){all, all}, &d);
    check_for_go(STATUS_DENIED, text);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status_reads_well_in_go),
        cmocka_unit_test(test_a_reason_is_not_said_twice),
        cmocka_unit_test(test_a_denial_says_whom_to_ask),
        cmocka_unit_test(test_a_denial_is_never_too_long_for_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
