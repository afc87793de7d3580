#include "../test.h"

#include "policy/policy.h"

enum { NOW = 1800000000 }; /* 2027-01-15 08:00:00 UTC */
#define DAY 86400

#define RULE(...)                                                                                  \
    (struct policy_rule)                                                                           \
    {                                                                                              \
        .origin = S("f:1"), __VA_ARGS__                                                            \
    }

struct asked {
    const char *path, *version, *repository, *identity;
};

static struct policy_subject subject_of(struct asked q)
{
    return (struct policy_subject){
        .mv = {slice_of(q.path), slice_of(q.version)},
        .repository = slice_of(q.repository ? q.repository : "default"),
        .identity = slice_of(q.identity ? q.identity : "anonymous"),
        .now_unix_s = NOW,
    };
}

static struct policy_decision decide(struct arena *a, const struct policy_spec *spec,
                                     struct asked q, const struct policy_facts *facts)
{
    struct policy *p;
    struct policy_decision d;
    struct policy_subject s = subject_of(q);
    assert_ok(policy_new(a, spec, &p));
    policy_decide(p, a, &s, facts, &d);
    return d;
}

/* "GIVE rule", "REFUSE rule", "OPEN rule"; "GIVE" when no rule is for it. */
static void expect(struct arena *a, const struct policy_spec *spec, struct asked q,
                   const struct policy_facts *facts, const char *wanted)
{
    static const char *const names[] = {"GIVE", "REFUSE", "OPEN"};
    struct policy_decision d = decide(a, spec, q, facts);
    struct slice got =
        arena_printf(a, "%s%s%.*s", names[d.verdict], d.rule.n ? " " : "", SLICE_ARG(d.rule));
    if (!slice_eq(got, slice_of(wanted)))
        fail_msg("%s@%s: %s, expected %s", q.path, q.version, got.p, wanted);
}

static void test_first_match(void **state)
{
    static const struct {
        struct asked q;
        const char *wanted;
    } cases[] = {
        {{"good.example/a", "v1.0.0"}, "GIVE good"},
        {{"good.example", "v1.0.0"}, "GIVE good"},
        {{"goods.example", "v1.0.0"}, "GIVE"},
        {{"old.example/a", "v1.2.9"}, "REFUSE old"},
        {{"old.example/a", "v1.3.0"}, "GIVE"},
        {{"old.example/a", ""}, "OPEN old"}, /* some of its versions */
        {{"bad.example/x/y", "v1.0.0"}, "REFUSE bad"},
        {{"bad.example/x", ""}, "REFUSE bad"}, /* whatever its version */
        {{"bad.example/fine", "v1.0.0"}, "GIVE fine"},
        {{"a.example", "v1.0.0", "internal", "token:ci"}, "GIVE"},
        {{"a.example", "v1.0.0", "public", "token:ci"}, "REFUSE ci-from-public"},
        {{"a.example", "v1.0.0", "public", "token:dev"}, "GIVE"},
        {{"q.example/a", "v1.0.0"}, "REFUSE quarantine"},
    };
    const struct policy_rule rules[] = {
        RULE(.name = S("good"), .action = S("allow"), .paths = S("good.example")),
        RULE(.name = S("fine"), .action = S("allow"), .paths = S("bad.example/fine")),
        RULE(.name = S("bad"), .action = S("deny"), .paths = S("worse.example,bad.example/*")),
        RULE(.name = S("never-reached"), .action = S("deny"), .paths = S("good.example")),
        RULE(.name = S("old"), .action = S("deny"), .paths = S("old.example"),
             .versions = S("<v1.3.0")),
        RULE(.name = S("ci-from-public"), .action = S("deny"), .repositories = S("public"),
             .identities = S("token:ci*, token:bot")),
        RULE(.name = S("quarantine"), .action = S("hold"), .paths = S("q.example")),
    };
    struct arena a = ARENA_INIT;
    struct policy_spec spec = {.rules = rules, .rule_count = ARRAY_LEN(rules)};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect(&a, &spec, cases[i].q, NULL, cases[i].wanted);
    arena_release(&a);
}

