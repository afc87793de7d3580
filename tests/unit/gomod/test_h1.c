#include "../test.h"

#include "gomod/fold.h"
#include "gomod/h1.h"

static void add(struct h1_builder *b, struct slice name, struct slice content)
{
    uint8_t sum[SHA256_BYTES];
    sha256(content, sum);
    h1_add(b, name, sum);
}

static void test_order_of_adding_does_not_matter(void **state)
{
    struct arena a = ARENA_INIT;
    struct h1_builder x = H1_BUILDER_INIT, y = H1_BUILDER_INIT;
    char p[H1_TEXT_BYTES], q[H1_TEXT_BYTES];
    add(&x, S("abc"), S("data for abc"));
    add(&x, S("xyz"), S("data for xyz"));
    add(&y, S("xyz"), S("data for xyz"));
    add(&y, S("abc"), S("data for abc"));
    assert_ok(h1_sum(&x, &a, p));
    assert_ok(h1_sum(&y, &a, q));
    assert_string_equal(p, q);
    h1_release(&x);
    h1_release(&y);
    arena_release(&a);
}

static void test_doubled_name_counts_twice_with_the_last_sum(void **state)
{
    struct arena a = ARENA_INIT;
    struct h1_builder x = H1_BUILDER_INIT, y = H1_BUILDER_INIT;
    char p[H1_TEXT_BYTES], q[H1_TEXT_BYTES];
    add(&x, S("a"), S("1"));
    add(&x, S("a"), S("2"));
    add(&y, S("a"), S("2"));
    add(&y, S("a"), S("2"));
    assert_ok(h1_sum(&x, &a, p));
    assert_ok(h1_sum(&y, &a, q));
    assert_string_equal(p, q);
    h1_release(&x);
    h1_release(&y);
    arena_release(&a);
}

static void test_newline_is_refused(void **state)
{
    struct arena a = ARENA_INIT;
    struct h1_builder x = H1_BUILDER_INIT;
    char p[H1_TEXT_BYTES];
    add(&x, S("a\nb"), S(""));
    assert_status(h1_sum(&x, &a, p), STATUS_BAD_ZIP);
    h1_release(&x);
    arena_release(&a);
}

static void test_valid_text(void **state)
{
    char p[H1_TEXT_BYTES];
    gomod_hash(S("module example.com/m\n"), p);
    assert_true(h1_is_valid(slice_of(p)));
    assert_false(h1_is_valid(S("h1:")));
    assert_false(h1_is_valid(slice_head(slice_of(p), 46)));
    p[1] = '2';
    assert_false(h1_is_valid(slice_of(p)));
    p[1] = '1';
    p[10] = ' ';
    assert_false(h1_is_valid(slice_of(p)));
}

static void test_fold(void **state)
{
    assert_int_equal(rune_fold('K'), 'k');
    assert_int_equal(rune_fold(0x212a), 'k');
    assert_int_equal(rune_fold('_'), '_');
    assert_int_equal(rune_fold(0x65e5), 0x65e5);
    assert_int_equal(rune_fold(0x1e9e), rune_fold(0xdf));
    assert_int_equal(rune_fold(0x10ffff), 0x10ffff);
    assert_int_equal(path_fold_cmp(S("a/B"), S("A/b")), 0);
    assert_true(path_fold_cmp(S("a/z"), S("a-b")) < 0);
    assert_true(path_fold_cmp(S("a"), S("a/b")) < 0);
    assert_true(path_fold_cmp(S("b"), S("A")) > 0);
    assert_true(path_fold_cmp(S("\xc3\xa9"), S("\xc3\x89")) == 0);
    assert_true(path_fold_cmp(S("\xc3\xa9"), S("\xc4\xa9")) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_of_adding_does_not_matter),
        cmocka_unit_test(test_doubled_name_counts_twice_with_the_last_sum),
        cmocka_unit_test(test_newline_is_refused),
        cmocka_unit_test(test_valid_text),
        cmocka_unit_test(test_fold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
