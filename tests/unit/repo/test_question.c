#include "../test.h"

#include "repo/question.h"

static struct question parse(const char *path)
{
    static struct arena a; /* lives as long as the program: questions point into it */
    struct question q;
    struct error *err = question_parse(&a, slice_of(path), &q);
    if (err)
        fail_msg("%s: %s", path, err->text.p);
    return q;
}

static void test_module_requests(void **state)
{
    struct question q = parse("/golang.org/x/mod/@v/list");
    assert_int_equal(q.kind, QUESTION_LIST);
    assert_slice(q.mv.path, "golang.org/x/mod");
    q = parse("/golang.org/x/mod/@latest");
    assert_int_equal(q.kind, QUESTION_LATEST);
    q = parse("/golang.org/x/mod/@v/v0.20.0.info");
    assert_int_equal(q.kind, QUESTION_INFO);
    assert_slice(q.mv.version, "v0.20.0");
    q = parse("/example.com/a/@v/v2.0.0+incompatible.zip");
    assert_int_equal(q.kind, QUESTION_ZIP);
    assert_slice(q.mv.version, "v2.0.0+incompatible");
    q = parse("/example.com/a/@v/v0.0.0-20240102030405-0123456789ab.mod");
    assert_int_equal(q.kind, QUESTION_MOD);
}

static void test_both_spellings_of_an_escape_are_one_key(void **state)
{
    struct question raw = parse("/github.com/!burnt!sushi/toml/@v/v1.0.0.mod");
    struct question encoded = parse("/github.com/%21burnt%21sushi/toml/@v/v1.0.0.mod");
    assert_slice(raw.mv.path, "github.com/BurntSushi/toml");
    assert_true(slice_eq(raw.key, encoded.key));
}

static void test_queries(void **state)
{
    struct question q = parse("/example.com/a/@v/master.info");
    assert_int_equal(q.kind, QUESTION_QUERY);
    assert_slice(q.mv.version, "master");
    assert_int_equal(parse("/example.com/a/@v/v1.2.info").kind, QUESTION_QUERY);
    assert_int_equal(parse("/example.com/a/@v/v2.0.0.info").kind, QUESTION_QUERY);
    assert_int_equal(parse("/example.com/a/@v/0123456789ab.info").kind, QUESTION_QUERY);
}

static void test_sumdb_requests(void **state)
{
    struct question q = parse("/sumdb/sum.example.com/supported");
    assert_int_equal(q.kind, QUESTION_SUM_SUPPORTED);
    assert_slice(q.sumdb, "sum.example.com");
    q = parse("/sumdb/sum.example.com/2027/latest");
    assert_int_equal(q.kind, QUESTION_SUM_LATEST);
    assert_slice(q.sumdb, "sum.example.com/2027");
    q = parse("/sumdb/sum.example.com/lookup/github.com/!burnt!sushi/toml@v1.0.0");
    assert_int_equal(q.kind, QUESTION_SUM_LOOKUP);
    assert_slice(q.mv.path, "github.com/BurntSushi/toml");
    assert_slice(q.sumdb_rel, "lookup/github.com/!burnt!sushi/toml@v1.0.0");
    assert_int_equal(parse("/sumdb/s.example/tile/8/0/x001/234").kind, QUESTION_SUM_TILE);
    assert_int_equal(parse("/sumdb/s.example/tile/8/0/000.p/255").kind, QUESTION_SUM_TILE);
    assert_int_equal(parse("/sumdb/s.example/tile/8/data/123").kind, QUESTION_SUM_TILE);
}

static const struct {
    const char *path;
    enum status status;
} refused[] = {
    {"/example.com/a", STATUS_UNKNOWN_ROUTE},
    {"/example.com/a/@v/v1.0.0.ziphash", STATUS_UNKNOWN_ROUTE},
    {"/example.com/a/@v/", STATUS_UNKNOWN_ROUTE},
    {"/favicon.ico", STATUS_UNKNOWN_ROUTE},
    {"/sumdb/x", STATUS_UNKNOWN_ROUTE},
    {"/sumdb//supported", STATUS_UNKNOWN_ROUTE},
    {"/sumdb/../supported", STATUS_UNKNOWN_ROUTE},
    {"/example.com/A/@v/list", STATUS_BAD_ESCAPE},
    {"/example.com/!!a/@v/list", STATUS_BAD_ESCAPE},
    {"/example.com/%zz/@v/list", STATUS_BAD_ESCAPE},
    {"/example.com/a%00/@v/list", STATUS_BAD_ESCAPE},
    {"/example.com/a%2/@v/list", STATUS_BAD_ESCAPE},
    {"/../etc/@v/list", STATUS_BAD_PATH},
    {"/example.com/../../etc/@v/list", STATUS_BAD_PATH},
    {"/example.com/%2e%2e/x/@v/list", STATUS_BAD_PATH},
    {"/-example.com/a/@v/list", STATUS_BAD_PATH},
    {"/nodot/a/@v/list", STATUS_BAD_PATH},
    {"//@v/list", STATUS_BAD_PATH},
    {"/example.com/a/@v/v2.0.0.mod", STATUS_NOT_FOUND},
    {"/example.com/a/v2/@v/v1.0.0.info", STATUS_NOT_FOUND},
    {"/example.com/a/@v/master.zip", STATUS_NOT_FOUND},
    {"/example.com/a/v2/@v/v1.0.0.mod", STATUS_NOT_FOUND},
    {"/example.com/a/@v/v1.0.mod", STATUS_NOT_FOUND},
    {"/sumdb/s.example/tile/8/0/1", STATUS_NOT_FOUND},
    {"/sumdb/s.example/tile/8/0/000.p/256", STATUS_NOT_FOUND},
    {"/sumdb/s.example/tile/8/0/x000", STATUS_NOT_FOUND},
    {"/sumdb/s.example/tile/9/0/000", STATUS_NOT_FOUND},
    {"/example.com/a/@v/-v1.0.0.info", STATUS_BAD_VERSION},
    {"/example.com/a/@v/--upload-pack=x.info", STATUS_BAD_VERSION},
    {"/sumdb/s.example/tile/8/0/../../x", STATUS_NOT_FOUND},
    {"/sumdb/s.example/lookup/example.com/a@master", STATUS_NOT_FOUND},
};

/* A version that a file system or another program could take for something else is never let in. */
static void test_refused(void **state)
{
    struct arena a = ARENA_INIT;
    struct question q;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct error *err = question_parse(&a, slice_of(refused[i].path), &q);
        if (!err || status_class(err->status) != status_class(refused[i].status))
            fail_msg("%s: %s, expected %s", refused[i].path,
                     err ? status_name(err->status) : "no error", status_name(refused[i].status));
    }
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_module_requests),
        cmocka_unit_test(test_both_spellings_of_an_escape_are_one_key),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_sumdb_requests),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
