#include "logs.h"

/* What a gateway keeps, and the outside that it asks. */
struct world {
    struct test_log *outside;
    bool is_cut;
    struct arena kept_arena;
    struct tile kept[1024];
    struct slice kept_data[1024];
    size_t kept_count;
    size_t reads; /* journeys outside */
    size_t tiles; /* asked outside */
    bool ignores_kept;
    const struct tile *bad; /* this one comes with a flipped bit */
};

static bool find_kept(struct world *w, struct tile t, size_t *at)
{
    for (*at = 0; *at < w->kept_count; ++*at) {
        if (w->kept[*at].level == t.level && w->kept[*at].n == t.n)
            return true;
    }
    return false;
}

static struct error *read_tiles(void *arg, struct arena *a, const struct tile *tiles, size_t count,
                                struct slice *data)
{
    struct world *w = arg;
    bool is_outside = false;
    for (size_t i = 0, at; i < count; i++) {
        struct tile t = tiles[i];
        if (!w->ignores_kept && find_kept(w, t, &at) && w->kept[at].width >= t.width) {
            data[i] = slice_head(w->kept_data[at], (size_t)t.width * SHA256_BYTES);
            continue;
        }
        if (w->is_cut)
            return error_new(a, STATUS_CONNECT, "cut off: %s", tile_format(a, t).p);
        is_outside = true;
        w->tiles++;
        data[i] = log_tile(w->outside, t);
        if (w->bad && w->bad->level == t.level && w->bad->n == t.n)
            ((char *)data[i].p)[5] ^= 1;
    }
    w->reads += is_outside;
    return NULL;
}

static struct error *keep_tiles(void *arg, struct arena *a, const struct tile_set *proven)
{
    struct world *w = arg;
    for (size_t i = 0, at; i < proven->count; i++) {
        if (find_kept(w, proven->tiles[i], &at) && w->kept[at].width >= proven->tiles[i].width)
            continue;
        if (at == w->kept_count)
            w->kept_count++;
        assert_true(at < ARRAY_LEN(w->kept));
        w->kept[at] = proven->tiles[i];
        w->kept_data[at] = arena_dup(&w->kept_arena, proven->data[i]);
    }
    return NULL;
}

static struct sumdb_client_ops ops_of(struct world *w)
{
    return (struct sumdb_client_ops){w, read_tiles, keep_tiles};
}

static struct world *new_world(struct arena *a, uint64_t size)
{
    struct world *w = ARENA_NEW(a, struct world);
    w->outside = ARENA_NEW(a, struct test_log);
    w->outside->a = a;
    log_grow(w->outside, size, UINT64_MAX);
    return w;
}

static struct test_log *fork_of(struct arena *a, uint64_t size, uint64_t fork_at)
{
    struct test_log *log = ARENA_NEW(a, struct test_log);
    log->a = a;
    log_grow(log, size, fork_at);
    return log;
}

static struct error *prove_one(struct arena *a, struct world *w, struct sumdb_head *current,
                               struct sumdb_claim *claim)
{
    struct sumdb_client_ops ops = ops_of(w);
    struct error *err = sumdb_prove(a, &ops, current, claim, 1);
    return err ? err : claim->err;
}

/*
 * What the outage design promises: after every step a client with nothing can prove everything
 * that was ever looked up, under the head of then, and every older head, with kept tiles alone.
 */
static void check_promise(struct arena *a, struct world *w, const struct sumdb_head *current,
                          const uint64_t *ids, const uint64_t *heads, size_t count)
{
    struct tile_source source = {w, read_tiles};
    w->is_cut = true;
    for (size_t i = 0; i < count; i++) {
        uint64_t indexes[TLOG_MAX_PROOF];
        struct tlog_hash hashes[TLOG_MAX_PROOF];
        struct tlog_hash record = tlog_record_hash(w->outside->records[ids[i]]);
        uint64_t index = tlog_index(0, ids[i]);
        assert_ok(tiles_read_hashes(a, &current->tree, &source, &index, 1, hashes, NULL));
        assert_true(tlog_hash_eq(&hashes[0], &record));
        /* The tree of each head that was given out, by itself and as a part of the current one. */
        struct tlog_tree old = log_tree(w->outside, heads[i]);
        size_t n = tlog_root_indexes(old.size, indexes);
        assert_ok(tiles_read_hashes(a, &old, &source, indexes, n, hashes, NULL));
        assert_ok(tiles_read_hashes(a, &current->tree, &source, indexes, n, hashes, NULL));
        struct tlog_hash root = tlog_root_of(hashes, n);
        assert_true(tlog_hash_eq(&root, &old.root));
    }
    w->is_cut = false;
}

