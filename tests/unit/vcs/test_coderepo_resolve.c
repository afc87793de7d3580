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

    /* A tag like a pseudo-version is none, and no base of one. */
    {&odd_tags, ODD "/v3", ODD, "cce3d0f5d2ec", "v3.0.0-20220223194155-cce3d0f5d2ec"},

    /* A go-import for the whole path: v2 is in the root, and no directory counts. */
    {&vgotest1, VGO "/v2", VGO "/v2", "v2.0.4", "v2.0.4"},
    {&vgotest1, VGO "/v2", VGO "/v2", "v2.0.5", NULL,
     "go.mod has non-.../v2 module path \"" VGO "\" at revision v2.0.5"},

    /* Equal but for the build metadata, of which there is no tag. */
    {&vgotest1, VGO, VGO, "v1.0.1+meta", "v1.0.1"},
    {&vgotest1, VGO, VGO, "v1.0.2+meta", NULL, "unknown revision v1.0.2+meta"},

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

/* What a question may cost: calls of stat, read_files, tags, and of the two dear ones. */
static void check_cost(const struct fake_codehost *host, const char *path, const char *root,
                       const char *query, const char *expected)
{
    struct fake_module m;
    struct vcs_answer got;
    assert_ok(fake_open(&m, host, path, root, ""));
    assert_ok(coderepo_info(&m.repo, &m.cx, slice_of(query), &got));
    const unsigned *n = m.host.calls;
    struct slice cost =
        arena_printf(&m.arena, "stat %u read %u tags %u recent %u above %u", n[FAKE_STAT],
                     n[FAKE_READ], n[FAKE_TAGS], n[FAKE_RECENT], n[FAKE_ABOVE]);
    if (!slice_eq(cost, slice_of(expected)))
        fail_msg("%s@%s costs %s, not %s", path, query, cost.p, expected);
    fake_close(&m);
}

static void test_costs(void **state)
{
    const char *least = "stat 1 read 1 tags 0 recent 0 above 0";
    check_cost(&vgotest1, VGO, VGO, "v1.0.0", least);
    check_cost(&vgotest1, VGO "/v2", VGO, "v2.0.5", least);
    check_cost(&vgotest1, VGO "/submod", VGO, "v1.0.4", least);
    check_cost(&gitrepo1, "example.com/one", "example.com/one", "v2.0.1", least);
    check_cost(&vgotest1, VGO, VGO, "v0.0.0-20180219231006-80d85c5d4d17", least);
    check_cost(&v2sub, V2SUB, V2SUB, "v2.0.1-0.20220222205507-80beb17a1603+incompatible",
               "stat 1 read 1 tags 1 recent 0 above 1");
    /* No tag can be a base: nobody asks which ones lie below. */
    check_cost(&v2sub, V2SUB, V2SUB, "80beb17a1603", "stat 1 read 2 tags 2 recent 0 above 0");
    /* A tag can: then what is retracted counts, too. */
    check_cost(&vgotest1, VGO, VGO, "80d85c5", "stat 2 read 2 tags 1 recent 0 above 0");
}

static void check_mod(const struct fake_codehost *host, const char *path, const char *version,
                      const char *body)
{
    struct fake_module m;
    struct vcs_answer got;
    assert_ok(fake_open(&m, host, path, path, ""));
    assert_ok(coderepo_mod(&m.repo, &m.cx, slice_of(version), S(""), &got));
    assert_slice(got.body, body);
    assert_slice(got.version, version);
    assert_int_equal(got.commit.n, 40);
    assert_true(fake_calls(&m) <= 2);
    fake_close(&m);
}

static void test_mod(void **state)
{
    check_mod(&vgotest1, VGO, "v1.0.1", "module \"github.com/rsc/vgotest1\" // root go.mod\n");
    check_mod(&vgotest1, VGO, "v1.0.0", "module github.com/rsc/vgotest1\n");
    check_mod(&gitrepo1, "gopkg.in/one.v2", "v2.0.1", "module gopkg.in/one.v2\n");
    check_mod(&vgotest1, VGO, "v0.0.0-20180219231006-80d85c5d4d17",
              "module github.com/rsc/vgotest1\n");
    check_mod(&v2sub, V2SUB, "v2.0.0+incompatible", "module " V2SUB "\n");
}

