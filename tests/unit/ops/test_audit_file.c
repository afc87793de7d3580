/* The chain on the disk: crashes at every byte, files put aside, several writers, full disks. */
#include "audit_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void append(struct fixture *f, int n)
{
    assert_ok(audit_file_append(&f->arena, f->file, body_of(f, n), false));
}

static void test_a_chain_goes_on(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        open_file(f);
        append(f, i);
        append(f, i);
        close_file(f);
    }
    expect_fine(f, 7); /* the beginning, and two each time */
}

/* Whatever is left of the last records: what is whole stays, and the chain goes on. */
static void test_torn_at_every_byte(void **state)
{
    struct fixture *f = *state;
    open_file(f);
    append(f, 1);
    append(f, 2);
    close_file(f);
    struct slice whole = content_of(f, f->path);
    for (size_t n = 0; n <= whole.n; n++) {
        struct slice left = slice_head(whole, n);
        size_t lines = 0;
        for (size_t i = 0; i < left.n; i++)
            lines += left.p[i] == '\n';
        bool is_torn = n && left.p[n - 1] != '\n';
        write_content(f, f->path, left);
        open_file(f);
        append(f, 3);
        close_file(f);
        expect_fine(f, (lines ? lines : 1) + is_torn + 1);
        struct slice now = content_of(f, f->path);
        if (lines)
            assert_true(slice_starts(now, slice_head(left, (size_t)slice_rfind(left, '\n') + 1)));
        assert_int_equal(slice_find_slice(now, S("\"event\":\"repair\",\"cut_bytes\":")) >= 0,
                         is_torn);
    }
}

/* Zeros are what a power loss leaves of blocks that were not written. */
static void test_a_tail_of_zeros(void **state)
{
    struct fixture *f = *state;
    static const size_t sizes[] = {1, 4096, 65535, 65536, 300000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        open_file(f);
        append(f, 1);
        close_file(f);
        uint64_t before = (uint64_t)content_of(f, f->path).n;
        assert_int_equal(truncate(f->path, (off_t)(before + sizes[i])), 0);
    }
    open_file(f);
    close_file(f);
    expect_fine(f, 1 + 2 * ARRAY_LEN(sizes));
}

static void test_a_last_record_that_was_changed(void **state)
{
    struct fixture *f = *state;
    open_file(f);
    append(f, 1);
    close_file(f);
    struct slice whole = content_of(f, f->path);
    char *text = arena_cstr(&f->arena, whole);
    text[whole.n - 100] ^= 1;
    write_content(f, f->path, slice_make(text, whole.n));
    assert_status(audit_file_open(&f->arena, &f->o, &f->file), STATUS_CORRUPT);
    assert_true(slice_eq(content_of(f, f->path), slice_make(text, whole.n)));
}

static void test_files_are_put_aside(void **state)
{
    struct fixture *f = *state;
    struct slice names[64];
    f->o.max_bytes = 2000;
    f->o.signer = (struct audit_signer){S("secret"), sign_with_secret, NULL};
    open_file(f);
    for (int i = 0; i < 60; i++) {
        append(f, i);
        if (i % 7 == 0) { /* now and then by another process */
            close_file(f);
            open_file(f);
        }
    }
    assert_ok(audit_file_checkpoint(&f->arena, f->file));
    close_file(f);
    size_t n = files_of(f, names);
    assert_true(n > 8 && n < 63);
    struct findings found;
    check_all(f, &found, true);
    assert_string_equal(found.first, "");
    assert_int_equal(found.check.checkpoints, n);
    assert_int_equal(found.check.open_records, 0);
    for (size_t i = 0; i < n; i++)
        assert_true(content_of(f, names[i].p).n <= 2600);
}

/* A crash between putting a file aside and beginning the next. */
static void test_aside_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    open_file(f);
    append(f, 1);
    close_file(f);
    const char *aside = arena_printf(&f->arena, "%s.000000000002", f->path).p;
    assert_int_equal(rename(f->path, aside), 0);
    open_file(f);
    append(f, 2);
    close_file(f);
    expect_fine(f, 4);
    assert_true(
        slice_find_slice(content_of(f, f->path),
                         S("\"event\":\"continue\",\"file\":\"audit.jsonl.000000000002\"")) >= 0);
}

static void test_old_files_go(void **state)
{
    struct fixture *f = *state;
    struct slice names[64];
    f->o.max_bytes = 1000;
    f->o.keep = 3;
    open_file(f);
    for (int i = 0; i < 60; i++)
        append(f, i);
    close_file(f);
    assert_int_equal(files_of(f, names), 4);
    struct findings found;
    check_all(f, &found, false);
    assert_string_equal(found.first, "");
    assert_true(found.check.first_seq > 1);
}

/* ---- several writers ---- */

static void test_processes_share_a_chain(void **state)
{
    struct fixture *f = *state;
    enum { WRITERS = 4, EACH = 100 };
    pid_t pids[WRITERS];
    f->o.max_bytes = 20000;
    open_file(f);
    close_file(f);
    for (int w = 0; w < WRITERS; w++) {
        pids[w] = fork();
        if (pids[w] == 0) {
            open_file(f);
            for (int i = 0; i < EACH; i++)
                append(f, w * 1000 + i);
            _exit(0);
        }
    }
    for (int w = 0; w < WRITERS; w++) {
        int status;
        assert_int_equal(waitpid(pids[w], &status, 0), pids[w]);
        assert_int_equal(status, 0);
    }
    struct findings found;
    check_all(f, &found, false);
    assert_string_equal(found.first, "");
    struct slice names[64];
    size_t continued = files_of(f, names) - 1;
    assert_int_equal(found.check.records, 1 + WRITERS * EACH + continued);
}

/* ---- no space ---- */

/* The limit on the size of files stands for a disk that is full. */
static void limit_files(uint64_t bytes)
{
    struct rlimit lim = {bytes, RLIM_INFINITY};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &lim), 0);
}

static void test_a_write_that_fails_changes_nothing(void **state)
{
    struct fixture *f = *state;
    signal(SIGXFSZ, SIG_IGN);
    open_file(f);
    append(f, 1);
    struct slice before = content_of(f, f->path);
    for (uint64_t room = 0; room < 200; room += 13) {
        limit_files(before.n + room);
        struct error *err = audit_file_append(&f->arena, f->file, body_of(f, 2), false);
        limit_files(RLIM_INFINITY);
        assert_non_null(err);
        assert_true(slice_eq(content_of(f, f->path), before));
    }
    append(f, 3);
    close_file(f);
    expect_fine(f, 3);
}

/* All of a batch or nothing: a record that was refused must not be found later. */
static void test_a_batch_is_all_or_nothing(void **state)
{
    struct fixture *f = *state;
    signal(SIGXFSZ, SIG_IGN);
    open_file(f);
    struct slice before = content_of(f, f->path);
    struct slice two = arena_printf(&f->arena, "%s%s", body_of(f, 1).p, body_of(f, 2).p);
    limit_files(before.n + 400);
    assert_non_null(audit_file_append(&f->arena, f->file, two, true));
    limit_files(RLIM_INFINITY);
    assert_true(slice_eq(content_of(f, f->path), before));
    assert_ok(audit_file_append(&f->arena, f->file, two, true));
    close_file(f);
    expect_fine(f, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_chain_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_torn_at_every_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_tail_of_zeros, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_last_record_that_was_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_are_put_aside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_aside_and_nothing_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_old_files_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_processes_share_a_chain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_write_that_fails_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_batch_is_all_or_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
