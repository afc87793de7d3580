#include "../test.h"

#include "http/pool.h"

/* Blocks of many sizes, freed in another order, never overlap while they are in use. */
static void test_blocks_do_not_overlap(void **state)
{
    enum { COUNT = 300 };
    struct pool pool = {0};
    struct {
        unsigned char *p;
        size_t n;
    } blocks[COUNT] = {0};
    unsigned seed = 3;
    for (int round = 0; round < 20000; round++) {
        size_t i = (size_t)rand_r(&seed) % COUNT;
        for (size_t k = 0; k < blocks[i].n; k++)
            assert_int_equal(blocks[i].p[k], i & 0xff);
        if (rand_r(&seed) % 3 == 0) {
            pool_free(blocks[i].p, &pool);
            blocks[i].p = NULL;
            blocks[i].n = 0;
        } else {
            blocks[i].n = (size_t)rand_r(&seed) % 1500;
            blocks[i].p = pool_realloc(blocks[i].p, blocks[i].n, &pool);
            memset(blocks[i].p, (int)i, blocks[i].n);
        }
    }
    for (int i = 0; i < COUNT; i++)
        pool_free(blocks[i].p, &pool);
    pool_release(&pool);
}

static void test_calloc_zeroes_used_blocks(void **state)
{
    struct pool pool = {0};
    char *p = pool_malloc(100, &pool);
    memset(p, 'x', 100);
    pool_free(p, &pool);
    char *q = pool_calloc(10, 10, &pool);
    assert_ptr_equal(p, q);
    for (int i = 0; i < 100; i++)
        assert_int_equal(q[i], 0);
    pool_free(q, &pool);
    pool_release(&pool);
}

static void test_free_blocks_are_bounded(void **state)
{
    struct pool pool = {0};
    static void *blocks[POOL_MAX_FREE + 100];
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
        blocks[i] = pool_malloc(64, &pool);
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
        pool_free(blocks[i], &pool);
    assert_int_equal(pool.count[0], POOL_MAX_FREE);
    pool_release(&pool);
    assert_int_equal(pool.count[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_do_not_overlap),
        cmocka_unit_test(test_calloc_zeroes_used_blocks),
        cmocka_unit_test(test_free_blocks_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
