#include "../test.h"

#include <sched.h>

#include "base/ctx.h"
#include "base/encode.h"
#include "base/file.h"

#include <fcntl.h>
#include <unistd.h>

static void test_slice_cut_visits_every_part(void **state)
{
    struct slice rest = S("a,,b");
    assert_slice(slice_cut(&rest, ','), "a");
    assert_slice(slice_cut(&rest, ','), "");
    assert_slice(slice_cut(&rest, ','), "b");
    assert_null(rest.p);
}

static void test_parse_u64_bounds(void **state)
{
    uint64_t v;
    assert_true(slice_parse_u64(S("18446744073709551615"), &v));
    assert_true(v == UINT64_MAX);
    assert_false(slice_parse_u64(S("18446744073709551616"), &v));
    assert_false(slice_parse_u64(S(""), &v));
    assert_false(slice_parse_u64(S("-1"), &v));
    assert_false(slice_parse_u64(S("1 "), &v));
}

static void test_utf8(void **state)
{
    assert_true(slice_is_utf8(S("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80")));
    assert_false(slice_is_utf8(S("\xc0\xaf")));         /* overlong */
    assert_false(slice_is_utf8(S("\xed\xa0\x80")));     /* surrogate */
    assert_false(slice_is_utf8(S("\xf4\x90\x80\x80"))); /* beyond U+10FFFF */
    assert_false(slice_is_utf8(S("\xe2\x82")));         /* cut short */
}

static void count_release(void *arg)
{
    ++*(int *)arg;
}

