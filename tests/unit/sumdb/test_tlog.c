#include "logs.h"

/* The root by the definition of RFC 6962, 2.1. */
static struct tlog_hash root_by_definition(struct test_log *log, uint64_t lo, uint64_t hi)
{
    if (hi - lo == 1)
        return tlog_record_hash(log->records[lo]);
    uint64_t k = 1;
    while (2 * k < hi - lo)
        k *= 2;
    struct tlog_hash left = root_by_definition(log, lo, lo + k);
    struct tlog_hash right = root_by_definition(log, lo + k, hi);
    return tlog_node_hash(&left, &right);
}

static struct test_log *new_log(struct arena *a, uint64_t size)
{
    struct test_log *log = ARENA_NEW(a, struct test_log);
    log->a = a;
    log_grow(log, size, UINT64_MAX);
    return log;
}

static void test_indexes(void **state)
{
    uint64_t next = 0, n;
    unsigned level;
    for (uint64_t record = 0; record < 5000; record++) {
        assert_int_equal(tlog_index_count(record), next);
        for (unsigned l = 0; l <= (unsigned)__builtin_ctzll(record + 1); l++, next++) {
            assert_int_equal(tlog_index(l, record >> l), next);
            tlog_index_split(next, &level, &n);
            assert_int_equal(level, l);
            assert_int_equal(n, record >> l);
        }
    }
    for (unsigned l = 0; l < 62; l++) {
        uint64_t last = (TLOG_MAX_SIZE >> l) - 1;
        tlog_index_split(tlog_index(l, last), &level, &n);
        assert_int_equal(level, l);
        assert_int_equal(n, last);
    }
}

static void test_roots(void **state)
{
    struct arena a = ARENA_INIT;
    struct test_log *log = new_log(&a, 130);
    for (uint64_t size = 1; size <= log->size; size++) {
        struct tlog_hash want = root_by_definition(log, 0, size);
        struct tlog_tree tree = log_tree(log, size);
        assert_true(tlog_hash_eq(&tree.root, &want));
    }
    struct tlog_tree empty = log_tree(log, 0);
    assert_slice(tlog_hash_format(&a, &empty.root), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    arena_release(&a);
}

static void test_record_proofs(void **state)
{
    struct arena a = ARENA_INIT;
    struct test_log *log = new_log(&a, 70);
    struct tlog_reader reader = log_reader(log);
    for (uint64_t size = 1; size <= log->size; size++) {
        struct tlog_tree tree = log_tree(log, size);
        for (uint64_t n = 0; n < size; n++) {
            struct tlog_proof p;
            struct tlog_hash record = tlog_record_hash(log->records[n]);
            assert_ok(tlog_prove_record(&a, size, n, &reader, &p));
            assert_true(tlog_check_record(&p, &tree, n, &record));
            assert_false(tlog_check_record(&p, &tree, n ^ 1, &record));
            assert_false(tlog_check_record(&p, &tree, size, &record));
            p.count++;
            assert_false(tlog_check_record(&p, &tree, n, &record));
            p.count--;
            for (size_t i = 0; i < p.count; i++) {
                p.hashes[i].b[i % SHA256_BYTES] ^= 1;
                assert_false(tlog_check_record(&p, &tree, n, &record));
                p.hashes[i].b[i % SHA256_BYTES] ^= 1;
            }
            record.b[0] ^= 1;
            assert_false(tlog_check_record(&p, &tree, n, &record));
        }
    }
    arena_release(&a);
}

static void test_tree_proofs(void **state)
{
    struct arena a = ARENA_INIT;
    struct test_log *log = new_log(&a, 70);
    struct tlog_reader reader = log_reader(log);
    for (uint64_t size = 1; size <= log->size; size++) {
        struct tlog_tree tree = log_tree(log, size);
        for (uint64_t n = 1; n <= size; n++) {
            struct tlog_proof p;
            struct tlog_tree old = log_tree(log, n);
            assert_ok(tlog_prove_tree(&a, size, n, &reader, &p));
            assert_true(tlog_check_tree(&p, &tree, &old));
            for (size_t i = 0; i < p.count; i++) {
                p.hashes[i].b[i % SHA256_BYTES] ^= 1;
                assert_false(tlog_check_tree(&p, &tree, &old));
                p.hashes[i].b[i % SHA256_BYTES] ^= 1;
            }
            p.count++;
            assert_false(tlog_check_tree(&p, &tree, &old));
            p.count--;
            old.root.b[3] ^= 1;
            assert_false(tlog_check_tree(&p, &tree, &old));
            old.size = 0;
            assert_false(tlog_check_tree(&p, &tree, &old));
        }
    }
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_indexes),
        cmocka_unit_test(test_roots),
        cmocka_unit_test(test_record_proofs),
        cmocka_unit_test(test_tree_proofs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
