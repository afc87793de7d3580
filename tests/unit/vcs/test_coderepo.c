#include "../test.h"

#include "fake_repos.h"

static void check_init(const char *path, const char *root, const char *subdir, const char *dir,
                       const char *major)
{
    struct fake_module m;
    assert_ok(fake_open(&m, &vgotest1, path, root, subdir));
    assert_slice(m.repo.dir, dir);
    assert_slice(m.repo.path_major, major);
    fake_close(&m);
}

static void test_where_a_module_is(void **state)
{
    check_init("example.com/m", "example.com/m", "", "", "");
    check_init("example.com/m/v2", "example.com/m", "", "", "/v2");
    check_init("example.com/m/v2", "example.com/m/v2", "", "", "/v2");
    check_init("example.com/m/sub/dir/v3", "example.com/m", "", "sub/dir", "/v3");
    check_init("gopkg.in/yaml.v2", "gopkg.in/yaml.v2", "", "", ".v2");
    check_init("gopkg.in/a.v2-unstable", "gopkg.in/a.v2-unstable", "", "", ".v2-unstable");
    check_init("example.com/m", "example.com/m", "foo/subdir", "foo/subdir", "");
    check_init("example.com/m/v2", "example.com/m", "bar/", "bar", "/v2");
    check_init("example.com/m/x", "example.com/m", "./bar//baz", "x/bar/baz", "");
}

static void check_init_fails(const char *path, const char *root, const char *subdir,
                             enum status status, const char *text)
{
    struct fake_module m;
    struct error *err = fake_open(&m, &vgotest1, path, root, subdir);
    assert_status(err, status);
    assert_chain(err, text);
    fake_close(&m);
}

static void test_what_no_repository_can_hold(void **state)
{
    check_init_fails("example.com/m", "example.com/other", "", STATUS_NOT_FOUND, "mismatched repo");
    check_init_fails("example.com/mm", "example.com/m", "", STATUS_NOT_FOUND, "mismatched repo");
    check_init_fails("example.com/m/v2", "example.com/m/v", "", STATUS_NOT_FOUND, "mismatched");
    check_init_fails("gopkg.in/yaml.v2/abc", "gopkg.in/yaml.v2", "", STATUS_BAD_PATH,
                     "gopkg.in/yaml.v2/abc");
    check_init_fails("example.com/m", "example.com/m", "../x", STATUS_NOT_FOUND, "../x");
    check_init_fails("example.com/m", "example.com/m", "/x", STATUS_NOT_FOUND, "subdirectory /x");
    check_init_fails("example.com/m", "example.com/m", "-x", STATUS_NOT_FOUND, "subdirectory -x");
}

static void check_list(const struct fake_codehost *host, const char *path, const char *root,
                       const char *expected)
{
    struct fake_module m;
    struct vcs_answer got;
    assert_ok(fake_open(&m, host, path, root, ""));
    assert_ok(coderepo_list(&m.repo, &m.cx, &got));
    assert_slice(got.body, expected);
    assert_slice(got.source, "https://h/r");
    fake_close(&m);
}

static void test_list(void **state)
{
    const char *vgo = "github.com/rsc/vgotest1";
    check_list(&vgotest1, vgo, vgo, "v0.0.0\nv0.0.1\nv1.0.0\nv1.0.1\nv1.0.3\n");
    check_list(&vgotest1, "github.com/rsc/vgotest1/v2", vgo,
               "v2.0.0\nv2.0.1\nv2.0.3\nv2.0.4\nv2.0.5\n");
    check_list(&vgotest1, "github.com/rsc/vgotest1/submod", vgo, "v1.0.4\n");
    check_list(&vgotest1, "github.com/rsc/vgotest1/none", vgo, "");
    check_list(&odd_tags, "vcs-test.golang.org/git/odd-tags.git",
               "vcs-test.golang.org/git/odd-tags.git", "");
    check_list(&gitrepo1, "example.com/one", "example.com/one",
               "v1.2.3\nv1.2.4-annotated\nv2.0.1+incompatible\nv2.0.2+incompatible\n");
    check_list(&semver_branch, "example.com/b", "example.com/b", "v0.1.0\n");
    check_list(&gitrepo1, "gopkg.in/one.v2", "gopkg.in/one.v2", "v2.0.1\nv2.0.2\n");
    check_list(&gitrepo1, "gopkg.in/one.v2-unstable", "gopkg.in/one.v2-unstable", "");
}

