/* Ten thousand records, and every kind of change at many places of them. */
#include "audit_fixture.h"

enum { RECORDS = 10000 };

struct lines {
    struct slice text;
    struct slice *p; /* each with its newline */
    size_t n;
};

static struct lines split(struct arena *a, struct slice text)
{
    struct lines l = {.text = text, .p = ARENA_ARRAY(a, struct slice, RECORDS + 100)};
    for (size_t at = 0; at < text.n;) {
        size_t n = (size_t)slice_find(slice_skip(text, at), '\n') + 1;
        l.p[l.n++] = slice_make(text.p + at, n);
        at += n;
    }
    return l;
}

/* A signed chain; made once for all tests. */
static struct lines *chain_of(struct fixture *f)
{
    static struct arena kept;
    static struct lines lines;
    if (lines.n)
        return &lines;
    f->o.signer = (struct audit_signer){S("secret"), sign_with_secret, NULL};
    open_file(f);
    for (int i = 0; i < RECORDS; i++) {
        assert_ok(audit_file_append(&f->arena, f->file, body_of(f, i), false));
        if (i % 1000 == 999)
            assert_ok(audit_file_checkpoint(&f->arena, f->file));
    }
    close_file(f);
    lines = split(&kept, arena_dup(&kept, content_of(f, f->path)));
    return &lines;
}

/* Only what is near the change is read: a record before it, and what follows. */
static void check_lines(struct findings *found, const struct slice *p, size_t n, bool has_key)
{
    start_findings(found, has_key);
    audit_check_file(&found->check, "file");
    for (size_t i = 0; i < n; i++)
        audit_check_line(&found->check, slice_head(p[i], p[i].n - 1), true);
    audit_check_end(&found->check);
}

static void expect_fault(const struct slice *p, size_t n, const char *what, size_t place)
{
    struct findings found;
    check_lines(&found, p, n, true);
    if (!found.check.faults)
        fail_msg("not found: %s at line %zu", what, place);
    if (found.first_line > place + 3)
        fail_msg("%s at line %zu was found at line %d: %s", what, place, (int)found.first_line,
                 found.first);
}

static void test_untouched(void **state)
{
    struct findings found;
    struct lines *l = chain_of(*state);
    check_lines(&found, l->p, l->n, true);
    assert_string_equal(found.first, "");
    assert_int_equal(found.check.records, l->n);
    assert_int_equal(found.check.checkpoints, 10);
    assert_int_equal(found.check.open_records, 0);
    assert_int_equal(l->n, 1 + RECORDS + 10);
}

/* A window of the lines around a place, so that many places can be tried. */
enum { WINDOW = 12 };

struct window {
    struct slice p[WINDOW];
    size_t at; /* the place in it */
};

static struct window window_at(const struct lines *l, size_t place)
{
    struct window w;
    size_t from = place < 5 ? 0 : place + 7 > l->n ? l->n - WINDOW : place - 5;
    memcpy(w.p, l->p + from, sizeof(w.p));
    w.at = place - from;
    return w;
}

/* Numbers of places all over the chain, its ends and checkpoints among them. */
static size_t place_of(const struct lines *l, size_t i)
{
    static const size_t ends[] = {1, 2, 3, 1000, 1001, 1002, 5004, 5005};
    return i < ARRAY_LEN(ends) ? ends[i] : (i * 2654435761u) % (l->n - 10) + 2;
}

enum { PLACES = 400 };

static void test_a_changed_byte(void **state)
{
    struct lines *l = chain_of(*state);
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < PLACES; i++) {
        struct window w = window_at(l, place_of(l, i));
        char *line = arena_cstr(&a, w.p[w.at]);
        line[(i * 7919) % (w.p[w.at].n - 1)] ^= (char)(1 << i % 7);
        w.p[w.at] = slice_make(line, w.p[w.at].n);
        expect_fault(w.p, WINDOW, "a changed bit", w.at + 1);
        arena_clear(&a);
    }
    arena_release(&a);
}

static void test_a_dropped_record(void **state)
{
    struct lines *l = chain_of(*state);
    for (size_t i = 0; i < PLACES; i++) {
        struct window w = window_at(l, place_of(l, i));
        size_t dropped = 1 + i % 3;
        if (w.at == 0 || w.at + dropped >= WINDOW)
            continue;
        memmove(w.p + w.at, w.p + w.at + dropped, (WINDOW - w.at - dropped) * sizeof(w.p[0]));
        expect_fault(w.p, WINDOW - dropped, "a dropped record", w.at + 1);
    }
}

static void test_records_in_another_order(void **state)
{
    struct lines *l = chain_of(*state);
    for (size_t i = 0; i < PLACES; i++) {
        struct window w = window_at(l, place_of(l, i));
        size_t other = w.at ? w.at - 1 : w.at + 1;
        struct slice moved = w.p[w.at];
        w.p[w.at] = w.p[other];
        w.p[other] = moved;
        expect_fault(w.p, WINDOW, "two that changed places", w.at + 1);
    }
}