static void check_no_mod(const struct fake_codehost *host, const char *path, const char *version,
                         const char *commit, enum status status, const char *reason)
{
    struct fake_module m;
    struct vcs_answer got;
    assert_ok(fake_open(&m, host, path, path, ""));
    struct error *err = coderepo_mod(&m.repo, &m.cx, slice_of(version), slice_of(commit), &got);
    assert_status(err, status);
    assert_chain(err, reason);
    fake_close(&m);
}

static void test_no_mod(void **state)
{
    check_no_mod(&vgotest1, VGO, "v1.0", "", STATUS_NOT_FOUND, "version \"v1.0\" is not canonical");
    check_no_mod(&vgotest1, VGO, "master", "", STATUS_NOT_FOUND, "is not canonical");
    check_no_mod(&vgotest1, VGO, "", "", STATUS_NOT_FOUND, "is not canonical");
    check_no_mod(&vgotest1, VGO, "v1.0.9", "", STATUS_NOT_FOUND, "unknown revision v1.0.9");
    check_no_mod(&vgotest1, VGO, "v2.0.1", "", STATUS_NOT_FOUND, "post-v2 module path");
    check_no_mod(&vgotest1, VGO, "v0.0.0-20180219231007-80d85c5d4d17", "", STATUS_NOT_FOUND,
                 "does not match version-control timestamp");
    check_no_mod(&semver_branch, BRANCH, "v1.0.0", "", STATUS_NOT_FOUND, "v1.0.0 is not a tag");
    check_no_mod(&vgotest1, VGO, "v1.0.0", "ffffffffffffffffffffffffffffffffffffffff",
                 STATUS_MISMATCH, "the repository does not have any more");
}

/* A version's go.mod is of the commit that its .info named, though the tag has moved. */
static void test_mod_of_a_commit(void **state)
{
    struct fake_module m;
    struct vcs_answer got;
    assert_ok(fake_open(&m, &vgotest1, VGO, VGO, ""));
    assert_ok(coderepo_mod(&m.repo, &m.cx, S("v1.0.0"),
                           S("5a115c66393dd8c4a5cc3215653850d7f5640d0e"), &got));
    assert_slice(got.body, "module \"github.com/rsc/vgotest1\" // root go.mod\n");
    assert_slice(got.commit, "5a115c66393dd8c4a5cc3215653850d7f5640d0e");
    fake_close(&m);
}

static void check_body(const struct fake_codehost *host, const char *path, const char *query,
                       const char *body)
{
    struct fake_module m;
    struct vcs_answer got;
    assert_ok(fake_open(&m, host, path, path, ""));
    assert_ok(coderepo_info(&m.repo, &m.cx, slice_of(query), &got));
    assert_slice(got.body, body);
    assert_slice(got.source, "https://h/r");
    fake_close(&m);
}

#define ORIGIN "\"Origin\":{\"VCS\":\"git\",\"URL\":\"https://h/r\","

/* A version's own .info holds what stays true, the answer to a query what it depended on. */
static void test_origin(void **state)
{
    check_body(&vgotest1, VGO, "v1.0.0",
               "{\"Version\":\"v1.0.0\",\"Time\":\"2018-02-19T23:10:06Z\"," ORIGIN
               "\"Hash\":\"" MYTAG "\",\"Ref\":\"refs/tags/v1.0.0\"}}");
    check_body(&vgotest1, VGO, "mytag",
               "{\"Version\":\"v1.0.0\",\"Time\":\"2018-02-19T23:10:06Z\"," ORIGIN
               "\"Hash\":\"" MYTAG "\",\"Ref\":\"refs/tags/mytag\"}}");
    check_body(&odd_tags, ODD, "main",
               "{\"Version\":\"v0.1.1-0.20220223184835-9d863d525bbf\","
               "\"Time\":\"2022-02-23T18:48:35Z\"," ORIGIN
               "\"Hash\":\"9d863d525bbfcc8eda09364738c4032393711a56\",\"TagSum\":\"t1:3\","
               "\"Ref\":\"refs/heads/main\"}}");
    check_body(&odd_tags, ODD, "v0.1.1-0.20220223184835-9d863d525bbf",
               "{\"Version\":\"v0.1.1-0.20220223184835-9d863d525bbf\","
               "\"Time\":\"2022-02-23T18:48:35Z\"," ORIGIN
               "\"Hash\":\"9d863d525bbfcc8eda09364738c4032393711a56\"}}");
    check_body(&gitrepo1, "gopkg.in/one.v3", "v2",
               "{\"Version\":\"v3.0.0-20180417200032-9d02800338b8\","
               "\"Time\":\"2018-04-17T20:00:32Z\"," ORIGIN
               "\"Hash\":\"9d02800338b8a55be062c838d1f02e0c5780b9eb\",\"TagPrefix\":\"v3.\","
               "\"TagSum\":\"t1:0\",\"Ref\":\"refs/heads/v2\"}}");
}

