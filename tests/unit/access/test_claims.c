#include "../test.h"

#include "access/claims.h"

static void test_rules_over_claims(void **state)
{
    static const struct {
        const char *rule;
        bool matches;
    } rows[] = {
        {"repository=acme/api", true},
        {"repository=acme/*", true},
        {"repository=acme*", true},
        {"repository=acme", false},
        {"repository=Acme/api", false},
        {"repository=acme/api, ref=refs/heads/main", true},
        {"repository=acme/api, ref=refs/heads/dev", false},
        {"ref_protected=true", true},
        {"ref_protected=false", false},
        {"ref_protected=*", true},
        {"project_id=42", true},
        {"project_id=4*", true},
        {"groups=admins", true},
        {"groups=nobody", false},
        {"nested=*", false},
        {"nothing=*", false},
        {"null=*", false},
        {"environment=", false},
    };
    json_t *claims = json_loads(
        "{\"repository\":\"acme/api\",\"ref\":\"refs/heads/main\",\"ref_protected\":true,"
        "\"project_id\":42,\"groups\":[\"users\",\"admins\"],\"nested\":{\"a\":1},\"null\":null}",
        0, NULL);
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct claim_rule rule;
        struct error *err = claim_rule_parse(&a, slice_of(rows[i].rule), &rule);
        if (err ? rows[i].matches : claim_rule_matches(&rule, claims) != rows[i].matches)
            fail_msg("%s", rows[i].rule);
    }
    json_decref(claims);
    arena_release(&a);
}

static void test_what_is_no_rule(void **state)
{
    static const char *const texts[] = {"", "a", "a=", "=b", "a=b,", "a=b,c", ","};
    struct arena a = ARENA_INIT;
    struct claim_rule rule;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_status(claim_rule_parse(&a, slice_of(texts[i]), &rule), STATUS_BAD_CONFIG);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_over_claims),
        cmocka_unit_test(test_what_is_no_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