static void test_age(void **state)
{
    static const struct {
        bool is_known;
        int64_t since;
        const char *deny, *allow; /* of a rule that denies, and of one that allows */
    } cases[] = {
        {false, 0, "OPEN cooling", "OPEN cooled"},
        {true, 0, "REFUSE cooling", "REFUSE rest"}, /* nobody knows: too young */
        {true, NOW, "REFUSE cooling", "REFUSE rest"},
        {true, NOW + 5 * DAY, "REFUSE cooling", "REFUSE rest"}, /* from the future */
        {true, NOW - 7 * DAY + 1, "REFUSE cooling", "REFUSE rest"},
        {true, NOW - 7 * DAY, "GIVE", "GIVE cooled"},
        {true, 1, "GIVE", "GIVE cooled"},
    };
    const struct policy_rule deny[] = {
        RULE(.name = S("cooling"), .action = S("deny"), .min_age_s = 7 * DAY),
    };
    const struct policy_rule allow[] = {
        RULE(.name = S("cooled"), .action = S("allow"), .min_age_s = 7 * DAY),
        RULE(.name = S("rest"), .action = S("deny")),
    };
    struct arena a = ARENA_INIT;
    struct policy_spec by_deny = {.rules = deny, .rule_count = 1};
    struct policy_spec by_allow = {.rules = allow, .rule_count = 2};
    struct asked q = {"a.example", "v1.0.0"};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct policy_facts f = {.known = cases[i].is_known ? POLICY_FACT_AGE : 0,
                                 .since_unix_s = cases[i].since};
        expect(&a, &by_deny, q, &f, cases[i].deny);
        expect(&a, &by_allow, q, &f, cases[i].allow);
    }
    struct policy_facts f = {.known = POLICY_FACT_AGE, .since_unix_s = NOW - 3 * DAY};
    assert_slice(decide(&a, &by_deny, q, &f).why, "it is 3 days old and must be 7 days");
    f.since_unix_s = NOW - 5400;
    assert_slice(decide(&a, &by_deny, q, &f).why, "it is 90 minutes old and must be 7 days");
    f.since_unix_s = 0;
    assert_slice(decide(&a, &by_deny, q, &f).why, "its age is not known, and must be 7 days");
    assert_int_equal(decide(&a, &by_deny, q, NULL).needs, POLICY_FACT_AGE);
    arena_release(&a);
}

static void test_licences(void **state)
{
    static const struct {
        const char *list, *ids[3], *wanted, *why;
    } cases[] = {
        {"MIT, BSD-*", {"MIT"}, "GIVE", ""},
        {"MIT, BSD-*", {"BSD-3-Clause", "MIT"}, "GIVE", ""},
        {"MIT, BSD-*", {"MIT", "GPL-3.0"}, "REFUSE r", "its licence GPL-3.0 is not allowed"},
        {"MIT, BSD-*", {"NOASSERTION"}, "REFUSE r", "its licence is not known (NOASSERTION)"},
        {"!GPL-*, !AGPL-*", {"MIT"}, "GIVE", ""},
        {"!GPL-*, !AGPL-*", {"NOASSERTION"}, "GIVE", ""},
        {"!GPL-*, !AGPL-*", {"LGPL-2.1"}, "GIVE", ""},
        {"!GPL-*, !AGPL-*", {"MIT", "AGPL-3.0"}, "REFUSE r", "its licence AGPL-3.0 is not allowed"},
        {"GPL-*, !GPL-3.0", {"GPL-2.0"}, "GIVE", ""},
        {"GPL-*, !GPL-3.0", {"GPL-3.0"}, "REFUSE r", "its licence GPL-3.0 is not allowed"},
        {"!NOASSERTION", {"NOASSERTION"}, "REFUSE r", "its licence is not known (NOASSERTION)"},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice ids[3];
        size_t n = 0;
        for (; n < 3 && cases[i].ids[n]; n++)
            ids[n] = slice_of(cases[i].ids[n]);
        const struct policy_rule rule =
            RULE(.name = S("r"), .action = S("deny"), .licences = slice_of(cases[i].list));
        struct policy_spec spec = {.rules = &rule, .rule_count = 1};
        struct policy_facts f = {
            .known = POLICY_FACT_LICENCES, .licences = ids, .licence_count = n};
        struct asked q = {"a.example", "v1.0.0"};
        expect(&a, &spec, q, &f, cases[i].wanted);
        assert_slice(decide(&a, &spec, q, &f).why, cases[i].why);
        expect(&a, &spec, q, NULL, "OPEN r");
        assert_int_equal(decide(&a, &spec, q, NULL).needs, POLICY_FACT_LICENCES);
    }
    arena_release(&a);
}

