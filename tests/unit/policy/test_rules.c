#include "../test.h"

#include "policy/policy.h"

#define RULE(...)                                                                                  \
    (struct policy_rule)                                                                           \
    {                                                                                              \
        .origin = S("f:1"), __VA_ARGS__                                                            \
    }

static struct error *compile(struct arena *a, struct policy_rule rule,
                             const struct policy_exception *e)
{
    struct policy *p;
    struct policy_spec spec = {
        .rules = &rule, .rule_count = 1, .exceptions = e, .exception_count = e ? 1 : 0};
    return policy_new(a, &spec, &p);
}

static void test_mistakes(void **state)
{
    struct arena a = ARENA_INIT;
    assert_ok(compile(&a, RULE(.name = S("r"), .action = S("deny")), NULL));
    const struct policy_rule bad[] = {
        RULE(.action = S("deny")),
        RULE(.name = S("a b"), .action = S("deny")),
        RULE(.name = S("a,b"), .action = S("deny")),
        RULE(.name = S("*"), .action = S("deny")),
        RULE(.name = S("r")),
        RULE(.name = S("r"), .action = S("refuse")),
        RULE(.name = S("r"), .action = S("deny"), .versions = S("1.0")),
        RULE(.name = S("r"), .action = S("deny"), .paths = S("a.example, b.example")),
        RULE(.name = S("r"), .action = S("deny"), .paths = S("a.example,,b.example")),
        RULE(.name = S("r"), .action = S("deny"), .identities = S(" ")),
        RULE(.name = S("r"), .action = S("deny"), .repositories = S("a,")),
        RULE(.name = S("r"), .action = S("deny"), .only_signed = S(",")),
        RULE(.name = S("r"), .action = S("deny"), .licences = S("MIT,,ISC")),
        RULE(.name = S("r"), .action = S("deny"), .vulnerabilities = S("some")),
        RULE(.name = S("r"), .action = S("deny"), .vulnerabilities = S("unknown")),
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_status(compile(&a, bad[i], NULL), STATUS_BAD_CONFIG);
    arena_release(&a);
}

static void test_two_of_a_name(void **state)
{
    struct arena a = ARENA_INIT;
    struct policy *p;
    struct policy_rule rules[] = {RULE(.name = S("r"), .action = S("deny")),
                                  RULE(.name = S("r"), .action = S("allow"))};
    struct policy_spec spec = {.rules = rules, .rule_count = 2};
    struct error *err = policy_new(&a, &spec, &p);
    assert_slice(error_chain(&a, err), "f:1: policy_rules: two rules have the name r");
    arena_release(&a);
}

static void test_exceptions(void **state)
{
    static const struct {
        const char *rule, *paths, *versions, *expires;
        bool is_fine;
    } cases[] = {
        {"r", "a.example", "", "", true},
        {"*", "a.example", "v1", "2026-02-28", true},
        {"r", "a.example", "", "2024-02-29", true},
        {"q", "a.example", "", "", false},
        {"r", "", "", "", false},
        {"r", "a.example", "one", "", false},
        {"r", "a.example", "", "2026-02-29", false},
        {"r", "a.example", "", "2100-02-29", false},
        {"r", "a.example", "", "2026-13-01", false},
        {"r", "a.example", "", "2026-1-01", false},
        {"r", "a.example", "", "tomorrow", false},
        {"r", "a.example", "", "2026-04-31", false},
        {"r", "a.example", "", "0026-04-30", false},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct policy_exception e = {.rule = slice_of(cases[i].rule),
                                     .paths = slice_of(cases[i].paths),
                                     .versions = slice_of(cases[i].versions),
                                     .expires = slice_of(cases[i].expires)};
        struct error *err = compile(&a, RULE(.name = S("r"), .action = S("deny")), &e);
        if ((err == NULL) != cases[i].is_fine)
            fail_msg("row %zu: %s", i, err ? err->text.p : "no error");
    }
    arena_release(&a);
}

static struct policy *policy_of(struct arena *a, const struct policy_rule *rules, size_t n)
{
    struct policy *p;
    struct policy_spec spec = {.rules = rules, .rule_count = n};
    assert_ok(policy_new(a, &spec, &p));
    return p;
}

static void test_difference(void **state)
{
    struct arena a = ARENA_INIT;
    const struct policy_rule old[] = {
        RULE(.name = S("one"), .action = S("deny")),
        RULE(.name = S("two"), .action = S("deny"), .min_age_s = 5),
        RULE(.name = S("three"), .action = S("allow")),
    };
    const struct policy_rule now[] = {
        RULE(.name = S("three"), .action = S("allow")),
        RULE(.name = S("two"), .action = S("deny"), .min_age_s = 6),
        RULE(.name = S("four"), .action = S("hold")),
    };
    const struct policy_rule swapped[] = {old[1], old[0], old[2]};
    struct policy *p = policy_of(&a, old, 3);
    assert_slice(policy_difference(p, policy_of(&a, old, 3), &a), "");
    assert_slice(policy_difference(p, policy_of(&a, now, 3), &a),
                 "added four; removed one; changed two; another order");
    assert_slice(policy_difference(p, policy_of(&a, old + 1, 2), &a), "removed one");
    assert_slice(policy_difference(p, policy_of(&a, swapped, 3), &a), "another order");
    assert_slice(policy_difference(policy_of(&a, NULL, 0), p, &a), "added one, two, three");
    arena_release(&a);
}

static void test_as_a_whole(void **state)
{
    struct arena a = ARENA_INIT;
    const struct policy_rule rule = RULE(.name = S("r"), .action = S("deny"), .identities = S("x"));
    assert_true(policy_is_empty(policy_of(&a, NULL, 0)));
    assert_false(policy_has_identities(policy_of(&a, NULL, 0)));
    assert_false(policy_is_empty(policy_of(&a, &rule, 1)));
    assert_true(policy_has_identities(policy_of(&a, &rule, 1)));
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes),   cmocka_unit_test(test_two_of_a_name),
        cmocka_unit_test(test_exceptions), cmocka_unit_test(test_difference),
        cmocka_unit_test(test_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