static void test_everything_looked_up_stays_provable(void **state)
{
    struct arena a = ARENA_INIT, step = ARENA_INIT;
    struct world *w = new_world(&a, LOG_MAX);
    const uint64_t sizes[] = {1,   2,   3,    100,   255,   256,   257,   300,   511,    512,
                              513, 600, 5000, 65535, 65536, 65537, 65800, 69000, LOG_MAX};
    struct sumdb_head current = {0};
    uint64_t ids[ARRAY_LEN(sizes)], heads[ARRAY_LEN(sizes)];
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        ids[i] = i % 3 == 0 ? sizes[i] - 1 : sizes[i] * i / 31;
        heads[i] = sizes[i];
        struct sumdb_claim claim = log_claim(w->outside, ids[i], sizes[i]);
        size_t reads = w->reads, tiles = w->tiles;
        assert_ok(prove_one(&a, w, &current, &claim));
        assert_int_equal(current.tree.size, sizes[i]);
        assert_true(w->reads - reads <= 1);  /* one journey */
        assert_true(w->tiles - tiles <= 10); /* O(levels) tiles */
        check_promise(&step, w, &current, ids, heads, i + 1);
        arena_clear(&step);
    }
    arena_release(&w->kept_arena);
    arena_release(&step);
    arena_release(&a);
}

static void test_an_older_lookup_does_not_move_the_head(void **state)
{
    struct arena a = ARENA_INIT;
    struct world *w = new_world(&a, 400);
    struct sumdb_head current = {0};
    struct sumdb_claim claim = log_claim(w->outside, 5, 400);
    assert_ok(prove_one(&a, w, &current, &claim));
    claim = log_claim(w->outside, 7, 20);
    assert_ok(prove_one(&a, w, &current, &claim));
    assert_int_equal(current.tree.size, 400);
    claim = log_claim(w->outside, 30, 20);
    assert_status(prove_one(&a, w, &current, &claim), STATUS_BAD_ANSWER);
    arena_release(&w->kept_arena);
    arena_release(&a);
}

/* CVE-2026-56864, CVE-2026-56865: nothing that is not under the signed root is believed. */
static void test_every_flipped_byte_of_a_record_is_refused(void **state)
{
    struct arena a = ARENA_INIT, one = ARENA_INIT;
    struct world *w = new_world(&a, 300);
    struct sumdb_head current = {0};
    for (uint64_t id = 0; id < 300; id += 13) {
        struct sumdb_claim claim = log_claim(w->outside, id, 300);
        assert_ok(prove_one(&one, w, &current, &claim));
        char *text = (char *)claim.record.text.p;
        for (size_t i = 0; i < claim.record.text.n; i++) {
            text[i] ^= (char)(1 << i % 8);
            assert_status(prove_one(&one, w, &current, &claim), STATUS_MISMATCH);
            text[i] ^= (char)(1 << i % 8);
            arena_clear(&one);
        }
        claim.record.id ^= 1;
        assert_status(prove_one(&one, w, &current, &claim), STATUS_MISMATCH);
        arena_clear(&one);
    }
    arena_release(&w->kept_arena);
    arena_release(&one);
    arena_release(&a);
}

/* The whole answer, for all records: it does not parse, or it is not what the tree has there. */
static void test_every_flipped_byte_of_every_lookup_is_refused(void **state)
{
    struct arena a = ARENA_INIT, one = ARENA_INIT;
    struct world *w = new_world(&a, 300);
    struct test_log *log = w->outside;
    for (uint64_t id = 0; id < log->size; id++) {
        struct slice answer = record_format(&a, id, log->records[id]);
        for (size_t i = 0; i < answer.n; i++) {
            struct sumdb_record r;
            struct slice note;
            ((char *)answer.p)[i] ^= (char)(1 << (id + i) % 8);
            struct error *err = sumdb_record_parse(&one, answer, log_module(log, id), &r, &note);
            if (!err && r.id < log->size) {
                struct tlog_hash hash = tlog_record_hash(r.text);
                assert_false(tlog_hash_eq(&hash, &log->hashes[tlog_index(0, r.id)]));
            }
            ((char *)answer.p)[i] ^= (char)(1 << (id + i) % 8);
            arena_clear(&one);
        }
    }
    arena_release(&one);
    arena_release(&a);
}

