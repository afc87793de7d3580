#include "../test.h"

#include "fetch/breaker.h"

static enum breaker_pass enter(struct breaker *b, int64_t now)
{
    int64_t wait_ms;
    return breaker_enter(b, now, &wait_ms);
}

static void fail_once(struct breaker *b, int64_t now)
{
    breaker_leave(b, now, enter(b, now), BREAKER_FAILED);
}

static void test_opens_after_failures_in_a_row(void **state)
{
    struct breaker b;
    int64_t wait_ms;
    breaker_init(&b, 3, 100);
    fail_once(&b, 0);
    fail_once(&b, 1);
    breaker_leave(&b, 2, enter(&b, 2), BREAKER_OK);
    fail_once(&b, 3);
    fail_once(&b, 4);
    assert_true(breaker_is_up(&b, 5));
    breaker_leave(&b, 5, enter(&b, 5), BREAKER_UNKNOWN);
    fail_once(&b, 6);
    assert_false(breaker_is_up(&b, 7));
    assert_int_equal(breaker_enter(&b, 26, &wait_ms), BREAKER_REFUSED);
    assert_int_equal(wait_ms, 80);
    breaker_release(&b);
}

static void test_one_probe(void **state)
{
    struct breaker b;
    breaker_init(&b, 1, 100);
    fail_once(&b, 0);
    assert_int_equal(enter(&b, 99), BREAKER_REFUSED);
    assert_int_equal(enter(&b, 100), BREAKER_PROBE);
    assert_int_equal(enter(&b, 101), BREAKER_REFUSED);
    breaker_leave(&b, 110, BREAKER_PROBE, BREAKER_FAILED);
    assert_int_equal(enter(&b, 209), BREAKER_REFUSED);
    assert_int_equal(enter(&b, 210), BREAKER_PROBE);
    breaker_leave(&b, 211, BREAKER_PROBE, BREAKER_OK);
    assert_int_equal(enter(&b, 212), BREAKER_PASS);
    breaker_release(&b);
}

static void test_probe_without_verdict_makes_room(void **state)
{
    struct breaker b;
    breaker_init(&b, 1, 100);
    fail_once(&b, 0);
    assert_int_equal(enter(&b, 100), BREAKER_PROBE);
    breaker_leave(&b, 101, BREAKER_PROBE, BREAKER_UNKNOWN);
    assert_int_equal(enter(&b, 102), BREAKER_PROBE);
    breaker_release(&b);
}

static void test_stragglers(void **state)
{
    struct breaker b;
    breaker_init(&b, 1, 100);
    enum breaker_pass early = enter(&b, 0), other = enter(&b, 0), lucky = enter(&b, 0);
    breaker_leave(&b, 1, early, BREAKER_FAILED);
    breaker_leave(&b, 90, other, BREAKER_FAILED); /* does not prolong the pause */
    assert_int_equal(enter(&b, 101), BREAKER_PROBE);
    breaker_leave(&b, 102, lucky, BREAKER_OK); /* the upstream lives */
    assert_int_equal(enter(&b, 103), BREAKER_PASS);
    breaker_release(&b);
}

static void test_never(void **state)
{
    struct breaker b;
    breaker_init(&b, 0, 100);
    for (int i = 0; i < 1000; i++)
        fail_once(&b, i);
    assert_int_equal(enter(&b, 1000), BREAKER_PASS);
    breaker_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_after_failures_in_a_row),
        cmocka_unit_test(test_one_probe),
        cmocka_unit_test(test_probe_without_verdict_makes_room),
        cmocka_unit_test(test_stragglers),
        cmocka_unit_test(test_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
