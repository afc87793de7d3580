#include "../test.h"

#include "base/file.h"
#include "fetch/fetch.h"

#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/fetch_tree_XXXXXX";

static const char *path_of(struct arena *a, const char *name)
{
    return arena_printf(a, "%s/%s", dir, name).p;
}

static struct fetcher *fetcher_of(struct arena *a, const char *list)
{
    struct fetcher *f;
    struct fetch_route route = {"*", list};
    struct fetch_options o = {.routes = &route, .route_count = 1, .netrc_file = "/dev/null"};
    assert_ok(fetcher_new(a, &o, &f));
    return f;
}

static void test_files(void **state)
{
    struct arena a = ARENA_INIT;
    struct ctx cx = {.arena = &a};
    struct fetch_answer out;
    struct fetcher *f = fetcher_of(&a, arena_printf(&a, "file://%s/t1,file://%s/t2", dir, dir).p);
    assert_ok(fetch_small(f, &cx, S("m/@v/list"), 100, &out));
    assert_slice(out.body, "v1.0.0\n");
    assert_slice(out.upstream, arena_printf(&a, "file://%s/t2", dir).p);
    assert_status(fetch_small(f, &cx, S("m/@v/list"), 6, &out), STATUS_TOO_LARGE);
    assert_status(fetch_small(f, &cx, S("m/@v"), 100, &out), STATUS_NOT_FOUND);
    assert_status(fetch_small(f, &cx, S("m/@latest"), 100, &out), STATUS_NOT_FOUND);
    assert_status(fetch_small(f, &cx, S("m/@v/list/x"), 100, &out), STATUS_NOT_FOUND);
    assert_ok(fetch_file(f, &cx, S("m/@v/list"), path_of(&a, "copy"), 100, &out));
    struct slice copy;
    assert_ok(file_read(&a, path_of(&a, "copy"), 100, &copy));
    assert_slice(copy, "v1.0.0\n");
    assert_status(fetch_file(f, &cx, S("m/@v/no"), path_of(&a, "none"), 100, &out),
                  STATUS_NOT_FOUND);
    assert_int_equal(access(path_of(&a, "none"), F_OK), -1);
    fetcher_free(f);
    arena_release(&a);
}

/* Which list is asked follows from the module path, in the form that it has outside of URLs. */
static void test_routes(void **state)
{
    struct arena a = ARENA_INIT;
    struct ctx cx = {.arena = &a};
    struct fetch_answer out;
    struct fetcher *f;
    const char *t2 = arena_printf(&a, "file://%s/t2", dir).p;
    const struct fetch_route some[] = {{"other,M", "off"}, {"m/x", "direct"}, {"m,n", t2}};
    struct fetch_options o = {
        .routes = some, .route_count = ARRAY_LEN(some), .netrc_file = "/dev/null"};
    assert_ok(fetcher_new(&a, &o, &f));
    assert_ok(fetch_small(f, &cx, S("m/@v/list"), 100, &out));
    assert_slice(out.upstream, t2);
    assert_status(fetch_small(f, &cx, S("n/@v/list"), 100, &out), STATUS_NOT_FOUND);
    static const char *const nowhere[] = {"other/deep/@v/list", "m/x/@v/list", "!m/@latest",
                                          "unknown/@v/list"};
    for (size_t i = 0; i < ARRAY_LEN(nowhere); i++)
        assert_status(fetch_small(f, &cx, slice_of(nowhere[i]), 100, &out), STATUS_UPSTREAM_OFF);
    fetcher_free(f);
    arena_release(&a);
}

static void test_no_way_out(void **state)
{
    static const char *const rows[] = {"",
                                       "..",
                                       "../t2/m/@v/list",
                                       "m/../../t2/m/@v/list",
                                       "/etc/passwd",
                                       "m//@v/list",
                                       "m/./@v/list",
                                       "m/@v/list\n",
                                       "m/"};
    struct arena a = ARENA_INIT;
    struct ctx cx = {.arena = &a};
    struct fetch_answer out;
    struct fetcher *f = fetcher_of(&a, arena_printf(&a, "file://%s/t2", dir).p);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_status(fetch_small(f, &cx, slice_of(rows[i]), 100, &out), STATUS_BAD_REQUEST);
    fetcher_free(f);
    arena_release(&a);
}

static void test_ends_of_the_list(void **state)
{
    struct arena a = ARENA_INIT;
    struct ctx cx = {.arena = &a};
    struct fetch_answer out;
    static const struct {
        const char *tail;
        enum status status;
        bool reached_direct;
    } rows[] = {{",off", STATUS_NOT_FOUND, false},
                {",direct", STATUS_UPSTREAM_OFF, true},
                {"|off", STATUS_NOT_FOUND, false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fetcher *f = fetcher_of(&a, arena_printf(&a, "file://%s/t1%s", dir, rows[i].tail).p);
        assert_status(fetch_small(f, &cx, S("m/@v/list"), 100, &out), rows[i].status);
        assert_int_equal(out.reached_direct, rows[i].reached_direct);
        assert_false(fetcher_is_direct(f, S("m")));
        fetcher_free(f);
    }
    struct fetcher *off = fetcher_of(&a, "off"), *direct = fetcher_of(&a, "direct");
    assert_status(fetch_small(off, &cx, S("m/@v/list"), 100, &out), STATUS_UPSTREAM_OFF);
    assert_false(out.reached_direct);
    assert_status(fetch_small(direct, &cx, S("m/@v/list"), 100, &out), STATUS_UPSTREAM_OFF);
    assert_true(out.reached_direct && fetcher_is_direct(direct, S("m")));
    fetcher_free(off);
    fetcher_free(direct);
    arena_release(&a);
}

static void test_cancelled(void **state)
{
    struct arena a = ARENA_INIT;
    atomic_bool cancelled = true;
    struct ctx cx = {.arena = &a, .cancelled = &cancelled};
    struct fetch_answer out;
    struct fetcher *f = fetcher_of(&a, arena_printf(&a, "file://%s/t2|file://%s/t2", dir, dir).p);
    assert_status(fetch_small(f, &cx, S("m/@v/list"), 100, &out), STATUS_CANCELLED);
    fetcher_free(f);
    arena_release(&a);
}

static int make_dir(void **state)
{
    struct arena a = ARENA_INIT;
    bool ok = mkdtemp(dir) && !dir_make(&a, path_of(&a, "t1/m/@v")) &&
              !dir_make(&a, path_of(&a, "t2/m/@v")) &&
              !file_write_durable(&a, path_of(&a, "t2/m/@v/list"), S("v1.0.0\n"));
    arena_release(&a);
    return ok ? 0 : -1;
}

static int remove_dir(void **state)
{
    struct arena a = ARENA_INIT;
    struct error *err = dir_remove(&a, dir);
    arena_release(&a);
    return err ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),      cmocka_unit_test(test_routes),
        cmocka_unit_test(test_no_way_out), cmocka_unit_test(test_ends_of_the_list),
        cmocka_unit_test(test_cancelled),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
