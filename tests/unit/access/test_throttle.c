#include "../test.h"

#include "access/throttle.h"

static void test_what_an_address_counts_as(void **state)
{
    static const struct {
        const char *peer, *key;
    } rows[] = {
        {"192.0.2.1:4711", "192.0.2.1"},
        {"[2001:db8:1:2:3:4:5:6]:80", "2001:db8:1:2::/64"},
        {"[::1]:80", "::/64"},
        {"unknown", "unknown"},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_slice(throttle_key(&a, slice_of(rows[i].peer)), rows[i].key);
    arena_release(&a);
}

static void test_waits_grow_and_end(void **state)
{
    static const int64_t waits[] = {1, 2, 4, 8, 16, 32, 60, 60};
    struct throttle *t = throttle_new();
    int64_t now_ms = 1000000;
    for (int i = 0; i < THROTTLE_FREE; i++) {
        throttle_note(t, S("192.0.2.1"), now_ms);
        assert_int_equal(throttle_wait_s(t, S("192.0.2.1"), now_ms), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        throttle_note(t, S("192.0.2.1"), now_ms);
        assert_int_equal(throttle_wait_s(t, S("192.0.2.1"), now_ms), waits[i]);
        now_ms += waits[i] * 1000;
        assert_int_equal(throttle_wait_s(t, S("192.0.2.1"), now_ms), 0);
    }
    assert_int_equal(throttle_wait_s(t, S("192.0.2.2"), now_ms - 1), 0);
    now_ms += THROTTLE_FORGET_SECONDS * 1000;
    throttle_note(t, S("192.0.2.1"), now_ms);
    assert_int_equal(throttle_wait_s(t, S("192.0.2.1"), now_ms), 0);
    throttle_free(t);
}

/* A flood of addresses takes no memory, and the flooder's own wait goes on. */
static void test_many_addresses(void **state)
{
    struct arena a = ARENA_INIT;
    struct throttle *t = throttle_new();
    for (int i = 0; i < 100000; i++) {
        throttle_note(t, arena_printf(&a, "10.%d.%d", i / 256, i % 256), 1000 + i);
        if (i % 10 == 0)
            throttle_note(t, S("192.0.2.1"), 1000 + i);
        if (i % 1000 == 0)
            arena_clear(&a);
    }
    assert_true(throttle_wait_s(t, S("192.0.2.1"), 101000) > 0);
    throttle_free(t);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_an_address_counts_as),
        cmocka_unit_test(test_waits_grow_and_end),
        cmocka_unit_test(test_many_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