/* A repository where each version is a commit on top of the one before. */
static const struct fake_file retracting[] = {
    {"go.mod", "module example.com/m\nretract v1.1.0\nretract [v1.2.0-a, v1.2.0-z]\n"}, NO_FILE};
static const struct fake_file retracting_all[] = {
    {"go.mod", "module example.com/m\nretract [v0.0.0-0, v1.99.0]\n"}, NO_FILE};
static const struct fake_file retracting_tags[] = {
    {"go.mod", "module example.com/m\nretract [v0.0.0, v1.99.0]\n"}, NO_FILE};
static const struct fake_file unreadable[] = {{"go.mod", "module example.com/m\nretract (\n"},
                                              NO_FILE};

#define HASH_1 "1111111111111111111111111111111111111111"
#define HASH_2 "2222222222222222222222222222222222222222"

static void check_latest(const struct fake_file *files, const char *first, const char *second,
                         const char *version)
{
    const struct fake_commit commits[] = {
        {HASH_1, 1519081806, NULL, vgo_mod}, {HASH_2, 1519081806, HASH_1, files}, NO_COMMIT};
    const struct fake_ref refs[] = {{"HEAD", HASH_2}, {first, HASH_1}, {second, HASH_2}, NO_REF};
    const struct fake_codehost host = {.commits = commits, .refs = refs};
    struct fake_module m;
    struct vcs_answer got;
    assert_ok(fake_open(&m, &host, "example.com/m", "example.com/m", ""));
    struct error *err = coderepo_latest(&m.repo, &m.cx, &got);
    if (version) {
        assert_ok(err);
        assert_slice(got.version, version);
    } else {
        assert_status(err, STATUS_NOT_FOUND);
    }
    fake_close(&m);
}

#define TAG(v) "refs/tags/" v

static void test_latest(void **state)
{
    check_latest(vgo_mod, TAG("v1.0.0"), TAG("v1.1.0"), "v1.1.0");
    check_latest(vgo_mod, TAG("v1.0.0"), TAG("v1.1.0-rc.1"), "v1.0.0");
    check_latest(vgo_mod, TAG("v1.0.0-rc.1"), TAG("v1.0.0-rc.2"), "v1.0.0-rc.2");
    check_latest(vgo_mod, TAG("x"), TAG("y"), "v0.0.0-20180219231006-222222222222");
    /* What the highest version retracts is passed over, itself too. */
    check_latest(retracting, TAG("v1.0.0"), TAG("v1.1.0"), "v1.0.0");
    check_latest(retracting, TAG("v1.1.0"), TAG("v1.3.0"), "v1.3.0");
    check_latest(retracting, TAG("v1.1.0-pre"), TAG("v1.2.0-b"), "v1.1.0-pre");
    check_latest(retracting_all, TAG("v1.0.0"), TAG("v1.1.0"), NULL);
    check_latest(retracting_tags, TAG("v1.0.0"), TAG("v1.1.0"),
                 "v0.0.0-20180219231006-222222222222");
    check_latest(unreadable, TAG("v1.0.0"), TAG("v1.1.0"), "v1.1.0");
    /* +incompatible only while no compatible version has a go.mod. */
    check_latest(vgo_plain, TAG("v1.0.0"), TAG("v2.0.0"), "v1.0.0");
    check_latest(vgo_plain, TAG("v2.0.0-pre"), TAG("v3.0.0"), "v3.0.0+incompatible");
}