static void test_signers(void **state)
{
    const struct policy_rule rule =
        RULE(.name = S("r"), .action = S("deny"), .only_signed = S("release, corp-*"));
    struct policy_spec spec = {.rules = &rule, .rule_count = 1};
    struct slice corp[] = {S("other"), S("corp-2027")}, other[] = {S("other")};
    struct asked q = {"a.example", "v1.0.0"};
    struct arena a = ARENA_INIT;
    struct policy_facts by_corp = {POLICY_FACT_SIGNERS, 0, corp, 2, NULL, 0};
    struct policy_facts by_other = {POLICY_FACT_SIGNERS, 0, other, 1, NULL, 0};
    struct policy_facts by_nobody = {POLICY_FACT_SIGNERS, 0, NULL, 0, NULL, 0};
    expect(&a, &spec, q, &by_corp, "GIVE");
    expect(&a, &spec, q, &by_other, "REFUSE r");
    expect(&a, &spec, q, &by_nobody, "REFUSE r");
    expect(&a, &spec, q, NULL, "OPEN r");
    assert_slice(decide(&a, &spec, q, &by_nobody).why, "it is not signed by release, corp-*");
    arena_release(&a);
}

static void test_vulnerabilities(void **state)
{
    static const struct {
        const char *least, *version, *wanted;
    } cases[] = {
        {"any", "v1.0.0", "REFUSE r"},  {"any", "v1.1.0", "GIVE"},
        {"low", "v2.0.0", "REFUSE r"},  {"high", "v2.0.0", "GIVE"},
        {"high", "v1.0.0", "REFUSE r"}, {"any", "", "OPEN r"},
    };
    struct arena a = ARENA_INIT;
    struct vulns *v;
    assert_ok(vulns_parse(&a,
                          S("a.example GO-1 unknown 0,1.1.0\n"
                            "a.example GO-2 medium 2.0.0,\n"),
                          &v));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct policy_rule rule =
            RULE(.name = S("r"), .action = S("deny"), .vulnerabilities = slice_of(cases[i].least));
        struct policy_spec spec = {.rules = &rule, .rule_count = 1, .vulns = v};
        expect(&a, &spec, (struct asked){"a.example", cases[i].version}, NULL, cases[i].wanted);
    }
    const struct policy_rule rule =
        RULE(.name = S("r"), .action = S("deny"), .vulnerabilities = S("any"));
    struct policy_spec spec = {.rules = &rule, .rule_count = 1, .vulns = v};
    assert_slice(decide(&a, &spec, (struct asked){"a.example", "v1.0.0"}, NULL).why,
                 "it has the vulnerability GO-1, fixed in v1.1.0");
    arena_release(&a);
}

/* What is known to be failed decides, whatever else is not known. */
static void test_two_demands(void **state)
{
    const struct policy_rule rule =
        RULE(.name = S("r"), .action = S("deny"), .licences = S("MIT"), .min_age_s = DAY);
    struct policy_spec spec = {.rules = &rule, .rule_count = 1};
    struct policy_facts young = {.known = POLICY_FACT_AGE, .since_unix_s = NOW};
    struct policy_facts old = {.known = POLICY_FACT_AGE, .since_unix_s = 1};
    struct asked q = {"a.example", "v1.0.0"};
    struct arena a = ARENA_INIT;
    expect(&a, &spec, q, &young, "REFUSE r");
    expect(&a, &spec, q, &old, "OPEN r");
    assert_int_equal(decide(&a, &spec, q, &old).needs, POLICY_FACT_LICENCES);
    assert_int_equal(decide(&a, &spec, q, NULL).needs, POLICY_FACT_LICENCES | POLICY_FACT_AGE);
    arena_release(&a);
}