static void test_a_wrong_tile_is_not_kept(void **state)
{
    struct arena a = ARENA_INIT;
    struct world *w = new_world(&a, 600);
    struct sumdb_head current = {0};
    static const struct tile bad[] = {{0, 0, 256}, {0, 2, 88}, {1, 0, 2}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct sumdb_claim claim = log_claim(w->outside, 5, 600);
        w->bad = &bad[i];
        assert_status(prove_one(&a, w, &current, &claim), STATUS_MISMATCH);
        assert_int_equal(w->kept_count, 0);
        assert_int_equal(current.tree.size, 0);
        /* The log hands out its own bytes: make them whole again. */
        w->outside = fork_of(&a, 600, UINT64_MAX);
    }
    arena_release(&w->kept_arena);
    arena_release(&a);
}

static void check_fork(struct arena *a, uint64_t seen, uint64_t forked_size, uint64_t fork_at)
{
    struct world *w = new_world(a, seen);
    struct sumdb_head current = {0};
    struct sumdb_claim claim = log_claim(w->outside, 0, seen);
    assert_ok(prove_one(a, w, &current, &claim));
    size_t kept = w->kept_count;
    w->outside = fork_of(a, forked_size, fork_at);
    w->ignores_kept = true;
    claim = log_claim(w->outside, forked_size - 1, forked_size);
    if (forked_size <= seen) /* its proof is made in the tree that was seen */
        w->ignores_kept = false;
    assert_status(prove_one(a, w, &current, &claim), STATUS_FORKED);
    assert_true(claim.is_fork);
    assert_int_equal(current.tree.size, seen);
    assert_int_equal(w->kept_count, kept);
    struct sumdb_head both[] = {current, claim.head};
    for (size_t i = 0; i < 2; i++) {
        struct slice note = both[i].note;
        while (note.n)
            assert_true(slice_find_slice(claim.evidence, slice_cut(&note, '\n')) >= 0);
    }
    assert_true(slice_find_slice(claim.evidence, S("could not be made")) < 0);
    arena_release(&w->kept_arena);
}

static void test_forks(void **state)
{
    struct arena a = ARENA_INIT;
    check_fork(&a, 100, 150, 50); /* another past */
    check_fork(&a, 100, 100, 99); /* two heads of one size */
    check_fork(&a, 100, 60, 50);  /* shrunk, to another past */
    check_fork(&a, 100, 700, 0);
    check_fork(&a, 1, 2, 0);
    arena_release(&a);
}

static void test_one_bad_claim_spoils_no_other(void **state)
{
    struct arena a = ARENA_INIT;
    struct world *w = new_world(&a, 500);
    struct sumdb_client_ops ops = ops_of(w);
    struct sumdb_head current = {0};
    struct sumdb_claim claims[5];
    for (size_t i = 0; i < ARRAY_LEN(claims); i++)
        claims[i] = log_claim(w->outside, 10 * i, 100 + 70 * i);
    assert_ok(sumdb_prove(&a, &ops, &current, claims, ARRAY_LEN(claims)));
    for (size_t i = 0; i < ARRAY_LEN(claims); i++)
        assert_null(claims[i].err);
    assert_int_equal(current.tree.size, 380);
    assert_int_equal(w->reads, 1); /* all in one journey */

    for (size_t i = 0; i < ARRAY_LEN(claims); i++)
        claims[i] = log_claim(w->outside, 10 * i + 1, 400 + 20 * i);
    claims[1].record.text = S("another record\n");
    claims[2].record.id = 499;
    claims[4].head = log_head(fork_of(&a, 480, 450), 480);
    assert_ok(sumdb_prove(&a, &ops, &current, claims, ARRAY_LEN(claims)));
    assert_null(claims[0].err);
    assert_status(claims[1].err, STATUS_MISMATCH);
    assert_status(claims[2].err, STATUS_BAD_ANSWER);
    assert_null(claims[3].err);
    assert_status(claims[4].err, STATUS_MISMATCH); /* nobody has the tiles of that tree */
    assert_int_equal(current.tree.size, 460);
    arena_release(&w->kept_arena);
    arena_release(&a);
}

