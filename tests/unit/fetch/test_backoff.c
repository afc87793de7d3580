#include "../test.h"

#include "fetch/backoff.h"

static void test_bounds(void **state)
{
    static const int64_t bounds[] = {250, 500, 1000, 2000, 4000, 8000, 10000, 10000};
    for (unsigned i = 0; i < ARRAY_LEN(bounds); i++) {
        assert_int_equal(backoff_ms(i, 0), 0);
        assert_int_equal(backoff_ms(i, (uint64_t)bounds[i]), bounds[i]);
        assert_int_equal(backoff_ms(i, (uint64_t)bounds[i] + 1), 0);
    }
    assert_true(backoff_ms(1000000, UINT64_MAX) <= BACKOFF_MAX_MS);
}

static void test_retry_after(void **state)
{
    /* Sun, 06 Nov 1994 08:49:37 GMT */
    int64_t now = 784111777;
    assert_int_equal(retry_after_ms(S("0"), now), 0);
    assert_int_equal(retry_after_ms(S("120"), now), 120000);
    assert_int_equal(retry_after_ms(S("Sun, 06 Nov 1994 08:49:40 GMT"), now), 3000);
    assert_int_equal(retry_after_ms(S("Sun, 06 Nov 1994 08:49:30 GMT"), now), 0);
    assert_true(retry_after_ms(S("18446744073709551615"), now) > RETRY_AFTER_MAX_MS);
    static const char *const nonsense[] = {"", "-1", "1.5", "soon", "99999999999999999999", "1 2"};
    for (size_t i = 0; i < ARRAY_LEN(nonsense); i++)
        assert_int_equal(retry_after_ms(slice_of(nonsense[i]), now), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_retry_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
