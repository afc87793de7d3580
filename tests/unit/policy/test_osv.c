#include "../test.h"

#include "policy/osv.h"
#include "policy/vulns.h"

static struct slice lines_of(struct arena *a, const char *json)
{
    BUF_SCOPED(out);
    struct slice id;
    assert_ok(osv_read(a, slice_of(json), &id, &out));
    return arena_dup(a, buf_slice(&out));
}

#define ENTRY(affected) "{\"id\":\"GO-1\",\"affected\":[" affected "]}"
#define PACKAGE "\"package\":{\"name\":\"example.com/a\",\"ecosystem\":\"Go\"}"

static void test_lines(void **state)
{
    static const struct {
        const char *json, *lines;
    } cases[] = {
        {ENTRY("{" PACKAGE ",\"ranges\":[{\"type\":\"SEMVER\",\"events\":[{\"introduced\":\"0\"},"
               "{\"fixed\":\"1.2.0\"},{\"introduced\":\"1.3.0-rc.1\"},{\"fixed\":\"1.3.1\"}]}]}"),
         "example.com/a GO-1 unknown 0,1.2.0 1.3.0-rc.1,1.3.1\n"},
        /* in any order, and open at its end */
        {ENTRY("{" PACKAGE
               ",\"ranges\":[{\"type\":\"SEMVER\",\"events\":[{\"introduced\":\"2.0.0\"},"
               "{\"fixed\":\"1.2.0\"},{\"introduced\":\"0\"}]}]}"),
         "example.com/a GO-1 unknown 0,1.2.0 2.0.0,\n"},
        {ENTRY("{" PACKAGE
               ",\"ranges\":[{\"type\":\"SEMVER\",\"events\":[{\"introduced\":\"1.0.0\"},"
               "{\"last_affected\":\"1.2.0\"}]}],\"database_specific\":{\"severity\":\"HIGH\"}}"),
         "example.com/a GO-1 high 1.0.0,=1.2.0\n"},
        {ENTRY("{" PACKAGE "}"), "example.com/a GO-1 unknown\n"},
        {ENTRY("{" PACKAGE ",\"versions\":[\"v1.0.0\",\"1.1.0\",\"r60\"]}"),
         "example.com/a GO-1 unknown 1.0.0,=1.0.0 1.1.0,=1.1.0\n"},
        {ENTRY("{" PACKAGE
               ",\"ranges\":[{\"type\":\"GIT\",\"events\":[{\"introduced\":\"abc\"}]}]}"),
         ""},
        {ENTRY("{\"package\":{\"name\":\"left-pad\",\"ecosystem\":\"npm\"}}"), ""},
        {"{\"id\":\"GO-1\",\"withdrawn\":\"2020-01-01T00:00:00Z\",\"affected\":[{" PACKAGE "}]}",
         ""},
        {"{\"id\":\"GO-1\",\"database_specific\":{\"severity\":\"MODERATE\"},\"affected\":["
         "{" PACKAGE "},{\"package\":{\"name\":\"example.com/b\",\"ecosystem\":\"Go\"}}]}",
         "example.com/a GO-1 medium\nexample.com/b GO-1 medium\n"},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_slice(lines_of(&a, cases[i].json), cases[i].lines);
    arena_release(&a);
}

static void test_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "[]",
        "{}",
        "{\"id\":\"a/b\"}",
        "{\"id\":\"a b\"}",
        ENTRY("{" PACKAGE ",\"ranges\":[{\"type\":\"SEMVER\",\"events\":[{\"fixed\":\"v1\"}]}]}"),
        ENTRY("{\"package\":{\"name\":\"a b\",\"ecosystem\":\"Go\"}}"),
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        BUF_SCOPED(out);
        struct slice id;
        assert_status(osv_read(&a, slice_of(cases[i]), &id, &out), STATUS_BAD_SYNTAX);
    }
    arena_release(&a);
}

static const char table[] = "example.com/b GO-3 high\n"
                            "example.com/a GO-1 unknown 0,1.2.0 1.3.0-rc.1,1.3.1\n"
                            "example.com/a GO-2 low 1.5.0,=1.6.0\n"
                            "example.com/a GO-4 critical 1.6.0,\n";

static void test_find(void **state)
{
    static const struct {
        const char *path, *version;
        enum severity least;
        const char *id, *fixed;
    } cases[] = {
        {"example.com/a", "v0.0.0-20200101000000-abcdefabcdef", SEVERITY_UNKNOWN, "GO-1", "v1.2.0"},
        {"example.com/a", "v1.1.9", SEVERITY_CRITICAL, "GO-1", "v1.2.0"}, /* unknown: not less */
        {"example.com/a", "v1.2.0", SEVERITY_UNKNOWN, NULL, NULL},
        {"example.com/a", "v1.3.0-rc.1", SEVERITY_UNKNOWN, "GO-1", "v1.3.1"},
        {"example.com/a", "v1.3.0-alpha", SEVERITY_UNKNOWN, NULL, NULL},
        {"example.com/a", "v1.3.1", SEVERITY_UNKNOWN, NULL, NULL},
        {"example.com/a", "v1.5.0", SEVERITY_LOW, "GO-2", ""},
        {"example.com/a", "v1.5.0", SEVERITY_MEDIUM, NULL, NULL},
        {"example.com/a", "v1.6.0", SEVERITY_HIGH, "GO-4", ""},
        {"example.com/a", "v1.6.0+incompatible", SEVERITY_LOW, "GO-2", ""},
        {"example.com/a", "v9.0.0", SEVERITY_HIGH, "GO-4", ""},
        {"example.com/b", "v0.0.1", SEVERITY_HIGH, "GO-3", ""},
        {"example.com/b", "v0.0.1", SEVERITY_CRITICAL, NULL, NULL},
        {"example.com/aa", "v1.0.0", SEVERITY_UNKNOWN, NULL, NULL},
        {"example.com", "v1.0.0", SEVERITY_UNKNOWN, NULL, NULL},
        {"z", "v1.0.0", SEVERITY_UNKNOWN, NULL, NULL},
    };
    struct arena a = ARENA_INIT;
    struct vulns *v;
    assert_ok(vulns_parse(&a, slice_of(table), &v));
    assert_int_equal(vulns_count(v), 4);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct vuln_hit hit;
        struct module_version mv = {slice_of(cases[i].path), slice_of(cases[i].version)};
        bool found = vulns_find(v, &a, mv, cases[i].least, &hit);
        if (found != (cases[i].id != NULL))
            fail_msg("%s@%s", cases[i].path, cases[i].version);
        if (found) {
            assert_slice(hit.id, cases[i].id);
            assert_slice(hit.fixed, cases[i].fixed);
        }
    }
    struct vuln_hit hit;
    assert_false(vulns_find(NULL, &a, (struct module_version){S("a"), S("v1.0.0")}, 0, &hit));
    assert_status(vulns_parse(&a, S("example.com/a GO-1 low\nexample.com/b\n"), &v),
                  STATUS_CORRUPT);
    arena_release(&a);
}

static void test_severities(void **state)
{
    assert_int_equal(severity_parse(S("Moderate")), SEVERITY_MEDIUM);
    assert_int_equal(severity_parse(S("CRITICAL")), SEVERITY_CRITICAL);
    assert_int_equal(severity_parse(S("unknown")), SEVERITY_UNKNOWN);
    assert_int_equal(severity_parse(S("")), SEVERITY_UNKNOWN);
    assert_string_equal(severity_name(SEVERITY_LOW), "low");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_severities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
