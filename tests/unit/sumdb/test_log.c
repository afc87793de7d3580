#include "logs.h"
#include "memlog.h"

/* What is known of the module versions: enough for logs of test records. */
struct known {
    uint64_t count;
};

static struct error *note_record(void *arg, struct arena *a, uint64_t id, struct module_version mv,
                                 struct slice text, bool *is_known)
{
    struct known *k = arg;
    uint64_t n = 0;
    assert_true(id >= k->count); /* a damaged record is passed over */
    k->count = id + 1;
    *is_known = slice_parse_u64(slice_skip(mv.path, strlen("example.com/m")), &n) && n < id;
    return NULL;
}

struct world {
    struct arena a;
    struct memlog mem;
    struct test_log *truth; /* the records, and the tree over them */
    struct known known;
    struct sumdb_log *log;
    struct note_signer signers[2];
    size_t signer_count;
};

static struct world *new_world(uint64_t records)
{
    static const uint8_t seed[NOTE_KEY_BYTES] = {9};
    struct world *w = xcalloc(1, sizeof(*w));
    w->truth = ARENA_NEW(&w->a, struct test_log);
    w->truth->a = &w->a;
    log_grow(w->truth, records, UINT64_MAX);
    w->signers[0] = log_signer(&w->a);
    assert_ok(note_signer_make(&w->a, S("sum.example.com/2027"), seed, &w->signers[1]));
    w->signer_count = 1;
    return w;
}

static void free_world(struct world *w)
{
    sumdb_log_free(w->log);
    memlog_release(&w->mem);
    arena_release(&w->a);
    free(w);
}

static struct error *open_log(struct world *w)
{
    struct sumdb_log_options o = {memlog_ops(&w->mem), w->signers, w->signer_count, note_record,
                                  &w->known};
    w->known.count = 0;
    sumdb_log_free(w->log);
    w->log = NULL;
    return sumdb_log_open(&w->a, &o, &w->log);
}

static struct error *append(struct world *w, size_t count)
{
    uint64_t first, at = sumdb_log_head(w->log)->tree.size;
    TRY(sumdb_log_append(&w->a, w->log, w->truth->records + at, count, &first));
    assert_int_equal(first, at);
    return NULL;
}

/* The head is a good one of the true tree of its size, and all below it can be read. */
static void check_whole(struct world *w)
{
    struct arena a = ARENA_INIT;
    struct sumdb_log_ops ops = memlog_ops(&w->mem);
    struct slice note, text, data;
    struct sumdb_head head;
    assert_ok(memlog_read_head(&w->mem, &a, &note));
    for (size_t i = 0; i < w->signer_count; i++)
        assert_ok(sumdb_head_open(&a, note, &w->signers[i].verifier, &head));
    assert_int_equal(head.tree.size, sumdb_log_head(w->log)->tree.size);
    struct tlog_tree want = log_tree(w->truth, head.tree.size);
    assert_true(tlog_hash_eq(&want.root, &head.tree.root));
    for (uint64_t id = 0; id < head.tree.size; id++) {
        assert_ok(sumdb_log_record(&a, &ops, head.tree.size, id, &text));
        assert_true(slice_eq(text, w->truth->records[id]));
    }
    struct tile t;
    for (int level = 0; tile_with(level, 0, head.tree.size, &t); level++) {
        for (uint64_t n = 0; tile_with(level, n, head.tree.size, &t); n += TILE_WIDTH) {
            assert_ok(sumdb_log_tile(&a, &ops, head.tree.size, t, &data));
            assert_true(slice_eq(data, log_tile(w->truth, t)));
        }
    }
    assert_status(sumdb_log_record(&a, &ops, head.tree.size, head.tree.size, &text),
                  STATUS_NOT_FOUND);
    arena_release(&a);
}