/* A denial that is open says nothing of the rules behind it, unless they refuse as well. */
static void test_behind_an_open_rule(void **state)
{
    static const struct {
        const char *second, *third, *wanted;
    } cases[] = {
        {"deny", "allow", "REFUSE second"},   {"hold", "allow", "REFUSE second"},
        {"allow", "deny", "OPEN first"},      {"", "deny", "REFUSE third"},
        {"", "allow", "OPEN first"},          {"open deny", "deny", "REFUSE third"},
        {"open deny", "allow", "OPEN first"}, {"open allow", "deny", "OPEN first"},
        {"open deny", "", "OPEN first"},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice second = slice_of(cases[i].second), third = slice_of(cases[i].third);
        bool is_open = slice_starts(second, S("open "));
        struct policy_rule rules[] = {
            RULE(.name = S("first"), .action = S("deny"), .licences = S("MIT")),
            RULE(.name = S("second"), .action = is_open ? slice_skip(second, 5) : second,
                 .only_signed = is_open ? S("k") : S("")),
            RULE(.name = S("third"), .action = third),
        };
        for (size_t k = 1; k < 3; k++) {
            if (rules[k].action.n == 0) {
                rules[k].action = S("allow");
                rules[k].paths = S("b.example");
            }
        }
        struct policy_spec spec = {.rules = rules, .rule_count = 3};
        expect(&a, &spec, (struct asked){"a.example", "v1.0.0"}, NULL, cases[i].wanted);
    }
    arena_release(&a);
}

static void test_exceptions(void **state)
{
    static const struct {
        const char *rule, *paths, *versions, *expires;
        const char *wanted;
        int64_t good_until;
    } cases[] = {
        {"r", "a.example", "", "", "GIVE last", INT64_MAX},
        {"*", "a.example", "", "", "GIVE last", INT64_MAX},
        {"r", "b.example", "", "", "REFUSE r", INT64_MAX},
        {"last", "a.example", "", "", "REFUSE r", INT64_MAX},
        {"r", "a.example", "v1", "", "GIVE last", INT64_MAX},
        {"r", "a.example", "v2", "", "REFUSE r", INT64_MAX},
        {"r", "a.example", "", "2027-01-15", "GIVE last", 1800057600}, /* its last day */
        {"r", "a.example", "", "2027-01-14", "REFUSE r", INT64_MAX},
        {"r", "a.example", "", "2028-02-29", "GIVE last", 1835481600},
    };
    const struct policy_rule rules[] = {
        RULE(.name = S("r"), .action = S("deny")),
        RULE(.name = S("last"), .action = S("allow")),
    };
    struct arena a = ARENA_INIT;
    struct asked q = {"a.example/x", "v1.0.0"};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct policy_exception e = {.rule = slice_of(cases[i].rule),
                                     .origin = S("f:9"),
                                     .paths = slice_of(cases[i].paths),
                                     .versions = slice_of(cases[i].versions),
                                     .expires = slice_of(cases[i].expires)};
        struct policy_spec spec = {
            .rules = rules, .rule_count = 2, .exceptions = &e, .exception_count = 1};
        expect(&a, &spec, q, NULL, cases[i].wanted);
        int64_t until = decide(&a, &spec, q, NULL).good_until_unix_s;
        if (until != cases[i].good_until)
            fail_msg("row %zu: good until %" PRId64, i, until);
    }
    arena_release(&a);
}

