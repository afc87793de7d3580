#include "logs.h"

#include "sumdb/edge.h"

struct emitted {
    struct test_log *log;
    uint64_t counts[EDGE_LEVELS];
};

/* What is told is the tree's, and in order. */
static struct error *check_emitted(void *arg, int level, uint64_t n, const struct tlog_hash *hash)
{
    struct emitted *e = arg;
    const struct tlog_hash *want = &e->log->hashes[tlog_index((unsigned)level * TILE_HEIGHT, n)];
    assert_int_equal(n, e->counts[level]++);
    assert_true(tlog_hash_eq(hash, want));
    return NULL;
}

static void test_root_and_hashes_of_each_size(void **state)
{
    struct arena a = ARENA_INIT;
    struct test_log *log = ARENA_NEW(&a, struct test_log);
    struct tlog_edge *edge = ARENA_NEW(&a, struct tlog_edge);
    struct emitted emitted = {.log = log};
    log->a = &a;
    log_grow(log, LOG_MAX, UINT64_MAX);
    for (uint64_t n = 0; n < LOG_MAX; n++) {
        struct tlog_hash hash = tlog_record_hash(log->records[n]);
        assert_ok(edge_push(edge, &hash, check_emitted, &emitted));
        if (n > 1100 && n % 997 && n % 256 > 1)
            continue;
        struct tlog_tree want = log_tree(log, n + 1);
        struct tlog_hash root = edge_root(edge);
        assert_true(tlog_hash_eq(&root, &want.root));
    }
    assert_int_equal(emitted.counts[2], LOG_MAX >> 16);
    arena_release(&a);
}

static void test_the_empty_tree(void **state)
{
    struct tlog_edge *edge = xcalloc(1, sizeof(*edge));
    struct tlog_hash root = edge_root(edge), want = tlog_root_of(NULL, 0);
    assert_true(tlog_hash_eq(&root, &want));
    free(edge);
}

static void test_the_tile_that_ends_the_tree(void **state)
{
    struct tile t;
    assert_false(edge_tile(0, 0, &t));
    assert_false(edge_tile(512, 0, &t));
    assert_true(edge_tile(512, 1, &t));
    assert_true(t.level == 1 && t.n == 0 && t.width == 2);
    assert_true(edge_tile(0x1020304, 0, &t));
    assert_true(t.n == 0x10203 && t.width == 4);
    assert_true(edge_tile(0x1020304, 3, &t));
    assert_true(t.n == 0 && t.width == 1);
    assert_false(edge_tile(0x1020304, 4, &t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_root_and_hashes_of_each_size),
        cmocka_unit_test(test_the_empty_tree),
        cmocka_unit_test(test_the_tile_that_ends_the_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