static void test_it_grows_and_is_opened_again(void **state)
{
    struct world *w = new_world(1500);
    assert_ok(open_log(w));
    assert_int_equal(sumdb_log_head(w->log)->tree.size, 0);
    for (size_t batch = 1; sumdb_log_head(w->log)->tree.size + batch < 1400; batch += 3) {
        assert_ok(append(w, batch));
        check_whole(w);
    }
    uint64_t size = sumdb_log_head(w->log)->tree.size;
    size_t steps = w->mem.steps;
    assert_ok(open_log(w));
    assert_int_equal(w->known.count, size);
    assert_int_equal(w->mem.steps, steps + LOG_PARTS); /* nothing but the cuts: no write, no head */
    check_whole(w);
    assert_ok(append(w, 7));
    check_whole(w);
    free_world(w);
}

static void test_keys_rotate_over_one_tree(void **state)
{
    struct world *w = new_world(40);
    struct sumdb_head head;
    assert_ok(open_log(w));
    assert_ok(append(w, 20));
    w->signer_count = 2; /* both sign */
    assert_ok(open_log(w));
    check_whole(w);
    assert_ok(append(w, 3));
    check_whole(w);
    w->signers[0] = w->signers[1]; /* the old one is gone */
    w->signer_count = 1;
    assert_ok(open_log(w));
    check_whole(w);
    struct note_signer old = log_signer(&w->a);
    assert_status(sumdb_head_open(&w->a, sumdb_log_head(w->log)->note, &old.verifier, &head),
                  STATUS_BAD_ANSWER);
    free_world(w);
}

/* Whatever step fails, now and at the end of the process: what was published stays. */
static void check_failure_at(size_t step, bool fails_once, bool loses_power)
{
    struct world *w = new_world(700);
    assert_ok(open_log(w));
    assert_ok(append(w, 250));
    w->mem.fail_at = w->mem.steps + step;
    w->mem.fails_once = fails_once;
    struct error *err = append(w, 300);
    uint64_t published = sumdb_log_head(w->log)->tree.size;
    assert_int_equal(published, err ? 250 : 550);
    check_whole(w);
    if (err && fails_once && !append(w, 5)) { /* it went on by itself */
        published = 255;
        check_whole(w);
    }
    for (int part = 0; loses_power && part < LOG_PARTS; part++)
        memlog_copy(&w->mem.parts[part], buf_slice(&w->mem.durable[part]));
    w->mem.fail_at = 0;
    assert_ok(open_log(w));
    assert_true(sumdb_log_head(w->log)->tree.size >= published);
    check_whole(w);
    assert_ok(append(w, 10));
    check_whole(w);
    free_world(w);
}

static void test_every_step_may_fail(void **state)
{
    for (size_t step = 1; step < 20; step++) {
        check_failure_at(step, false, false);
        check_failure_at(step, false, true);
        check_failure_at(step, true, false);
        check_failure_at(step, true, true);
    }
}

static void test_after_a_failed_sync_nothing_is_appended(void **state)
{
    struct world *w = new_world(40);
    assert_ok(open_log(w));
    w->mem.fail_at = w->mem.steps + 4; /* records, ends, hashes, then the sync */
    w->mem.fails_once = true;
    assert_status(append(w, 3), STATUS_NO_SPACE);
    assert_status(append(w, 3), STATUS_IO);
    assert_ok(open_log(w));
    assert_ok(append(w, 3));
    check_whole(w);
    free_world(w);
}

/* A crash leaves any beginning of the records behind the head, and anything in the other parts. */
static void test_what_a_crash_leaves_is_taken_up_or_cut_off(void **state)
{
    struct world *w = new_world(700);
    assert_ok(open_log(w));
    assert_ok(append(w, 254));
    struct slice record = w->truth->records[254], more = w->truth->records[255];
    for (size_t n = 0; n <= record.n + 1 + more.n; n += 3) {
        struct buf *b = &w->mem.parts[LOG_RECORDS];
        size_t before = b->n;
        struct slice tail = arena_printf(&w->a, "%.*s\n%.*s\n", SLICE_ARG(record), SLICE_ARG(more));
        buf_add(b, slice_head(tail, n));
        assert_ok(open_log(w));
        assert_int_equal(sumdb_log_head(w->log)->tree.size, 254 + (n > record.n));
        check_whole(w);
        if (n > record.n) { /* back to where it was */
            b->n = before;
            buf_clear(&w->mem.head);
            struct sumdb_head old = log_head(w->truth, 254);
            buf_add(&w->mem.head, old.note);
            assert_ok(open_log(w));
        }
    }
    const char *garbage[] = {"\n\n", "garbage\n\n", "a v1.0.0 h1:x\n\n"};
    for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
        buf_add(&w->mem.parts[LOG_RECORDS], slice_of(garbage[i]));
        assert_ok(open_log(w));
        assert_int_equal(sumdb_log_head(w->log)->tree.size, 254);
    }
    /* The same module version once more is no record. */
    buf_add(&w->mem.parts[LOG_RECORDS], w->truth->records[3]);
    buf_add_byte(&w->mem.parts[LOG_RECORDS], '\n');
    assert_ok(open_log(w));
    assert_int_equal(sumdb_log_head(w->log)->tree.size, 254);
    check_whole(w);
    free_world(w);
}

