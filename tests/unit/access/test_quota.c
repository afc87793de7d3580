#include "../test.h"

#include "access/quota.h"

static void test_rate_and_burst(void **state)
{
    struct quota_limits limits = {.rate = 10, .burst = 3};
    struct quota *q = quota_new();
    struct quota_place *p;
    int64_t now_ms = 5000;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(quota_take(q, &limits, S("a"), now_ms, &p), 0);
        quota_give(q, p);
    }
    assert_int_equal(quota_take(q, &limits, S("a"), now_ms, &p), 1);
    assert_null(p);
    assert_int_equal(quota_take(q, &limits, S("b"), now_ms, &p), 0);
    quota_give(q, p);
    assert_int_equal(quota_take(q, &limits, S("a"), now_ms + 99, &p), 1);
    assert_int_equal(quota_take(q, &limits, S("a"), now_ms + 100, &p), 0);
    quota_give(q, p);
    assert_int_equal(quota_take(q, &limits, S("a"), now_ms + 100, &p), 1);
    now_ms += INT64_C(1000) * 3600 * 24 * 365 * 10; /* no overflow, and no more than the burst */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(quota_take(q, &limits, S("a"), now_ms, &p), 0);
        quota_give(q, p);
    }
    assert_int_equal(quota_take(q, &limits, S("a"), now_ms, &p), 1);
    quota_free(q);
}

static void test_concurrency(void **state)
{
    struct quota_limits limits = {.burst = 1, .concurrency = 2};
    struct quota *q = quota_new();
    struct quota_place *one, *two, *three;
    assert_int_equal(quota_take(q, &limits, S("a"), 1, &one), 0);
    assert_int_equal(quota_take(q, &limits, S("a"), 1, &two), 0);
    assert_int_equal(quota_take(q, &limits, S("a"), 1, &three), 1);
    quota_give(q, one);
    assert_int_equal(quota_take(q, &limits, S("a"), 1, &three), 0);
    quota_give(q, two);
    quota_give(q, three);
    quota_free(q);
}

/* More identities than there is room for, all busy: the rest is let through, nothing breaks. */
static void test_a_full_table(void **state)
{
    enum { MANY = 40000 };
    struct arena a = ARENA_INIT;
    struct quota_limits limits = {.burst = 1, .concurrency = 1};
    struct quota *q = quota_new();
    struct quota_place **places = xcalloc(MANY, sizeof(struct quota_place *));
    for (int i = 0; i < MANY; i++)
        assert_int_equal(quota_take(q, &limits, arena_printf(&a, "%d", i), 1, &places[i]), 0);
    for (int i = 0; i < MANY; i++)
        quota_give(q, places[i]);
    assert_int_equal(quota_take(q, &limits, S("new"), 2, &places[0]), 0);
    assert_non_null(places[0]);
    quota_give(q, places[0]);
    free(places);
    quota_free(q);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate_and_burst),
        cmocka_unit_test(test_concurrency),
        cmocka_unit_test(test_a_full_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