static void test_latest_of_branches(void **state)
{
    const struct query cases[] = {
        {&vgotest1, VGO "/none", VGO, "latest", NULL,
         "v0.0.0-20180219223237-a08abb797a67: invalid version: missing " VGO
         "/none/go.mod at revision a08abb797a67"},
        {&gitrepo1, "example.com/one", "example.com/one", "latest", "v2.0.2+incompatible"},
        {&gitrepo1, "example.com/one/v3", "example.com/one", "latest", NULL,
         "missing example.com/one/go.mod and .../v3/go.mod at revision ede458df7cd0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_query(&cases[i]);
}

static void test_no_commits(void **state)
{
    static const struct fake_ref refs[] = {{"refs/heads/x", MYTAG}, NO_REF};
    const struct fake_codehost empty = {.commits = vgo_commits, .refs = refs};
    const struct query q = {&empty, VGO, VGO, "latest", NULL, "no commits"};
    check_query(&q);
}

/* A pseudo-version depends on no ref, even when one has the name of its commit. */
static void test_origin_of_pseudo_version(void **state)
{
    static const struct fake_commit commits[] = {{HASH_1, 1519081806, NULL, vgo_plain}, NO_COMMIT};
    static const struct fake_ref refs[] = {
        {"HEAD", HASH_1}, {"refs/heads/111111111111", HASH_1}, NO_REF};
    const struct fake_codehost host = {.commits = commits, .refs = refs};
    check_body(&host, "example.com/m", "v0.0.0-20180219231006-111111111111",
               "{\"Version\":\"v0.0.0-20180219231006-111111111111\","
               "\"Time\":\"2018-02-19T23:10:06Z\"," ORIGIN "\"Hash\":\"" HASH_1 "\"}}");
}

/* Tags below a commit, for an +incompatible version that is a branch: v2/go.mod does not count. */
static void test_incompatible_branch(void **state)
{
    static const struct fake_commit commits[] = {{HASH_1, 1519081806, NULL, v2sub_files},
                                                 {HASH_2, 1519081806, HASH_1, v2sub_files},
                                                 NO_COMMIT};
    static const struct fake_ref refs[] = {
        {"HEAD", HASH_2}, {"refs/heads/v9.9.9", HASH_2}, {"refs/tags/v2.0.0", HASH_1}, NO_REF};
    const struct fake_codehost host = {.commits = commits, .refs = refs};
    const struct query q = {&host,
                            "example.com/m",
                            "example.com/m",
                            "v9.9.9+incompatible",
                            NULL,
                            "resolves to version v2.0.1-0.20180219231006-222222222222+incompatible "
                            "(v9.9.9 is not a tag)"};
    check_query(&q);
}

/* Where go does not look closely at prefixes, and neither do we. */
static void test_tags_of_sub_directories(void **state)
{
    static const struct fake_file files[] = {{"sub/go.mod", "module example.com/m/sub\n"}, NO_FILE};
    static const struct fake_commit commits[] = {
        {HASH_1, 1519081806, NULL, files}, {HASH_2, 1519081806, HASH_1, files}, NO_COMMIT};
    static const struct fake_ref refs[] = {
        {"HEAD", HASH_2},
        {"refs/heads/old", HASH_1},
        {"refs/tags/sub/v1.0.0", HASH_1},
        {"refs/tags/sub/v1.1.0-0.20180219231006-333333333333", HASH_2},
        {"refs/tags/v1.0.0", HASH_2},
        NO_REF};
    const struct fake_codehost host = {.commits = commits, .refs = refs};
    const struct query cases[] = {
        {&host, "example.com/m/sub", "example.com/m", "old", "v1.0.0"},
        /* The root's tag is taken for the module's. */
        {&host, "example.com/m/sub", "example.com/m", "v1.0.1-0.20180219231006-222222222222", NULL,
         "tag (v1.0.0) found on revision 222222222222 is already canonical"},
        /* With a prefix, a tag like a pseudo-version counts, and names a commit that is not here.
         */
        {&host, "example.com/m/sub", "example.com/m", "222222222222", NULL,
         "v1.1.0-0.20180219231006-333333333333: invalid version: unknown revision 333333333333"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_query(&cases[i]);
}

/* golang.org/issue/34254 */
static void test_gopkg_in_under_a_plain_path(void **state)
{
    static const struct fake_file files[] = {{"go.mod", "module gopkg.in/m.v3\n"}, NO_FILE};
    static const struct fake_commit commits[] = {{HASH_1, 1519081806, NULL, files}, NO_COMMIT};
    static const struct fake_ref refs[] = {{"HEAD", HASH_1}, {"refs/tags/v1.0.0", HASH_1}, NO_REF};
    const struct fake_codehost host = {.commits = commits, .refs = refs};
    const struct query cases[] = {
        {&host, "example.com/m", "example.com/m", "v1.0.0", "v1.0.0"},
        {&host, "gopkg.in/m.v2", "gopkg.in/m.v2", HASH_1, NULL,
         "go.mod has non-....v2 module path \"gopkg.in/m.v3\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_query(&cases[i]);
}

/* The repository of a go-import with a subdirectory. */
static void test_sub_directory_of_go_import(void **state)
{
    static const struct fake_file files[] = {{"foo/subdir/go.mod", "module example.com/g\n"},
                                             NO_FILE};
    static const struct fake_commit commits[] = {{HASH_1, 1519081806, NULL, files}, NO_COMMIT};
    static const struct fake_ref refs[] = {
        {"HEAD", HASH_1}, {"refs/tags/foo/subdir/v1.2.3", HASH_1}, NO_REF};
    const struct fake_codehost host = {.commits = commits, .refs = refs};
    struct fake_module m;
    struct vcs_answer got;
    assert_ok(fake_open(&m, &host, "example.com/g", "example.com/g", "foo/subdir"));
    assert_ok(coderepo_latest(&m.repo, &m.cx, &got));
    assert_slice(got.body, "{\"Version\":\"v1.2.3\",\"Time\":\"2018-02-19T23:10:06Z\"," ORIGIN
                           "\"Subdir\":\"foo/subdir\",\"Hash\":\"" HASH_1
                           "\",\"TagPrefix\":\"foo/subdir/\",\"TagSum\":\"t1:1\","
                           "\"Ref\":\"refs/tags/foo/subdir/v1.2.3\"}}");
    fake_close(&m);
}

/* Retracted tags are neither the version of a commit nor the base of a pseudo-version. */
static void test_retracted_tags(void **state)
{
    static const struct fake_commit commits[] = {
        {HASH_1, 1519081806, NULL, vgo_mod}, {HASH_2, 1519081806, HASH_1, retracting}, NO_COMMIT};
    static const struct fake_ref refs[] = {{"HEAD", HASH_2},
                                           {"refs/heads/old", HASH_1},
                                           {"refs/tags/v1.0.0", HASH_1},
                                           {"refs/tags/v1.1.0", HASH_1},
                                           {"refs/tags/v1.2.0", HASH_2},
                                           NO_REF};
    const struct fake_codehost host = {.commits = commits, .refs = refs};
    static const struct fake_ref bare[] = {{"HEAD", HASH_2},
                                           {"refs/heads/old", HASH_1},
                                           {"refs/tags/v1.1.0", HASH_1},
                                           {"refs/tags/v1.2.0", HASH_2},
                                           NO_REF};
    const struct fake_codehost only = {.commits = commits, .refs = bare};
    const struct query cases[] = {
        {&host, "example.com/m", "example.com/m", "old", "v1.0.0"},
        {&host, "example.com/m", "example.com/m", "v1.1.0", "v1.1.0"},
        {&only, "example.com/m", "example.com/m", "old", "v0.0.0-20180219231006-111111111111"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_query(&cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_trouble_is_never_an_absence),
        cmocka_unit_test(test_costs),
        cmocka_unit_test(test_mod),
        cmocka_unit_test(test_no_mod),
        cmocka_unit_test(test_mod_of_a_commit),
        cmocka_unit_test(test_origin),
        cmocka_unit_test(test_latest),
        cmocka_unit_test(test_latest_of_branches),
        cmocka_unit_test(test_no_commits),
        cmocka_unit_test(test_origin_of_pseudo_version),
        cmocka_unit_test(test_incompatible_branch),
        cmocka_unit_test(test_tags_of_sub_directories),
        cmocka_unit_test(test_gopkg_in_under_a_plain_path),
        cmocka_unit_test(test_sub_directory_of_go_import),
        cmocka_unit_test(test_retracted_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