static void test_other_parts_are_made_good(void **state)
{
    struct world *w = new_world(700);
    assert_ok(open_log(w));
    assert_ok(append(w, 600));
    for (int part = LOG_ENDS; part <= LOG_HASHES + 1; part++) {
        struct buf *b = &w->mem.parts[part];
        b->p[b->n / 2] ^= 1;
        assert_ok(open_log(w));
        check_whole(w);
        b->n /= 2;
        assert_ok(open_log(w));
        check_whole(w);
        buf_clear(b);
        assert_ok(open_log(w));
        check_whole(w);
        buf_add(b, S("more"));
        assert_ok(open_log(w));
        check_whole(w);
    }
    free_world(w);
}

static void test_a_log_that_is_behind_or_other_does_not_start(void **state)
{
    struct world *w = new_world(700);
    assert_ok(open_log(w));
    assert_ok(append(w, 300));
    struct buf *records = &w->mem.parts[LOG_RECORDS];
    size_t whole = records->n;
    records->n = whole - 1;
    assert_status(open_log(w), STATUS_CORRUPT);
    assert_int_equal(records->n, whole - 1); /* nothing was touched */
    records->n = 0;
    assert_status(open_log(w), STATUS_CORRUPT);
    records->n = whole;
    for (size_t at = 0; at < whole; at += 997) {
        records->p[at] ^= 1;
        assert_non_null(open_log(w));
        records->p[at] ^= 1;
    }
    struct slice head = arena_dup(&w->a, buf_slice(&w->mem.head));
    for (size_t at = 0; at < (size_t)slice_find_slice(head, S("\n\n")); at++) {
        w->mem.head.p[at] ^= 1;
        assert_non_null(open_log(w));
        w->mem.head.p[at] ^= 1;
    }
    buf_clear(&w->mem.head);
    assert_status(open_log(w), STATUS_CORRUPT);
    buf_add(&w->mem.head, head);
    assert_ok(open_log(w));
    check_whole(w);
    free_world(w);
}

static void test_what_is_no_record_is_refused(void **state)
{
    struct world *w = new_world(3);
    uint64_t first;
    struct slice good = w->truth->records[0];
    struct slice bad[] = {
        S(""),
        S("x\n"),
        slice_head(good, good.n - 1),
        arena_printf(&w->a, "%s\n", good.p),
        arena_printf(&w->a, "%sx v1 h1:\n", good.p),
        arena_printf(&w->a, "a%s", good.p), /* two modules */
    };
    assert_ok(open_log(w));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_status(sumdb_log_append(&w->a, w->log, &bad[i], 1, &first), STATUS_BAD_REQUEST);
    assert_ok(append(w, 1));
    check_whole(w);
    free_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_grows_and_is_opened_again),
        cmocka_unit_test(test_keys_rotate_over_one_tree),
        cmocka_unit_test(test_every_step_may_fail),
        cmocka_unit_test(test_after_a_failed_sync_nothing_is_appended),
        cmocka_unit_test(test_what_a_crash_leaves_is_taken_up_or_cut_off),
        cmocka_unit_test(test_other_parts_are_made_good),
        cmocka_unit_test(test_a_log_that_is_behind_or_other_does_not_start),
        cmocka_unit_test(test_what_is_no_record_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