static void test_an_outage_decides_nothing(void **state)
{
    struct arena a = ARENA_INIT;
    struct world *w = new_world(&a, 300);
    struct sumdb_head current = {0};
    struct sumdb_claim claim = log_claim(w->outside, 5, 300);
    w->is_cut = true;
    assert_status(prove_one(&a, w, &current, &claim), STATUS_CONNECT);
    assert_int_equal(current.tree.size, 0);
    arena_release(&a);
}

static void test_an_empty_log(void **state)
{
    struct arena a = ARENA_INIT;
    struct world *w = new_world(&a, 0);
    struct sumdb_head current = {0};
    struct sumdb_claim claim = {.head = log_head(w->outside, 0)};
    assert_ok(prove_one(&a, w, &current, &claim));
    assert_int_equal(current.tree.size, 0);
    claim.head.tree.root.b[0] ^= 1;
    assert_status(prove_one(&a, w, &current, &claim), STATUS_BAD_ANSWER);
    claim = (struct sumdb_claim){.head = log_head(w->outside, 0), .has_record = true};
    assert_status(prove_one(&a, w, &current, &claim), STATUS_BAD_ANSWER);
    log_grow(w->outside, 3, UINT64_MAX);
    claim = log_claim(w->outside, 1, 3);
    assert_ok(prove_one(&a, w, &current, &claim));
    claim = (struct sumdb_claim){.head = log_head(w->outside, 0)};
    assert_ok(prove_one(&a, w, &current, &claim));
    assert_int_equal(current.tree.size, 3);
    arena_release(&w->kept_arena);
    arena_release(&a);
}

static void test_tiles_and_records(void **state)
{
    struct arena a = ARENA_INIT;
    struct world *w = new_world(&a, 300);
    struct sumdb_client_ops ops = ops_of(w);
    struct sumdb_head head = log_head(w->outside, 300);
    struct slice data;
    assert_ok(sumdb_prove_tile(&a, &ops, &head, (struct tile){0, 0, 7}, &data));
    assert_int_equal(data.n, 256 * SHA256_BYTES);
    assert_ok(sumdb_prove_tile(&a, &ops, &head, (struct tile){0, 1, 40}, &data));
    assert_int_equal(data.n, 44 * SHA256_BYTES);
    assert_status(sumdb_prove_tile(&a, &ops, &head, (struct tile){0, 1, 45}, &data),
                  STATUS_NOT_FOUND);
    assert_status(sumdb_prove_tile(&a, &ops, &head, (struct tile){2, 0, 1}, &data),
                  STATUS_NOT_FOUND);

    BUF_SCOPED(b);
    for (uint64_t id = 256; id < 266; id++) {
        buf_add(&b, w->outside->records[id]);
        buf_add_byte(&b, '\n');
    }
    struct tile t = {TILE_DATA, 1, 10};
    assert_ok(sumdb_prove_records(&a, &ops, &head, t, buf_slice(&b)));
    t.width = 9;
    assert_status(sumdb_prove_records(&a, &ops, &head, t, buf_slice(&b)), STATUS_MISMATCH);
    t.width = 11;
    assert_status(sumdb_prove_records(&a, &ops, &head, t, buf_slice(&b)), STATUS_MISMATCH);
    t.width = 10;
    for (size_t i = 0; i < b.n; i += 7) {
        b.p[i] ^= 1;
        assert_status(sumdb_prove_records(&a, &ops, &head, t, buf_slice(&b)), STATUS_MISMATCH);
        b.p[i] ^= 1;
    }
    arena_release(&w->kept_arena);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_looked_up_stays_provable),
        cmocka_unit_test(test_an_older_lookup_does_not_move_the_head),
        cmocka_unit_test(test_every_flipped_byte_of_a_record_is_refused),
        cmocka_unit_test(test_every_flipped_byte_of_every_lookup_is_refused),
        cmocka_unit_test(test_a_wrong_tile_is_not_kept),
        cmocka_unit_test(test_forks),
        cmocka_unit_test(test_one_bad_claim_spoils_no_other),
        cmocka_unit_test(test_an_outage_decides_nothing),
        cmocka_unit_test(test_an_empty_log),
        cmocka_unit_test(test_tiles_and_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
