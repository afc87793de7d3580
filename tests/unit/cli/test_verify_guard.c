#include "../test.h"

#include "base/file.h"
#include "cli/verify.h"

#include <unistd.h>

static void read_all(void *arg)
{
    struct slice *s = arg;
    volatile char sum = 0;
    for (size_t i = 0; i < s->n; i++)
        sum = (char)(sum + s->p[i]);
}

static void test_cut_file_is_survived_twice(void **state)
{
#ifdef __SANITIZE_THREAD__
    skip(); /* it does not know that a handler may be left by siglongjmp() */
#endif
    struct arena a = ARENA_INIT;
    char path[] = "/tmp/modgate-guard-XXXXXX";
    struct slice bytes;
    int fd = mkstemp(path);
    assert_int_equal(ftruncate(fd, 100000), 0);
    assert_ok(file_map(&a, path, &bytes));
    assert_true(verify_guarded(read_all, &bytes));
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_false(verify_guarded(read_all, &bytes));
    assert_false(verify_guarded(read_all, &bytes));
    close(fd);
    unlink(path);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cut_file_is_survived_twice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
