/* The table of mounts: routes, what a reload keeps and what it ends. */
#include "../test.h"

#include "base/file.h"
#include "repo/mounts.h"

#include <stdlib.h>

struct fixture {
    struct arena arena;
    char dir[64];
    struct store *root;
    struct lane *lane;
    struct mounts *mounts;
};

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    snprintf(f->dir, sizeof(f->dir), "/tmp/test-mounts-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    assert_ok(store_open(&f->arena, &(struct store_options){.dir = f->dir}, &f->root));
    f->lane = lane_new(&(struct lane_options){.name = "test", .max_threads = 1, .max_queued = 10});
    f->mounts = mounts_new(&(struct mounts_options){f->root, f->lane, f->lane, f->lane});
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    mounts_cancel(f->mounts);
    lane_close(f->lane);
    mounts_free(f->mounts);
    store_close(f->root);
    assert_ok(dir_remove(&f->arena, f->dir));
    arena_release(&f->arena);
    free(f);
    return 0;
}

static struct mount_spec spec(struct fixture *f, const char *name, const char *mount,
                              const char *owns)
{
    return (struct mount_spec){
        .name = name,
        .mount = mount,
        .kind = owns[0] ? REPO_HOSTED : REPO_PROXY,
        .dir = arena_printf(&f->arena, "%s/repositories/%s", f->dir, name).p,
        .sources = {.private_patterns = owns, .refused_patterns = "", .sumdb = "off"},
    };
}

static struct mount_spec group(const char *name, const char *mount, const char *members)
{
    return (struct mount_spec){.name = name, .mount = mount, .members = members};
}

static void test_routes(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *path, *name, *rest;
    } rows[] = {
        {"/", "all", "/"},
        {"/go.example/x/@v/list", "all", "/go.example/x/@v/list"},
        {"/go/go.example/x/@v/list", "a", "/go.example/x/@v/list"},
        {"/go", "a", "/"},
        {"/go/", "a", "/"},
        {"/go/private", "b", "/"},
        {"/go/private/x.example/@latest", "b", "/x.example/@latest"},
        {"/go/privates/@latest", "a", "/privates/@latest"},
        {"/gopher/x/@v/list", "all", "/gopher/x/@v/list"},
        {"/sumdb/x.example/supported", "all", "/sumdb/x.example/supported"},
        {"/every/sumdb/x.example/supported", "all", "/sumdb/x.example/supported"},
        {"/go.d/x/@latest", "all", "/go.d/x/@latest"},
        {"/%67o/x.example/@latest", "all", "/%67o/x.example/@latest"},
    };
    const struct mount_spec specs[] = {spec(f, "a", "go", ""),
                                       spec(f, "b", "go/private", "x.example"),
                                       group("all", "every", "b, a")};
    assert_ok(mounts_set(&f->arena, f->mounts, specs, 3, 2));
    struct mount_table *t = mounts_take(f->mounts);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct slice rest;
        const struct mount *m = mount_route(t, slice_of(rows[i].path), &rest);
        assert_slice(mount_name(m), rows[i].name);
        assert_slice(rest, rows[i].rest);
    }
    assert_ptr_equal(mount_find(t, S("")), mount_find(t, S("all")));
    assert_null(mount_find(t, S("nobody")));
    mount_table_drop(t);
}

static void test_one_without_a_name(void **state)
{
    struct fixture *f = *state;
    struct mount_spec plain = spec(f, "", "", "");
    struct slice rest;
    plain.dir = NULL;
    assert_ok(mounts_set(&f->arena, f->mounts, &plain, 1, 0));
    struct mount_table *t = mounts_take(f->mounts);
    const struct mount *m = mount_route(t, S("/go/x.example/@latest"), &rest);
    assert_slice(mount_name(m), "");
    assert_slice(rest, "/go/x.example/@latest");
    struct repository r;
    assert_true(repository_at(t, 0, &r) && r.store == f->root);
    assert_false(repository_at(t, 1, &r));
    mount_table_drop(t);
}

static void test_reload_keeps_and_ends(void **state)
{
    struct fixture *f = *state;
    struct repository before, after;
    const struct mount_spec first[] = {spec(f, "a", "a", ""), spec(f, "b", "b", "")};
    const struct mount_spec second[] = {spec(f, "b", "elsewhere", "")};
    assert_ok(mounts_set(&f->arena, f->mounts, first, 2, 0));
    assert_false(mounts_reap(f->mounts));
    struct mount_table *old = mounts_take(f->mounts);
    assert_true(repository_at(old, 1, &before));
    assert_ok(mounts_set(&f->arena, f->mounts, second, 1, 0));
    struct mount_table *now = mounts_take(f->mounts);
    assert_true(repository_at(now, 0, &after));
    assert_ptr_equal(before.repo, after.repo);
    assert_true(mounts_reap(f->mounts)); /* somebody has the old table still */
    assert_true(repository_at(old, 0, &before));
    mount_table_drop(old);
    while (mounts_reap(f->mounts)) /* a look for unverified versions may be under way */
        assert_ok(ctx_sleep(&(struct ctx){.arena = &f->arena}, 1));
    mount_table_drop(now);
}

static void test_a_mistake_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct repository r;
    struct mount_spec specs[] = {spec(f, "a", "a", ""), spec(f, "b", "b", "")};
    assert_ok(mounts_set(&f->arena, f->mounts, specs, 1, 0));
    specs[1].sources.sumdb = "a database without a key";
    assert_status(mounts_set(&f->arena, f->mounts, specs, 2, 0), STATUS_BAD_CONFIG);
    struct mount_table *t = mounts_take(f->mounts);
    assert_true(repository_at(t, 0, &r));
    assert_false(repository_at(t, 1, &r));
    mount_table_drop(t);
    assert_false(mounts_reap(f->mounts));
}

static void test_who_served_first(void **state)
{
    struct fixture *f = *state;
    struct arena *a = &f->arena;
    struct slice source;
    struct module_version mv = {S("x.example/Lib"), S("v1.0.0")}, other = {mv.path, S("v1.1.0")};
    assert_ok(store_served_get(f->root, a, S("all"), mv, &source));
    assert_slice(source, "");
    assert_ok(store_served_put(f->root, a, S("all"), mv, S("b"), false));
    assert_ok(store_served_put(f->root, a, S("all"), mv, S("a"), false));
    assert_ok(store_served_get(f->root, a, S("all"), mv, &source));
    assert_slice(source, "b");
    assert_ok(store_served_get(f->root, a, S("every"), mv, &source));
    assert_slice(source, "");
    assert_ok(store_served_get(f->root, a, S("all"), other, &source));
    assert_slice(source, "");
    assert_ok(store_served_put(f->root, a, S("all"), mv, S("c"), true));
    assert_ok(store_served_get(f->root, a, S("all"), mv, &source));
    assert_slice(source, "c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_routes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_without_a_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reload_keeps_and_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_mistake_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_served_first, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
