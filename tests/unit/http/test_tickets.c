#include "../test.h"

#include "http/tickets.h"

static bool opens(struct tickets *t, int64_t now_s, const struct ticket_key *k, bool *is_newest)
{
    struct ticket_key found;
    if (!tickets_open_key(t, now_s, k->name, &found, is_newest))
        return false;
    assert_memory_equal(found.aes, k->aes, sizeof(k->aes));
    assert_memory_equal(found.mac, k->mac, sizeof(k->mac));
    return true;
}

static void test_keys_rotate(void **state)
{
    struct tickets t;
    struct ticket_key first, again, second;
    bool is_newest;
    int64_t start = 1000;
    tickets_init(&t);
    tickets_seal_key(&t, start, &first);
    tickets_seal_key(&t, start + TICKET_ROTATE_S - 1, &again);
    assert_memory_equal(first.name, again.name, TICKET_NAME_BYTES);
    assert_true(opens(&t, start + TICKET_ROTATE_S - 1, &first, &is_newest) && is_newest);

    tickets_seal_key(&t, start + TICKET_ROTATE_S, &second);
    assert_memory_not_equal(first.name, second.name, TICKET_NAME_BYTES);
    assert_memory_not_equal(first.aes, second.aes, sizeof(first.aes));
    assert_true(opens(&t, start + TICKET_ROTATE_S, &first, &is_newest) && !is_newest);
    assert_true(opens(&t, start + TICKET_ROTATE_S, &second, &is_newest) && is_newest);

    assert_true(opens(&t, start + 2 * TICKET_ROTATE_S, &second, &is_newest) && !is_newest);
    assert_false(opens(&t, start + 2 * TICKET_ROTATE_S, &first, &is_newest));
    tickets_release(&t);
}

/* A server that was idle for long opens nothing old. */
static void test_old_keys_open_nothing(void **state)
{
    struct tickets t;
    struct ticket_key first;
    bool is_newest;
    tickets_init(&t);
    tickets_seal_key(&t, 1, &first);
    assert_false(opens(&t, 1 + 2 * TICKET_ROTATE_S, &first, &is_newest));
    struct ticket_key none = {0};
    assert_false(opens(&t, 1 + 2 * TICKET_ROTATE_S, &none, &is_newest));
    tickets_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_rotate),
        cmocka_unit_test(test_old_keys_open_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
