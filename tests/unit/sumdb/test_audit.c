#include "logs.h"

#include "sumdb/audit.h"

/* A log as an auditor sees it, with one flipped byte, if any. */
struct seen {
    struct test_log *log;
    struct tile bad; /* width 0: none */
    size_t bad_byte;
    bool is_cut, was_flipped;
    size_t findings, reads, saves;
    struct buf last;
    struct sumdb_audit_state *state;
};

static struct error *read_tile(void *arg, struct arena *a, struct tile t, struct slice *data)
{
    struct seen *s = arg;
    BUF_SCOPED(b);
    s->reads++;
    if (s->is_cut)
        return error_new(a, STATUS_CONNECT, "cut off");
    if (t.level != TILE_DATA) {
        *data = arena_dup(a, log_tile(s->log, t));
    } else {
        for (uint64_t id = t.n * TILE_WIDTH; id < t.n * TILE_WIDTH + t.width; id++) {
            buf_add(&b, s->log->records[id]);
            buf_add_byte(&b, '\n');
        }
        *data = arena_dup(a, buf_slice(&b));
    }
    if (s->bad.width && s->bad.level == t.level && s->bad.n == t.n && s->bad_byte < data->n) {
        ((char *)data->p)[s->bad_byte] ^= 1;
        s->was_flipped = true;
    }
    return NULL;
}

static void note_finding(void *arg, struct slice text)
{
    struct seen *s = arg;
    s->findings++;
    buf_clear(&s->last);
    buf_add(&s->last, text);
}

static struct error *save(void *arg, struct arena *a)
{
    ((struct seen *)arg)->saves++;
    return NULL;
}

static struct error *audit(struct arena *a, struct seen *s, uint64_t size,
                           struct sumdb_audit_state *state)
{
    struct sumdb_audit_ops ops = {s, read_tile, note_finding, save};
    struct tlog_tree head = log_tree(s->log, size);
    s->findings = 0;
    s->reads = 0;
    return sumdb_audit(a, &ops, &head, state);
}

static struct test_log *new_log(struct arena *a, uint64_t size)
{
    struct test_log *log = ARENA_NEW(a, struct test_log);
    log->a = a;
    log_grow(log, size, UINT64_MAX);
    return log;
}

static void test_a_good_log_of_any_size(void **state)
{
    struct arena a = ARENA_INIT;
    struct seen s = {.log = new_log(&a, 66000)};
    const uint64_t sizes[] = {0, 1, 2, 255, 256, 257, 511, 512, 600, 65535, 65536, 65537, 66000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct sumdb_audit_state fresh = {0};
        assert_ok(audit(&a, &s, sizes[i], &fresh));
        assert_int_equal(s.findings, 0);
        assert_int_equal(fresh.tree.size, sizes[i]);
        audit_state_release(&fresh);
    }
    assert_true(s.saves > 0);
    arena_release(&a);
}

/* In steps, with the state written down and read in between. */
static void test_it_goes_on_where_it_was(void **state)
{
    struct arena a = ARENA_INIT;
    struct seen s = {.log = new_log(&a, 2000)};
    BUF_SCOPED(text);
    struct sumdb_audit_state st = {.source = S("https://sum.example.com"), .note = S("n\n")};
    for (uint64_t size = 0; size < 2000; size += 97) {
        struct tlog_tree want = log_tree(s.log, size);
        assert_ok(audit(&a, &s, size, &st));
        assert_int_equal(s.findings, 0);
        assert_true(s.reads <= 8);
        assert_true(st.tree.size == size && tlog_hash_eq(&st.tree.root, &want.root));
        buf_clear(&text);
        audit_state_format(&text, &st);
        audit_state_release(&st);
        assert_ok(audit_state_parse(&a, arena_dup(&a, buf_slice(&text)), &st));
        assert_slice(st.source, "https://sum.example.com");
        assert_slice(st.note, "n\n");
    }
    assert_ok(audit(&a, &s, 300, &st)); /* it has shrunk */
    assert_int_equal(s.findings, 1);
    audit_state_release(&st);
    buf_release(&s.last);
    arena_release(&a);
}