static void test_list_tells_the_tags(void **state)
{
    struct fake_module m;
    struct vcs_answer got;
    assert_ok(fake_open(&m, &gitrepo1, "example.com/one", "example.com/one", ""));
    assert_ok(coderepo_list(&m.repo, &m.cx, &got));
    assert_int_equal(got.tag_count, 4);
    assert_slice(got.tags[3].name, "v2.0.2");
    assert_slice(got.tags[3].hash, "9d02800338b8a55be062c838d1f02e0c5780b9eb");
    fake_close(&m);
    assert_ok(
        fake_open(&m, &vgotest1, "github.com/rsc/vgotest1/submod", "github.com/rsc/vgotest1", ""));
    assert_ok(coderepo_list(&m.repo, &m.cx, &got));
    assert_slice(got.tags[0].name, "submod/v1.0.4");
    assert_slice(got.tags[0].hash, "8afe2b2efed96e0880ecd2a69b98a53b8c2738b6");
    assert_int_equal(fake_calls(&m), 1);
    fake_close(&m);
}

/* golang.org/issue/24476 */
static void test_list_without_what_is_not_canonical(void **state)
{
    static const struct fake_ref refs[] = {{"refs/tags/", MYTAG},
                                           {"refs/tags/1.0.1", MYTAG},
                                           {"refs/tags/huh?", MYTAG},
                                           {"refs/tags/v0.1", MYTAG},
                                           {"refs/tags/v1", MYTAG},
                                           {"refs/tags/v1.0.1", MYTAG},
                                           {"refs/tags/v1.0.2+meta", MYTAG},
                                           {"refs/tags/v1.\xf0\x9f\x90\x95.x", MYTAG},
                                           NO_REF};
    const struct fake_codehost host = {.commits = vgo_commits, .refs = refs};
    check_list(&host, "golang.org/x/issue24476", "golang.org/x/issue24476", "v1.0.1\n");
}

/* A major version counts as +incompatible as its newest version does. */
static void test_list_judges_each_major(void **state)
{
    static const struct fake_ref refs[] = {
        {"refs/tags/v2.0.0", MYTAG},
        {"refs/tags/v2.1.0", "ea65f87c8f52c15ea68f3bdd9925ef17e20d91e9"},
        {"refs/tags/v3.0.0", "ea65f87c8f52c15ea68f3bdd9925ef17e20d91e9"},
        {"refs/tags/v3.1.0", MYTAG},
        NO_REF};
    const struct fake_codehost host = {.commits = vgo_commits, .refs = refs};
    check_list(&host, "example.com/m", "example.com/m",
               "v3.0.0+incompatible\nv3.1.0+incompatible\n");
}

/* Once the newest compatible version has a go.mod, older ways are over. */
static void test_list_after_a_go_mod(void **state)
{
    static const struct fake_ref refs[] = {
        {"refs/tags/v0.9.0", MYTAG},
        {"refs/tags/v1.0.0", "5a115c66393dd8c4a5cc3215653850d7f5640d0e"},
        {"refs/tags/v2.0.0", MYTAG},
        NO_REF};
    const struct fake_codehost host = {.commits = vgo_commits, .refs = refs};
    check_list(&host, "example.com/m", "example.com/m", "v0.9.0\nv1.0.0\n");
}

static void test_list_is_never_empty_for_trouble(void **state)
{
    for (unsigned op = FAKE_TAGS; op <= FAKE_READ; op++) {
        struct fake_module m;
        struct vcs_answer got;
        assert_ok(fake_open(&m, &gitrepo1, "example.com/one", "example.com/one", ""));
        m.host.fails = 1U << op;
        if (op != FAKE_LATEST)
            assert_status(coderepo_list(&m.repo, &m.cx, &got), STATUS_CONNECT);
        fake_close(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_a_module_is),
        cmocka_unit_test(test_what_no_repository_can_hold),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_list_tells_the_tags),
        cmocka_unit_test(test_list_without_what_is_not_canonical),
        cmocka_unit_test(test_list_judges_each_major),
        cmocka_unit_test(test_list_after_a_go_mod),
        cmocka_unit_test(test_list_is_never_empty_for_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
