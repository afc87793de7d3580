#include "logs.h"

#include "sumdb/proof.h"

static struct sumdb_proof proof_of(struct test_log *log, uint64_t id)
{
    struct sumdb_proof p = {
        .record = log->records[id], .id = id, .note = log_head(log, log->size).note};
    struct tlog_reader reader = log_reader(log);
    assert_ok(tlog_prove_record(log->a, log->size, id, &reader, &p.path));
    return p;
}

static void test_there_and_back(void **state)
{
    struct arena a = ARENA_INIT;
    struct test_log *log = ARENA_NEW(&a, struct test_log);
    struct note_signer signer = log_signer(&a);
    log->a = &a;
    for (uint64_t size = 1; size < 300; size += 13) {
        log_grow(log, size, UINT64_MAX);
        for (uint64_t id = 0; id < size; id += 7) {
            struct tlog_tree tree;
            struct sumdb_proof p = proof_of(log, id), got;
            struct slice text = sumdb_proof_format(&a, &p);
            assert_ok(sumdb_proof_parse(&a, text, &got));
            assert_true(slice_eq(sumdb_proof_format(&a, &got), text));
            assert_ok(sumdb_proof_check(&a, &got, &signer.verifier, &tree));
            assert_int_equal(tree.size, size);
        }
    }
    arena_release(&a);
}

static void test_every_flipped_byte_is_refused(void **state)
{
    struct arena a = ARENA_INIT, one = ARENA_INIT;
    struct test_log *log = ARENA_NEW(&a, struct test_log);
    struct note_signer signer = log_signer(&a);
    log->a = &a;
    log_grow(log, 40, UINT64_MAX);
    struct sumdb_proof p = proof_of(log, 17), got;
    struct slice text = sumdb_proof_format(&a, &p);
    for (size_t i = 0; i < text.n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            struct tlog_tree tree;
            ((char *)text.p)[i] ^= (char)(1 << bit);
            if (!sumdb_proof_parse(&one, text, &got) &&
                !sumdb_proof_check(&one, &got, &signer.verifier, &tree))
                fail_msg("byte %zu, bit %d", i, bit);
            ((char *)text.p)[i] ^= (char)(1 << bit);
            arena_clear(&one);
        }
    }
    for (size_t n = 0; n < text.n; n++) {
        struct tlog_tree tree;
        if (!sumdb_proof_parse(&one, slice_head(text, n), &got))
            assert_non_null(sumdb_proof_check(&one, &got, &signer.verifier, &tree));
        arena_clear(&one);
    }
    arena_release(&one);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_every_flipped_byte_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
