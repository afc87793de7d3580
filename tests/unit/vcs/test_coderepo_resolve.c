/* Which version a query is: the cases of the go command's coderepo_test.go, and what calls cost. */
#include "../test.h"

#include "fake_repos.h"

#define VGO "github.com/rsc/vgotest1"
#define BRANCH "vcs-test.golang.org/git/semver-branch.git"
#define ODD "vcs-test.golang.org/git/odd-tags.git"
#define V2SUB "vcs-test.golang.org/git/v2sub.git"

struct query {
    const struct fake_codehost *host;
    const char *path, *root;
    const char *query;
    const char *version; /* NULL: NOT_FOUND with this text: */
    const char *reason;
};

static const struct query queries[] = {
    {&vgotest1, VGO, VGO, "v0.0.0", "v0.0.0"},
    {&vgotest1, VGO, VGO, "v0.0.0-20180219231006-80d85c5d4d17",
     "v0.0.0-20180219231006-80d85c5d4d17"},
    {&vgotest1, VGO, VGO, "v0.0.1-0.20180219231006-80d85c5d4d17", NULL,
     VGO "@v0.0.1-0.20180219231006-80d85c5d4d17: invalid pseudo-version: tag (v0.0.0) found on "
         "revision 80d85c5d4d17 is already canonical, so should not be replaced with a "
         "pseudo-version derived from that tag"},
    {&vgotest1, VGO, VGO, "v1.0.0", "v1.0.0"},
    {&vgotest1, VGO "/v2", VGO, "v2.0.0", NULL,
     VGO "/v2@v2.0.0: invalid version: missing " VGO
         "/go.mod and .../v2/go.mod at revision v2.0.0"},
    {&vgotest1, VGO, VGO, "80d85c5", "v1.0.0"},
    {&vgotest1, VGO, VGO, MYTAG, "v1.0.0"},
    {&vgotest1, VGO, VGO, "mytag", "v1.0.0"},
    {&vgotest1, VGO "/v2", VGO, "45f53230a", NULL,
     "missing " VGO "/go.mod and .../v2/go.mod at revision v2.0.0"},
    {&vgotest1, VGO "/v54321", VGO, "80d85c5", NULL,
     "missing " VGO "/go.mod and .../v54321/go.mod at revision 80d85c5d4d17"},
    {&vgotest1, VGO "/submod", VGO, "v1.0.0", NULL,
     VGO "/submod@v1.0.0: invalid version: unknown revision submod/v1.0.0"},
    {&vgotest1, VGO "/submod", VGO, "v1.0.3", NULL, "unknown revision submod/v1.0.3"},
    {&vgotest1, VGO "/submod", VGO, "v1.0.4", "v1.0.4"},
    {&vgotest1, VGO "/submod", VGO, "8afe2b2efed9", "v1.0.4"},
    {&vgotest1, VGO "/submod", VGO, "5a115c66393d", NULL,
     "missing " VGO "/submod/go.mod at revision 5a115c66393d"},
    {&vgotest1, VGO "/v2", VGO, "v2.0.1", "v2.0.1"},
    {&vgotest1, VGO "/v2", VGO, "v2.0.3", NULL,
     VGO "/v2/go.mod has non-.../v2 module path \"github.com/rsc/vgotest\" at revision v2.0.3"},
    {&vgotest1, VGO "/v2", VGO, "v2.0.4", NULL,
     VGO "/go.mod and .../v2/go.mod both have .../v2 module paths at revision v2.0.4"},
    {&vgotest1, VGO "/v2", VGO, "v2.0.5", "v2.0.5"},
    {&vgotest1, VGO "/v2", VGO, "v1.0.0", NULL,
     "missing " VGO "/go.mod and .../v2/go.mod at revision v1.0.0"},
    {&vgotest1, VGO, VGO, "v2.0.1", NULL,
     "go.mod has post-v2 module path \"" VGO "/v2\" at revision v2.0.1"},
    {&vgotest1, VGO, VGO, "nothing", NULL, "unknown revision nothing"},
    {&vgotest1, VGO, VGO, "v1.0.0+incompatible", NULL,
     VGO "@v1.0.0+incompatible: invalid version: +incompatible suffix not allowed: major version "
         "v1 is compatible"},

    {&gitrepo1, "example.com/one", "example.com/one", "master", "v1.2.4-annotated"},
    {&gitrepo1, "example.com/one", "example.com/one", "v2.0.1", "v2.0.1+incompatible"},
    {&gitrepo1, "example.com/one", "example.com/one", "v2.0.1+incompatible", "v2.0.1+incompatible"},
    {&gitrepo1, "example.com/one", "example.com/one", "v2.3", "v2.0.1+incompatible"},
    {&gitrepo1, "example.com/one", "example.com/one", "v3",
     "v1.2.4-annotated.0.20180417201652-a8205f853c29"},
    {&gitrepo1, "example.com/one", "example.com/one", "v2.3.4+incompatible", NULL,
     "resolves to version v2.0.1+incompatible (v2.3.4 is not a tag)"},
    /* A branch v2.0.0 at the tag v0.1.0, and so on. */
    {&semver_branch, BRANCH, BRANCH, "v1.0.0", NULL,
     "resolves to version v0.1.1-0.20220202191944-09c4d8f6938c (v1.0.0 is not a tag)"},
    {&semver_branch, BRANCH, BRANCH, "v2.0.0+incompatible", NULL,
     "resolves to version v0.1.0 (v2.0.0 is not a tag)"},
    {&semver_branch, BRANCH, BRANCH, "v2.0.0", NULL,
     "resolves to version v0.1.0 (v2.0.0 is not a tag)"},
    {&semver_branch, BRANCH, BRANCH, "v3.0.0-devel", NULL,
     "resolves to version v0.1.1-0.20220203155313-d59622f6e4d7 (v3.0.0-devel is not a tag)"},
    {&semver_branch, BRANCH, BRANCH, "v4.0.0-beta.1", NULL,
     BRANCH "@v4.0.0-beta.1: invalid version: module contains a go.mod file, so module path must "
            "match major version (\"" BRANCH "/v4\")"},

    {&v2sub, V2SUB, V2SUB, "80beb17a1603", "v0.0.0-20220222205507-80beb17a1603"},
    {&v2sub, V2SUB, V2SUB, "v2.0.0", NULL,
     "module contains a go.mod file, so module path must match major version (\"" V2SUB "/v2\")"},
    {&v2sub, V2SUB, V2SUB, "v2.0.1-0.20220222205507-80beb17a1603", NULL,
     "module contains a go.mod file, so module path must match major version (\"" V2SUB "/v2\")"},
    {&v2sub, V2SUB, V2SUB, "v2.0.0+incompatible", "v2.0.0+incompatible"},
    {&v2sub, V2SUB, V2SUB, "v2.0.1-0.20220222205507-80beb17a1603+incompatible",
     "v2.0.1-0.20220222205507-80beb17a1603+incompatible"},
    {&v2sub, V2SUB "/v2", V2SUB, "main", "v2.0.1-0.20220222205507-80beb17a1603"},

    {&odd_tags, ODD, ODD, "v0.1.0+build-metadata", "v0.1.1-0.20220223184835-9d863d525bbf"},
    {&odd_tags, ODD, ODD, "9d863d525bbf", "v0.1.1-0.20220223184835-9d863d525bbf"},
    {&odd_tags, ODD, ODD, "latest", "v0.1.1-0.20220223184835-9d863d525bbf"},
    {&odd_tags, ODD, ODD, "HEAD", "v0.1.1-0.20220223184835-9d863d525bbf"},
    {&odd_tags, ODD, ODD, "v2.0.0+incompatible", NULL, "unknown revision v2.0.0"},
    {&odd_tags, ODD, ODD, "12d19af20458", "v2.0.1-0.20220223184802-12d19af20458+incompatible"},
    {&odd_tags, ODD, ODD, "v3.0.0-20220223184802-12d19af20458",
     "v3.0.0-20220223184802-12d19af20458+incompatible"},

    /* Parts of pseudo-versions that do not fit the commit. */
    {&odd_tags, ODD, ODD, "v0.1.1-0.20220223184836-9d863d525bbf", NULL,
     "invalid pseudo-version: does not match version-control timestamp (expected 20220223184835)"},
    {&odd_tags, ODD, ODD, "v0.1.1-0.20220223184835-9d863d525bb", NULL,
     "revision is shorter than canonical (expected 9d863d525bbf)"},
    {&odd_tags, ODD, ODD, "v0.1.1-0.20220223184835-9d863d525bbfc", NULL,
     "revision is longer than canonical (expected 9d863d525bbf)"},
    {&odd_tags, ODD, ODD, "v0.2.1-0.20220223184835-9d863d525bbf", NULL,
     "preceding tag (v0.2.0) not found"},
    {&odd_tags, ODD, ODD, "v1.0.0-20220223184835-9d863d525bbf", NULL,
     "major version without preceding tag must be v0, not v1"},
    {&vgotest1, VGO, VGO, "v1.0.2-0.20180219231006-80d85c5d4d17", NULL,
     "revision 80d85c5d4d17 is not a descendent of preceding tag (v1.0.1)"},
    {&vgotest1, VGO, VGO, "v0.0.0-20181319231006-80d85c5d4d17", NULL, "malformed time"},

    /* gopkg.in: the major version is in the path, and the root needs no go.mod. */
    {&gitrepo1, "gopkg.in/one.v2", "gopkg.in/one.v2", "v2.0.1", "v2.0.1"},
    {&gitrepo1, "gopkg.in/one.v2", "gopkg.in/one.v2", "v2.3", "v2.0.1"},
    {&gitrepo1, "gopkg.in/one.v2", "gopkg.in/one.v2", "v1.2.3", NULL,
     "module path includes a major version suffix"},
    {&gitrepo1, "gopkg.in/one.v3", "gopkg.in/one.v3", "v2.0.1", NULL, "major version must match"},
    {&gitrepo1, "gopkg.in/one.v3", "gopkg.in/one.v3", "v2", "v3.0.0-20180417200032-9d02800338b8"},
    {&gitrepo1, "gopkg.in/one.v2-unstable", "gopkg.in/one.v2-unstable", "v2", "v2.0.2"},
};