/* A list of a denied module is looked at version by version when one of them may be excepted. */
static void test_exception_for_some(void **state)
{
    const struct policy_rule rule = RULE(.name = S("r"), .action = S("deny"));
    const struct policy_exception e = {
        .rule = S("r"), .paths = S("a.example"), .versions = S("v1.0.0")};
    struct policy_spec spec = {
        .rules = &rule, .rule_count = 1, .exceptions = &e, .exception_count = 1};
    struct arena a = ARENA_INIT;
    expect(&a, &spec, (struct asked){"a.example", ""}, NULL, "OPEN r");
    expect(&a, &spec, (struct asked){"a.example", "v1.0.1"}, NULL, "REFUSE r");
    expect(&a, &spec, (struct asked){"b.example", ""}, NULL, "REFUSE r");
    arena_release(&a);
}

static void test_expired(void **state)
{
    const struct policy_rule rule = RULE(.name = S("r"), .action = S("deny"));
    const struct policy_exception es[] = {
        {.rule = S("r"),
         .origin = S("f:7"),
         .paths = S("a.example"),
         .expires = S("2027-01-14"),
         .owner = S("team")},
        {.rule = S("*"), .origin = S("f:8"), .paths = S("b.example"), .expires = S("2027-01-15")},
    };
    struct policy_spec spec = {
        .rules = &rule, .rule_count = 1, .exceptions = es, .exception_count = 2};
    struct arena a = ARENA_INIT;
    struct policy *p;
    assert_ok(policy_new(&a, &spec, &p));
    assert_slice(policy_expired(p, &a, NOW), "r (a.example, f:7, expired 2027-01-14, owner team)");
    arena_release(&a);
}

static void test_holds(void **state)
{
    static const struct {
        struct asked q;
        const char *wanted;
    } cases[] = {
        {{"q.example", "v1.0.0"}, "REFUSE quarantine"},
        {{"q.example", "v1.1.0"}, "GIVE"},
        {{"q.example", ""}, "OPEN quarantine"},
        {{"q.example/sub", ""}, "REFUSE quarantine"},
        {{"all.q.example", "v3.0.0"}, "GIVE"},
        {{"a.example", "v1.0.0"}, "REFUSE hold"},
        {{"a.example", "v1.0.1"}, "GIVE"},
        {{"a.example", ""}, "OPEN hold"}, /* one of its versions is held */
        {{"b.example", ""}, "REFUSE hold"},
        {{"b.example", "v7.0.0"}, "REFUSE hold"},
    };
    const struct policy_rule rule =
        RULE(.name = S("quarantine"), .action = S("hold"), .paths = S("q.example,all.q.example"));
    struct arena a = ARENA_INIT;
    struct holds hs;
    assert_ok(holds_parse(&a,
                          S("release q.example v1.1.0 1 read it\n"
                            "release all.q.example * 1 \n"
                            "hold a.example v1.0.0 1 stolen key\n"
                            "hold b.example * 1 \n"),
                          &hs));
    struct policy_spec spec = {
        .rules = &rule, .rule_count = 1, .holds = &hs, .contact = S("sec@corp.example")};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect(&a, &spec, cases[i].q, NULL, cases[i].wanted);
    struct policy_decision d = decide(&a, &spec, (struct asked){"a.example", "v1.0.0"}, NULL);
    assert_slice(d.reason, "stolen key");
    assert_slice(d.contact, "sec@corp.example");
    arena_release(&a);
}

/* A release lifts a hold, not a denial. */
static void test_release_is_not_an_exception(void **state)
{
    const struct policy_rule rule = RULE(.name = S("r"), .action = S("deny"));
    struct arena a = ARENA_INIT;
    struct holds hs;
    assert_ok(holds_parse(&a, S("release a.example v1.0.0 1 \n"), &hs));
    struct policy_spec spec = {.rules = &rule, .rule_count = 1, .holds = &hs};
    expect(&a, &spec, (struct asked){"a.example", "v1.0.0"}, NULL, "REFUSE r");
    arena_release(&a);
}

