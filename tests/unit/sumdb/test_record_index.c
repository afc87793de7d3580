#include "../test.h"

#include "sumdb/record_index.h"

static void test_candidates_come_oldest_first(void **state)
{
    struct record_index x = {0};
    uint64_t ids[INDEX_MAX_CANDIDATES];
    assert_int_equal(record_index_find(&x, 7, ids), 0);
    /* Many under one hash, and many others between them, while the table grows. */
    for (uint64_t id = 0; id < 100000; id++)
        assert_true(record_index_add(&x, id % 10000 == 3 ? 7 : (uint32_t)(id * 2654435761U), id));
    assert_int_equal(record_index_find(&x, 7, ids), 10);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(ids[i], 3 + 10000 * i);
    for (uint64_t id = 0; id < 100000; id++) {
        size_t count = record_index_find(&x, (uint32_t)(id * 2654435761U), ids);
        assert_true(id % 10000 == 3 || (count >= 1 && count < INDEX_MAX_CANDIDATES));
    }
    for (uint64_t id = 100000; id < 100100; id++)
        assert_true(record_index_add(&x, 7, id));
    assert_int_equal(record_index_find(&x, 7, ids), INDEX_MAX_CANDIDATES);
    assert_int_equal(ids[0], 3);
    record_index_release(&x);
}

static void test_it_ends(void **state)
{
    struct record_index x = {0};
    assert_false(record_index_add(&x, 1, UINT32_MAX));
    assert_true(record_index_add(&x, 1, UINT32_MAX - 1));
    record_index_release(&x);
}

static void test_path_and_version_are_kept_apart(void **state)
{
    struct module_version a = {S("example.com/a"), S("v1.0.0")},
                          b = {S("example.com/av1"), S(".0.0")};
    assert_int_not_equal(record_index_hash(a), record_index_hash(b));
    assert_int_equal(record_index_hash(a), record_index_hash(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_candidates_come_oldest_first),
        cmocka_unit_test(test_it_ends),
        cmocka_unit_test(test_path_and_version_are_kept_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