static void check_query(const struct query *q)
{
    struct fake_module m;
    struct vcs_answer got;
    assert_ok(fake_open(&m, q->host, q->path, q->root, ""));
    struct error *err = coderepo_info(&m.repo, &m.cx, slice_of(q->query), &got);
    if (!q->version && !err)
        fail_msg("%s@%s is %.*s", q->path, q->query, SLICE_ARG(got.version));
    if (q->version && err)
        fail_msg("%s@%s: %s", q->path, q->query, error_chain(&m.arena, err).p);
    if (q->version) {
        assert_slice(got.version, q->version);
    } else {
        assert_status(err, STATUS_NOT_FOUND);
        assert_chain(err, q->reason);
    }
    fake_close(&m);
}

static void test_queries(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(queries); i++)
        check_query(&queries[i]);
}

/* Whatever call fails, the answer is that failure, or the same as without. */
static void test_trouble_is_never_an_absence(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(queries) * (FAKE_ABOVE + 1); i++) {
        const struct query *q = &queries[i / (FAKE_ABOVE + 1)];
        struct fake_module m;
        struct vcs_answer got;
        assert_ok(fake_open(&m, q->host, q->path, q->root, ""));
        m.host.fails = 1U << i % (FAKE_ABOVE + 1);
        struct error *err = coderepo_info(&m.repo, &m.cx, slice_of(q->query), &got);
        bool was_hit = m.host.calls[i % (FAKE_ABOVE + 1)];
        if (was_hit)
            assert_status(err, STATUS_CONNECT);
        else if (q->version)
            assert_ok(err);
        else
            assert_status(err, STATUS_NOT_FOUND);
        fake_close(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_trouble_is_never_an_absence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