static void test_needs(void **state)
{
    const struct policy_rule rules[] = {
        RULE(.name = S("a"), .action = S("deny"), .paths = S("a.example"), .min_age_s = 1),
        RULE(.name = S("b"), .action = S("deny"), .paths = S("b.example"), .licences = S("MIT")),
        RULE(.name = S("c"), .action = S("deny"), .paths = S("b.example"), .only_signed = S("k")),
        RULE(.name = S("d"), .action = S("deny"), .paths = S("d.example"), .versions = S("v1"),
             .min_age_s = 1),
    };
    struct arena a = ARENA_INIT;
    struct policy *p;
    struct policy_spec spec = {.rules = rules, .rule_count = ARRAY_LEN(rules)};
    assert_ok(policy_new(&a, &spec, &p));
    struct policy_subject s = subject_of((struct asked){"a.example", "v1.0.0"});
    assert_int_equal(policy_needs(p, &s), POLICY_FACT_AGE);
    s.mv.path = S("b.example");
    assert_int_equal(policy_needs(p, &s), POLICY_FACT_LICENCES | POLICY_FACT_SIGNERS);
    s.mv.path = S("c.example");
    assert_int_equal(policy_needs(p, &s), 0);
    s.mv = (struct module_version){S("d.example"), S("v2.0.0")};
    assert_int_equal(policy_needs(p, &s), 0);
    s.mv.version = S("");
    assert_int_equal(policy_needs(p, &s), POLICY_FACT_AGE | POLICY_FACT_VERSION);
    arena_release(&a);
}

static void add_trace(void *arg, const struct policy_rule *rule, struct slice text)
{
    buf_printf(arg, "%.*s %.*s\n", SLICE_ARG(rule->name), SLICE_ARG(text));
}

static void test_trace(void **state)
{
    const struct policy_rule rules[] = {
        RULE(.name = S("one"), .action = S("deny"), .paths = S("b.example")),
        RULE(.name = S("two"), .action = S("allow"), .min_age_s = DAY),
        RULE(.name = S("three"), .action = S("deny"), .licences = S("MIT")),
        RULE(.name = S("four"), .action = S("hold")),
    };
    struct arena a = ARENA_INIT;
    struct policy *p;
    struct policy_spec spec = {.rules = rules, .rule_count = ARRAY_LEN(rules)};
    struct policy_facts f = {.known = POLICY_FACT_AGE, .since_unix_s = NOW - 3600};
    struct policy_subject s = subject_of((struct asked){"a.example", "v1.0.0"});
    BUF_SCOPED(b);
    assert_ok(policy_new(&a, &spec, &p));
    policy_trace(p, &a, &s, &f, add_trace, &b);
    assert_slice(buf_slice(&b),
                 "one is not for it\n"
                 "two is not for it: it is 1 hour old and must be 1 day\n"
                 "three cannot be told yet: facts are missing that come with the version\n"
                 "four holds it\n");
    arena_release(&a);
}

static void test_contact(void **state)
{
    const struct policy_rule rules[] = {
        RULE(.name = S("own"), .action = S("deny"), .paths = S("a.example"), .reason = S("because"),
             .contact = S("team-a")),
        RULE(.name = S("common"), .action = S("deny")),
    };
    struct policy_spec spec = {.rules = rules, .rule_count = 2, .contact = S("security")};
    struct arena a = ARENA_INIT;
    struct policy_decision d = decide(&a, &spec, (struct asked){"a.example", "v1.0.0"}, NULL);
    assert_slice(d.contact, "team-a");
    assert_slice(d.reason, "because");
    assert_slice(d.origin, "f:1");
    d = decide(&a, &spec, (struct asked){"b.example", "v1.0.0"}, NULL);
    assert_slice(d.contact, "security");
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_match),
        cmocka_unit_test(test_age),
        cmocka_unit_test(test_licences),
        cmocka_unit_test(test_signers),
        cmocka_unit_test(test_vulnerabilities),
        cmocka_unit_test(test_two_demands),
        cmocka_unit_test(test_behind_an_open_rule),
        cmocka_unit_test(test_exceptions),
        cmocka_unit_test(test_exception_for_some),
        cmocka_unit_test(test_expired),
        cmocka_unit_test(test_holds),
        cmocka_unit_test(test_release_is_not_an_exception),
        cmocka_unit_test(test_needs),
        cmocka_unit_test(test_trace),
        cmocka_unit_test(test_contact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
