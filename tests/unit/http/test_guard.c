#include "../test.h"

#include "http/guard.h"

static void test_burst_then_nothing(void **state)
{
    struct guard g;
    guard_init(&g, 0);
    for (int i = 0; i < GUARD_BURST; i++)
        assert_true(guard_spend(&g, 0, 1));
    assert_false(guard_spend(&g, 0, 1));
}

/* A client that pings ten times a second for a day is no flood. */
static void test_slow_is_fine_for_ever(void **state)
{
    struct guard g;
    guard_init(&g, 0);
    for (int64_t ms = 0; ms < 24 * 3600 * 1000; ms += 100)
        assert_true(guard_spend(&g, ms, 1));
}

/* Go's client sends two WINDOW_UPDATEs for each 4 KB that it has read. */
static void test_sent_bytes_pay_for_window_updates(void **state)
{
    struct guard g;
    guard_init(&g, 0);
    guard_earn_bytes(&g, UINT64_C(100000) * 4096);
    for (int i = 0; i < 200000; i++)
        assert_true(guard_spend_update(&g, 0));
    assert_true(guard_spend(&g, 0, GUARD_BURST));
}

/* A byte for each WINDOW_UPDATE is the tiny-window game. */
static void test_single_bytes_do_not_pay(void **state)
{
    struct guard g;
    guard_init(&g, 0);
    bool may = true;
    for (int i = 0; i < 2 * GUARD_BURST && may; i++) {
        guard_earn_bytes(&g, 1);
        may = guard_spend_update(&g, 0);
    }
    assert_false(may);
}

static void test_earning_is_capped(void **state)
{
    struct guard g;
    guard_init(&g, 0);
    guard_earn(&g, 1000000);
    assert_true(guard_spend(&g, 1000000000, GUARD_BURST));
    assert_false(guard_spend(&g, 1000000000, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_then_nothing),
        cmocka_unit_test(test_slow_is_fine_for_ever),
        cmocka_unit_test(test_sent_bytes_pay_for_window_updates),
        cmocka_unit_test(test_single_bytes_do_not_pay),
        cmocka_unit_test(test_earning_is_capped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
