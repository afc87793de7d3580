#include "access/claims.h"

#include "base/glob.h"

#include <stdio.h>

struct error *claim_rule_parse(struct arena *a, struct slice text, struct claim_rule *out)
{
    *out = (struct claim_rule){.rows = ARENA_ARRAY(a, struct claim_pattern, CLAIMS_MAX_PATTERNS)};
    struct slice rest = text;
    while (rest.p) {
        struct slice glob = slice_cut(&rest, ',');
        struct slice name = slice_trim(slice_cut(&glob, '='));
        struct slice wanted = slice_trim(glob.p ? glob : S(""));
        if (name.n == 0 || wanted.n == 0)
            return error_new(a, STATUS_BAD_CONFIG,
                             "'%.*s' is no list of CLAIM=PATTERN, like repository=acme/api, "
                             "environment=production",
                             SLICE_ARG(slice_head(text, 100)));
        if (out->count == CLAIMS_MAX_PATTERNS)
            return error_new(a, STATUS_BAD_CONFIG, "more than %d patterns in one rule",
                             CLAIMS_MAX_PATTERNS);
        out->rows[out->count++] = (struct claim_pattern){arena_cstr(a, name), wanted};
    }
    return NULL;
}

static bool value_matches(struct slice glob, const json_t *value)
{
    char number[32];
    switch (json_typeof(value)) {
    case JSON_STRING:
        return glob_match(glob, slice_make(json_string_value(value), json_string_length(value)));
    case JSON_TRUE:
        return glob_match(glob, S("true"));
    case JSON_FALSE:
        return glob_match(glob, S("false"));
    case JSON_INTEGER:
        snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return glob_match(glob, slice_of(number));
    default:
        return false;
    }
}

static bool claim_matches(const struct claim_pattern *p, const json_t *claims)
{
    const json_t *value = json_object_get(claims, p->name);
    if (!json_is_array(value))
        return value && value_matches(p->glob, value);
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (value_matches(p->glob, json_array_get(value, i)))
            return true;
    }
    return false;
}

bool claim_rule_matches(const struct claim_rule *rule, const json_t *claims)
{
    for (size_t i = 0; i < rule->count; i++) {
        if (!claim_matches(&rule->rows[i], claims))
            return false;
    }
    return rule->count > 0;
}