static void test_arena_large_and_hooks(void **state)
{
    struct arena a = ARENA_INIT;
    int released = 0;
    arena_on_release(&a, count_release, &released);
    char *small = arena_cstr(&a, S("small"));
    memset(arena_alloc(&a, 100000), 'x', 100000);
    assert_string_equal(small, "small");
    arena_clear(&a);
    assert_int_equal(released, 1);
    assert_slice(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
    arena_release(&a);
    assert_int_equal(released, 1);
}

static void test_error_chain(void **state)
{
    struct arena a = ARENA_INIT;
    struct error *root = error_new(&a, STATUS_DNS, "no such host");
    struct error *top = error_as(&a, STATUS_UPSTREAM_DOWN, root, "fetching %s", "x");
    assert_slice(error_chain(&a, top), "fetching x: no such host");
    assert_int_equal(top->status, STATUS_UPSTREAM_DOWN);
    assert_int_equal(error_wrap(&a, root, "y")->status, STATUS_DNS);
    arena_release(&a);
}

/* design: only what is known to be absent may be 404 or 410, else go asks elsewhere. */
static void test_only_absent_is_404(void **state)
{
    for (int s = 0; s < STATUS_COUNT; s++) {
        int http = status_http((enum status)s);
        bool falls_through = http == 404 || http == 410;
        assert_int_equal(falls_through, status_class((enum status)s) == CLASS_ABSENT);
    }
}

static void test_base64url(void **state)
{
    static const char *const refused[] = {"a",    "aGk=",  "_-8=", "+/8",  "aGl",
                                          "aG k", "aGk\n", "=",    "====", "aGkA="};
    struct arena a = ARENA_INIT;
    struct slice out;
    for (size_t n = 0; n < 70; n++) {
        uint8_t bytes[70];
        random_bytes(bytes, sizeof(bytes));
        struct slice text = base64url_encode(&a, bytes, n);
        assert_int_equal(text.n, (n * 4 + 2) / 3);
        assert_true(base64url_decode(&a, text, &out));
        assert_true(slice_eq(out, slice_make((const char *)bytes, n)));
    }
    assert_slice(base64url_encode(&a, (const uint8_t *)"\xff\xef", 2), "_-8");
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        assert_false(base64url_decode(&a, slice_of(refused[i]), &out));
    arena_release(&a);
}

static void test_base64_is_canonical(void **state)
{
    struct arena a = ARENA_INIT;
    struct slice out;
    assert_true(base64_decode(&a, S("aGk="), &out));
    assert_slice(out, "hi");
    assert_false(base64_decode(&a, S("aGl="), &out)); /* stray bits */
    assert_false(base64_decode(&a, S("aGk"), &out));
    assert_false(base64_decode(&a, S(" aGk"), &out));
    assert_true(base64_decode(&a, S(""), &out));
    assert_int_equal(out.n, 0);
    arena_release(&a);
}

static void test_http_date(void **state)
{
    char text[30];
    int64_t t;
    time_http(784111777, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_true(time_http_parse(slice_of(text), &t));
    assert_int_equal(t, 784111777);
    assert_false(time_http_parse(S("Mon, 06 Nov 1994 08:49:37 GMT"), &t));
    assert_false(time_http_parse(S("yesterday"), &t));
}

/* What has no size is read to its end, and no further than allowed. */
static void test_read_pipe_and_proc(void **state)
{
    struct arena a = ARENA_INIT;
    struct slice got;
    char p[6000];
    int ends[2];
    memset(p, 'x', sizeof(p));
    for (size_t max = sizeof(p) - 1; max <= sizeof(p); max++) {
        assert_int_equal(pipe(ends), 0);
        assert_ok(fd_write_all(&a, ends[1], slice_make(p, sizeof(p))));
        close(ends[1]);
        struct error *err = file_read_fd(&a, ends[0], max, &got);
        assert_int_equal(err != NULL, max < sizeof(p));
        close(ends[0]);
    }
    assert_int_equal(got.n, sizeof(p));
    assert_int_equal(got.p[got.n], '\0');
    assert_ok(file_read(&a, "/proc/self/status", 1 << 20, &got));
    assert_true(slice_starts(got, S("Name:")));
    arena_release(&a);
}

static struct error *count_file(void *arg, struct arena *a, struct slice rel)
{
    ++*(int *)arg;
    return NULL;
}

static void test_files(void **state)
{
    struct arena a = ARENA_INIT;
    char root[] = "/tmp/modgate-base-XXXXXX";
    assert_non_null(mkdtemp(root));
    assert_ok(dir_make(&a, arena_printf(&a, "%s/a/b/c", root).p));
    const char *file = arena_printf(&a, "%s/a/b/c/f", root).p;
    struct slice got;
    assert_status(file_read(&a, file, 10, &got), STATUS_NOT_FOUND);
    assert_ok(file_write_durable(&a, file, S("one")));
    assert_ok(file_write_durable(&a, file, S("two!")));
    assert_ok(file_read(&a, file, 10, &got));
    assert_slice(got, "two!");
    assert_status(file_read(&a, file, 3, &got), STATUS_TOO_LARGE);
    struct slice mapped;
    assert_ok(file_map(&a, file, &mapped));
    assert_slice(mapped, "two!");
    assert_ok(file_write_durable(&a, file, S("")));
    assert_ok(file_map(&a, file, &mapped));
    assert_slice(mapped, "");
    int files = 0;
    assert_ok(dir_walk(&a, root, count_file, &files));
    assert_int_equal(files, 1);
    assert_ok(dir_remove(&a, root));
    assert_int_equal(access(root, F_OK), -1);
    arena_release(&a);
}

static void test_sleep_ends_early(void **state)
{
    struct arena a = ARENA_INIT;
    atomic_bool cancelled = true;
    struct ctx cx = {.arena = &a, .cancelled = &cancelled};
    int64_t started = now_ms();
    assert_status(ctx_sleep(&cx, 600000), STATUS_CANCELLED);
    cancelled = false;
    cx.deadline_ms = now_ms() + 20;
    assert_status(ctx_sleep(&cx, 600000), STATUS_TIMEOUT);
    assert_true(now_ms() - started < 300000);
    cx.deadline_ms = 0;
    started = now_ms();
    assert_ok(ctx_sleep(&cx, 5));
    assert_true(now_ms() - started >= 5);
    arena_release(&a);
}

static int open_and_take(void)
{
    FD_SCOPED kept = open("/dev/null", O_RDONLY | O_CLOEXEC);
    FD_SCOPED dropped = dup(kept);
    assert_true(dropped >= 0);
    return fd_take(&kept);
}

static void test_fd_take(void **state)
{
    int fd = open_and_take();
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    fd_cleanup(&fd);
    assert_int_equal(fd, -1);
    assert_int_equal(fd_take(&fd), -1);
}

static void test_usable_cores_follow_the_affinity(void **state)
{
    cpu_set_t all, one;
    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    assert_int_equal(usable_cores(), CPU_COUNT(&all));
    CPU_ZERO(&one);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++) {
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    }
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(usable_cores(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sleep_ends_early),
        cmocka_unit_test(test_slice_cut_visits_every_part),
        cmocka_unit_test(test_parse_u64_bounds),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_usable_cores_follow_the_affinity),
        cmocka_unit_test(test_arena_large_and_hooks),
        cmocka_unit_test(test_error_chain),
        cmocka_unit_test(test_only_absent_is_404),
        cmocka_unit_test(test_base64_is_canonical),
        cmocka_unit_test(test_base64url),
        cmocka_unit_test(test_http_date),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_read_pipe_and_proc),
        cmocka_unit_test(test_fd_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