static void test_a_record_twice(void **state)
{
    struct lines *l = chain_of(*state);
    for (size_t i = 0; i < PLACES; i++) {
        struct window w = window_at(l, place_of(l, i));
        if (w.at + 1 < WINDOW) {
            w.p[w.at + 1] = w.p[w.at];
            expect_fault(w.p, w.at + 2, "a record twice", w.at + 2);
        }
    }
}

/* One who can compute hashes, too: the record is changed and gets a hash that fits. */
static struct slice forge(struct arena *a, struct slice line, struct slice prev)
{
    struct audit_line l;
    char hash[AUDIT_HASH_CHARS + 1];
    assert_true(audit_line_parse(slice_head(line, line.n - 1), &l));
    char *body = arena_cstr(a, l.body);
    body[10] ^= 1; /* in its time */
    struct slice signature =
        l.signature.n ? arena_printf(a, ",\"signature\":\"%.*s\"", SLICE_ARG(l.signature)) : S("");
    struct slice text = arena_printf(a, "{\"seq\":%" PRIu64 ",%s,\"prev\":\"%.*s\"%.*s", l.seq,
                                     body, SLICE_ARG(prev.n ? prev : l.prev), SLICE_ARG(signature));
    static struct sha256_stream *h;
    h = h ? h : sha256_new();
    audit_line_hash(h, text, hash);
    return arena_printf(a, "%s,\"hash\":\"%s\"}\n", text.p, hash);
}

static void test_a_forged_record(void **state)
{
    struct lines *l = chain_of(*state);
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < PLACES; i++) {
        struct window w = window_at(l, place_of(l, i));
        if (w.at + 1 == WINDOW)
            continue;
        w.p[w.at] = forge(&a, w.p[w.at], S(""));
        expect_fault(w.p, WINDOW, "a record with a new hash", w.at + 2);
        arena_clear(&a);
    }
    arena_release(&a);
}

static struct slice hash_of(struct slice line)
{
    struct audit_line l;
    assert_true(audit_line_parse(slice_head(line, line.n - 1), &l));
    return l.hash;
}

/* One who makes the whole chain anew from a record on: the next checkpoint gives it away. */
static void test_a_chain_made_anew(void **state)
{
    struct lines *l = chain_of(*state);
    struct arena a = ARENA_INIT;
    struct findings found;
    struct slice *p = ARENA_ARRAY(&a, struct slice, l->n);
    for (size_t from = 3; from < l->n; from += 2111) {
        memcpy(p, l->p, l->n * sizeof(*p));
        for (size_t i = from; i < l->n; i++)
            p[i] = forge(&a, p[i], hash_of(p[i - 1]));
        check_lines(&found, p, l->n, false);
        assert_int_equal(found.check.faults, 0); /* that is what hashes alone cannot see */
        check_lines(&found, p, l->n, true);
        assert_true(found.check.faults > 0);
        assert_non_null(strstr(found.first, "signature of this checkpoint is wrong"));
    }
    arena_release(&a);
}

/* What is missing at the end is seen by a head that is known, and by nothing else. */
static void test_a_tail_that_is_missing(void **state)
{
    struct lines *l = chain_of(*state);
    struct findings found;
    struct slice head = hash_of(l->p[l->n - 1]);
    for (size_t n = l->n - 1; n > 1; n -= n / 3 + 1) {
        check_lines(&found, l->p, n, true);
        assert_int_equal(found.check.faults, 0);
        found.check.known_seq = l->n;
        found.check.known_hash = head;
        audit_check_end(&found.check);
        assert_int_equal(found.check.faults, 1);
        assert_non_null(strstr(found.first, "the newest records are missing"));
    }
}

static void test_a_known_head(void **state)
{
    struct lines *l = chain_of(*state);
    struct findings found;
    start_findings(&found, true);
    found.check.known_seq = 5000;
    found.check.known_hash = hash_of(l->p[4999]);
    check_text(&found, "file", l->text);
    audit_check_end(&found.check);
    assert_string_equal(found.first, "");
    start_findings(&found, true);
    found.check.known_seq = 5000;
    found.check.known_hash = hash_of(l->p[5000]);
    check_text(&found, "file", l->text);
    audit_check_end(&found.check);
    assert_non_null(strstr(found.first, "is not the one that is known"));
}

/* Checkpoints that are taken out with all that follows are missed after a while. */
static void test_keys_and_checkpoints(void **state)
{
    struct fixture *f = *state;
    struct findings found;
    f->o.signer = (struct audit_signer){S("another"), sign_with_secret, NULL};
    open_file(f);
    assert_ok(audit_file_append(&f->arena, f->file, body_of(f, 1), false));
    assert_ok(audit_file_checkpoint(&f->arena, f->file));
    check_all(f, &found, true);
    assert_non_null(strstr(found.first, "signed with another key: another"));
    close_file(f);
    f->o.signer = (struct audit_signer){0};
    open_file(f);
    BUF_SCOPED(many);
    for (int i = 0; i < 21000; i++)
        buf_add(&many, body_of(f, i));
    assert_ok(audit_file_append(&f->arena, f->file, buf_slice(&many), false));
    check_all(f, &found, true);
    assert_int_equal(found.check.faults, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_untouched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_changed_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_dropped_record, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_records_in_another_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_record_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_forged_record, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_chain_made_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_tail_that_is_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_known_head, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys_and_checkpoints, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
