#include "../test.h"

#include "gomod/gosum.h"

static const char file[] = "example.com/b v1.0.0 h1:BBBB\n"
                           "example.com/a v1.10.0 h1:AAAA\n"
                           "\n"
                           "example.com/a v1.9.0/go.mod h1:MMMM\r\n"
                           "  example.com/a\tv1.9.0   h2:later\n"
                           "example.com/a v1.9.0 h1:ZZZZ\n"
                           "example.com/a v1.9.0 h1:YYYY\n"
                           "example.com/c v1.0.0 h1:G7mAYYxgmS0lVkHyy2hEOLQCFB0DlQFTMLWggykrydY=\n"
                           "example.com/d v1.0.0 h2:later";

/* spec: go.dev/ref/mod#go-sum-files */
static void test_lines_are_found(void **state)
{
    struct arena a = ARENA_INIT;
    struct gosum sum;
    assert_ok(gosum_parse(&a, S("go.sum"), slice_of(file), &sum));
    assert_int_equal(sum.n, 7);
    assert_slice(sum.lines[0].mod.version, "v1.9.0");
    assert_slice(sum.lines[4].mod.version, "v1.10.0");
    size_t n;
    const struct gosum_line *lines =
        gosum_find(&sum, (struct module_version){S("example.com/a"), S("v1.9.0")}, false, &n);
    assert_int_equal(n, 3);
    assert_slice(lines[0].hash, "h2:later");
    assert_int_equal(lines[0].line, 5);
    assert_slice(lines[2].hash, "h1:YYYY");
    lines = gosum_find(&sum, (struct module_version){S("example.com/a"), S("v1.9.0")}, true, &n);
    assert_int_equal(n, 1);
    assert_slice(lines[0].hash, "h1:MMMM");
    gosum_find(&sum, (struct module_version){S("example.com/a"), S("v1.10.0")}, true, &n);
    assert_int_equal(n, 0);
    gosum_find(&sum, (struct module_version){S("example.com/c"), S("v1.0.0")}, false, &n);
    assert_int_equal(n, 0);
    arena_release(&a);
}

static void test_verdicts(void **state)
{
    static const struct {
        const char *path, *version;
        bool is_go_mod;
        const char *hash;
        enum gosum_verdict verdict;
        int line;
    } cases[] = {
        {"example.com/b", "v1.0.0", false, "h1:BBBB", GOSUM_MATCH, 1},
        {"example.com/b", "v1.0.0", false, "h1:XXXX", GOSUM_MISMATCH, 1},
        {"example.com/b", "v1.0.0", true, "h1:BBBB", GOSUM_ABSENT, 0},
        {"example.com/a", "v1.9.0", false, "h1:ZZZZ", GOSUM_MATCH, 6},
        {"example.com/a", "v1.9.0", false, "h1:YYYY", GOSUM_MISMATCH, 6}, /* the first h1 counts */
        {"example.com/a", "v1.9.0", true, "h1:MMMM", GOSUM_MATCH, 4},
        {"example.com/d", "v1.0.0", false, "h1:DDDD", GOSUM_ABSENT, 0},
    };
    struct arena a = ARENA_INIT;
    struct gosum sum;
    assert_ok(gosum_parse(&a, S("go.sum"), slice_of(file), &sum));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct gosum_line *seen;
        struct module_version mod = {slice_of(cases[i].path), slice_of(cases[i].version)};
        assert_int_equal(gosum_check(&sum, mod, cases[i].is_go_mod, slice_of(cases[i].hash), &seen),
                         cases[i].verdict);
        assert_int_equal(seen ? seen->line : 0, cases[i].line);
    }
    arena_release(&a);
}

static void test_malformed(void **state)
{
    struct arena a = ARENA_INIT;
    struct gosum sum;
    struct error *err = gosum_parse(&a, S("go.sum"), S("a v1 h1:x\n\na v1\n"), &sum);
    assert_non_null(err);
    assert_slice(err->text, "go.sum:3: malformed go.sum: 2 fields, not 3");
    assert_status(gosum_parse(&a, S("go.sum"), S("a v1 h1:x y\n"), &sum), STATUS_BAD_SYNTAX);
    assert_ok(gosum_parse(&a, S("go.sum"), S(""), &sum));
    assert_int_equal(sum.n, 0);
    char *big = xcalloc(1, GOSUM_MAX_BYTES + 1);
    assert_status(gosum_parse(&a, S("go.sum"), slice_make(big, GOSUM_MAX_BYTES + 1), &sum),
                  STATUS_TOO_LARGE);
    free(big);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_found),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