static void test_every_flipped_byte_is_found(void **state)
{
    struct arena a = ARENA_INIT, one = ARENA_INIT;
    struct seen s = {.log = new_log(&a, 515)};
    struct tile t;
    for (int level = TILE_DATA; tile_with(level, 0, 515, &t); level++) {
        for (uint64_t n = 0; tile_with(level, n, 515, &t); n += TILE_WIDTH) {
            s.bad = t;
            s.was_flipped = true;
            for (s.bad_byte = 0; s.was_flipped; s.bad_byte += level == 1 ? 1 : 41) {
                struct sumdb_audit_state st = {0};
                s.was_flipped = false;
                assert_ok(audit(&one, &s, 515, &st));
                if (s.was_flipped != (s.findings > 0))
                    fail_msg("byte %zu of level %d, tile %d", s.bad_byte, level, (int)t.n);
                assert_int_equal(st.tree.size, s.findings ? 0 : 515);
                audit_state_release(&st);
                arena_clear(&one);
            }
        }
    }
    buf_release(&s.last);
    arena_release(&one);
    arena_release(&a);
}

static void test_another_past_is_found(void **state)
{
    struct arena a = ARENA_INIT;
    struct test_log *forked = ARENA_NEW(&a, struct test_log);
    struct seen s = {.log = new_log(&a, 700)};
    struct sumdb_audit_state st = {0};
    forked->a = &a;
    log_grow(forked, 800, 690);
    assert_ok(audit(&a, &s, 700, &st));
    assert_int_equal(s.findings, 0);
    s.log = forked;
    assert_ok(audit(&a, &s, 800, &st));
    assert_int_equal(s.findings, 1);
    assert_true(slice_find_slice(buf_slice(&s.last), S("700 records that were audited")) > 0);
    assert_int_equal(st.tree.size, 700);
    audit_state_release(&st);
    buf_release(&s.last);
    arena_release(&a);
}

static void test_repetitions_are_found(void **state)
{
    struct arena a = ARENA_INIT;
    struct seen s = {.log = new_log(&a, 300)};
    struct sumdb_audit_state st = {0};
    assert_ok(audit(&a, &s, 300, &st));
    log_add(s.log, s.log->records[7]);
    log_add(s.log, log_record(s.log, 8, "another"));
    log_add(s.log, S("example.com/m v1.0.0 h1:x\n"));
    assert_ok(audit(&a, &s, 301, &st));
    assert_int_equal(s.findings, 1);
    assert_slice(buf_slice(&s.last), "example.com/m7@v1.2.3 has the records 7 and 300");
    st.marks.n = 300 * 4; /* as if it were read again */
    assert_ok(audit(&a, &s, 302, &st));
    assert_int_equal(s.findings, 2);
    assert_slice(buf_slice(&s.last),
                 "example.com/m8@v1.2.3 has the records 8 and 301, with different hashes");
    st.marks.n = 300 * 4;
    assert_ok(audit(&a, &s, 303, &st));
    assert_int_equal(s.findings, 3);
    assert_int_equal(st.tree.size, 300);
    audit_state_release(&st);
    buf_release(&s.last);
    arena_release(&a);
}

static void test_an_outage_is_no_finding(void **state)
{
    struct arena a = ARENA_INIT;
    struct seen s = {.log = new_log(&a, 300), .is_cut = true};
    struct sumdb_audit_state st = {0};
    assert_status(audit(&a, &s, 300, &st), STATUS_CONNECT);
    assert_int_equal(s.findings, 0);
    audit_state_release(&st);
    arena_release(&a);
}

static void test_states_that_are_none(void **state)
{
    struct arena a = ARENA_INIT;
    struct sumdb_audit_state st = {.source = S("x"), .tree = {2, {{0}}}, .note = S("note\n")}, got;
    BUF_SCOPED(text);
    buf_add(&st.marks, S("12345678"));
    audit_state_format(&text, &st);
    for (size_t n = 0; n < text.n; n++) {
        assert_status(audit_state_parse(&a, slice_head(buf_slice(&text), n), &got),
                      STATUS_BAD_SYNTAX);
        audit_state_release(&got);
    }
    buf_add_byte(&text, 'x');
    assert_status(audit_state_parse(&a, buf_slice(&text), &got), STATUS_BAD_SYNTAX);
    audit_state_release(&got);
    audit_state_release(&st);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_log_of_any_size),
        cmocka_unit_test(test_it_goes_on_where_it_was),
        cmocka_unit_test(test_every_flipped_byte_is_found),
        cmocka_unit_test(test_another_past_is_found),
        cmocka_unit_test(test_repetitions_are_found),
        cmocka_unit_test(test_an_outage_is_no_finding),
        cmocka_unit_test(test_states_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
