#include "../test.h"

#include "http/pool.h"

#include <stdio.h>
#include <unistd.h>

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

static long resident_kb(void)
{
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &pages, &resident), 2);
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* A large block costs what was written of it, also where another one was full before. */
static void test_large_blocks_cost_what_is_used(void **state)
{
    enum { COUNT = 1000, BYTES = 16394 };
    struct pool pool = {0};
    static char *blocks[COUNT];
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = pool_malloc(BYTES, &pool);
        memset(blocks[i], 'x', BYTES);
    }
    long full = resident_kb();
    for (int i = 0; i < COUNT; i++)
        pool_free(blocks[i], &pool);
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = pool_malloc(BYTES, &pool);
        memset(blocks[i], 'y', 100);
    }
    assert_true(resident_kb() < full - COUNT * 8);
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = pool_realloc(blocks[i], (size_t)2 * BYTES, &pool);
        assert_int_equal(blocks[i][99], 'y');
        pool_free(blocks[i], &pool);
    }
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
        cmocka_unit_test(test_large_blocks_cost_what_is_used),
        cmocka_unit_test(test_calloc_zeroes_used_blocks),
        cmocka_unit_test(test_free_blocks_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
