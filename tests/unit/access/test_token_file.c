#include "../test.h"

#include "access/token_file.h"
#include "base/file.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
    struct arena arena;
    char dir[64];
};

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    snprintf(f->dir, sizeof(f->dir), "/tmp/modgate-tokens-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    assert_ok(dir_remove(&f->arena, f->dir));
    arena_release(&f->arena);
    free(f);
    return 0;
}

static struct error *add_one(void *arg, struct arena *a, struct tokens *t)
{
    struct token *rows = ARENA_ARRAY(a, struct token, t->count + 1);
    if (t->count)
        memcpy(rows, t->rows, t->count * sizeof(*rows));
    rows[t->count].name = slice_of(arg);
    token_make(a, &rows[t->count]);
    *t = (struct tokens){rows, t->count + 1};
    return NULL;
}

static struct error *refuse(void *arg, struct arena *a, struct tokens *t)
{
    t->count = 0;
    return error_new(a, STATUS_NOT_FOUND, "no");
}

static size_t count_of(struct fixture *f)
{
    struct tokens t;
    assert_ok(token_file_read(&f->arena, f->dir, &t, NULL));
    return t.count;
}

static void test_changes_are_kept_and_nobody_else_reads(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    struct tokens t;
    assert_int_equal(count_of(f), 0);
    assert_ok(token_file_change(&f->arena, f->dir, add_one, "one"));
    assert_ok(token_file_change(&f->arena, f->dir, add_one, "two"));
    assert_int_equal(count_of(f), 2);
    assert_status(token_file_change(&f->arena, f->dir, refuse, NULL), STATUS_NOT_FOUND);
    assert_int_equal(count_of(f), 2);
    assert_ok(token_file_read(&f->arena, f->dir, &t, &st));
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void write_text(struct fixture *f, const char *text, mode_t mode)
{
    const char *path = token_file_path(&f->arena, f->dir);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_ok(fd_write_all(&f->arena, fd, slice_of(text)));
    close(fd);
}

static void test_a_bad_file_is_neither_used_nor_overwritten(void **state)
{
    struct fixture *f = *state;
    struct tokens t;
    assert_ok(token_file_change(&f->arena, f->dir, add_one, "one"));
    write_text(f, "{\"version\":1,\"tokens\":[", 0600);
    assert_status(token_file_read(&f->arena, f->dir, &t, NULL), STATUS_CORRUPT);
    assert_status(token_file_change(&f->arena, f->dir, add_one, "two"), STATUS_CORRUPT);
    write_text(f, "{\"version\":1,\"tokens\":[]}", 0644);
    assert_status(token_file_read(&f->arena, f->dir, &t, NULL), STATUS_CORRUPT);
    write_text(f, "{\"version\":1,\"tokens\":[]}", 0600);
    assert_int_equal(count_of(f), 0);
}

/* What a process that was killed while it wrote leaves is in nobody's way. */
static void test_what_a_crash_leaves_is_overwritten(void **state)
{
    struct fixture *f = *state;
    assert_ok(token_file_change(&f->arena, f->dir, add_one, "one"));
    const char *left = arena_printf(&f->arena, "%s.new", token_file_path(&f->arena, f->dir)).p;
    int fd = open(left, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_ok(fd_write_all(&f->arena, fd, S("{\"vers")));
    close(fd);
    assert_ok(token_file_change(&f->arena, f->dir, add_one, "two"));
    assert_int_equal(count_of(f), 2);
    assert_int_equal(access(left, F_OK), -1);
}

static void *add_many(void *arg)
{
    struct fixture *f = arg;
    struct arena a = ARENA_INIT;
    for (int i = 0; i < 10; i++)
        assert_ok(token_file_change(&a, f->dir, add_one, "many"));
    arena_release(&a);
    return NULL;
}

static void test_changes_at_once_are_all_kept(void **state)
{
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, *state), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(count_of(*state), 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_changes_are_kept_and_nobody_else_reads, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_bad_file_is_neither_used_nor_overwritten, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_what_a_crash_leaves_is_overwritten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_changes_at_once_are_all_kept, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
